"""Which time two versions are compared over: that in which both answered, and what was wrong in it.

A version that served while something was broken looks worse than one that came after it: over different times only the
same requests can be compared.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from modelspan_analyzer import incidents
from modelspan_analyzer.instants import utc
from modelspan_analyzer.reading.window import bound, within
from modelspan_analyzer.results import Window
from modelspan_collector.store.connect import Store

_SERVED = f"SELECT min(timestamp) AS first, max(timestamp) AS last, count() AS n FROM predictions WHERE {within()}"
_STEP = timedelta(microseconds=2)
"""What makes a window, which ends before its end, hold a moment that is rounded to microseconds."""


@dataclass(frozen=True, slots=True)
class Period:
    """The time that was compared, and the incidents that were open in it."""

    start: datetime
    end: datetime
    together: bool
    """Whether both versions answered in it; else only the requests that they share are compared."""
    incidents: tuple[str, ...]
    """Of either version, as "id (title)"."""

    @property
    def window(self) -> Window:
        """The same as a window."""
        return Window(self.start, self.end)

    def __str__(self) -> str:
        both = ", when both answered" if self.together else ", at different times: only shared requests count"
        wrong = (
            f"open then: incident {'; incident '.join(self.incidents)}" if self.incidents else "no incident was open"
        )
        return f"{_span(self.start, self.end)}{both}; {wrong}"


def period(store: Store, model: str, champion: str, challenger: str, window: Window) -> Period:
    """The part of a window in which both versions answered; all of it where they never did so at one time.

    Raises:
        LookupError: a version has no predictions in the window.
    """
    first, last = window.start, window.end
    for version in (champion, challenger):
        row = store.rows(_SERVED, bound(model, version, window))[0]
        if not row["n"]:
            raise LookupError(f"{model} {version} has no predictions, and no labelled ones, in the window")
        first, last = max(first, utc(row["first"])), min(last, utc(row["last"]) + _STEP)
    together = first < last
    start, end = (first, last) if together else (window.start, window.end)
    return Period(start, end, together, _open_in(store, model, (champion, challenger), start, end))


def refusal(store: Store, model: str, champion: str, challenger: str, window: Window) -> str:
    """Why two versions that shared neither a time nor requests are not compared, and what to do."""
    served = []
    for version in (champion, challenger):
        row = store.rows(_SERVED, bound(model, version, window))[0]
        served.append(f"{version} made {row['n']:,} predictions from {_span(utc(row['first']), utc(row['last']))}")
    return (
        f"{' and '.join(served)}: at different times other traffic and other faults are compared, not the versions; "
        "let both answer at once (the challenger as a shadow, or for a part of the traffic), or give both the same "
        "requests"
    )


def _span(start: datetime, end: datetime) -> str:
    return f"{start:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M} UTC"


def _open_in(store: Store, model: str, versions: tuple[str, ...], start: datetime, end: datetime) -> tuple[str, ...]:
    return tuple(
        f"{one.incident_id} ({one.title})"
        for one in incidents.load(store, model=model)
        if one.began_at < end
        and (one.resolved_at is None or one.resolved_at > start)
        and any(member.version in ("", *versions) for member in one.findings)
    )
