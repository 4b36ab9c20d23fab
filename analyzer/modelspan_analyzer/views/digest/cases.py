"""Incidents of a span: opened, over, still open, in whose hands, how soon, and what people did."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

from modelspan_analyzer.incidents.incident import (
    ACKNOWLEDGED,
    ACTION,
    ASSIGNED,
    CLOSED,
    OPEN,
    OUTCOME,
    REOPENED,
    RESOLVED,
    Event,
    Incident,
    Severity,
)
from modelspan_analyzer.incidents.then import then
from modelspan_analyzer.views.digest.span import Span
from modelspan_analyzer.views.evidence import without_traces

_DEEDS: Final = (ACTION, OUTCOME, CLOSED, REOPENED)
"""What people did that is told; that they have something in hand is counted."""


EVER: Final = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Spell:
    """One time for which an incident was open: a reopened one has several."""

    start: datetime
    reopened: bool = False
    end: datetime | None = None
    acknowledged: datetime | None = None
    """When somebody first took it in hand."""

    def lasts(self, at: datetime) -> bool:
        """Whether it is open at a moment."""
        return self.start < at and (self.end is None or self.end >= at)


@dataclass(frozen=True, slots=True)
class Typical:
    """The median of some lengths of time."""

    seconds: float | None
    """None where there is none."""
    n: int


@dataclass(frozen=True, slots=True)
class Counts:
    """How many incidents did what in a span."""

    opened: int
    """Reopened ones too."""
    reopened: int
    resolved: int
    open: int
    """At its end."""
    unacknowledged: int
    """Of the open ones, those that nobody has in hand."""
    to_acknowledge: Typical
    """From when one was opened until somebody first took it in hand, of those that this happened to in the span."""
    to_resolve: Typical
    """From when one was opened, or reopened, until it was over, of those that were over in the span."""
    later: int
    """That were opened, or reopened, after its end, until the digest was made."""
    useful: int
    """Incidents of the span that somebody found useful, by its end ..."""
    noise: int
    """... or noise."""


@dataclass(frozen=True, slots=True)
class Case:
    """One incident of a span, as it was at its end."""

    incident_id: str
    model: str
    version: str
    status: str
    severity: str
    title: str
    why: str
    affected: int
    """Predictions; 0 where that is not known."""
    began_at: datetime
    opened_at: datetime
    """Or reopened, in the last of its times."""
    resolved_at: datetime | None
    acknowledged_by: str
    """Who has it in hand; empty where nobody has."""
    assignee: str
    """Empty where it is its owner's."""
    noise: int
    useful: int

    @property
    def named(self) -> str:
        """Its title, with the model that it is of where that is all that may be shown."""
        return _named(self.model, self.version, self.title)


@dataclass(frozen=True, slots=True)
class Deed:
    """What somebody did about an incident."""

    at: datetime
    actor: str
    kind: str
    text: str
    incident_id: str
    model: str
    version: str
    title: str

    @property
    def named(self) -> str:
        """The incident's title, as `Case.named`."""
        return _named(self.model, self.version, self.title)


def spells(incident: Incident, events: Iterable[Event], until: datetime = EVER) -> list[Spell]:
    """The times for which it was open, as far as they had come by a moment."""
    found = [Spell(incident.opened_at)]
    for event in events:
        if event.at >= until:
            break
        last = found[-1]
        if event.kind == REOPENED and last.end is not None:
            found.append(Spell(event.at, reopened=True))
        elif event.kind in (RESOLVED, CLOSED) and last.end is None:
            found[-1] = replace(last, end=event.at)
        elif event.kind == ACKNOWLEDGED and last.end is None:
            found[-1] = replace(last, acknowledged=last.acknowledged or event.at)
    over = incident.resolved_at
    if found[-1].end is None and incident.status != OPEN and over is not None and over < until:
        found[-1] = replace(found[-1], end=over)  # the row alone says so
    return found


@dataclass(frozen=True, slots=True)
class Told:
    """An incident with what is known of it."""

    incident: Incident
    """As it was at the span's end."""
    spells: tuple[Spell, ...]
    """Until then."""
    later: int
    """How often it was opened since, until the digest was made."""
    events: tuple[Event, ...]
    opinions: tuple[int, int]
    """How many found it useful, and how many noise."""

    def touches(self, span: Span) -> bool:
        """Whether it was open at any moment of a span."""
        return any(one.start < span.until and (one.end is None or one.end >= span.since) for one in self.spells)

    def at(self, moment: datetime) -> Incident | None:
        """As it was at an earlier moment; None where it was not open."""
        lasted = any(one.lasts(moment) for one in self.spells)
        return then(self.incident, self.events, moment) if lasted else None

    def case(self, until: datetime) -> Case:
        """As it was at the span's end."""
        one, last = self.incident, self.spells[-1]
        return Case(
            incident_id=one.incident_id,
            model=one.model,
            version=one.version,
            status=OPEN if last.lasts(until) else RESOLVED,
            severity=one.severity.value,
            title=one.title,
            why=without_traces(one.why),
            affected=one.affected,
            began_at=one.began_at,
            opened_at=last.start,
            resolved_at=last.end,
            acknowledged_by=one.acknowledged_by,
            assignee=one.assignee,
            useful=self.opinions[0],
            noise=self.opinions[1],
        )


def told(incident: Incident, events: Sequence[Event], until: datetime, opinions: tuple[int, int] | None = None) -> Told:
    """What is known of an incident, as it was at a moment."""
    ever, by_then = spells(incident, events), spells(incident, events, until)
    later = sum(one.start >= until for one in ever)
    return Told(then(incident, events, until), tuple(by_then), later, tuple(events), opinions or (0, 0))


def counts(told: Sequence[Told], span: Span) -> Counts:
    """How many of some incidents did what in a span; they may be younger than it."""
    every = [spell for one in told for spell in one.spells]
    opened = [one for one in every if span.has(one.start)]
    over = [one for one in every if span.has(one.end)]
    lasting = [one for one in told if one.spells[-1].lasts(span.until)]
    taken = [one for one in every if span.has(one.acknowledged)]
    return Counts(
        opened=len(opened),
        reopened=sum(one.reopened for one in opened),
        resolved=len(over),
        open=len(lasting),
        unacknowledged=sum(not one.incident.acknowledged_by for one in lasting),
        to_acknowledge=_typical(taken, lambda one: one.acknowledged),
        to_resolve=_typical(over, lambda one: one.end),
        later=sum(one.later for one in told),
        useful=sum(one.opinions[0] > 0 for one in told if one.touches(span)),
        noise=sum(one.opinions[1] > 0 for one in told if one.touches(span)),
    )


def cases(told: Sequence[Told], span: Span) -> tuple[Case, ...]:
    """The incidents that were open in a span: those that last first, the gravest first."""
    found = [one.case(span.until) for one in told if one.touches(span)]
    found.sort(key=lambda one: one.opened_at, reverse=True)
    found.sort(key=lambda one: (one.status != OPEN, Severity(one.severity).rank))
    return tuple(found)


def deeds(told: Sequence[Told], span: Span) -> tuple[tuple[Deed, ...], int]:
    """What people did in a span, the newest first; and how often they only took, or assigned, something."""
    by_people = [(one.incident, event) for one in told for event in one.events if event.actor and span.has(event.at)]
    done = [
        Deed(event.at, event.actor, event.kind, event.text, of.incident_id, of.model, of.version, of.title)
        for of, event in by_people
        if event.kind in _DEEDS
    ]
    taken = sum(event.kind in (ACKNOWLEDGED, ASSIGNED) for _, event in by_people)
    return tuple(sorted(done, key=lambda one: one.at, reverse=True)), taken


def _named(model: str, version: str, title: str) -> str:
    return title if title.startswith(model) else f"{model} {version}: {title}"


def _typical(found: Sequence[Spell], ends: Callable[[Spell], datetime | None]) -> Typical:
    lengths = [(end - one.start).total_seconds() for one in found if (end := ends(one)) is not None]
    return Typical(statistics.median(lengths) if lengths else None, len(lengths))
