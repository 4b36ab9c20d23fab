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
_LONGEST, _DIGITS = timedelta(days=36_525), 12
_PATTERN = r"^[1-9][0-9]*[smhdw]$"


def parse_duration(given: Any) -> timedelta:
    """A duration from its text.

    Raises:
        ValueError: it is not a whole number and one of the units s, m, h, d, w, or longer than anything lasts.
    """
    if isinstance(given, timedelta):
        return given
    if isinstance(given, str) and re.fullmatch(_PATTERN, given):
        size = _UNITS[given[-1]]
        if int(given[:-1][:_DIGITS]) > _LONGEST // size or len(given) > _DIGITS:
            raise ValueError(f"{given[:40]!r} is longer than a century; write less, such as 15m, 1h, 7d or 1w")
        return int(given[:-1]) * size
    if isinstance(given, str) and re.fullmatch(r"0+[smhdw]", given):
        raise ValueError(f"{given!r} is no length of time; write 1s for the shortest")
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
