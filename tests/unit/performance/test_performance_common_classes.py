"""Macro averages of two times are compared over the classes that both have; what is shown stays each side's own."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from sklearn import metrics

from modelspan_analyzer.results import Found, Verdict
from modelspan_analyzer.two_frames.entry import compare_frames

Words = npt.NDArray[np.str_]
RNG = np.random.default_rng(11)
ALL = ("bronze", "gold", "silver")
MACRO = ("balanced_accuracy", "f1_macro")


def answered(truth: Words, right: dict[str, float]) -> Words:
    """Answers that are right in some share of the rows of each class, and else another of the classes."""
    shares = np.array([right.get(name, 0.0) for name in truth])
    wrong = np.array([ALL[(ALL.index(name) + 1) % 3 if name in ALL else 0] for name in truth])
    return np.where(RNG.random(truth.size) < shares, truth, wrong)


def table(classes: tuple[str, ...], shares: tuple[float, ...], right: dict[str, float]) -> dict[str, Words]:
    """4,000 rows of these classes."""
    truth = RNG.choice(classes, 4000, p=shares)
    return {"answer": answered(truth, right), "truth": truth}


def found(before: dict[str, Words], now: dict[str, Words]) -> dict[str, Found]:
    """What is said of performance, by metric."""
    comparison = compare_frames(before, now, prediction="answer", label="truth")
    return {one.metric: one for one in comparison.findings.found["performance"]}


GOOD = {"bronze": 0.95, "silver": 0.95, "gold": 0.3}
BASELINE = table(ALL, (0.6, 0.1, 0.3), GOOD)


@pytest.mark.parametrize("metric", MACRO)
def test_a_class_that_is_missing_now_hides_no_fall(metric: str) -> None:
    """Without its rare, hardest class a window's mean is above the baseline's, though all others are worse."""
    now = table(("bronze", "silver"), (0.67, 0.33), {"bronze": 0.75, "silver": 0.75})
    one = found(BASELINE, now)[metric]
    own = {
        "f1_macro": metrics.f1_score(now["truth"], now["answer"], average="macro"),
        "balanced_accuracy": metrics.recall_score(
            now["truth"], now["answer"], labels=["bronze", "silver"], average="macro"
        ),
    }[metric]
    assert one.value == pytest.approx(own)
    assert one.judged.verdict is Verdict.ALARM
    assert "without gold (no rows in the window)" in one.judged.reason
    score = metrics.f1_score if metric == "f1_macro" else metrics.recall_score
    for side, name in ((BASELINE, "baseline"), (now, "value")):
        expected = score(side["truth"], side["answer"], labels=["bronze", "silver"], average="macro")
        assert one.judged.details["over_common_classes"][name] == pytest.approx(expected)  # type: ignore[index]


@pytest.mark.parametrize("metric", MACRO)
def test_a_class_that_the_baseline_lacks_is_no_fall(metric: str) -> None:
    """A class of which no answer is right is new: the others are as they were."""
    now = table((*ALL, "tin"), (0.58, 0.1, 0.3, 0.02), GOOD)
    one = found(BASELINE, now)[metric]
    assert one.value is not None
    assert one.value < 0.9 * one.judged.details["baseline"]  # type: ignore[operator]
    assert one.judged.verdict is Verdict.OK
    assert "without tin (no rows in the baseline)" in one.judged.reason
    assert one.judged.details["over_common_classes"]["left_out"] == ["tin (no rows in the baseline)"]  # type: ignore[index]


def test_where_both_have_all_classes_nothing_is_left_out() -> None:
    """The value has its threshold, and the reason no word of classes."""
    one = found(BASELINE, table(ALL, (0.6, 0.1, 0.3), GOOD))["f1_macro"]
    assert (one.judged.verdict, one.judged.reason) == (Verdict.OK, "")
    assert one.judged.threshold is not None
    assert "over_common_classes" not in one.judged.details


def test_without_a_class_in_common_nothing_is_compared() -> None:
    """Two times that share no class say so."""
    before = table(("bronze", "silver"), (0.5, 0.5), GOOD)
    now = {"answer": np.array(["gold", "tin"] * 500), "truth": np.array(["gold", "tin"] * 500)}
    one = found(before, now)["balanced_accuracy"]
    assert one.judged.verdict is Verdict.NOT_COMPARED
    assert one.judged.reason.startswith("no class has rows on both sides: gold (no rows in the baseline)")
