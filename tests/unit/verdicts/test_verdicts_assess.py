"""The drift rule: effect, evidence, many features, persistence, importance."""

from __future__ import annotations

import numpy as np
import pytest

from modelspan_analyzer.results import Verdict
from modelspan_analyzer.statistics.jensen_shannon import jensen_shannon_distance
from modelspan_analyzer.statistics.psi import psi
from modelspan_analyzer.verdicts.assess import assess_drift, ranked
from modelspan_analyzer.verdicts.effect import effects
from modelspan_analyzer.verdicts.learnt_floor import learn_effect_floor
from modelspan_analyzer.verdicts.rule import DriftRule, FeatureCounts
from modelspan_analyzer.verdicts.tables import tables_of

EVEN = np.full(10, 1000)
SHIFTED = np.array([20, 40, 60, 80, 90, 110, 130, 140, 160, 170])
DRIFTED = FeatureCounts("drifted", EVEN, SHIFTED, ordered_bins=10)


def only(feature: FeatureCounts, rule: DriftRule | None = None):
    """The verdict on one feature alone."""
    return assess_drift([feature], rule or DriftRule())[0]


def test_equal_shares_are_ok_with_p_near_one():
    """The same shares in a smaller window are no drift."""
    verdict = only(FeatureCounts("x", EVEN, EVEN // 10, ordered_bins=10))
    assert (verdict.verdict, verdict.breach, verdict.effect, verdict.excess_effect) == (Verdict.OK, False, 0.0, 0.0)
    assert verdict.p_value == pytest.approx(1.0)


def test_large_and_evident_change_is_an_alarm_that_names_the_bin():
    """Effect and evidence together make an alarm, and the reason says where the change sits."""
    verdict = only(FeatureCounts("x", EVEN, SHIFTED, ordered_bins=10, labels=[f"bin {i}" for i in range(10)]))
    assert verdict.verdict is Verdict.ALARM and verdict.breach
    assert "bin 0 (10.0% → 2.0%)" in verdict.reason


def test_evidence_without_effect_is_no_alarm():
    """A million rows make a change of a tenth of a percent evident, but not worth an alarm."""
    verdict = only(FeatureCounts("x", [500_000, 500_000], [505_000, 495_000]))
    assert verdict.q_value is not None and verdict.q_value < 1e-9
    assert verdict.verdict is Verdict.OK and "smaller than the floor" in verdict.reason


def test_effect_without_evidence_is_no_alarm():
    """A PSI above 0.2 that sixty rows give by chance is no alarm."""
    verdict = only(FeatureCounts("x", EVEN, [9, 3, 4, 8, 5, 10, 2, 6, 8, 5], ordered_bins=10))
    assert verdict.effect is not None and verdict.effect > 0.1
    assert verdict.verdict is Verdict.OK


def test_too_few_rows_never_alarm():
    """Below the minimum of rows there is no verdict, whatever the counts, and the reason says which side."""
    verdict = only(FeatureCounts("x", EVEN, [0] * 9 + [49]))
    assert verdict.verdict is Verdict.NOT_ENOUGH_DATA
    assert verdict.reason == "the window has 49 rows, a verdict needs 50"
    assert only(FeatureCounts("x", [0, 0], [100, 100])).verdict is Verdict.NOT_ENOUGH_DATA


def test_nulls_that_never_were_before_raise_an_alarm():
    """A null bin that the baseline has empty is judged exactly, not merged away."""
    assert only(FeatureCounts("x", [*EVEN, 0], [*EVEN // 100, 12], ordered_bins=10)).verdict is Verdict.ALARM
    assert only(FeatureCounts("x", [*EVEN, 0], [*EVEN // 100, 1], ordered_bins=10)).verdict is Verdict.OK


def test_correction_accounts_for_the_number_of_features():
    """A p-value of one in 500 is evidence alone, and none among fifty features."""
    rule = DriftRule(effect_floor=0.0, alpha=0.01, warning_floor=None)
    borderline = FeatureCounts("borderline", [5000, 5000], [577, 480])
    quiet = [FeatureCounts(f"quiet {i}", [5000, 5000], [500, 500]) for i in range(49)]
    assert only(borderline, rule).verdict is Verdict.ALARM
    assert assess_drift([borderline, *quiet], rule)[0].verdict is Verdict.OK
    unadjusted = DriftRule(effect_floor=0.0, alpha=0.01, warning_floor=None, correction="none")
    assert assess_drift([borderline, *quiet], unadjusted)[0].verdict is Verdict.ALARM


@pytest.mark.parametrize(
    ("earlier", "expected"),
    [((), Verdict.WARNING), ((True, False), Verdict.ALARM), ((True, False, False), Verdict.WARNING)],
)
def test_persistence_asks_for_breaches_in_recent_windows(earlier, expected):
    """Two of three: the first breach warns, the second within three windows alarms."""
    feature = FeatureCounts("x", EVEN, SHIFTED, ordered_bins=10, earlier_breaches=earlier)
    assert only(feature, DriftRule(persistence_breaches=2, persistence_windows=3)).verdict is expected


def test_unused_features_rank_low_and_can_be_kept_to_warnings():
    """The same drift counts less on a feature that the model hardly uses."""
    used = FeatureCounts("used", EVEN, SHIFTED, 10, importance=0.9)
    unused = FeatureCounts("unused", EVEN, SHIFTED, 10, importance=0.001)
    assert [v.feature for v in ranked(assess_drift([unused, used]))] == ["used", "unused"]
    kept = assess_drift([unused, used], DriftRule(negligible_importance=0.01))
    assert [v.verdict for v in kept] == [Verdict.WARNING, Verdict.ALARM]


def test_effects_of_many_features_equal_the_single_measures():
    """Padding features to one table changes no effect size."""
    counts = [(EVEN, SHIFTED), (np.array([5, 0, 95]), np.array([0, 8, 92])), (np.array([7.0]), np.array([9.0]))]
    tables = tables_of([FeatureCounts(str(i), b, c) for i, (b, c) in enumerate(counts)])
    assert effects(tables, "psi").measured == pytest.approx([float(psi(b, c)) for b, c in counts], abs=1e-12)
    assert effects(tables, "jensen_shannon").measured == pytest.approx(
        [float(jensen_shannon_distance(b, c)) for b, c in counts], abs=1e-12
    )


def test_unfit_counts_name_the_feature():
    """Bins that differ are an error that names the feature."""
    with pytest.raises(ValueError, match=r"feature 'age'.*same bins"):
        assess_drift([FeatureCounts("age", [100, 100], [100, 100, 100])])


@pytest.mark.parametrize(
    "options",
    [{"alpha": 0.0}, {"measure": "ks"}, {"correction": "x"}, {"persistence_breaches": 2}, {"minimum_rows": -1}],
)
def test_impossible_rules_are_refused(options):
    """A rule that no window could be judged by is an error at once."""
    with pytest.raises(ValueError, match=r"expected|cannot"):
        DriftRule(**options)


def test_scaled_counts_that_add_up_but_for_rounding_are_enough():
    """Weights scaled to fifty rows may sum to 49.999…; that is fifty."""
    scaled = np.full(3, 1 / 3) * 50 * (1 - 1e-15)
    verdict = only(FeatureCounts("x", [100, 100, 100], scaled))
    assert (verdict.verdict, verdict.n) == (Verdict.OK, 50)


def test_no_features_give_no_verdicts():
    """An empty window is no error."""
    assert assess_drift([]) == []


def test_floor_learnt_from_a_swinging_baseline_forgives_the_swing_and_not_more():
    """A feature whose days differ gets a floor above their differences; a calm one keeps the rule's."""
    day, night = np.array([50, 100, 150, 200]), np.array([200, 150, 100, 50])
    rule = DriftRule()
    floor = learn_effect_floor(day * 6 + night * 6, [day, night] * 6, rule)
    assert floor > effects(tables_of([FeatureCounts("x", day * 6 + night * 6, day)]), "psi").excess[0] - 1e-9
    assert floor > rule.effect_floor
    usual = FeatureCounts("x", day * 6 + night * 6, day, effect_floor=floor + 1e-9)
    unusual = FeatureCounts("x", day * 6 + night * 6, [450, 40, 5, 5], effect_floor=floor + 1e-9)
    assert [only(usual, rule).verdict, only(unusual, rule).verdict] == [Verdict.OK, Verdict.ALARM]
    assert learn_effect_floor(day * 6, [day] * 6, rule) == rule.effect_floor
    with pytest.raises(ValueError, match="at least 6"):
        learn_effect_floor(day * 6, [day, night], rule)
