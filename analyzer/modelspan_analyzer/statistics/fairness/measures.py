"""All fairness measures in reading order: one table that drives results, alarms and the documentation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

from modelspan_analyzer.statistics.fairness import groups, parity, posttraining, pretraining
from modelspan_analyzer.statistics.performance.counts import FloatArray

Counts = Literal["labels", "predictions", "both"]


@dataclass(frozen=True, slots=True)
class FairnessMeasure:
    """One measure, of one group against the rest or over all groups."""

    name: str
    short: str
    """Abbreviation in SageMaker Clarify, or ''."""
    counts: Counts
    """What it is computed from: labels, predictions, or both."""
    of: Callable[[FloatArray], FloatArray]
    ideal: float
    """Value where the groups are treated alike."""
    rate: Callable[[FloatArray], FloatArray] | None = None
    """The rate of each group behind it, to tell which group moved."""


PRETRAINING: Final[tuple[FairnessMeasure, ...]] = (
    FairnessMeasure("class_imbalance", "CI", "labels", pretraining.class_imbalance, 0.0),
    FairnessMeasure("label_proportion_difference", "DPL", "labels", pretraining.difference_in_proportions, 0.0),
    FairnessMeasure("label_kl_divergence", "KL", "labels", pretraining.kl_divergence, 0.0),
    FairnessMeasure("label_js_divergence", "JS", "labels", pretraining.js_divergence, 0.0),
    FairnessMeasure("label_lp_norm", "LP", "labels", pretraining.lp_norm, 0.0),
    FairnessMeasure("label_total_variation_distance", "TVD", "labels", pretraining.total_variation_distance, 0.0),
    FairnessMeasure("label_ks_distance", "KS", "labels", pretraining.ks_distance, 0.0),
    FairnessMeasure("label_conditional_disparity", "CDDL", "labels", pretraining.conditional_disparity, 0.0),
)

POSTTRAINING: Final[tuple[FairnessMeasure, ...]] = (
    FairnessMeasure(
        "positive_proportion_difference",
        "DPPL",
        "predictions",
        posttraining.difference_in_positive_proportions,
        0.0,
        groups.selection_rate,
    ),
    FairnessMeasure("disparate_impact", "DI", "predictions", posttraining.disparate_impact, 1.0, groups.selection_rate),
    FairnessMeasure(
        "conditional_acceptance_difference", "DCA", "both", posttraining.difference_in_conditional_acceptance, 0.0
    ),
    FairnessMeasure(
        "conditional_rejection_difference", "DCR", "both", posttraining.difference_in_conditional_rejection, 0.0
    ),
    FairnessMeasure("accuracy_difference", "AD", "both", posttraining.accuracy_difference, 0.0, groups.accuracy),
    FairnessMeasure("recall_difference", "RD", "both", posttraining.recall_difference, 0.0, groups.recall),
    FairnessMeasure(
        "acceptance_rate_difference", "DAR", "both", posttraining.difference_in_acceptance_rates, 0.0, groups.precision
    ),
    FairnessMeasure(
        "rejection_rate_difference",
        "DRR",
        "both",
        posttraining.difference_in_rejection_rates,
        0.0,
        groups.rejection_rate,
    ),
    FairnessMeasure(
        "specificity_difference", "SD", "both", posttraining.specificity_difference, 0.0, groups.specificity
    ),
    FairnessMeasure("treatment_equality", "TE", "both", posttraining.treatment_equality, 0.0),
    FairnessMeasure("conditional_disparity", "CDDPL", "predictions", posttraining.conditional_disparity, 0.0),
    FairnessMeasure("generalised_entropy", "GE", "both", posttraining.generalised_entropy, 0.0),
)

FLIP_TEST: Final = "flip_test"
"""Needs rows, not counts; see `flip_test.py` (FT)."""

OVER_GROUPS: Final[tuple[FairnessMeasure, ...]] = (
    FairnessMeasure("demographic_parity_difference", "", "predictions", parity.demographic_parity_difference, 0.0),
    FairnessMeasure("demographic_parity_ratio", "", "predictions", parity.demographic_parity_ratio, 1.0),
    FairnessMeasure("equal_opportunity_difference", "", "both", parity.equal_opportunity_difference, 0.0),
    FairnessMeasure("equalised_odds_difference", "", "both", parity.equalised_odds_difference, 0.0),
    FairnessMeasure("equalised_odds_ratio", "", "both", parity.equalised_odds_ratio, 1.0),
    FairnessMeasure("predictive_parity_difference", "", "both", parity.predictive_parity_difference, 0.0),
)

GROUP_CALIBRATION: Final = "group_calibration_error"
"""Expected calibration error within a group; see `cube.py`."""

AGAINST_REST: Final = (*PRETRAINING, *POSTTRAINING)
