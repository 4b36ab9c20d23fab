"""The time that a digest tells of, and the one before it, as long: both of whole hours, as traffic is kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from modelspan_analyzer.incidents.asked import window_of
from modelspan_analyzer.results import Window

_HOUR: Final = timedelta(hours=1)
USUAL: Final = "7d"
"""How long it is where nobody says."""


@dataclass(frozen=True, slots=True)
class Span:
    """From `since` until `until`, which is not of it; windows are of it that end after `since`, and by `until`."""

    since: datetime
    until: datetime

    @property
    def before(self) -> datetime:
        """Beginning of the time that it is compared with."""
        return self.since - (self.until - self.since)

    @property
    def length(self) -> str:
        """In words: `7 days`."""
        hours = (self.until - self.since) // _HOUR
        count, unit = (hours // 24, "day") if hours % 24 == 0 else (hours, "hour")
        return f"{count:,} {unit}{'' if count == 1 else 's'}"

    def has(self, moment: datetime | None) -> bool:
        """Whether a moment lies in it."""
        return moment is not None and self.since <= moment < self.until


def span_of(window: Window) -> Span:
    """The whole hours of a window: both its ends are rounded down, so that of two in a row no hour counts twice.

    Raises:
        ValueError: there is none between its ends.
    """
    since, until = _hour(window.start), _hour(window.end)
    if since >= until:
        raise ValueError(
            f"a digest is of whole hours, and there is none from {window.start:%Y-%m-%d %H:%M} until "
            f"{window.end:%Y-%m-%d %H:%M} UTC: ask for a longer time"
        )
    return Span(since, until)


def asked_span(given: Mapping[str, str], now: datetime) -> Span:
    """As `since` and `until` ask for it: the last 7 days, with the hour that runs, where they say nothing.

    Raises:
        ValueError: a time cannot be read, there is no whole hour between them, or the end has not come.
    """
    running = _hour(now) + _HOUR
    span = span_of(window_of(given.get("since") or USUAL, given.get("until") or running.isoformat()))
    if span.until > running:
        raise ValueError(f"`until` has not come: {span.until:%Y-%m-%d %H:%M} UTC is after the hour that runs")
    return span


def _hour(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
