"""Fairness of numbers equals what scikit-learn, NumPy and plain sums say, and keeps its laws."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import mean_absolute_error

from modelspan_analyzer.config.outcome_settings import FairnessSettings
from modelspan_analyzer.monitors.fairness.judge import group_name, judge_groups
from modelspan_analyzer.results import Judged, Verdict
from modelspan_analyzer.statistics.fairness.numbers import NUMBER_MEASURES, NumberGroups, NumberMeasure, Numbers
from modelspan_analyzer.statistics.fairness.numbers import difference as measured
from modelspan_analyzer.statistics.performance.counts import Estimate

EXACT = 1e-9
NAMED = {measure.name: measure for measure in NUMBER_MEASURES}
QUANTILES = {0.1: "10", 0.5: "50", 0.9: "90"}
DOCS = Path(__file__).resolve().parents[3] / "docs"


def rows(prediction: np.ndarray, truth: np.ndarray | None = None, weight: np.ndarray | None = None) -> Numbers:
    """Rows in the order of their predictions, each by itself."""
    order = np.argsort(prediction, kind="stable")
    truth = np.full(order.size, np.nan) if truth is None else truth
    weight = np.ones(order.size) if weight is None else weight
    return Numbers(prediction[order], truth[order], weight[order], weight[order] ** 2)


def value(name: str, group: Numbers, rest: Numbers) -> float:
    """One measure of a group against the rest."""
    return measured(NAMED[name], group, rest)[0].value


@pytest.fixture(scope="module")
def drawn() -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Predictions, truths and weights of a group and of the rest."""
    generator = np.random.default_rng(7)
    found = []
    for size, middle in ((700, 1.0), (2300, 1.3)):
        prediction = generator.lognormal(middle, 0.7, size)
        truth = prediction * generator.lognormal(-0.1, 0.3, size)
        found.append((prediction, truth, generator.integers(1, 6, size).astype(float)))
    return found


def test_values_equal_the_references(drawn: list[tuple[np.ndarray, np.ndarray, np.ndarray]]) -> None:
    """Means are NumPy's, errors scikit-learn's, quantiles Hazen's (NumPy) where no two rows are alike."""
    (p_d, t_d, w_d), (p_a, t_a, w_a) = drawn
    group, rest = rows(p_d, t_d, w_d), rows(p_a, t_a, w_a)
    expected = {
        "mean_prediction_difference": np.average(p_a, weights=w_a) - np.average(p_d, weights=w_d),
        "mean_error_difference": np.average(p_a - t_a, weights=w_a) - np.average(p_d - t_d, weights=w_d),
        "mean_absolute_error_difference": mean_absolute_error(t_d, p_d, sample_weight=w_d)
        - mean_absolute_error(t_a, p_a, sample_weight=w_a),
    }
    for name, known in expected.items():
        assert value(name, group, rest) == pytest.approx(known, abs=EXACT), name
    for share, named in QUANTILES.items():
        known = np.quantile(p_a, share, method="hazen") - np.quantile(p_d, share, method="hazen")
        found = value(f"prediction_quantile_{named}_difference", rows(p_d), rows(p_a))
        assert found == pytest.approx(known, abs=EXACT), share


def by_definition(values: list[float], weights: list[float], share: float) -> float:
    """A quantile from its definition: each row at the middle of its weight, and lines between the rows."""
    found = sorted(zip(values, weights, strict=True))
    below, places = 0.0, []
    for at, weight in found:
        places.append((below + weight / 2, at))
        below += weight
    places = [(place / below, at) for place, at in places]
    for (low, x), (high, y) in pairwise(places):
        if low <= share <= high:
            return x + (y - x) * (share - low) / (high - low)
    return places[0][1] if share < places[0][0] else places[-1][1]


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(1, 4)), min_size=2, max_size=40), st.sampled_from([0.1, 0.5]))
def test_quantiles_of_weighted_rows_are_those_of_the_definition(found: list[tuple[int, int]], share: float) -> None:
    """Also of rows that are alike, which the store counts together; without weights they are NumPy's."""
    found.sort()
    values, weights = np.array([one[0] for one in found], float), np.array([one[1] for one in found], float)
    nought, name = rows(np.zeros(2)), f"prediction_quantile_{QUANTILES[share]}_difference"
    known = by_definition(values.tolist(), weights.tolist(), share)
    assert value(name, nought, rows(values, weight=weights)) == pytest.approx(known, abs=EXACT)
    distinct, counts = np.unique(values, return_counts=True)
    counted = Numbers(distinct, distinct, counts.astype(float), counts.astype(float))
    assert value(name, nought, counted) == pytest.approx(np.quantile(values, share, method="hazen"), abs=EXACT)


def test_the_interval_of_a_difference_of_means_is_that_of_welch() -> None:
    """Of normal rows, as good as the t-test's for unequal variances."""
    generator = np.random.default_rng(3)
    group, rest = generator.normal(0, 1, 5000), generator.normal(0.2, 3, 9000)
    found = measured(NAMED["mean_prediction_difference"], rows(group), rows(rest))[0]
    welch = stats.ttest_ind(rest, group, equal_var=False).confidence_interval(0.95)
    assert (found.lower, found.upper) == pytest.approx(welch, abs=2e-3)


@pytest.mark.parametrize("measure", NUMBER_MEASURES, ids=lambda one: one.name)
def test_intervals_hold_the_truth_as_often_as_they_say(measure: NumberMeasure) -> None:
    """95 % of 400 samples of skewed numbers, of a twentieth of which the group is; 2.5 % either way are chance."""
    generator = np.random.default_rng(11)
    held = 0
    for _ in range(400):
        truth = generator.lognormal(0, 0.5, 2150)
        prediction = truth + generator.normal(0, 0.5, truth.size)
        group, rest = (rows(prediction[part], truth[part]) for part in (slice(150), slice(150, None)))
        found = measured(measure, group, rest)[0]
        held += found.lower <= 0 <= found.upper
    assert 0.925 <= held / 400 <= 0.985, held


numbers = st.lists(st.floats(-1e3, 1e3).map(lambda x: round(x, 2)), min_size=2, max_size=30)


@given(numbers, numbers, st.floats(-100, 100), st.floats(0.1, 10), st.randoms())
def test_laws(d: list[float], a: list[float], shift: float, times: float, random: object) -> None:
    """Turned sides turn the sign; equal sides are 0; a shift changes nothing, a unit scales; rows that are alike may be
    counted together, and all weights may be of another unit."""
    group, rest = np.array(d), np.array(a)
    errors = np.linspace(-2, 2, max(group.size, rest.size))
    one, other = rows(group, group - errors[: group.size]), rows(rest, rest - errors[: rest.size])
    for name in NAMED:
        found = value(name, one, other)
        assert value(name, other, one) == pytest.approx(-found, abs=1e-7)
        assert value(name, one, one) == 0.0
        moved = (Numbers(x.prediction + shift, x.truth + shift, x.weight, x.squares) for x in (one, other))
        assert value(name, *moved) == pytest.approx(found, abs=1e-6)
        scaled = (Numbers(x.prediction * times, x.truth * times, x.weight, x.squares) for x in (one, other))
        assert value(name, *scaled) == pytest.approx(found * times, abs=1e-6)
        heavier = (Numbers(x.prediction, x.truth, x.weight * 4, x.squares * 16) for x in (one, other))
        assert value(name, *heavier) == pytest.approx(found, abs=1e-7)
        counted = (Numbers(x.prediction, x.truth, x.weight * 2, x.squares * 2) for x in (one, other))
        twice = (
            Numbers(*(np.repeat(part, 2) for part in (x.prediction, x.truth, x.weight, x.squares)))
            for x in (one, other)
        )
        assert value(name, *counted) == pytest.approx(value(name, *twice), abs=1e-7)


def test_weights_count_as_rows_and_widen_the_interval_by_what_they_hide() -> None:
    """A row of weight 4 is worth four in the value, and one in what is known."""
    generator = np.random.default_rng(5)
    prediction = generator.normal(0, 1, 400)
    rest = rows(generator.normal(0, 1, 4000))
    heavy = rows(prediction, weight=np.full(400, 4.0))
    four = rows(np.repeat(prediction, 4))
    for name in ("mean_prediction_difference", "prediction_quantile_50_difference"):
        of_weights, of_rows = (measured(NAMED[name], one, rest)[0] for one in (heavy, four))
        assert of_weights.value == pytest.approx(of_rows.value, abs=EXACT if "mean" in name else 0.01)
        assert (of_weights.upper - of_weights.lower) > 1.5 * (of_rows.upper - of_rows.lower)


def grouped(prediction: np.ndarray, truth: np.ndarray, women: np.ndarray) -> NumberGroups:
    """Two groups."""
    order = np.argsort(prediction, kind="stable")
    return NumberGroups("sex", ("men", "women"), women.astype(np.int64)[order], rows(prediction, truth))


def wages(seed: int, size: int, *, cut: float = 0.0, noise: float = 0.2) -> NumberGroups:
    """Predicted wages that are skewed and in whole tens, as wages are; women's predictions are cut."""
    generator = np.random.default_rng(seed)
    women = generator.random(size) < 0.3
    truth = generator.lognormal(8, 0.4, size)
    prediction = np.round(truth * generator.lognormal(0, noise, size) * np.where(women, 1 - cut, 1.0), -1)
    return grouped(prediction, truth, women)


def verdicts(now: NumberGroups, before: NumberGroups) -> dict[tuple[str, str], Judged]:
    """What is said of each measure of each group."""
    return {
        (one.measure.name, group_name(now, one.group)): said
        for one, said, _ in judge_groups(now, [before], FairnessSettings())
    }


def claims(seed: int, size: int) -> NumberGroups:
    """Of which most are nothing at all, some are huge, and the group is small."""
    generator = np.random.default_rng(seed)
    women = generator.random(size) < 0.15
    truth = np.where(generator.random(size) < 0.6, 0.0, generator.lognormal(2, 1, size))
    return grouped(truth * generator.lognormal(0, 0.2, size), truth, women)


def stars(seed: int, size: int) -> NumberGroups:
    """Two values, of which the median is now one, now the other."""
    generator = np.random.default_rng(seed)
    prediction = generator.choice([3.0, 4.0], size, p=[0.52, 0.48])
    return grouped(prediction, prediction + generator.normal(0, 1, size), generator.random(size) < 0.4)


@pytest.mark.parametrize("drawn", [wages, claims, stars])
def test_no_more_false_alarms_than_asked_for_in_300_windows(drawn: Callable[[int, int], NumberGroups]) -> None:
    """One in a thousand windows may alarm: of 300 like the baseline three or more do by chance once in 280 runs."""
    before = drawn(0, 20_000)
    alarms = [
        seed
        for seed in range(1, 301)
        if any(said.verdict is Verdict.ALARM for said in verdicts(drawn(seed, 1500), before).values())
    ]
    assert len(alarms) < 3, alarms


def test_a_cut_of_one_groups_predictions_names_it_and_the_kind_of_harm() -> None:
    """Women predicted a quarter less: means, quantiles and errors alarm for them, and nothing for men."""
    found = verdicts(wages(2, 4000, cut=0.25), wages(1, 20_000))
    alarms = {name for name, said in found.items() if said.verdict is Verdict.ALARM}
    assert alarms == {(name, "women") for name in NAMED}, alarms


def test_numbers_that_are_all_the_same_are_certain() -> None:
    """One price a group: nothing moved, nothing alarms; one cent of a group is a change without chance in it."""
    women = np.arange(1000) % 2 == 0
    before, moved = (grouped(np.where(women, price, 0.1), np.full(1000, np.nan), women) for price in (0.3, 0.29))
    said = verdicts(before, before)["mean_prediction_difference", "women"]
    assert (said.verdict, said.p_value) == (Verdict.OK, 1.0)
    said = verdicts(moved, moved)["mean_prediction_difference", "women"]
    assert said.verdict is Verdict.OK
    said = verdicts(before, moved)["mean_prediction_difference", "women"]
    assert said.p_value == 0.0


def test_too_few_labels_are_said_and_no_number_stands_for_them() -> None:
    """Errors need the smallest group of labelled rows on both sides; predictions do not wait for them."""
    now = wages(4, 2000)
    truth = np.where(np.arange(2000) % 40 == 0, now.rows.truth, np.nan)
    few = NumberGroups(now.facet, now.names, now.group, Numbers(now.rows.prediction, truth, *[np.ones(2000)] * 2))
    found = verdicts(few, wages(5, 2000))
    said = found["mean_absolute_error_difference", "women"]
    assert said.verdict is Verdict.NOT_ENOUGH_DATA
    assert "labelled rows against" in said.reason
    assert found["mean_prediction_difference", "women"].verdict is Verdict.OK


def test_no_row_is_no_number() -> None:
    """A side without rows gives NaN, with no end."""
    nothing = rows(np.zeros(0))
    for measure in NUMBER_MEASURES:
        assert all(np.isnan(part) for part in measured(measure, nothing, rows(np.ones(3)))[0]), measure.name
    assert measured(NUMBER_MEASURES[0], rows(np.ones(1)), rows(np.ones(3)))[0] == pytest.approx(
        Estimate(0.0, np.nan, np.nan), nan_ok=True
    )


@pytest.mark.parametrize("measure", NUMBER_MEASURES, ids=lambda measure: measure.name)
def test_every_measure_of_numbers_has_its_row_in_the_guide(measure: NumberMeasure) -> None:
    """A row with name, words and reading, none of them empty."""
    lines = [one for one in (DOCS / "fairness.md").read_text().splitlines() if one.startswith(f"| `{measure.name}` |")]
    assert len(lines) == 1
    cells = [cell.strip() for cell in lines[0].strip("|").split("|")]
    assert len(cells) == 3
    assert all(cells)
