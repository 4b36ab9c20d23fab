"""The fleet: every model and version, how it is, what comes of it, and what is open."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pyarrow as pa

from modelspan_analyzer.charts import Markup, sparkline
from modelspan_analyzer.config.settings import MonitorsConfig
from modelspan_analyzer.governance.lifecycle import Lifecycle, lifecycles
from modelspan_analyzer.incidents.incident import Incident
from modelspan_analyzer.incidents.store import load_open
from modelspan_analyzer.monitors.latency.monitor import SIGNAL as LATENCY
from modelspan_analyzer.reading.confined import Confined
from modelspan_analyzer.reading.names import named
from modelspan_analyzer.reading.owners import owners, unowned, unowned_sentence
from modelspan_analyzer.reading.projects import Told, told
from modelspan_analyzer.reading.unchanged import OF_MODELS, Name, UntilWritten
from modelspan_analyzer.views.goals import GOALS, Goal, goals_since
from modelspan_analyzer.views.health import STATES, Checked, Health, State, checked, state
from modelspan_analyzer.views.query import Query
from modelspan_analyzer.views.traffic import Traffic, traffic
from modelspan_analyzer.views.view import NotThereError, View, table_of
from modelspan_collector.store.connect import Store

PARAMETERS: Final = frozenset({"q", "sort", "page", "state", "project"})
ON_A_PAGE: Final = 50
_CARDED: Final = "SELECT DISTINCT model, version FROM models"
_LATENCY: Final = f"""
SELECT model, version, argMax(value, window_end) AS p95 FROM monitor_results FINAL
WHERE {OF_MODELS} AND signal = '{LATENCY}' AND metric = 'p95' AND segment = ''
  AND window_end >= {{since:DateTime('UTC')}}
GROUP BY model, version
"""
_LATELY: Final = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class OpenIncident:
    """What of an incident a list shows."""

    incident_id: str
    severity: str
    title: str


@dataclass(frozen=True, slots=True)
class Member:
    """One version of a model."""

    model: str
    version: str
    state: str
    words: str
    sentence: str
    owner: str
    predictions: int
    """Ever, as far as it is kept."""
    last_day: int
    hourly: tuple[int, ...]
    errors: float
    newest: datetime | None
    p95_seconds: float | None
    """Of the newest window in which it was measured."""
    checked: datetime | None
    signals: tuple[Health, ...]
    incidents: tuple[OpenIncident, ...]
    gravity: int
    lifecycle: Lifecycle
    """Its stage and approval, and what contradicts them."""
    project: str = ""
    """What it is part of; empty where nothing says."""
    project_difference: str = ""
    """Where its card and its telemetry name two."""
    goals: tuple[Goal, ...] = ()
    """Business goals, of those that have been looked at in the last 30 days."""

    @property
    def stage(self) -> str:
        """As people told it, or that nobody did."""
        return self.lifecycle.stage_words

    @property
    def approval(self) -> str:
        """As people told it; '' where nobody decided."""
        return self.lifecycle.approval

    @property
    def contradictions(self) -> str:
        """What contradicts its stage or its approval."""
        return "; ".join(self.lifecycle.contradictions)

    @property
    def spark(self) -> Markup:
        """The last hours as a small line."""
        return sparkline(self.hourly, f"predictions by the hour: {', '.join(map(str, self.hourly))}").svg


SORTS: Final[Mapping[str, Callable[[Member], Any]]] = {
    "gravity": lambda one: (one.gravity, -len(one.incidents), one.model, one.version),
    "name": lambda one: (one.model, one.version),
    "traffic": lambda one: (-one.last_day, -one.predictions, one.model, one.version),
    LATENCY: lambda one: (-(one.p95_seconds or 0.0), one.model, one.version),
    "newest": lambda one: (-(one.newest.timestamp() if one.newest else 0.0), one.model, one.version),
}


@dataclass(frozen=True, kw_only=True)
class Fleet(View):
    """All models that match, a page of them."""

    members: tuple[Member, ...]
    """Of this page."""
    matched: tuple[Member, ...]
    """Of all pages."""
    states: Mapping[str, int]
    """How many of the whole fleet are how."""
    projects: Mapping[str, int]
    """How many versions of the whole fleet are part of what; '' of those of which no card says."""
    unowned: tuple[str, ...]
    """Models of the whole fleet of which some version has no owner."""
    total: int
    page: int
    pages: int
    sort: str

    def as_json(self) -> dict[str, Any]:
        """Without those of the other pages."""
        shown = super().as_json()
        shown["matched"] = len(self.matched)
        return shown

    def tables(self) -> Mapping[str, pa.Table]:
        """Every model that matches, of all pages."""
        columns = ("model", "version", "state", "sentence", "owner", "project", "predictions", "last_day", "newest")
        told = ("stage", "approval", "contradictions")
        return {"models": table_of(self.matched, (*columns, "p95_seconds", "checked", *told))}


def read(store: Store, given: Mapping[str, str], config: MonitorsConfig, now: datetime) -> Fleet:
    """The fleet, as it is asked for: `q` (part of a name, an owner or a project), `project`, `state`, `sort`, `page`.

    Raises:
        ValueError: a parameter cannot be read.
    """
    sort, page = given.get("sort") or "gravity", _page(given.get("page") or "1")
    if sort not in SORTS:
        raise ValueError(f"{sort[:40]!r} is nothing to sort by; sort by {', '.join(SORTS)}")
    everyone, queries = members(store, config, now)
    wanted, how = given.get("q", "").casefold(), given.get("state", "")
    if how not in ("", *STATES):
        raise ValueError(f"{how[:40]!r} is no state; say one of {', '.join(STATES)}")
    project, parts = given.get("project", ""), Counter(one.project for one in everyone)
    if project and project not in parts:
        there = named(project, sorted(set(parts) - {""}), "project")
        raise NotThereError(f"no model is of a project {project[:40]!r}; there is {there}")
    found = [
        one
        for one in everyone
        if wanted in f"{one.model} {one.version} {one.owner} {one.project}".casefold()
        and how in ("", one.state)
        and project in ("", one.project)
    ]
    found.sort(key=SORTS[sort])
    pages = max(1, math.ceil(len(found) / ON_A_PAGE))
    if page > pages:
        raise NotThereError(f"there is no page {page}: the last is page {pages}")
    states: dict[str, int] = {}
    for one in sorted(everyone, key=lambda one: one.gravity):
        states[one.state] = states.get(one.state, 0) + 1
    without = unowned((one.model, one.owner) for one in everyone)
    return Fleet(
        title="Fleet",
        sentence=_sentence(everyone, states, store, without),
        unowned=without,
        queries=queries,
        members=tuple(found[(page - 1) * ON_A_PAGE : page * ON_A_PAGE]),
        matched=tuple(found),
        states=states,
        projects={name: parts[name] for name in sorted(parts)},
        total=len(everyone),
        page=page,
        pages=pages,
        sort=sort,
    )


def members(
    store: Store, config: MonitorsConfig, now: datetime, model: str = "", besides: Iterable[Name] = ()
) -> tuple[list[Member], tuple[Query, ...]]:
    """Every version of every model that anything is known of, or of one model; and those that are named besides."""
    looked, health = checked(store, model)
    came, flow = traffic(store, now, model)
    of = {one.model: one for one in told(store)}
    carded = {(row["model"], row["version"]) for row in store.rows(_CARDED)}
    called = owners(store, model)
    since = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - _LATELY
    delays, goals = _DELAYS(store, model, since), goals_since(store, model, since)
    open_now: dict[Name, list[Incident]] = {}
    for one in load_open(store, model):
        for version in one.bad_versions:
            open_now.setdefault((one.model, version), []).append(one)
    told_of = lifecycles(store, now, model)
    every = {*looked, *came, *carded, *open_now, *told_of, *besides}
    names = sorted(name for name in every if model in ("", name[0]))
    found = [
        _member(
            name,
            looked.get(name),
            came.get(name, Traffic(0, None)),
            open_now.get(name, []),
            called.of(*name, config.for_model(*name).incidents.owner),
            delays.get(name),
            goals.get(name, ()),
            of.get(name[0]),
            told_of.get(name, Lifecycle(*name)),
        )
        for name in names
    ]
    return found, (
        health,
        *flow,
        Query("Latency of the newest window", _LATENCY, _asked([model] if model else [], since)),
        Query("Goals and what came of them", GOALS, _asked([model] if model else [], since)),
    )


def _asked(models: Sequence[str], since: object) -> dict[str, object]:
    return {"models": list(models), "since": since}


def _latencies(store: Store, models: Sequence[str], since: Hashable) -> dict[Name, float | None]:
    rows = store.rows(_LATENCY, _asked(models, since))
    return {(row["model"], row["version"]): row["p95"] for row in rows}


_DELAYS: Final = UntilWritten(_latencies, "monitor_results")


def _member(
    name: Name,
    looked: Checked | None,
    came: Traffic,
    incidents: Sequence[Incident],
    owner: str,
    p95: float | None,
    goals: tuple[Goal, ...],
    part: Told | None,
    lifecycle: Lifecycle,
) -> Member:
    how: State = state(looked, incidents)
    return Member(
        model=name[0],
        version=name[1],
        state=how.name,
        words=how.words,
        sentence=how.sentence,
        owner=owner,
        predictions=came.ever,
        last_day=came.day,
        hourly=came.hourly,
        errors=came.errors,
        newest=came.newest,
        p95_seconds=p95,
        checked=looked.window_end if looked else None,
        signals=looked.signals if looked else (),
        incidents=tuple(OpenIncident(one.incident_id, one.severity.value, one.title) for one in incidents),
        gravity=how.rank,
        goals=goals,
        project=part.project if part else "",
        project_difference=part.difference if part else "",
        lifecycle=lifecycle,
    )


def _page(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < len(text) < 8) or int(text) < 1:
        raise ValueError(f"{text[:40]!r} is no page; pages are 1, 2, 3 …")
    return int(text)


def _sentence(everyone: Sequence[Member], states: Mapping[str, int], store: Store, without: Sequence[str]) -> str:
    if not everyone and isinstance(store, Confined):
        of = ", ".join(sorted(store.projects))
        return f"No model is of {of}: `modelspan.register(project=...)` says what a model is part of."
    if not everyone:
        return "No prediction has come yet: put the decorator on a function, or try `modelspan demo`."
    names = {one.model for one in everyone}
    trouble = sum(count for name, count in states.items() if name not in ("healthy", "not_checked"))
    parts = [
        f"{trouble} in trouble" if trouble else "",
        f"{states.get('healthy', 0)} healthy" if states.get("healthy") else "",
        f"{states.get('not_checked', 0)} not checked" if states.get("not_checked") else "",
    ]
    how = ", ".join(part for part in parts if part)
    owned = f" {said}." if (said := unowned_sentence(without)) else ""
    return f"{_many(len(everyone), 'version')} of {_many(len(names), 'model')}: {how}.{owned}"


def _many(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"
