"""The models of a team, a line a version: how each was at the beginning and is at the end, and what came of it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from modelspan_analyzer.governance.lifecycle import Lifecycle
from modelspan_analyzer.incidents.incident import Incident
from modelspan_analyzer.reading.unchanged import Name
from modelspan_analyzer.views.digest.cases import Told
from modelspan_analyzer.views.digest.facts import Facts
from modelspan_analyzer.views.digest.seen import Row
from modelspan_analyzer.views.fleet import Member
from modelspan_analyzer.views.goals import Goal
from modelspan_analyzer.views.health import STATES, state
from modelspan_analyzer.views.traffic import Came


@dataclass(frozen=True, slots=True)
class Line:
    """One version of a model in a span, and in the one before."""

    model: str
    version: str
    owner: str
    project: str
    state: str
    """At the end, by the newest window that had ended and the incidents that were open."""
    words: str
    sentence: str
    state_before: str
    """At the beginning, by the same rule."""
    words_before: str
    stage: str
    """As people had told it by the end; that nobody did is said."""
    approval: str
    """Empty where nobody decided."""
    predictions: int
    predictions_before: int
    """In the span before, as those that follow."""
    errors: int
    errors_before: int
    p95_seconds: float | None
    """Of the newest window in which it was measured."""
    p95_before: float | None
    windows: int
    """That were looked at: in which any monitor came to its end."""
    alarmed: int
    """Windows with an alarm."""
    compared: int
    """Results that were compared with a baseline."""
    labelled: int
    """Predictions whose label is known, of those of the windows that were looked at ..."""
    asked_labels: int
    """... which are so many."""
    incidents: int
    """That are open at the end."""
    change: float | None
    """How many more predictions came than in the span before, as a share of those; None where none came then."""
    labels_share: float | None
    """Of the predictions of those windows; None where it was not asked for."""
    goals: tuple[Goal, ...] = ()

    @property
    def key(self) -> Name:
        """By which it is known."""
        return self.model, self.version

    @property
    def name(self) -> str:
        """Model and version."""
        return f"{self.model} {self.version}".rstrip()


def lines(
    facts: Facts, own: Sequence[Member], told: Sequence[Told], also: Collection[Name]
) -> tuple[tuple[Line, ...], int]:
    """The versions of which there is anything to say, the gravest first, and how many older ones there are besides.

    Of a model of which nothing is said, that is its newest version: no model is lost. `also` are versions of which
    something is said elsewhere.
    """
    of: dict[Name, list[Told]] = {}
    for each in told:
        for version in each.incident.bad_versions:
            of.setdefault((each.incident.model, version), []).append(each)
    every = [_line(facts, one, of.get((one.model, one.version), ())) for one in own]
    newest: dict[str, Member] = {}
    for one in own:
        last = newest.get(one.model)
        if last is None or _recency(one) >= _recency(last):
            newest[one.model] = one
    busy = {one.key for one in every if one.predictions or one.predictions_before}
    touched = [one.incident for one in told if one.touches(facts.span)]
    busy |= {(one.model, version) for one in touched for version in one.versions}
    busy |= {one.key for one in every if one.key in also}
    said = {model for model, _ in busy}
    alone = {one.key for one in every if one.model not in said and newest[one.model].version == one.version}
    kept = [one for one in every if one.key in busy | alone]
    kept.sort(key=lambda one: (STATES.index(one.state), -one.incidents, one.model, one.version))
    return tuple(kept), len(every) - len(kept)


def _open(told: Sequence[Told], moment: datetime) -> list[Incident]:
    """The incidents of a version that were open at a moment, as they were then."""
    return [incident for one in told if (incident := one.at(moment)) is not None]


def _recency(one: Member) -> float:
    return one.newest.timestamp() if one.newest else 0.0


def _line(facts: Facts, one: Member, told: Sequence[Told]) -> Line:
    name = one.model, one.version
    came, seen = facts.came.get(name, Came()), facts.of(name)
    measured, told_of = seen.measured, facts.lifecycles.get(name, Lifecycle(*name))
    open_first, open_last = _open(told, facts.span.since), _open(told, facts.span.until)
    first, last = state(seen.at_first, open_first), state(seen.at_last, open_last)

    return Line(
        model=one.model,
        version=one.version,
        owner=one.owner,
        project=one.project,
        state=last.name,
        words=last.words,
        sentence=last.sentence,
        state_before=first.name,
        words_before=first.words,
        stage=told_of.stage_words,
        approval=told_of.approval,
        predictions=came.predictions,
        predictions_before=came.before,
        errors=came.errors,
        errors_before=came.errors_before,
        p95_seconds=measured.get("p95"),
        p95_before=measured.get("p95_before"),
        windows=int(seen.looked["seen"]),
        alarmed=_count(measured, "alarmed"),
        compared=_count(measured, "compared"),
        labelled=_count(measured, "labelled"),
        asked_labels=_count(measured, "asked_labels"),
        incidents=len(open_last),
        change=came.predictions / came.before - 1 if came.before else None,
        labels_share=_count(measured, "labelled") / asked if (asked := _count(measured, "asked_labels")) else None,
        goals=seen.goals,
    )


def _count(row: Row, what: str) -> int:
    return int(row.get(what) or 0)
