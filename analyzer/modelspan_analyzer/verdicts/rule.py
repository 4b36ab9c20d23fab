"""The rule by which drift of features becomes an alarm, and what is known of one feature."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from numpy.typing import ArrayLike

from modelspan_analyzer.results import Verdict
from modelspan_analyzer.statistics.multiple_testing import CORRECTIONS, Correction

EffectMeasure = Literal["psi", "jensen_shannon"]


@dataclass(frozen=True, slots=True)
class DriftRule:
    """An alarm needs every condition below; each can be switched off by the value given with it.

    `measure`: the effect size, PSI (nats) or Jensen-Shannon distance (base 2).
    `effect_floor`: the least effect that matters, after what chance alone gives at these sizes is taken off (0: any).
    `warning_floor`: the least effect that gives a warning (None: no warnings).
    `alpha`: the greatest adjusted p-value (1: no evidence asked for). The default allows, over all features together,
    about one false alarm in a thousand windows.
    `correction`: how p-values are adjusted over the features of one window ("none": not at all).
    `minimum_rows`: with fewer rows on either side the verdict is "not enough data" (0: judge anything).
    `persistence_breaches` of the last `persistence_windows` windows, this one counted, must breach (1 of 1: off).
    `negligible_importance`: a feature whose share of all importance is below this gives a warning at most (0: off).
    """

    measure: EffectMeasure = "psi"
    effect_floor: float = 0.1
    warning_floor: float | None = 0.05
    alpha: float = 0.001
    correction: Correction = "benjamini_hochberg"
    minimum_rows: int = 50
    persistence_breaches: int = 1
    persistence_windows: int = 1
    negligible_importance: float = 0.0

    def __post_init__(self) -> None:
        """Refuse values that no window could be judged by."""
        if self.measure not in ("psi", "jensen_shannon"):
            raise ValueError(f"unknown effect measure {self.measure!r}, expected 'psi' or 'jensen_shannon'")
        if self.correction not in CORRECTIONS:
            raise ValueError(f"unknown correction {self.correction!r}, expected one of {', '.join(CORRECTIONS)}")
        if not 0 < self.alpha <= 1:
            raise ValueError(f"alpha is {self.alpha}, expected more than 0 and at most 1")
        if self.effect_floor < 0 or self.minimum_rows < 0:
            raise ValueError("the effect floor and the minimum of rows cannot be negative; hint: 0 switches them off")
        if not 1 <= self.persistence_breaches <= self.persistence_windows:
            raise ValueError(
                f"{self.persistence_breaches} breaches in {self.persistence_windows} windows cannot be asked for, "
                "expected 1 <= breaches <= windows; hint: 1 of 1 switches persistence off"
            )


@dataclass(frozen=True, slots=True)
class FeatureCounts:
    """One feature's counts over bins pinned on the baseline, shape (bins,) each.

    Counts are of rows: scale weighted ones so that they add up to the rows behind them, or evidence counts twice.
    `ordered_bins`: how many leading bins are in order of value (0 for categories); the null bin, "other" and any
    further unordered bin come after them. `labels` name the bins in the reason. `importance`: any non-negative weight
    (mean absolute attribution, correlation with the prediction). `earlier_breaches`: whether the windows before this
    one breached, oldest first, for persistence. `rank_error`: of the sketches that the counts come from (0: counted
    exactly); evidence then takes no more for certain than such sketches can resolve. `effect_floor`: this feature's own
    in place of the rule's, as `learn_effect_floor` finds it; below it there is no warning either. `together`: counts
    over bins that both sides chose, where the baseline's were chosen among more: evidence, and what an effect is beyond
    chance, are read from them.
    """

    feature: str
    baseline: ArrayLike
    current: ArrayLike
    ordered_bins: int = 0
    labels: Sequence[str] = ()
    importance: float | None = None
    earlier_breaches: Sequence[bool] = ()
    rank_error: float = 0.0
    effect_floor: float | None = None
    together: tuple[ArrayLike, ArrayLike] | None = None


@dataclass(frozen=True, slots=True)
class FeatureVerdict:
    """What one window says of one feature.

    `effect` is the measure as computed, `excess_effect` the same with what chance alone gives taken off (the floor is
    compared with this one). `breach`: effect and evidence both suffice in this window alone. `priority`: excess effect
    times the feature's share of all importance (excess effect alone where no importances are known); rank by it.
    """

    feature: str
    verdict: Verdict
    reason: str
    n: int
    n_baseline: int
    effect: float | None = None
    excess_effect: float | None = None
    p_value: float | None = None
    q_value: float | None = None
    breach: bool = False
    priority: float = 0.0
