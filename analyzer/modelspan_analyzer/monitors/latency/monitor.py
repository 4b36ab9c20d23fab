"""Whether predictions take longer than usual, or than was promised."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final

import numpy as np

from modelspan_analyzer import kinds
from modelspan_analyzer.instants import in_words
from modelspan_analyzer.monitors.context import MonitorContext
from modelspan_analyzer.monitors.latency.settings import LatencySettings, ObjectiveSettings
from modelspan_analyzer.monitors.latency.usual import Usual, usual_seconds
from modelspan_analyzer.monitors.signal import Cost, Metric, Signal
from modelspan_analyzer.monitors.sliced import left_out
from modelspan_analyzer.reading.durations import LEVELS, Seconds, seconds_of
from modelspan_analyzer.reading.slices import Slice
from modelspan_analyzer.results import Result, Verdict
from modelspan_analyzer.statistics.binomial import binomial_tail
from modelspan_analyzer.statistics.multiple_testing import adjusted_p_values
from modelspan_analyzer.verdicts.burn import allowed_burn

SIGNAL: Final = "latency"
BURN_RATE: Final = "burn_rate"


def latency(context: MonitorContext) -> list[Result]:
    """Quantiles of the window's seconds against those of earlier windows, of the whole and of each slice, and the burn
    rate of what was promised."""
    settings = context.settings.section(SIGNAL, LatencySettings)
    results = [*_latency(context, settings), *left_out(context, SIGNAL)]
    several = context.slices.each
    shared = settings.model_copy(update={"alpha": settings.alpha / max(1, len(several)), "slo": None})
    for one in several:
        results += (replace(each, segment=one.name) for each in _latency(context, shared, one))
    return results


def _latency(context: MonitorContext, settings: LatencySettings, part: Slice | None = None) -> list[Result]:
    """Of the whole, or of a slice of it."""
    scope = context.store, context.model, context.version, context.window
    usual = usual_seconds(scope[0], SIGNAL, *scope[1:], settings.adapt_after, part.name if part else "")
    bounds = {metric: _bound(usual[metric], settings) if metric in usual else np.inf for metric in LEVELS}
    promised = settings.slo.seconds if settings.slo else np.inf
    of = [(part.key, part.value)] if part else []
    found = seconds_of(*scope, list(bounds.values()), float(promised), of)
    if found.rows == 0:
        return [context.result(SIGNAL, "p50", None, Verdict.SKIPPED, n=0, reason="no predictions in the window")]
    promise = list(_promise(context, found, settings))
    if found.timed == 0:
        reason = f"no prediction of the window says how long it took{_left_out(found)}"
        return [context.result(SIGNAL, "p50", None, Verdict.SKIPPED, n=found.rows, reason=reason), *promise]
    if found.timed < settings.min_rows:
        reason = f"{found.timed} timed predictions; {settings.min_rows} are needed{_left_out(found)}"
        return [context.result(SIGNAL, "p50", None, Verdict.NOT_ENOUGH_DATA, n=found.timed, reason=reason), *promise]
    return [*_quantiles(context, found, usual, bounds, settings), *promise]


def _bound(usual: Usual, settings: LatencySettings) -> float:
    """The seconds beyond which a quantile is unusual, and matters."""
    return max(usual.most, usual.median * settings.min_ratio, usual.median + settings.min_seconds)


def _quantiles(
    context: MonitorContext,
    found: Seconds,
    usual: Mapping[str, Usual],
    bounds: Mapping[str, float],
    settings: LatencySettings,
) -> Iterator[Result]:
    """A quantile q alarms beyond its bound, if so many rows beyond it are improbable where only 1 - q should be."""
    levels = np.array(list(LEVELS.values()))
    chance = binomial_tail(found.slower, found.timed, 1 - levels)
    known = np.array([metric in usual for metric in LEVELS])
    adjusted = np.ones(len(levels))
    if known.any():
        adjusted[known] = adjusted_p_values(chance[known])
    told = zip(LEVELS.items(), found.levels, found.slower, adjusted, strict=True)
    for (metric, level), seconds, slower, p_value in told:
        said = f"{level:.0%} of the predictions{_of_which(found)} took at most {in_words(seconds)}"
        if metric not in usual:
            reason = (
                f"{said}; three earlier windows of the same length are needed to say what is usual{_left_out(found)}"
            )
            yield context.result(SIGNAL, metric, seconds, Verdict.NOT_COMPARED, n=found.timed, reason=reason)
            continue
        one = usual[metric]
        slow = seconds > bounds[metric] and p_value <= settings.alpha
        perhaps = "" if slow or seconds <= bounds[metric] else f", but {slower} so slow of {found.timed} may be chance"
        yield context.result(
            SIGNAL,
            metric,
            seconds,
            Verdict.ALARM if slow else Verdict.OK,
            n=found.timed,
            n_baseline=one.rows,
            threshold=bounds[metric],
            p_value=float(p_value),
            reason=f"{said}; {one.pattern} had {in_words(one.median)}{perhaps}{_left_out(found)}",
            details={"usual": one.median, "pattern": one.pattern},
        )


def _promise(context: MonitorContext, found: Seconds, settings: LatencySettings) -> Iterator[Result]:
    """The burn rate: the share of bad calls, in shares that use the promise up in just 30 days.

    Calls that say nothing of their time count as good, which is no more than half of the truth where most do so: then,
    and where there are few, nothing is ok.
    """
    slo = settings.slo
    if slo is None:
        return
    allowed = slo.max_burn_rate or allowed_burn(context.window.end - context.window.start)
    budget = 1 - slo.objective
    rate = found.bad / found.rows / budget
    p_value = float(binomial_tail(found.bad, found.rows, min(1.0, allowed * budget)))
    burns = rate > allowed and p_value <= settings.alpha
    known = found.rows >= settings.min_rows and 2 * found.timed >= found.rows
    lacks = "" if known else f"; {found.timed} of {found.rows} say how long they took, too few to call it kept"
    yield context.result(
        SIGNAL,
        BURN_RATE,
        rate,
        Verdict.ALARM if burns else Verdict.OK if known else Verdict.NOT_ENOUGH_DATA,
        n=found.rows,
        threshold=allowed,
        p_value=p_value,
        reason=f"{_bad(found, slo)}: {rate:.1f} times as fast as the promise of {slo.objective:.2%} allows"
        f"{lacks}{_left_out(found)}",
    )


def _bad(found: Seconds, slo: ObjectiveSettings) -> str:
    return f"{found.bad / found.rows:.2%} of the calls failed or took longer than {in_words(slo.seconds)}"


def _of_which(found: Seconds) -> str:
    return "" if found.timed == found.rows else f" ({found.timed} of {found.rows} say how long)"


def _left_out(found: Seconds) -> str:
    """What is said of rows whose durations are none: the sender's clock or unit is wrong."""
    left = found.impossible
    return f"; {left} durations that no call takes (negative, infinite, over a year) are left out" if left else ""


LATENCY: Final = Signal(
    SIGNAL,
    "slow predictions",
    kinds.SLOW,
    latency,
    LatencySettings,
    cost=Cost.ROWS,
    gravity=3,
    metrics={BURN_RATE: Metric("too many slow or failed calls", kinds.SLOW, harm=True)},
)
