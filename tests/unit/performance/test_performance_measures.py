"""Every performance measure equals scikit-learn's, and keeps its laws."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit
from sklearn import metrics

from modelspan_analyzer.statistics.performance import calibration, classification, measures, ranking, regression, scores
from modelspan_analyzer.statistics.performance.calibration_change import calibration_change
from modelspan_analyzer.statistics.performance.counts import PairCounts, ScoreCounts

EXACT = 1e-9


def score_counts(score: np.ndarray, truth: np.ndarray) -> ScoreCounts:
    """Counts of positives and negatives at each distinct score."""
    distinct, place = np.unique(score, return_inverse=True)
    positives = np.bincount(place, truth, distinct.size)
    total = np.bincount(place, minlength=distinct.size).astype(float)
    return ScoreCounts(distinct, positives, total - positives, float(score.size))


def pair_counts(prediction: np.ndarray, actual: np.ndarray) -> PairCounts:
    """Each row as one pair."""
    return PairCounts(prediction, actual, np.ones_like(actual), float(actual.size))


@pytest.fixture(scope="module")
def binary() -> tuple[np.ndarray, np.ndarray]:
    """Scores with ties and a truth that follows them."""
    generator = np.random.default_rng(1)
    score = np.round(generator.beta(1, 2, 4000), 3)
    return score, (generator.random(4000) < score**1.3).astype(float)


@pytest.mark.parametrize("classes", [2, 4])
def test_measures_of_a_confusion_matrix_equal_scikit_learn(classes: int) -> None:
    """Binary and multiclass measures are scikit-learn's to the ninth digit."""
    generator = np.random.default_rng(classes)
    truth = generator.integers(0, classes, 3000)
    predicted = np.where(generator.random(3000) < 0.7, truth, generator.integers(0, classes, 3000))
    matrix = metrics.confusion_matrix(truth, predicted).astype(float)
    by_class = {"average": None}
    expected = {
        "accuracy": (classification.accuracy(matrix), metrics.accuracy_score(truth, predicted)),
        "precision": (classification.precision(matrix), metrics.precision_score(truth, predicted, **by_class)),
        "recall": (classification.recall(matrix), metrics.recall_score(truth, predicted, **by_class)),
        "f1": (classification.f_score(matrix), metrics.f1_score(truth, predicted, **by_class)),
        "f2": (classification.f_score(matrix, 2), metrics.fbeta_score(truth, predicted, beta=2, **by_class)),
        "kappa": (classification.kappa(matrix), metrics.cohen_kappa_score(truth, predicted)),
        "matthews": (classification.matthews(matrix), metrics.matthews_corrcoef(truth, predicted)),
        "balanced": (classification.balanced_accuracy(matrix), metrics.balanced_accuracy_score(truth, predicted)),
        "macro": (
            classification.macro(classification.f_score(matrix)),
            metrics.f1_score(truth, predicted, average="macro"),
        ),
        "weighted": (
            classification.weighted(classification.f_score(matrix), matrix),
            metrics.f1_score(truth, predicted, average="weighted"),
        ),
        "specificity": (
            classification.specificity(matrix),
            [metrics.recall_score(truth != c, predicted != c) for c in range(classes)],
        ),
        "npv": (
            classification.negative_predictive_value(matrix),
            [metrics.precision_score(truth != c, predicted != c) for c in range(classes)],
        ),
    }
    for name, (ours, theirs) in expected.items():
        np.testing.assert_allclose(ours, theirs, atol=EXACT, err_msg=name)


def test_measures_vectorise_over_a_bootstrap() -> None:
    """A stack of matrices gives what each gives alone."""
    stack = np.random.default_rng(0).integers(1, 50, (7, 3, 3)).astype(float)
    for measure in (classification.accuracy, classification.kappa, classification.matthews, classification.recall):
        np.testing.assert_allclose(measure(stack), [measure(one) for one in stack])


def test_undefined_quotients_are_nan_not_zero() -> None:
    """A class that never occurs has no recall, and one never predicted no precision."""
    matrix = np.array([[5.0, 0.0], [0.0, 0.0]])
    assert np.isnan(classification.recall(matrix)[1])
    assert np.isnan(classification.precision(matrix)[1])


def test_measures_of_scores_equal_scikit_learn(binary: tuple[np.ndarray, np.ndarray]) -> None:
    """AUC, average precision, log loss and Brier are scikit-learn's, ties included."""
    score, truth = binary
    counts = score_counts(score, truth)
    assert scores.roc_auc(counts) == pytest.approx(metrics.roc_auc_score(truth, score), abs=EXACT)
    assert scores.average_precision(counts) == pytest.approx(metrics.average_precision_score(truth, score), abs=EXACT)
    assert scores.log_loss(counts) == pytest.approx(metrics.log_loss(truth, score), abs=EXACT)
    assert scores.brier(counts) == pytest.approx(metrics.brier_score_loss(truth, score), abs=EXACT)


def test_adult_equals_the_reference_file(shared_data: Path) -> None:
    """On the live rows of adult, all measures are those of the shared reference."""
    table = pq.read_table(shared_data / "adult_predictions.parquet", filters=[("split", "==", "live")]).to_pandas()
    expected = json.loads((shared_data / "reference/fairlearn_sklearn_adult.json").read_text())["overall"]
    counts = score_counts(table["score"].to_numpy(), table["label"].to_numpy())
    matrix = metrics.confusion_matrix(table["label"], table["prediction"]).astype(float)
    ours = {
        "accuracy": classification.accuracy(matrix),
        "precision": classification.precision(matrix)[1],
        "recall": classification.recall(matrix)[1],
        "f1": classification.f_score(matrix)[1],
        "mcc": classification.matthews(matrix),
        "kappa": classification.kappa(matrix),
        "balanced_accuracy": classification.balanced_accuracy(matrix),
        "roc_auc": scores.roc_auc(counts),
        "average_precision": scores.average_precision(counts),
        "log_loss": scores.log_loss(counts),
        "brier": scores.brier(counts),
    }
    assert set(ours) == set(expected)
    for name, value in expected.items():
        assert float(ours[name]) == pytest.approx(value, abs=EXACT), name


def test_gain_and_precision_at_k_by_hand() -> None:
    """Four rows, two of them positive, one at the top."""
    counts = score_counts(np.array([0.9, 0.8, 0.2, 0.1]), np.array([1.0, 0.0, 1.0, 0.0]))
    curve = scores.gain_curve(counts, points=4)
    np.testing.assert_allclose(curve.gain, [0.5, 0.5, 1.0, 1.0])
    np.testing.assert_allclose(curve.lift, [2.0, 1.0, 4 / 3, 1.0])
    assert scores.precision_at(counts, 1) == 1.0
    assert scores.precision_at(counts, 2) == 0.5
    with pytest.raises(ValueError, match="k above 0"):
        scores.precision_at(counts, 0)


def test_ties_across_the_border_count_their_expected_part() -> None:
    """One positive among two rows of one score is half a hit at k = 1."""
    counts = score_counts(np.array([0.5, 0.5]), np.array([1.0, 0.0]))
    assert scores.precision_at(counts, 1) == 0.5


def test_regression_equals_scikit_learn() -> None:
    """All regression measures are scikit-learn's, and R²'s interval holds the value."""
    generator = np.random.default_rng(3)
    actual = generator.gamma(3, 2, 2000)
    prediction = actual * 0.9 + generator.normal(0, 0.3, 2000) ** 2
    pairs = pair_counts(prediction, actual)
    expected = {
        regression.mean_absolute_error: metrics.mean_absolute_error(actual, prediction),
        regression.mean_squared_error: metrics.mean_squared_error(actual, prediction),
        regression.root_mean_squared_error: metrics.root_mean_squared_error(actual, prediction),
        regression.mean_absolute_percentage_error: metrics.mean_absolute_percentage_error(actual, prediction),
        regression.mean_squared_log_error: metrics.mean_squared_log_error(actual, prediction),
        regression.root_mean_squared_log_error: metrics.root_mean_squared_log_error(actual, prediction),
        regression.r_squared: metrics.r2_score(actual, prediction),
        regression.bias: (prediction - actual).mean(),
        regression.quantile_loss: metrics.mean_pinball_loss(actual, prediction),
    }
    for measure, value in expected.items():
        ours = measure(pairs)
        assert ours.value == pytest.approx(value, abs=EXACT), measure.__name__
        assert ours.lower < ours.value < ours.upper
    assert regression.quantile_loss(pairs, 0.9).value == pytest.approx(
        metrics.mean_pinball_loss(actual, prediction, alpha=0.9), abs=EXACT
    )
    assert np.isnan(regression.mean_squared_log_error(pair_counts(np.array([-2.0]), np.array([1.0]))).value)


def test_ndcg_equals_scikit_learn_with_and_without_ties() -> None:
    """Lists of ten, graded relevance, cut at three and at ten."""
    generator = np.random.default_rng(5)
    relevance = generator.integers(0, 4, (40, 10)).astype(float)
    for score in (generator.random((40, 10)), generator.integers(0, 3, (40, 10)).astype(float)):
        query = np.repeat(np.arange(40), 10)
        for k in (3, 10):
            ours = ranking.ndcg(query, score.ravel(), relevance.ravel(), k)
            assert np.nanmean(ours) == pytest.approx(metrics.ndcg_score(relevance, score, k=k), abs=EXACT)


def test_rankings_by_chance() -> None:
    """Random order finds one relevant row of five among the first two of them in two of five lists."""
    query, relevance = np.repeat(np.arange(2000), 5), np.tile([0.0, 1.0, 0.0, 0.0, 0.0], 2000)
    assert ranking.by_chance(ranking.hit_rate, query, relevance, 2) == pytest.approx(2 / 5, abs=0.01)
    assert ranking.by_chance(ranking.reciprocal_rank, query, relevance, 2) == pytest.approx((1 + 1 / 2) / 5, abs=0.01)
    assert ranking.by_chance(ranking.ndcg, query, relevance, 2) == pytest.approx((1 + 1 / np.log2(3)) / 5, abs=0.01)
    assert np.isnan(ranking.by_chance(ranking.ndcg, query, 0 * relevance, 2))


def test_ranking_measures_by_hand() -> None:
    """The second and third of four are relevant in list 0; nothing is in list 1's first two."""
    query = np.array([0, 0, 0, 0, 1, 1, 1])
    score = np.array([4.0, 3.0, 2.0, 1.0, 3.0, 2.0, 1.0])
    relevance = np.array([0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 1.0])
    np.testing.assert_allclose(ranking.average_precision(query, score, relevance, 2), [(1 / 2) / 2, 0.0])
    np.testing.assert_allclose(ranking.average_precision(query, score, relevance, 4), [(1 / 2 + 2 / 3) / 2, 1 / 3])
    np.testing.assert_allclose(ranking.reciprocal_rank(query, score, relevance, 2), [0.5, 0.0])
    np.testing.assert_allclose(ranking.hit_rate(query, score, relevance, 2), [1.0, 0.0])


def test_calibration_error_by_hand(binary: tuple[np.ndarray, np.ndarray]) -> None:
    """ECE and MCE are the weighted and largest gap of the bins; a good score stays near its noise floor."""
    counts = score_counts(np.array([0.05, 0.05, 0.95, 0.95]), np.array([0.0, 1.0, 1.0, 1.0]))
    assert calibration.expected_calibration_error(counts) == pytest.approx((0.45 + 0.05) / 2)
    assert calibration.maximum_calibration_error(counts) == pytest.approx(0.45)
    generator = np.random.default_rng(8)
    score = generator.random(20000)
    good = score_counts(score, (generator.random(20000) < score).astype(float))
    assert calibration.expected_calibration_error(good) < 2 * calibration.noise_floor(good)
    assert calibration.spiegelhalter(good)[1] > 0.01
    assert calibration.spiegelhalter(score_counts(*binary))[1] < 1e-6


@pytest.mark.parametrize("before", [300, 1000])
@pytest.mark.parametrize("rows", [100, 300, 3000])
@pytest.mark.parametrize("usual", [1.0, 0.5])
def test_a_change_of_calibration_is_told_from_chance_and_from_what_was_always_wrong(
    rows: int, before: int, usual: float
) -> None:
    """However few rows, and whether or not the model is overconfident by nature: `usual` is what log odds are worth.

    Of unchanged windows few are called wrong, as is allowed; of those whose scores are worth nothing, most.
    """
    generator = np.random.default_rng(rows)

    def window(size: int, confidence: float) -> ScoreCounts:
        odds = generator.normal(0, 2, size)
        return score_counts(expit(odds), (generator.random(size) < expit(confidence * odds)).astype(float))

    good, bad = (
        np.array([calibration_change(window(rows, one), window(before, usual)).p_value for _ in range(600)])
        for one in (usual, -0.2)
    )
    assert np.mean(good < 0.1) < 0.13
    assert np.mean(good < 0.01) < 0.02
    assert np.mean(bad < 0.001) > 0.5


def test_prior_shift_recovers_a_change_of_the_label_frequency() -> None:
    """Under label shift the log odds move by one constant, which is found."""
    generator = np.random.default_rng(9)
    score = generator.random(200_000)
    truth = (generator.random(score.size) < calibration.shifted(score, 0.8)).astype(float)
    assert calibration.prior_shift(score_counts(score, truth)) == pytest.approx(0.8, abs=0.03)
    assert np.isnan(calibration.prior_shift(score_counts(score, np.zeros_like(score))))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 20), st.booleans()), min_size=2, max_size=60), st.integers(0, 2**31))
def test_auc_laws(rows: list[tuple[int, bool]], seed: int) -> None:
    """AUC is in 0 to 1, does not depend on the order of rows, and mirrors when the score is negated."""
    score = np.array([row[0] / 20 for row in rows])
    truth = np.array([float(row[1]) for row in rows])
    value = scores.roc_auc(score_counts(score, truth))
    if truth.min() == truth.max():
        assert np.isnan(value)
        return
    shuffled = np.random.default_rng(seed).permutation(score.size)
    assert 0 <= value <= 1
    assert scores.roc_auc(score_counts(score[shuffled], truth[shuffled])) == value
    assert scores.roc_auc(score_counts(1 - score, truth)) == pytest.approx(1 - value)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 30), min_size=9, max_size=9))
def test_agreement_measures_stay_in_their_range(cells: list[int]) -> None:
    """Kappa and Matthews are at most 1, and 1 exactly on a perfect matrix."""
    matrix = np.array(cells, float).reshape(3, 3)
    for measure in (classification.kappa, classification.matthews):
        value = measure(matrix)
        assert np.isnan(value) or -1 - 1e-12 <= value <= 1 + 1e-12
        assert measure(np.diag([3.0, 4.0, 5.0])) == pytest.approx(1.0)


@pytest.mark.parametrize("table", [measures.BINARY, measures.MULTICLASS, measures.SCORES, measures.REGRESSION])
def test_every_measure_of_the_tables_is_on_the_page(table: tuple[measures.Measure, ...]) -> None:
    """By the name that `alarm_on` and `bounds` take: what has no name there cannot be asked for."""
    page = (Path(__file__).parents[3] / "docs/performance.md").read_text()
    assert [measure.name for measure in table if f"`{measure.name}`" not in page] == []
