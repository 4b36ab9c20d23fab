"""Answers in words: a number or class, or several numbers, labels or items."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from modelspan_analyzer.views.veil import Veil

_SHOWN: Final = 5
"""Items, or numbers, that are spelt out."""
_BESIDE: Final = ("score", "share")
"""Numbers that items have one each of, and are shown with."""


def said_of(row: Mapping[str, Any], veil: Veil) -> str:
    """What a row of `predictions` answered: its error, its class and number, or its parts."""
    number = f"{row['value']:.6g}" if row["value"] is not None else ""
    label = veil.text(row["label"])
    plain = veil.text(row["error_type"]) or (f"{label} ({number})" if label and number else label or number)
    return plain or in_words(row["shape"], row["items"], row["outputs"], veil)


def in_words(shape: str, items: Sequence[str], outputs: Mapping[str, Sequence[float]], veil: Veil) -> str:
    """An answer or a truth of several parts, the first few of them; '' of what has no shape.

    Args:
        shape: what it is; '' of a single number or class.
        items: its texts.
        outputs: its numbers by name.
        veil: what is not to be shown.
    """
    known = {name: numbers for name, numbers in outputs.items() if not veil.hides_part(name)}
    if items:
        beside = next((known[name] for name in _BESIDE if len(known.get(name, ())) == len(items)), None)
        texts = [veil.text(item) for item in items]
        return _first([f"{text} {beside[at]:.4g}" if beside else text for at, text in enumerate(texts)])
    if known:
        return _first([_named(name, numbers, veil) for name, numbers in known.items()])
    return "none" if shape else ""


def _named(name: str, numbers: Sequence[float], veil: Veil) -> str:
    text = f"{numbers[0]:.6g}" if len(numbers) == 1 else f"[{_first([f'{one:.6g}' for one in numbers])}]"
    return text if name == "value" else f"{veil.masked(name)} {text}"


def _first(texts: Sequence[str]) -> str:
    left = len(texts) - _SHOWN
    return ", ".join(texts[:_SHOWN]) + (f" and {left} more" if left > 0 else "")
