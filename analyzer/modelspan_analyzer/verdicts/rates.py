"""Shares of faulty rows, all of a window judged together: by how far they rose, and how improbable that is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from modelspan_analyzer.results import Found, Judged, Seen, Verdict
from modelspan_analyzer.statistics.counts import Floats
from modelspan_analyzer.statistics.multiple_testing import adjusted_p_values
from modelspan_analyzer.statistics.two_proportions import two_share_test, wilson_interval
from modelspan_analyzer.verdicts.p_value import p_words


@dataclass(frozen=True, slots=True)
class Rate:
    """How many rows of a window are faulty in one way, beside those of the baseline; counts of rows, unweighted."""

    metric: str
    feature: str
    faulty: float
    n: float
    faulty_baseline: float
    n_baseline: float
    what: str
    """What a faulty row is, for the reason: `are missing`."""
    allowed: float | None = None
    """A declared limit, which then decides alone."""
    details: Mapping[str, Any] = field(default_factory=dict)
    beside: str = "in the baseline"
    """Where the other share is from, for the reason."""

    @property
    def value(self) -> float:
        """The share of faulty rows."""
        return self.faulty / self.n

    @property
    def expected(self) -> float:
        """The baseline's share."""
        return self.faulty_baseline / self.n_baseline if self.n_baseline else 0.0


@dataclass(frozen=True, slots=True)
class RateVerdict:
    """A rate, judged."""

    rate: Rate
    verdict: Verdict
    threshold: float | None
    p_value: float | None
    lower: float
    upper: float
    reason: str

    def found(self, verdict: Verdict | None = None) -> Found:
        """The share of rows that was seen, with its own verdict where none is given."""
        rate = self.rate
        n, n_baseline = round(rate.n), round(rate.n_baseline)
        seen = Seen(rate.feature, "", n, n_baseline, self.lower, self.upper, details=rate.details)
        judged = Judged(verdict or self.verdict, self.reason, self.threshold, self.p_value)
        return Found(rate.metric, rate.value, seen, judged)


def judge(rates: Sequence[Rate], *, alpha: float, min_change: float) -> list[RateVerdict]:
    """Judge all rates of a window together, in the order given.

    An alarm needs a rise of at least `min_change` over the baseline's share, and an adjusted p-value (Benjamini and
    Hochberg 1995) of the test of two shares of at most `alpha`. A declared limit decides alone.
    """
    p_values = np.array([_p_value(rate) for rate in rates])
    adjusted: Floats = adjusted_p_values(p_values) if len(rates) else p_values
    return [_judge(rate, float(q), alpha, min_change) for rate, q in zip(rates, adjusted, strict=True)]


def _p_value(rate: Rate) -> float:
    if rate.n_baseline == 0 or rate.value <= rate.expected:
        return 1.0
    return two_share_test(rate.faulty_baseline, rate.n_baseline, rate.faulty, rate.n).p_value


def _judge(rate: Rate, q_value: float, alpha: float, min_change: float) -> RateVerdict:
    interval = wilson_interval(rate.faulty, rate.n)
    figures = f"{rate.value:.2%} {rate.what}"
    if rate.allowed is not None:
        verdict = Verdict.ALARM if rate.value > rate.allowed else Verdict.OK
        return RateVerdict(rate, verdict, rate.allowed, None, *interval, f"{figures}; allowed are {rate.allowed:.2%}")
    if rate.n_baseline == 0:
        reason = f"{figures}; there are no earlier rows to compare with"
        return RateVerdict(rate, Verdict.NOT_COMPARED, None, None, *interval, reason)
    threshold = rate.expected + min_change
    risen, evident = rate.value > threshold, q_value <= alpha
    verdict = Verdict.ALARM if risen and evident else Verdict.OK
    reason = f"{figures}, {rate.expected:.2%} {rate.beside}"
    if risen and not evident:
        reason += f"; that also happens by chance at {rate.n:.0f} rows ({p_words(q_value, 'adjusted p')})"
    return RateVerdict(rate, verdict, threshold, q_value, *interval, reason)
