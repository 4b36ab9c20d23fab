"""One version of a model: how it is, each signal over time, how well it answers, what moved, and what it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import pyarrow as pa

from modelspan_analyzer.charts import Figure, Mark
from modelspan_analyzer.config.settings import MonitorsConfig
from modelspan_analyzer.governance.lifecycle import Lifecycle, history_of
from modelspan_analyzer.monitors.estimation.track_record import RECORD, TrackRecord, parameters, track_records
from modelspan_analyzer.monitors.latency.monitor import SIGNAL as LATENCY
from modelspan_analyzer.monitors.table import need_signal
from modelspan_analyzer.reading.cache import kept_of_rows
from modelspan_analyzer.reading.names import brief, need_model, need_segment, need_version
from modelspan_analyzer.reading.settled import OfResults, results_of
from modelspan_analyzer.reading.stages import Decision
from modelspan_analyzer.results import Window
from modelspan_analyzer.views.asked import FILTERS, Asked, asked
from modelspan_analyzer.views.card import Card, Compared, card, compared
from modelspan_analyzer.views.drifted import Drifted, drifted
from modelspan_analyzer.views.fleet import Member, members
from modelspan_analyzer.views.groups import Facet, drawn, facets
from modelspan_analyzer.views.lines import Line, by_signal, figure, lines
from modelspan_analyzer.views.marks import Happening, happened
from modelspan_analyzer.views.outcomes import Outcome, outcomes
from modelspan_analyzer.views.period import Period, period
from modelspan_analyzer.views.query import Query
from modelspan_analyzer.views.spans import Spans, spans
from modelspan_analyzer.views.versions import MOST, SideBySide, side_by_side
from modelspan_analyzer.views.view import View, table_of
from modelspan_collector.store.connect import Store

PARAMETERS: Final = FILTERS | {"signal"}


@dataclass(frozen=True, kw_only=True)
class Model(View):
    """What there is to see of a version."""

    asked: Asked
    """With the version that is shown, where none was asked for."""
    signal: str
    """All metrics of this one are drawn; empty for the telling one of each."""
    member: Member
    others: tuple[Member, ...]
    """Its other versions, the newest first."""
    period: Period | None
    happened: tuple[Happening, ...] = ()
    signals: Mapping[str, Sequence[Line]] = field(default_factory=dict)
    outcomes: tuple[Outcome, ...] = ()
    records: tuple[TrackRecord, ...] = ()
    """How good its estimates were, where labels came later."""
    features: tuple[Drifted, ...] = ()
    facets: tuple[Facet, ...] = ()
    spans: Spans | None = None
    versions: tuple[str, ...] = ()
    side_by_side: tuple[SideBySide, ...] = ()
    card: Card | None = None
    compared: Compared | None = None

    @property
    def lifecycles(self) -> tuple[Lifecycle, ...]:
        """Of this version and the others."""
        return tuple(one.lifecycle for one in (self.member, *self.others))

    @property
    def decisions(self) -> list[tuple[str, Decision]]:
        """All that people decided of any version, the newest first."""
        return history_of(self.lifecycles)

    @property
    def marks(self) -> list[Mark]:
        """What happened, as charts take it."""
        return [each.mark for each in self.happened]

    def drawn_lines(self, signal: str) -> list[Figure]:
        """The charts of a signal: of its telling metric, or of all where it was asked for."""
        own = self.signals[signal]
        return [figure(line, self.marks) for line in (own if self.signal else own[:1]) if line.measured]

    @property
    def unmeasured(self) -> dict[str, str]:
        """Why nothing was measured, of the lines that are not drawn for that."""
        lacking = [line for own in self.signals.values() for line in (own if self.signal else own[:1])]
        name = "metric" if self.signal else "signal"
        return {
            getattr(line, name): line.newest.reason or line.newest.verdict.replace("_", " ")
            for line in lacking
            if not line.measured
        }

    def drawn_outcomes(self) -> list[Figure]:
        """Realised and estimated."""
        return [one.figure(self.marks) for one in self.outcomes]

    def drawn_facets(self) -> list[Figure]:
        """Groups with their intervals."""
        return [one.figure() for one in drawn(self.facets)]

    def tables(self) -> Mapping[str, pa.Table]:
        """Features, lines, and fairness by group."""
        points = [
            {"signal": line.signal, "metric": line.metric, **{name: getattr(point, name) for name in _POINT}}
            for own in self.signals.values()
            for line in own
            for point in line.points
        ]
        groups = [
            {"facet": one.facet, "metric": one.metric, **{name: getattr(group, name) for name in _GROUP}}
            for one in self.facets
            for group in one.groups
        ]
        return {
            "features": table_of(self.features, _FEATURE),
            "records": table_of(self.records, _RECORD),
            "lines": pa.table({name: [row[name] for row in points] for name in ("signal", "metric", *_POINT)}),
            "groups": pa.table({name: [row[name] for row in groups] for name in ("facet", "metric", *_GROUP)}),
        }


_FEATURE: Final = ("feature", "metric", "value", "threshold", "verdict", "importance", "priority", "n", "reason")
_RECORD: Final = (
    "estimator",
    "metric",
    "windows",
    "error",
    "bias",
    "held",
    "newest_estimate",
    "newest_realised",
    "until",
)
_POINT: Final = ("start", "at", "value", "lower", "upper", "threshold", "direction", "verdict", "feature", "reason")
_GROUP: Final = ("name", "value", "lower", "upper", "threshold", "verdict", "n", "reason")


def read(store: Store, given: Mapping[str, str], config: MonitorsConfig, now: datetime) -> Model:
    """A version of a model over a time; the version that predicted last where none is asked for.

    Raises:
        ValueError: a parameter cannot be read, or nothing is known of the model or version.
    """
    wanted, signal = asked(given), given.get("signal", "")
    if signal:
        need_signal(signal)
    if wanted.version:
        need_version(store, wanted.model, wanted.version)
    else:
        need_model(store, wanted.model)
    found, behind = members(store, config, now, wanted.model)
    found.sort(key=lambda one: (one.newest is not None, one.newest, one.version), reverse=True)
    named = [one for one in found if "version" in given and one.version == wanted.version]
    mine = next(iter(named or ([] if wanted.version else found)), None) or _unknown(wanted)
    this = Asked(wanted.model, mine.version, wanted.segment, wanted.window)
    known: dict[str, Any] = {
        "asked": this,
        "signal": signal,
        "member": mine,
        "others": tuple(one for one in found if one is not mine),
        "title": f"{this.model} {this.version}".strip(),
        "sentence": _sentence(mine, wanted.segment),
        "card": card(store, this.model, this.version),
        "compared": compared(store, this.model, this.version),
    }
    need_segment(store, this.model, this.version, this.segment)
    of = period(store, this.model, this.version, this.window)
    if of is None:
        return Model(period=None, queries=behind, **known)
    return _over(store, this, of, known, behind)


def _over(store: Store, this: Asked, of: Period, known: dict[str, Any], behind: Sequence[Any]) -> Model:
    """What was measured in a period."""
    names = [known["member"].version, *(one.version for one in known["others"])][:MOST]
    rows, signal = results_of(store, this.model), known["signal"]
    found = _of_signal(store, rows, this, of, signal) if signal else _of_all(store, rows, this, of, names)
    marked, of_marks = happened(store, this.model, this.version, of.window)
    measured = found.lines
    shown: dict[str, Any] = {
        "happened": tuple(marked),
        "signals": by_signal(measured),
        "sentence": known["sentence"] + _earlier(known, measured, of),
    }
    if not signal:
        shown |= {
            "outcomes": tuple(outcomes(measured)),
            "records": found.records,
            "features": found.features,
            "facets": found.facets,
            "spans": spans(store, this.model, _newest(measured)),
            "versions": tuple(names),
            "side_by_side": found.side_by_side,
        }
    return Model(period=of, queries=(*behind, *found.queries, of_marks), **{**known, **shown})


@dataclass(frozen=True, slots=True)
class _Measured:
    """What results say of a version in a period."""

    lines: tuple[Line, ...]
    queries: tuple[Query, ...]
    features: tuple[Drifted, ...] = ()
    facets: tuple[Facet, ...] = ()
    records: tuple[TrackRecord, ...] = ()
    side_by_side: tuple[SideBySide, ...] = ()


@kept_of_rows(32)
def _of_signal(store: Store, _rows: OfResults, this: Asked, of: Period, signal: str) -> _Measured:
    """The lines of one signal, read once while no result is written."""
    found, behind = lines(store, this.model, this.version, of, segment=this.segment, signal=signal)
    return _Measured(tuple(found), (behind,))


@kept_of_rows(32)
def _of_all(store: Store, _rows: OfResults, this: Asked, of: Period, versions: Sequence[str]) -> _Measured:
    """All of it, read once while no result is written: people look at the same models again and again."""
    found, of_lines = lines(store, this.model, this.version, of, segment=this.segment)
    features, of_features = drifted(store, this.model, this.version, of, this.segment)
    groups, of_groups = facets(store, this.model, this.version, of)
    beside, of_versions = side_by_side(store, this.model, versions) if len(versions) > 1 else ([], None)
    until = of.window.end
    of_records = Query("Estimates beside what labels said later", RECORD, parameters(until, this.model, this.version))
    return _Measured(
        lines=tuple(found),
        queries=tuple(each for each in (of_lines, of_records, of_features, of_groups, of_versions) if each),
        features=tuple(features),
        facets=tuple(groups),
        records=tuple(track_records(store, until, this.model, this.version)),
        side_by_side=tuple(beside),
    )


def _newest(measured: Sequence[Line]) -> Window | None:
    """The newest window in which the latency was measured."""
    timed = [point for line in measured if line.signal == LATENCY for point in line.points if point.value is not None]
    newest = max(timed, key=lambda point: point.at, default=None)
    return Window(newest.start, newest.at) if newest else None


def _unknown(wanted: Asked) -> Member:
    """A version of which there is nothing but a baseline, or a line in the audit log."""
    sentence = "nothing is known of it but that it was named"
    return Member(
        model=wanted.model,
        version=wanted.version,
        state="not_checked",
        words="not checked",
        sentence=sentence,
        owner="",
        predictions=0,
        last_day=0,
        hourly=(),
        errors=0.0,
        newest=None,
        p95_seconds=None,
        checked=None,
        signals=(),
        incidents=(),
        gravity=0,
        lifecycle=Lifecycle(wanted.model, wanted.version),
    )


def _earlier(known: Mapping[str, Any], measured: Sequence[Line], of: Period) -> str:
    """How many windows alarmed, where the newest one cannot say how the version is."""
    ends = {point.at for line in measured for point in line.points if point.verdict == "alarm"}
    if known["member"].state != "not_checked" or not ends:
        return ""
    shown = f"of the {of.windows:,} windows shown here {len(ends):,} alarmed"
    return f" That is of the newest window; {shown}, the last until {max(ends):%Y-%m-%d %H:%M} UTC."


def _sentence(mine: Member, segment: str) -> str:
    told = mine.sentence.removeprefix(f"{mine.model} {mine.version}: ").removeprefix(f"{mine.model}: ")
    told = f"of all predictions, not of {brief(segment)} alone: {told}" if segment else told
    said = told[:1].upper() + told[1:]
    return f"{said}." if said and said[-1] not in ".!?" else said
