"""Moments of time as the store gives them, made sure of their time zone, and lengths of time in words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

EPOCH: Final = datetime(1970, 1, 5, tzinfo=UTC)
"""A Monday: windows of a week begin on Mondays, those of a day at midnight, those of an hour on the hour."""


def utc(moment: datetime) -> datetime:
    """The moment with its time zone; the store's are UTC."""
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def now() -> datetime:
    """The time, to the millisecond: what the store keeps of it."""
    moment = datetime.now(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def micros(moment: datetime) -> int:
    """Whole microseconds since 1970."""
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def in_words(seconds: float) -> str:
    """A length of time to three digits, in the unit that a person would choose.

    >>> in_words(0.00936), in_words(1.5), in_words(150), in_words(10_800), in_words(0)
    ('9.36 ms', '1.5 s', '2.5 min', '3 h', '0 s')
    """
    for unit, size in (("d", 86_400.0), ("h", 3_600.0), ("min", 60.0)):
        if seconds >= 2 * size:
            return f"{seconds / size:.3g} {unit}"
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= size or not seconds:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds / 1e-9:.3g} ns"
