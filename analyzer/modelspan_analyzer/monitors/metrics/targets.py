"""Whether a metric keeps its target: how fast the windows that miss it use up what the objective allows."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final, NamedTuple

from modelspan_analyzer.config.durations import format_duration
from modelspan_analyzer.config.metric_settings import MetricSettings, TargetSettings
from modelspan_analyzer.instants import utc
from modelspan_analyzer.monitors.context import MonitorContext
from modelspan_analyzer.results import Result, Verdict, Window
from modelspan_analyzer.statistics.performance.counts import Estimate
from modelspan_analyzer.verdicts.burn import Burn, Slice, burns
from modelspan_analyzer.verdicts.change import breaches
from modelspan_collector.store.connect import Store

BURN: Final = ".burn_rate"
"""What the metric of a target ends with."""
SIGNAL: Final = "metrics"

_PERIOD: Final = """
SELECT window_start, window_end, value, lower, upper, n FROM monitor_results FINAL
WHERE model = {model:String} AND version = {version:String} AND signal = {signal:String} AND metric = {metric:String}
  AND segment = '' AND JSONExtractString(details, 'definition') = {definition:String}
  AND verdict IN ('ok', 'warning', 'alarm', 'not_compared') AND ifNull(isFinite(value), 0)
  AND window_start >= {since:DateTime64(9, 'UTC')} AND window_end <= {start:DateTime64(9, 'UTC')}
  AND dateDiff('second', window_start, window_end) = {seconds:UInt64}
ORDER BY window_start
"""


class _Value(NamedTuple):
    start: datetime
    end: datetime
    value: float
    lower: float | None
    upper: float | None
    n: int


def against_target(
    context: MonitorContext, settings: MetricSettings, definition: str, found: Sequence[Result]
) -> Iterator[Result]:
    """The burn rate of a metric's target, by this window and those of its period before it, where it has one."""
    target = settings.target
    whole = next((one for one in found if not one.segment), None)
    if target is None or whole is None:
        return
    name, window = settings.name + BURN, context.window
    if whole.value is None or whole.verdict is Verdict.NOT_ENOUGH_DATA:
        reason = f"this window has no value of {settings.name}: {whole.reason}"
        yield context.result(
            SIGNAL, name, None, Verdict.NOT_ENOUGH_DATA, feature=whole.feature, n=whole.n, reason=reason
        )
        return
    values = _earlier(context.store, context, settings.name, definition, target)
    values.append(_Value(window.start, window.end, whole.value, whole.lower, whole.upper, whole.n))
    slices = [Slice(one.start, one.end, _missed(one, target, settings)) for one in values]
    rates = burns(slices, target.objective, target.period)
    said = _said(context, settings, target, values, slices, rates)
    named = {key: whole.details.get(key, []) for key in ("features", "outcomes")}
    yield replace(said, feature=whole.feature, direction="above", details={**said.details, **named})


def _said(
    context: MonitorContext,
    settings: MetricSettings,
    target: TargetSettings,
    values: Sequence[_Value],
    slices: Sequence[Slice],
    rates: Sequence[Burn],
) -> Result:
    rows = sum(one.n for one in values)
    weights = [one.n / rows if rows else 1 / len(values) for one in values]
    realised = sum(weight * one.value for weight, one in zip(weights, values, strict=True))
    bad = sum(one.bad for one in slices)
    side = "at least" if settings.direction == "below" else "at most"
    goal = f"{side} {target.value:.4g} {settings.unit}".rstrip()
    so_far = (
        f"{realised:.4g} {settings.unit}".rstrip() + f" in {format_duration(target.period)}, by rows; the target is "
        f"{goal} in {target.objective:.4g} of the windows, and {bad} of {len(slices)} surely missed it"
    )
    details = {"realised": realised, "target": target.value, "unit": settings.unit, "goal": goal, "missed": bad,
               "windows": len(slices), "left": 1 - bad / ((1 - target.objective) * len(slices))}  # fmt: skip
    if not rates:
        reason = f"{so_far}; windows of this length are too few yet to say how fast that is"
        return context.result(
            SIGNAL, settings.name + BURN, None, Verdict.NOT_ENOUGH_DATA, n=rows, reason=reason, details=details
        )
    worst = max(rates, key=lambda one: (one.pages, one.rate / one.allowed))
    verdict = Verdict.ALARM if worst.pages else Verdict.OK
    fast = f"{worst.rate:.1f} times as fast as allowed over the last {format_duration(worst.stretch)}"
    return context.result(
        SIGNAL,
        settings.name + BURN,
        worst.rate,
        verdict,
        threshold=worst.allowed,
        n=rows,
        reason=f"{so_far}: {fast}",
        details=details,
    )


def _missed(one: _Value, target: TargetSettings, settings: MetricSettings) -> bool:
    """Surely, where it is known how sure the value is."""
    higher = settings.direction == "below"
    if one.lower is None or one.upper is None or not math.isfinite(one.upper - one.lower):
        return one.value < target.value if higher else one.value > target.value
    known = Estimate(one.value, one.lower, one.upper)
    return breaches(known, target.value, higher_is_better=higher, confidence=settings.confidence)


def _earlier(
    store: Store, context: MonitorContext, metric: str, definition: str, target: TargetSettings
) -> list[_Value]:
    window: Window = context.window
    asked = {
        "model": context.model,
        "version": context.version,
        "signal": SIGNAL,
        "metric": metric,
        "definition": definition,
        "since": window.end - target.period,
        "start": window.start,
        "seconds": round((window.end - window.start).total_seconds()),
    }
    found: list[_Value] = []
    for row in store.rows(_PERIOD, asked):
        start, end = utc(row["window_start"]), utc(row["window_end"])
        if not found or start >= found[-1].end:  # windows that slide count once
            found.append(_Value(start, end, row["value"], row["lower"], row["upper"], int(row["n"])))
    return found
