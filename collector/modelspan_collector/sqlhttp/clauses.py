"""The settings that stand inside of a statement's canonical text, wherever they stand.

Trailing ones are taken off and applied like those of the URL. Those further in are for the engine alone to read, so a
reader may have none there, and a writer only those of the table in `allowed`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from modelspan_collector.sqlhttp import allowed, errors, settings

_SETTING = re.compile(r"(\w+) = ('(?:[^'\\]|\\.)*'|[^,'\s]+)(?:, |$)", re.DOTALL)
_NAME = re.compile(r"`?[A-Za-z_]\w*`?", re.ASCII)
_LITERAL = re.compile(r"'.*'|[\w.]+", re.DOTALL)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "0": "\0", "b": "\b", "f": "\f"}


def parse(clause: str) -> dict[str, str]:
    """`a = 1, b = 'x'` as names and values.

    Raises:
        ClickHouseError: it is anything else; `a` alone, which newer engines take for `a = 1`, too.
    """
    found, position = {}, 0
    while item := _SETTING.match(clause, position):
        found[item[1]] = _literal(item[2])
        position = item.end()
    if position != len(clause):
        raise errors.syntax(f"settings must be `name = value, ...`, found {clause[:200]!r}")
    return found


def check_inner(tokens: Sequence[str], *, reading: bool) -> None:
    """Refuse settings inside of a statement, as far as they are not harmless.

    Args:
        tokens: the canonical text in pieces, where the keyword is in capitals.
        reading: whether the statement reads; then none may be there.

    Raises:
        ClickHouseError: a setting that may not stand there.
    """
    for at, token in enumerate(tokens):
        if token in ("SETTINGS", "SETTING"):
            begin = at + 2 if tokens[at + 1 : at + 2] == ["("] else at + 1
            if begin < len(tokens) and _NAME.fullmatch(tokens[begin]):
                if reading:
                    raise errors.readonly("SETTINGS inside a subquery are not offered here: put them at the end")
                _check_list(tokens, begin)


def _check_list(tokens: Sequence[str], at: int) -> None:
    """Follow `name = value, name = value` to its end; what is not that is refused, as the engine might read on."""
    while True:
        name, equals, *value = [*tokens[at : at + 4], "", "", "", ""][:4]
        if equals != "=" or name not in allowed.SETTINGS | allowed.TABLE_SETTINGS:
            raise settings.refused(name)
        at += 3 if value[0] == "-" else 2
        following = [*tokens[at : at + 2], "", ""]
        if not _LITERAL.fullmatch(following[0]) or not _may_follow(following[1]):
            raise errors.readonly(f"the setting {name} must be a plain value here")
        if following[1] != ",":
            return
        at += 2


def _may_follow(token: str) -> bool:
    return token in ("", ",", ")") or bool(_NAME.fullmatch(token))


def _literal(text: str) -> str:
    if not text.startswith("'"):
        return {"true": "1", "false": "0"}.get(text, text)
    return _ESCAPE.sub(lambda escape: _ESCAPES.get(escape[1], escape[1]), text[1:-1])
