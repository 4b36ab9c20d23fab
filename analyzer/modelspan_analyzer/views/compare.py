"""A time beside its baseline, beside the time before it, beside another time, or beside another version.

The same monitors judge it as judge every window, so that what is said here is what an alarm would say.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import pyarrow as pa

from modelspan_analyzer.charts import Bar, Figure, interval_bars
from modelspan_analyzer.config.settings import ModelSettings, MonitorsConfig
from modelspan_analyzer.incidents.asked import window_of
from modelspan_analyzer.monitors.context import MonitorContext
from modelspan_analyzer.monitors.drift.data_drift import SIGNAL as DATA_DRIFT
from modelspan_analyzer.monitors.drift.prediction_drift import SIGNAL as PREDICTION_DRIFT
from modelspan_analyzer.monitors.performance.monitor import SIGNAL as PERFORMANCE
from modelspan_analyzer.monitors.quality.columns import column_rates
from modelspan_analyzer.monitors.quality.monitor import DATA_QUALITY
from modelspan_analyzer.monitors.table import SIGNALS
from modelspan_analyzer.reading import baselines
from modelspan_analyzer.reading.baselines import KIND_SLIDING, KIND_VERSION, Baseline
from modelspan_analyzer.reading.cache import kept_of_rows
from modelspan_analyzer.reading.names import has_version, need_model, need_version, spoken
from modelspan_analyzer.reading.relation import window_relation
from modelspan_analyzer.reading.settled import stamp_of
from modelspan_analyzer.results import Result, Window
from modelspan_analyzer.runner.together import judge_together
from modelspan_analyzer.verdicts.rates import judge
from modelspan_analyzer.views.asked import FILTERS, Asked, asked
from modelspan_analyzer.views.drifted import Drifted, drifted_of, ranked
from modelspan_analyzer.views.period import Period, period, shown_version
from modelspan_analyzer.views.query import Query
from modelspan_analyzer.views.view import View, table_of
from modelspan_collector.store.connect import Store

PARAMETERS: Final = (FILTERS - {"segment"}) | {"with", "other_version", "other_since", "other_until"}
BASELINE, BEFORE, VERSION, WINDOW = "baseline", "before", "version", "window"
WITH: Final = (BASELINE, BEFORE, VERSION, WINDOW)
_SIGNALS: Final = (PERFORMANCE, DATA_DRIFT, PREDICTION_DRIFT)
_DRAWN: Final = 4


@dataclass(frozen=True, slots=True)
class Side:
    """What is compared."""

    words: str
    version: str
    window: Window | None
    """None of a baseline that has no time."""
    rows: int


@dataclass(frozen=True, slots=True)
class Beside:
    """One measure of the one side, judged against the other."""

    signal: str
    metric: str
    feature: str
    value: float | None
    other: float | None
    lower: float | None
    upper: float | None
    threshold: float | None
    verdict: str
    p_value: float | None
    reason: str
    n: int


@dataclass(frozen=True, kw_only=True)
class Compared(View):
    """Two sides, measure by measure."""

    asked: Asked
    kind: str
    """One of `WITH`."""
    this: Side
    other: Side | None
    """None where there is nothing to compare with."""
    features: tuple[Drifted, ...] = ()
    outputs: tuple[Drifted, ...] = ()
    outcomes: tuple[Beside, ...] = ()
    quality: tuple[Beside, ...] = ()

    def drawn(self) -> list[Figure]:
        """What moved most, in the bins of the verdict."""
        moved = [one for one in (*self.outputs, *self.features) if one.bins and one.verdict in ("alarm", "warning")]
        chosen = moved or [one for one in (*self.outputs, *self.features) if one.bins][:2]
        names = (BASELINE if self.kind == BASELINE else "other side", "this side")
        return [one.figure(names) for one in chosen[:_DRAWN]]

    def drawn_outcomes(self) -> Figure | None:
        """Every measure of the outcomes with its interval; None where none was measured."""
        bars = [
            Bar(one.metric.replace("_", " "), one.value, one.lower, one.upper, one.verdict, one.n)
            for one in self.outcomes
            if one.value is not None and one.other is not None and abs(one.value) <= 1
        ]
        return interval_bars("How well it answers", bars) if bars else None

    def tables(self) -> Mapping[str, pa.Table]:
        """Features, outcomes and quality."""
        drift = ("feature", "metric", "value", "threshold", "verdict", "importance", "priority", "n", "reason")
        measured = tuple(Beside.__dataclass_fields__)
        return {
            "features": table_of((*self.outputs, *self.features), drift),
            "outcomes": table_of(self.outcomes, measured),
            "quality": table_of(self.quality, measured),
        }


def read(store: Store, given: Mapping[str, str], config: MonitorsConfig, now: datetime) -> Compared:
    """Compare the newest windows, or the time that was asked for, `with` what was asked for.

    Raises:
        ValueError: a parameter cannot be read, or nothing is known of the model or a version.
    """
    wanted, kind = _asked(store, given)
    version = shown_version(store, wanted.model, given)
    of = period(store, wanted.model, version, wanted.window)
    window = wanted.window or _newest(of, kind)
    this = Asked(wanted.model, version, "", window)
    shown = Side(_stretch(window), version, window, _rows(store, this.model, version, window))
    base = _base(store, this, window, kind, given, now)
    if base is not None and base.kind in (KIND_VERSION, KIND_SLIDING):
        _need_two(this, window, base)
    title = f"{this.model} {version}: compared"
    if base is None or not base.rows:
        said = f"Nothing to compare with: {_lacking(kind)}."
        return Compared(title=title, sentence=said, asked=this, kind=kind, this=shown, other=None)
    settings = config.for_model(this.model, version)
    sides = [(version, window), *([(base.read_version, base.window)] if base.window else [])]
    stamp = stamp_of(store, this.model, version, sides)
    stamp = f"{stamp} {settings.model_dump_json()}" if stamp else ""
    return _measured(store, _Question(stamp, this, kind, shown, base.baseline_id, base, settings))


@dataclass(frozen=True, slots=True)
class _Question:
    """What is measured, and what tells it from what it was before."""

    stamp: str
    this: Asked
    kind: str
    shown: Side
    baseline_id: str
    base: Baseline = field(compare=False)
    settings: ModelSettings = field(compare=False)


@kept_of_rows(8)
def _measured(store: Store, question: _Question) -> Compared:
    """Windows that have come to rest once: as a page, as JSON and as CSV, to whoever asks next."""
    this, kind, shown, base = question.this, question.kind, question.shown, question.base
    window = shown.window or window_of("", "")
    context = MonitorContext(store, this.model, this.version, window, base, question.settings)
    measured = [result for name in _SIGNALS if (run := SIGNALS[name].run) for result in run(context)]
    rates = _quality(context)
    whole = judge_together(store, [*measured, *(one for one, _ in rates)], question.settings)
    found, rated = whole[: len(measured)], whole[len(measured) :]
    beside = Side(base.source, this.version if base.read_version is None else base.read_version, base.window, base.rows)
    quality = [_beside(one, expected) for one, (_, expected) in zip(rated, rates, strict=True)]
    quality.sort(key=lambda one: (one.verdict != "alarm", one.metric, one.feature))
    return Compared(
        title=f"{this.model} {this.version}: compared",
        sentence=_sentence(shown, beside, found, quality),
        queries=_queries(this, window),
        asked=this,
        kind=kind,
        this=shown,
        other=beside,
        features=_moved(found, DATA_DRIFT),
        outputs=_moved(found, PREDICTION_DRIFT),
        outcomes=tuple(
            _beside(one, one.details.get("baseline"))
            for one in found
            if one.signal == PERFORMANCE and one.n_baseline and not one.segment
        ),
        quality=tuple(quality),
    )


def _asked(store: Store, given: Mapping[str, str]) -> tuple[Asked, str]:
    """The one side, and with what it is compared."""
    wanted, kind = asked(given), given.get("with") or (VERSION if given.get("other_version") else BASELINE)
    if kind not in WITH:
        raise ValueError(f"a time is compared with {', '.join(WITH)}, not with {kind[:40]!r}")
    need_model(store, wanted.model)
    if other_version := given.get("other_version", ""):
        need_version(store, wanted.model, other_version)
    elif kind == VERSION and not ("other_version" in given and has_version(store, wanted.model, "")):
        raise ValueError("say which version: &other_version=NAME")
    if kind == WINDOW and not (given.get("other_since") or given.get("other_until")):
        raise ValueError("say which other time: &other_since=2026-01-31T14:00 or &other_since=7d, and &other_until=…")
    return wanted, kind


def _need_two(this: Asked, window: Window, base: Baseline) -> None:
    """Refuse rows beside themselves: nothing would differ, whatever they are.

    Raises:
        ValueError: the two sides share rows.
    """
    other, versions = base.window, {this.version, base.compared_version}
    apart = other is None or other.end <= window.start or other.start >= window.end
    if not apart and len(versions) == 1:
        raise ValueError(
            f"both sides hold the same rows: {_stretch(window)} and {base.source}; ask for another version, or for "
            "another time"
        )


def _newest(of: Period | None, kind: str) -> Window:
    """The newest windows; half of them where they are compared with those before."""
    if of is None:
        return window_of("", "")
    start, end = of.window.start, of.window.end
    begin = start + (end - start) / of.windows * (of.windows // 2) if kind == BEFORE else start
    return Window(begin, end)


def _quality(context: MonitorContext) -> list[tuple[Result, float | None]]:
    """The rates of each column that both sides have (missing, out of range, of another kind), and the other side's."""
    reference, settings = context.reference, context.settings.data_quality
    if reference is None or min(reference.rows, context.current.rows) < settings.min_rows:
        return []
    before, after = reference.features, context.current.features
    rates = [rate for name in before if name in after for rate in column_rates(before[name], after[name], settings)]
    judged = judge(rates, alpha=settings.alpha, min_change=settings.min_change)
    return [(context.rate_result(DATA_QUALITY.name, one), one.rate.expected) for one in judged]


def _moved(found: Sequence[Result], signal: str) -> tuple[Drifted, ...]:
    """What drifted by one signal, what matters most first."""
    told = [one for one in found if one.signal == signal and one.value is not None and one.details.get("bins")]
    return tuple(ranked(drifted_of(_row(one), one.details) for one in told))


def _base(
    store: Store, this: Asked, window: Window, kind: str, given: Mapping[str, str], now: datetime
) -> Baseline | None:
    """What the other side is, as a baseline."""
    if kind == BASELINE:
        return baselines.active(store, this.model, this.version)
    version, stretch = this.version, window
    if kind == BEFORE:
        stretch = Window(window.start - (window.end - window.start), window.start)
    elif kind == WINDOW:
        stretch = window_of(given.get("other_since", ""), given.get("other_until", ""))
        version = given.get("other_version") or version
    else:
        version = given["other_version"]
    source = f"{spoken(version)}, {_stretch(stretch)}" if version != this.version else _stretch(stretch)
    rows = _rows(store, this.model, version, stretch)
    of = KIND_VERSION if version != this.version else KIND_SLIDING
    identity = f"{of}:{version}:{stretch.start.isoformat()}:{stretch.end.isoformat()}"
    return Baseline(identity, this.model, this.version, of, source, stretch, rows, now, compared_version=version)


def _rows(store: Store, model: str, version: str, window: Window) -> int:
    relation = window_relation(model, version, window)
    return int(store.scalar(f"SELECT count() FROM {relation.table} WHERE {relation.condition}", relation.parameters))


def _queries(this: Asked, window: Window | None) -> tuple[Query, ...]:
    if window is None:
        return ()
    relation = window_relation(this.model, this.version, window)
    sql = f"SELECT * FROM {relation.table} WHERE {relation.condition}\nORDER BY timestamp LIMIT 100"
    return (Query("The rows of this side", sql, relation.parameters),)


def _row(result: Result) -> dict[str, Any]:
    """A result as it is stored, without its details, which may be large."""
    names = ("feature", "metric", "value", "threshold", "reason", "n", "n_baseline", "baseline_id")
    times = {"window_start": result.window.start, "window_end": result.window.end}
    return {name: getattr(result, name) for name in names} | times | {"verdict": result.verdict.value}


def _beside(result: Result, other: object) -> Beside:
    return Beside(
        signal=result.signal,
        metric=result.metric,
        feature=result.feature,
        value=result.value,
        other=other if isinstance(other, int | float) else None,
        lower=result.lower,
        upper=result.upper,
        threshold=result.threshold,
        verdict=result.verdict.value,
        p_value=result.p_value,
        reason=result.reason,
        n=result.n,
    )


def _stretch(window: Window) -> str:
    return f"{window.start:%Y-%m-%d %H:%M} to {window.end:%Y-%m-%d %H:%M} UTC"


def _lacking(kind: str) -> str:
    return {
        BASELINE: "no baseline is set (`modelspan baseline set`), and too little came to learn one",
        BEFORE: "no prediction came in the time before",
        VERSION: "the other version did not predict in this time",
        WINDOW: "no prediction came in the other time",
    }[kind]


def _sentence(shown: Side, beside: Side, found: Sequence[Result], quality: Sequence[Beside]) -> str:
    if not shown.rows:
        return f"Not enough data: no prediction of {shown.words}."
    verdicts = [*(one.verdict.value for one in found), *(one.verdict for one in quality)]
    sides = f"{shown.rows:,} predictions beside {beside.rows:,} ({beside.words})"
    if not (alarms := verdicts.count("alarm")):
        looked = {"ok", "warning"} & set(verdicts)
        return f"{sides}: {'nothing differs beyond chance' if looked else 'nothing could be compared'}."
    moved = [one.feature for one in _moved(found, DATA_DRIFT) if one.verdict == "alarm"]
    named = f"; moved most: {', '.join(moved[:3])}" if moved else ""
    return f"{sides}: {alarms} measures differ beyond chance{named}."
