"""Rates (nulls, unseen categories, type errors) against the baseline's: difference, interval, evidence, verdict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from modelspan_analyzer.results import Verdict
from modelspan_analyzer.statistics.multiple_testing import Correction, adjusted_p_values
from modelspan_analyzer.statistics.two_proportions import (
    Interval,
    conditional_rate_test,
    newcombe_interval,
    two_proportion_test,
)
from modelspan_analyzer.verdicts.evidence import SUFFICIENT

Direction = Literal["above", "below", "both"]


@dataclass(frozen=True, slots=True)
class RateRule:
    """An alarm needs a difference of at least `floor` (share of rows) in `direction`, and evidence at `alpha`.

    Each is switched off as in `DriftRule`: a floor of 0, an alpha of 1, a correction of "none", 0 rows.
    """

    floor: float = 0.01
    alpha: float = 0.001
    correction: Correction = "benjamini_hochberg"
    minimum_rows: int = 50
    direction: Direction = "above"


@dataclass(frozen=True, slots=True)
class RateCounts:
    """How many of a feature's rows are affected, in the baseline and in the window."""

    feature: str
    baseline_affected: float
    n_baseline: float
    affected: float
    n: float


@dataclass(frozen=True, slots=True)
class RateVerdict:
    """A rate against the baseline's: `difference` is window - baseline, `interval` its 95 % Newcombe interval."""

    feature: str
    verdict: Verdict
    reason: str
    rate: float | None = None
    baseline_rate: float | None = None
    difference: float | None = None
    interval: Interval | None = None
    p_value: float | None = None
    q_value: float | None = None


DEFAULT_RATE_RULE = RateRule()


def assess_rates(rates: Sequence[RateCounts], rule: RateRule = DEFAULT_RATE_RULE) -> list[RateVerdict]:
    """Judge one kind of rate over all features of a window together, in the order given.

    Raises `ValueError` for more affected rows than rows.
    """
    least = max(rule.minimum_rows, 1)
    enough = [min(rate.n_baseline, rate.n) >= least for rate in rates]
    p_values = [rate_p_value(rate) for rate, fit in zip(rates, enough, strict=True) if fit]
    evidence = iter(zip(p_values, adjusted_p_values(p_values, rule.correction), strict=True))
    return [
        _judge(rate, *next(evidence), rule)
        if fit
        else RateVerdict(
            rate.feature,
            Verdict.NOT_ENOUGH_DATA,
            f"{rate.n_baseline:,g} baseline and {rate.n:,g} window rows, a verdict needs {least:,} of each",
        )
        for rate, fit in zip(rates, enough, strict=True)
    ]


def rate_p_value(rate: RateCounts) -> float:
    """Two-proportion z-test where each cell expects five rows or more, else the conditional test of two rates.

    The conditional test is that of the rarer outcome, so a rate near 1 is judged as exactly as one near 0.
    """
    affected, rows = rate.baseline_affected + rate.affected, rate.n_baseline + rate.n
    if min(affected, rows - affected) * min(rate.n_baseline, rate.n) / rows >= SUFFICIENT:
        return two_proportion_test(rate.baseline_affected, rate.n_baseline, rate.affected, rate.n).p_value
    if affected > rows / 2:
        baseline_other, other = rate.n_baseline - rate.baseline_affected, rate.n - rate.affected
        return conditional_rate_test(baseline_other, rate.n_baseline, other, rate.n).p_value
    return conditional_rate_test(rate.baseline_affected, rate.n_baseline, rate.affected, rate.n).p_value


def _judge(rate: RateCounts, p_value: float, q_value: float, rule: RateRule) -> RateVerdict:
    share, baseline_share = rate.affected / rate.n, rate.baseline_affected / rate.n_baseline
    difference = share - baseline_share
    size = {"above": difference, "below": -difference, "both": abs(difference)}[rule.direction]
    interval = newcombe_interval(rate.baseline_affected, rate.n_baseline, rate.affected, rate.n)
    figures = f"{share:.2%} against {baseline_share:.2%} in the baseline, adjusted p {q_value:.2g}"
    verdict = Verdict.OK
    if q_value > rule.alpha:
        reason = f"{figures}: such a difference also occurs by chance (allowed {rule.alpha:g})"
    elif size < rule.floor or size <= 0:
        reason = f"{figures}: the difference of {difference:+.2%} is within the allowed {rule.floor:.2%}"
    else:
        verdict = Verdict.ALARM
        reason = f"{figures}: {difference:+.2%} ({interval.lower:+.2%} to {interval.upper:+.2%} with 95 % confidence)"
    return RateVerdict(
        rate.feature, verdict, reason, share, baseline_share, difference, interval, p_value, float(q_value)
    )
