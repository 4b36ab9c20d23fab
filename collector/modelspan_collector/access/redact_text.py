"""Text under redaction: JSON in it is met by its names, whatever it hides behind; what cannot be read is dropped.

Read is an object or a list, several of them one a line, with a byte order mark, with NaN, and JSON as text in JSON. A
text that is none of these, but has names in quotation marks that the rules meet, might hold anything behind them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, Final

from modelspan_collector.access.rules import Redaction, spelt, unescape

_AFTER_NAME: Final = re.compile(r"[\"'][ \t]*:")
_QUOTES: Final = ("'", '"')
_LONGEST_NAME: Final = 400


def redact_text(rules: Redaction, text: str, name: str = "") -> tuple[str | None, int]:
    """A text as it may be kept, None where it may not, and how much of it was touched.

    Args:
        rules: the rules.
        text: what was sent.
        name: the name by which the rules meet it where it has no names of its own; '' where that has been done.
    """
    documents = _documents(text)
    has_names = documents is not None and any(map(_holds_object, documents))
    action = rules.named(name) if has_names and name else rules.action(name) if name else "keep"
    if action == "drop":
        return None, 1
    if action == "hash":
        return rules.digest(text), 1
    if documents is None:
        if any(rules.action(found) != "keep" for found in _names(text)):
            return None, 1
        masked = rules.masked(text)
        return masked, int(masked != text)
    parts = [redact_document(rules, document) for document in documents]
    touched = sum(count for _, count in parts)
    return ("\n".join(_dump(part) for part, _ in parts) if touched else text), touched


def redact_document(rules: Redaction, node: Any) -> tuple[Any, int]:
    """A JSON document without what the rules take out, and how many values that were."""
    if isinstance(node, str):
        return redact_text(rules, node)
    if isinstance(node, list):
        parts = [redact_document(rules, item) for item in node]
        return [part for part, _ in parts], sum(count for _, count in parts)
    if isinstance(node, dict):
        return _redact_object(rules, node)
    if isinstance(node, bool) or node is None:
        return node, 0
    number = str(node)
    masked = rules.masked(number)
    return (node, 0) if masked == number else (masked, 1)


def _redact_object(rules: Redaction, node: dict[str, Any]) -> tuple[Any, int]:
    kept: dict[str, Any] = {}
    touched = 0
    for name, value in node.items():
        action, shown = rules.action(name), rules.masked(name)
        touched += action != "keep" or shown != name
        if action == "hash":
            kept[shown] = rules.digest(spelt(value) if isinstance(value, (str, int, float)) else json.dumps(value))
        elif action == "keep":
            kept[shown], inner = redact_document(rules, value)
            touched += inner
    return kept, touched


def _documents(text: str) -> list[Any] | None:
    """What a text of JSON holds, one document or one a line; None where it is anything else."""
    stripped = text.lstrip("\ufeff \t\r\n")
    if not stripped.startswith(("{", "[")):
        return None
    for parts in ([stripped], stripped.splitlines()):
        try:
            return [_load(part) for part in parts if part.strip()]
        except (ValueError, RecursionError):
            continue
    return None


def _load(text: str) -> Any:
    found = json.loads(text.strip("\ufeff \t\r\n"), object_pairs_hook=_unique, strict=False)
    if not isinstance(found, dict | list):
        raise ValueError("no document")  # noqa: TRY004 - one kind of answer
    return found


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name comes twice, and a reader would see one of them")
    return found


def _holds_object(node: Any) -> bool:
    return isinstance(node, dict) or (isinstance(node, list) and any(map(_holds_object, node)))


def _names(text: str) -> Iterator[str]:
    """What stands in quotation marks before a colon."""
    for found in _AFTER_NAME.finditer(text):
        before = text[max(0, found.start() - _LONGEST_NAME) : found.start()].rstrip("\\")
        begin = max(before.rfind(quote) for quote in _QUOTES) + 1
        yield unescape(before[begin:])


def _dump(document: Any) -> str:
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    try:
        text.encode()
    except UnicodeEncodeError:  # half of a surrogate pair, which JSON can have and UTF-8 cannot
        text = json.dumps(document, separators=(",", ":"))
    return text
