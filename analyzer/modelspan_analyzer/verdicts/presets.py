"""Other tools' default drift rules: one measure against one threshold, for those who want the verdicts they know."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from numpy.typing import ArrayLike

from modelspan_analyzer.results import Verdict
from modelspan_analyzer.verdicts.normal_range import standard_deviation_range

Kind = Literal["numeric", "categorical"]
Measure = Literal[
    "jensen_shannon_distance", "normalized_wasserstein_distance", "kolmogorov_smirnov", "chi_squared", "two_proportion"
]


@dataclass(frozen=True, slots=True)
class ThresholdRule:
    """Alarm when the measure is on the given side of the threshold. Test measures compare their p-value.

    `base` is the logarithm's, for Jensen-Shannon ("e" or "2").
    """

    measure: Measure
    threshold: float
    alarm: Literal["above", "below"] = "above"
    base: Literal["e", "2"] = "2"

    def verdict(self, value: float) -> Verdict:
        """What the rule says of a measured value (or p-value); equal to the threshold is not beyond it."""
        beyond = value > self.threshold if self.alarm == "above" else value < self.threshold
        return Verdict.ALARM if beyond else Verdict.OK


def azure_rule(kind: Kind) -> ThresholdRule:
    """Azure Machine Learning's SDK defaults: normalised Wasserstein 0.1 for numbers, Jensen-Shannon 0.1 else."""
    if kind == "numeric":
        return ThresholdRule("normalized_wasserstein_distance", 0.1)
    return ThresholdRule("jensen_shannon_distance", 0.1)


def evidently_rule(kind: Kind, *, n_reference: int, distinct: int) -> ThresholdRule:
    """Evidently's default: tests for a reference of at most 1,000 rows, distances at 0.1 for larger ones.

    `distinct`: different values of the feature over both samples.
    """
    continuous = kind == "numeric" and distinct > 5
    if n_reference > 1000:
        if continuous:
            return ThresholdRule("normalized_wasserstein_distance", 0.1)
        return ThresholdRule("jensen_shannon_distance", 0.1, base="e")
    if continuous:
        return ThresholdRule("kolmogorov_smirnov", 0.05, alarm="below")
    return ThresholdRule("two_proportion" if distinct <= 2 else "chi_squared", 0.05, alarm="below")


def nannyml_rule(reference_chunks: ArrayLike) -> ThresholdRule:
    """NannyML's default: Jensen-Shannon distance above mean + 3 standard deviations of the reference chunks'.

    Raises `ValueError` for fewer than two chunks.
    """
    return ThresholdRule("jensen_shannon_distance", standard_deviation_range(reference_chunks).upper)
