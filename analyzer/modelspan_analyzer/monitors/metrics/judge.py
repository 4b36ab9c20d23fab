"""Judges a metric of one's own: by a threshold, beside the baseline, or by what it was in earlier windows."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from modelspan_analyzer.config.metric_settings import MetricSettings
from modelspan_analyzer.monitors.metrics.earlier import FEWEST, Earlier
from modelspan_analyzer.reading.own_metrics import TAIL, Measured
from modelspan_analyzer.results import Judged, Verdict
from modelspan_analyzer.statistics.prediction_interval import Expected, expected

SIDES: Final = {"below": -1, "both": 0, "above": 1}


@dataclass(frozen=True, slots=True)
class Beside:
    """What a value is judged by."""

    baseline: Measured | None = None
    earlier: Earlier | None = None
    share: float = 1.0
    """Of the allowed error: slices share it."""


def judge(one: Measured, beside: Beside, settings: MetricSettings) -> Judged:
    """The verdict on a value that is known, and of enough rows."""
    alpha = (1 - settings.confidence) * beside.share
    if settings.threshold is not None:
        return _by_threshold(one, settings.threshold, settings, alpha)
    if settings.compare:
        return _by_baseline(one, beside.baseline, settings, alpha)
    return _by_earlier(one, beside.earlier, settings, alpha)


def _by_threshold(one: Measured, threshold: float, settings: MetricSettings, alpha: float) -> Judged:
    """Bad where the whole interval is beyond it; where there is no interval, where the value is."""
    low = settings.direction == "below"
    beyond = one.value < threshold if low else one.value > threshold
    reach = Expected(threshold, one.error, one.freedom).reach(alpha) if math.isfinite(one.error) else 0.0
    bad = abs(one.value - threshold) > reach if beyond else False
    said = f"{amount(one.value, settings)}, {'below' if low else 'above'} the threshold of {threshold:.4g}"
    if bad:
        return Judged(Verdict.ALARM, said, threshold)
    if beyond:
        return Judged(Verdict.OK, f"{said}, but its interval reaches it", threshold)
    return Judged(Verdict.OK, f"{amount(one.value, settings)} keeps its threshold of {threshold:.4g}", threshold)


def _by_baseline(one: Measured, before: Measured | None, settings: MetricSettings, alpha: float) -> Judged:
    """Bad where a difference, or a ratio, of at least `min_change` of the baseline is sure."""
    if before is None:
        return Judged(Verdict.NOT_COMPARED, f"{amount(one.value, settings)}; there is nothing to compare it with")
    ratio = settings.compare == "ratio"
    same, scale = (1.0, 1.0) if ratio else (0.0, abs(before.value))
    side = SIDES[settings.direction]
    said = f"{amount(one.value, settings)}: the baseline has {amount(before.value, settings, plain=ratio)}"
    if one.error == 0 and one.value == same:
        return Judged(Verdict.OK, f"{said}, as every row of both does", p_value=1.0)
    if not math.isfinite(one.error) or one.error == 0:
        why = "all rows are alike, which does not tell" if one.error == 0 else "too few rows to say"
        return Judged(Verdict.NOT_COMPARED, f"{said}; {why} how sure that is")
    usual = Expected(same, one.error, one.freedom)
    p_value = usual.p_value(one.value, side)
    away = side if side else (1 if one.value >= same else -1)
    least = same + away * max(settings.min_change * scale, usual.reach(alpha if side else alpha / 2))
    bad = away * (one.value - least) > 0
    return Judged(Verdict.ALARM if bad else Verdict.OK, said, least, p_value, {"baseline": before.value})


def _by_earlier(one: Measured, before: Earlier | None, settings: MetricSettings, alpha: float) -> Judged:
    """Bad where earlier windows make a value so far away improbable, and it matters (`min_change`)."""
    said = amount(one.value, settings)
    if before is None:
        return Judged(
            Verdict.NOT_COMPARED, f"{said}; {FEWEST} earlier windows are needed to say what is usual, or a threshold"
        )
    usual, side = expected(before.values, before.errors, one.error), SIDES[settings.direction]
    p_value = usual.p_value(one.value, side)
    away = side if side else (1 if one.value >= usual.centre else -1)
    reach = max(usual.reach(alpha if side else alpha / 2), settings.min_change * abs(usual.centre))
    bound = usual.centre + away * reach
    bad = away * (one.value - bound) > 0 and p_value <= alpha
    details = {"usual": usual.centre, "pattern": before.words, "windows": len(before.values)}
    reason = f"{said}; {before.words} had {amount(usual.centre, settings)} ({len(before.values)} of them)"
    return Judged(Verdict.ALARM if bad else Verdict.OK, reason, bound, p_value, details)


def amount(value: float, settings: MetricSettings, *, plain: bool = False) -> str:
    """A value with its unit; a ratio has none.

    >>> amount(2.5, MetricSettings(name="revenue", expression="sum(value)", unit="EUR"))
    '2.5 EUR'
    """
    unit = "" if settings.compare == "ratio" and not plain else settings.unit
    return f"{value:.4g} {unit}".rstrip()


def against(one: Measured, before: Measured, compare: str) -> Measured:
    """A value less, or divided by, the baseline's, with what both are unsure of (the delta method for a ratio)."""
    if compare == "difference":
        value, parts = one.value - before.value, (one.error, before.error)
    elif before.value == 0:
        value, parts = math.nan, (math.nan, math.nan)
    else:
        value = one.value / before.value
        parts = (one.error / before.value, one.value * before.error / before.value**2)
    error = float(np.hypot(*parts))
    freedom = _together(*parts, one.freedom, before.freedom)
    reach = Expected(value, error, freedom).reach(TAIL)
    return Measured(value, one.rows, value - reach, value + reach, error, one.drawn, one.of, freedom)


def _together(one: float, other: float, freedom: float, others: float) -> float:
    """The degrees of freedom of the error that two independent errors make (Welch and Satterthwaite).

    >>> _together(1.0, 1.0, 10.0, 10.0), _together(1.0, 0.0, 10.0, 5.0), _together(1.0, 1.0, math.inf, math.inf)
    (20.0, 10.0, inf)
    """
    parts = one**4 / freedom + other**4 / others
    return (one**2 + other**2) ** 2 / parts if parts > 0 else math.inf
