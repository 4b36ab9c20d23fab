"""Numbers that a client writes into its URL: any text at all, of any length."""

from __future__ import annotations

import math

_MOST_DIGITS = 18


def whole(text: str) -> int:
    """The number that the text is, or 0 where it is none, or one that nobody means."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= _MOST_DIGITS else 0


def seconds(text: str, otherwise: float, most: float) -> float:
    """The seconds that the text says, from 0 to `most`; `otherwise` where it is no number."""
    try:
        value = float(text)
    except ValueError:
        return otherwise
    return otherwise if math.isnan(value) else min(max(value, 0.0), most)
