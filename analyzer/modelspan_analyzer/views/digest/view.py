"""What a team is shown of a span: one sentence, its models, their incidents, and what was not looked at."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

import pyarrow as pa

from modelspan_analyzer.config.settings import MonitorsConfig
from modelspan_analyzer.reading.unchanged import Name
from modelspan_analyzer.views.digest import cases, decided, gaps, news
from modelspan_analyzer.views.digest.facts import Facts, collect
from modelspan_analyzer.views.digest.lines import Line, lines
from modelspan_analyzer.views.digest.span import asked_span
from modelspan_analyzer.views.digest.teams import OWNER, PROJECT, By, Team, need_team
from modelspan_analyzer.views.health import STATES
from modelspan_analyzer.views.view import View, table_of
from modelspan_collector.store.connect import Store

PARAMETERS: Final = frozenset({"owner", "project", "since", "until"})
_NAMED: Final = 2
"""Versions in trouble that the sentence names."""


@dataclass(frozen=True, kw_only=True)
class Digest(View):
    """A span of a team's models."""

    by: By | None
    """What makes the team: an owner, a project, or neither, where it is of all models."""
    team: str
    """Its name; empty for models of nobody."""
    since: datetime
    until: datetime
    before: datetime
    """Beginning of the span that it is compared with, which ends at `since`."""
    made_at: datetime
    state: str
    """Of the version that is worst."""
    states: Mapping[str, int]
    """How many versions are how, the gravest first."""
    predictions: int
    predictions_before: int
    models: tuple[Line, ...]
    older_versions: int
    """Of which there is nothing to say: no prediction in either span, and no incident."""
    counts: cases.Counts
    incidents: tuple[cases.Case, ...]
    news: tuple[news.News, ...]
    news_left_out: int
    deeds: tuple[cases.Deed, ...]
    taken: int
    """How often somebody only took an incident in hand, or gave it to somebody."""
    decisions: tuple[decided.Decided, ...]
    """On stages and approvals."""
    contradictions: tuple[decided.Contradiction, ...]
    """At the end."""
    without_stage: int
    """Versions of models of which nobody had told any stage by the end: nothing is judged of them."""
    not_looked_at: tuple[gaps.Gap, ...]
    teams: Mapping[str, Mapping[str, int]]
    """Versions of each owner, and of each project, where it is of all models; '' are those of nobody."""

    def tables(self) -> Mapping[str, pa.Table]:
        """Models, incidents, what is new, what people did and decided, and what was not looked at."""
        named = ("model", "version")
        counted = ("predictions", "predictions_before", "change", "errors", "errors_before")
        measured = ("p95_seconds", "p95_before", "windows", "alarmed", "labelled", "asked_labels", "incidents")
        states = ("owner", "project", "state", "sentence", "state_before", "stage", "approval")
        case = ("incident_id", *named, "status", "severity", "title", "why", "affected", "opened_at", "resolved_at")
        fresh = (
            "signal",
            "metric",
            "feature",
            "segment",
            "about",
            "reason",
            "alarmed",
            "windows",
            "incident_id",
            "why",
        )
        return {
            "models": table_of(self.models, (*named, *states, *counted, *measured)),
            "incidents": table_of(self.incidents, (*case, "acknowledged_by", "assignee", "useful", "noise")),
            "news": table_of(self.news, (*named, *fresh)),
            "deeds": table_of(self.deeds, ("at", "actor", "kind", "text", "incident_id", *named, "title")),
            "decisions": table_of(self.decisions, ("at", "actor", *named, "kind", "before", "decision", "reason")),
            "contradictions": table_of(self.contradictions, (*named, "stage", "approval", "what")),
            "not_looked_at": table_of(self.not_looked_at, ("what", "why", "of")),
        }


def read(store: Store, given: Mapping[str, str], config: MonitorsConfig, now: datetime) -> Digest:
    """The digest that is asked for: `owner` or `project` ('' for models of nobody), `since` and `until`.

    Raises:
        ValueError: a parameter cannot be read, or both teams are asked for.
        NotThereError: no model is of that team.
    """
    team = _asked_team(given)
    facts = collect(store, config, asked_span(given, now), now)
    made = digest_of(facts, team)
    return made if team.by else replace(made, teams=_teams(facts))


def digest_of(facts: Facts, team: Team) -> Digest:
    """The digest of one team.

    Raises:
        NotThereError: no model is of it.
    """
    if team.by:
        need_team(team, {one.owner if team.by == OWNER else one.project for one in facts.members})
    own = [one for one in facts.members if team.has(one.owner, one.project)]
    names = {(one.model, one.version) for one in own}
    told, decisions, against = _told(facts, names), decided.decided(facts, names), decided.contradictions(facts, names)
    said = {one.key for one in decisions} | {one.key for one in against}
    shown, older = lines(facts, own, told, said)
    counted, span = cases.counts(told, facts.span), facts.span
    fresh, fresh_left_out = news.news(facts, shown, told)
    deeds, taken = cases.deeds(told, span)
    states = Counter(one.state for one in shown)
    return Digest(
        title=f"Digest of {team.words}: {span.length} until {span.until:%Y-%m-%d %H:%M} UTC",
        sentence=_sentence(shown, counted, span.length, len({one.key for one in against})),
        queries=facts.queries,
        by=team.by,
        team=team.name,
        since=span.since,
        until=span.until,
        before=span.before,
        made_at=facts.made_at,
        state=next((name for name in STATES if states[name]), "not_checked"),
        states={name: states[name] for name in STATES if states[name]},
        predictions=sum(one.predictions for one in shown),
        predictions_before=sum(one.predictions_before for one in shown),
        models=shown,
        older_versions=older,
        counts=counted,
        incidents=cases.cases(told, span),
        news=fresh,
        news_left_out=fresh_left_out,
        deeds=deeds,
        taken=taken,
        decisions=decisions,
        contradictions=against,
        without_stage=decided.without_stage(facts, [one.key for one in shown]),
        not_looked_at=gaps.gaps(facts, shown),
        teams={},
    )


def _told(facts: Facts, names: Collection[Name]) -> list[cases.Told]:
    """The incidents of some versions, with what is known of each."""
    return [
        cases.told(one, facts.timelines.get(one.incident_id, ()), facts.span.until, facts.opinions.get(one.incident_id))
        for one in facts.incidents
        if any((one.model, version) in names for version in one.versions)
    ]


def _asked_team(given: Mapping[str, str]) -> Team:
    asked = [(by, given[by]) for by in (OWNER, PROJECT) if by in given]
    if len(asked) > 1:
        raise ValueError("a digest is of an owner or of a project: ask for one of them")
    return Team(*asked[0]) if asked else Team()


def _teams(facts: Facts) -> dict[str, dict[str, int]]:
    named = {OWNER: [one.owner for one in facts.members], PROJECT: [one.project for one in facts.members]}
    return {by: dict(sorted(Counter(names).items())) for by, names in named.items()}


def _sentence(shown: Sequence[Line], counted: cases.Counts, length: str, against: int) -> str:
    if not shown:
        return "There is no model: nothing has come, and nothing was looked at."
    does = "contradicts its" if against == 1 else "contradict their"
    told = f"; {_many(against, 'version')} {does} stage or approval" if against else ""
    return f"{_how(shown)}; {_came(shown, length)}; {_went(counted)}{told}."


def _how(shown: Sequence[Line]) -> str:
    """How many versions are how, the worst by name."""
    states = Counter(one.state for one in shown)
    trouble = [one for one in shown if one.state not in ("healthy", "not_checked")]
    named = ", ".join(f"{one.name}: {one.words}" for one in trouble[:_NAMED])
    more = f", and {len(trouble) - _NAMED} more" if len(trouble) > _NAMED else ""
    parts = [
        f"{len(trouble)} in trouble ({named}{more})" if trouble else "",
        f"{states['healthy']} healthy" if states["healthy"] else "",
        f"{states['not_checked']} not checked" if states["not_checked"] else "",
    ]
    many = (
        f"{len(shown):,} version{'' if len(shown) == 1 else 's'} of {_many(len({one.model for one in shown}), 'model')}"
    )
    return f"{many}: {', '.join(part for part in parts if part)}"


def _came(shown: Sequence[Line], length: str) -> str:
    now, before = sum(one.predictions for one in shown), sum(one.predictions_before for one in shown)
    length = length.removeprefix("1 ")  # the day before
    if not before:
        return f"{_many(now, 'prediction')} came, and none in the {length} before"
    change = 100 * (now / before - 1)
    side = f"{abs(change):.1f} % {'more' if change > 0 else 'fewer'} than" if now != before else "as many as"
    return f"{_many(now, 'prediction')} came, {side} in the {length} before"


def _went(counted: cases.Counts) -> str:
    later = f"; {_many(counted.later, 'incident')} opened since then" if counted.later else ""
    if not (counted.opened or counted.resolved or counted.open):
        return f"no incident was opened, and none is open{later}"
    opened = _many(counted.opened, "incident") if counted.opened else "no incident"
    left = f"{counted.open:,} still open" if counted.open else "none is open"
    nobody = f", {counted.unacknowledged:,} of them in nobody's hands" if counted.unacknowledged else ""
    return f"{opened} opened, {counted.resolved or 'none'} resolved, {left}{nobody}{later}"


def _many(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"
