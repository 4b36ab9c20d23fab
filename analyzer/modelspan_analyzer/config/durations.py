"""Durations as people write them: `15m`, `1h`, `7d`, `1w`."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

_UNITS = {
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}
_PATTERN = r"^[1-9][0-9]*[smhdw]$"


def parse_duration(given: Any) -> timedelta:
    """A duration from its text.

    Raises:
        ValueError: it is not a whole number and one of the units s, m, h, d, w.
    """
    if isinstance(given, timedelta):
        return given
    if isinstance(given, str) and re.fullmatch(_PATTERN, given):
        return int(given[:-1]) * _UNITS[given[-1]]
    raise ValueError(f"{given!r} is not a duration; write a whole number and a unit, such as 15m, 1h, 7d or 1w")


def format_duration(duration: timedelta) -> str:
    """The shortest text that `parse_duration` reads back."""
    for unit, size in reversed(_UNITS.items()):
        if duration % size == timedelta(0):
            return f"{duration // size}{unit}"
    return f"{round(duration.total_seconds())}s"


Duration = Annotated[
    timedelta,
    BeforeValidator(parse_duration),
    PlainSerializer(format_duration, return_type=str),
    WithJsonSchema({"type": "string", "pattern": _PATTERN, "examples": ["15m", "1h", "7d"]}),
]
