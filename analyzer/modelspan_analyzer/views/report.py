"""All that is on record of a version over a time: its model page, and what an auditor asks for beside it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from modelspan_analyzer import incidents
from modelspan_analyzer.config.settings import ModelSettings, MonitorsConfig
from modelspan_analyzer.governance import notice
from modelspan_analyzer.governance.audit import Entry, entries
from modelspan_analyzer.incidents.incident import Incident
from modelspan_analyzer.instants import utc
from modelspan_analyzer.monitors.table import MONITORS
from modelspan_analyzer.reading import baselines
from modelspan_analyzer.reading.outcomes.read import Coverage, coverage
from modelspan_analyzer.reading.rows import window_rows
from modelspan_analyzer.results import Window
from modelspan_analyzer.views import model as model_view
from modelspan_analyzer.views.model import Model
from modelspan_analyzer.views.view import View
from modelspan_collector.store.connect import Store

PARAMETERS: Final = frozenset({"model", "version", "since", "until"})
MOST_INCIDENTS: Final = 200
MOST_ENTRIES: Final = 200
_FIRST: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Watched:
    """One monitor, as the settings have it."""

    name: str
    enabled: bool
    needs: str
    """What it cannot do without, in words."""


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting that is not the built-in one."""

    name: str
    value: str
    built_in: str


@dataclass(frozen=True, slots=True)
class Lineage:
    """A baseline that windows were, or are, compared with."""

    baseline_id: str
    version: str | None
    """None where it is for every version."""
    kind: str
    source: str
    rows: int
    created_at: datetime


@dataclass(frozen=True, kw_only=True)
class Report(View):
    """A version of a model, for the file."""

    made_at: datetime
    model: Model
    labels: Coverage | None
    """Of the period's predictions; None where nothing was looked at."""
    incidents: tuple[Incident, ...]
    """That lasted into the period, the newest first."""
    incidents_left_out: bool
    """There are more than are listed."""
    lineage: tuple[Lineage, ...]
    monitors: tuple[Watched, ...]
    settings: tuple[Setting, ...]
    settings_of_analyzer: tuple[Setting, ...] | None
    """What an analyzer last ran this version by, where that is something else than this report was given."""
    audit: tuple[Entry, ...]
    audit_left_out: bool
    """There are more entries, older ones, than are listed."""


def read(store: Store, given: Mapping[str, str], config: MonitorsConfig, now: datetime) -> Report:
    """What is on record of a version; of that which predicted last where none is asked for.

    Raises:
        ValueError: a parameter cannot be read, or nothing is known of the model or version.
    """
    shown = model_view.read(store, given, config, now)
    name, version = shown.asked.model, shown.asked.version
    window = shown.period.window if shown.period else shown.asked.window
    happened = _incidents(store, name, version, window)
    since = window.start if window and shown.asked.window else _FIRST
    audit = entries(store, since=since, model=name, limit=MOST_ENTRIES + 1)
    own = config.for_model(name, version)
    return Report(
        title=f"{shown.title}: report",
        sentence=shown.sentence,
        queries=shown.queries,
        made_at=now,
        model=shown,
        labels=coverage(store, window_rows(name, version, window)) if window else None,
        incidents=tuple(happened[:MOST_INCIDENTS]),
        incidents_left_out=len(happened) > MOST_INCIDENTS,
        lineage=tuple(_lineage(store, name, version)),
        monitors=tuple(_watched(own)),
        settings=tuple(_changed(own)),
        settings_of_analyzer=_others(store, name, version, own),
        audit=tuple(audit[:MOST_ENTRIES]),
        audit_left_out=len(audit) > MOST_ENTRIES,
    )


def _incidents(store: Store, name: str, version: str, window: Window | None) -> list[Incident]:
    found = incidents.load(store, model=name, limit=MOST_INCIDENTS + 1)
    return [
        one
        for one in found
        if version in one.versions
        and (window is None or one.resolved_at is None or one.resolved_at >= window.start)
        and (window is None or one.began_at <= window.end)
    ]


def _lineage(store: Store, name: str, version: str) -> list[Lineage]:
    return [
        Lineage(one.baseline_id, one.version, one.kind, one.source, one.rows, utc(one.created_at))
        for one in baselines.listing(store, name)
        if one.version in (None, version)
    ]


def _watched(settings: ModelSettings) -> list[Watched]:
    found = []
    for monitor in MONITORS:
        own = getattr(settings, monitor.signal.name, None)
        needs = " and ".join(need.value for need in monitor.signal.needs) or "nothing"
        found.append(Watched(monitor.name, bool(getattr(own, "enabled", True)), needs))
    return found


def _changed(settings: ModelSettings) -> list[Setting]:
    now, built_in = _flat(settings.model_dump(mode="json")), _flat(type(settings)().model_dump(mode="json"))
    return [
        Setting(name, str(value), str(built_in.get(name))) for name, value in now.items() if value != built_in.get(name)
    ]


def _others(store: Store, name: str, version: str, own: ModelSettings) -> tuple[Setting, ...] | None:
    """The analyzer's settings, by its audit log, if they are not the given ones."""
    noticed = notice.noticed_settings(store).get((name, version), {})
    if noticed == json.loads(json.dumps(notice.settings_of(own))):
        return None
    built_in = _flat(type(own)().model_dump(mode="json"))
    return tuple(Setting(key, str(value), str(built_in.get(key))) for key, value in noticed.items())


def _flat(given: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Settings by their dotted names."""
    found: dict[str, Any] = {}
    for name, value in given.items():
        found |= _flat(value, f"{prefix}{name}.") if isinstance(value, dict) and value else {f"{prefix}{name}": value}
    return found
