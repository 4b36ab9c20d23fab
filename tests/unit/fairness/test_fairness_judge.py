"""A measure of fairness alarms where it surely moved, also where few rows are favourable."""

from __future__ import annotations

import numpy as np
import pytest

from modelspan_analyzer.config.outcome_settings import FairnessSettings
from modelspan_analyzer.monitors.fairness.judge import group_name, judge_groups
from modelspan_analyzer.results import Verdict
from modelspan_analyzer.statistics.fairness.groups import GroupCounts


def selected(women: tuple[int, int], men: tuple[int, int]) -> GroupCounts:
    """Predictions of two groups, each by its favourable ones and its rows; none has a label."""
    predicted = np.array([[[rows - chosen, chosen]] for chosen, rows in (women, men)], float)
    return GroupCounts("sex", ("women", "men"), np.zeros((2, 1, 2, 2)), predicted, 1.0)


@pytest.mark.parametrize(
    ("women", "verdict"), [((3, 165), Verdict.OK), ((13, 165), Verdict.OK), ((0, 660), Verdict.ALARM)]
)
def test_few_favourable_rows_are_no_proof_by_their_own_small_error(women: tuple[int, int], verdict: Verdict) -> None:
    """Of 165 women 8 % make 13; 3 come by chance in one of 400 such windows (p 0.0025), none of 660 never."""
    men = (women[1] * 56 // 100, women[1] * 2)
    before = selected((132, 1650), (938, 3350))
    found = {
        group_name(before, one.group): judged
        for one, judged, _ in judge_groups(selected(women, men), [before], FairnessSettings())
        if one.measure.name == "disparate_impact" and one.group >= 0
    }
    assert found["women"].verdict is verdict, found["women"]
    assert found["women"].p_value is not None
    assert (found["women"].p_value < 1e-5) == (verdict is Verdict.ALARM)
