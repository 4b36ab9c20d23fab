"""Moments of time as the store gives them, made sure of their time zone."""

from __future__ import annotations

from datetime import UTC, datetime
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
