"""What estimates promise of the labels to come holds, also where the baseline is small."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit, softmax
from sklearn.metrics import accuracy_score, f1_score, roc_auc_score

from modelspan_analyzer.statistics.estimation import cbpe, cbpe_classes, dle
from modelspan_analyzer.statistics.estimation.balance import balance
from modelspan_analyzer.statistics.estimation.calibrate import IDENTITY, fit_calibrator, learn
from modelspan_analyzer.statistics.performance.counts import ScoreCounts


def scored(generator: np.random.Generator, rows: int, sureness: float, moved: float = 0.0) -> ScoreCounts:
    """Rows in ascending order of a score whose log odds are so many times the true ones."""
    odds = np.sort(1.5 * (moved + generator.standard_normal(rows)) - 0.5)
    truth = (generator.random(rows) < expit(odds)).astype(float)
    return ScoreCounts(expit(sureness * odds), truth, 1 - truth, float(rows))


@pytest.mark.parametrize(("sureness", "moved"), [(2.0, 0.0), (1.0, 0.0), (0.5, 0.5)])
def test_the_interval_of_an_estimate_holds_what_labels_say(sureness: float, moved: float) -> None:
    """Of 30 baselines of 1,000 rows with two windows each, 85 % or more of the intervals hold the accuracy and the AUC.

    With an overconfident model, a calibrated one, and an underconfident one whose inputs moved by half a standard
    deviation. Without the error of the calibrator, an interval held the first in a quarter of the windows.
    """
    generator, held = np.random.default_rng(7), []
    for _ in range(30):
        calibration = learn(scored(generator, 1000, sureness))
        assert calibration is not None
        for _ in range(2):
            window = scored(generator, 800, sureness, moved)
            high = (window.score >= 0.5).astype(float)
            rows = cbpe.PredictedScores(window.score, high, np.ones(800), 800.0)
            found = cbpe.estimate(rows, calibration, cbpe.expect(rows, calibration.calibrator, ("0", "1")))
            below = np.cumsum(window.negatives) - window.negatives / 2
            realised = {
                "accuracy": ((window.positives > 0) == (high > 0)).mean(),
                "roc_auc": (window.positives * below).sum() / window.positives.sum() / window.negatives.sum(),
            }
            held.append([found[name].lower <= value <= found[name].upper for name, value in realised.items()])
    assert (np.mean(held, axis=0) >= 0.85).all(), np.mean(held, axis=0)


def test_calibration_does_not_hang_on_one_split() -> None:
    """Of 10 baselines of 1,000 rows, a model that is twice as sure as it should be is put right in all.

    One that is as sure as it should be is left alone in most: of one split of folds of any size, the first was
    refused in 72 %.
    """
    generator = np.random.default_rng(8)
    wrong = [fit_calibrator(scored(generator, 1000, 2.0)) is not IDENTITY for _ in range(10)]
    right = [fit_calibrator(scored(generator, 1000, 1.0)) is not IDENTITY for _ in range(10)]
    assert (sum(wrong), sum(right) <= 4) == (10, True), (sum(wrong), sum(right))


def test_a_percentage_of_nothing_is_not_expected() -> None:
    """Half of the truths, those at low inputs, are 0 and have no percentage: the others' error is what is estimated."""
    generator = np.random.default_rng(9)
    x = generator.random(2000)
    actual = np.where(x < 0.5, 0.0, 10.0 + 0.1 * generator.standard_normal(2000))
    prediction = np.where(x < 0.5, 1.0, 11.0)
    model = dle.fit_losses(x[:, None], prediction + x, actual, np.array([False]))
    realised = (np.abs(prediction + x - actual) / np.where(actual > 0, actual, np.nan))[actual > 0]
    found = dle.estimate_losses(model, x[:, None], prediction + x).measures["mean_absolute_percentage_error"]
    assert found.value == pytest.approx(realised.mean(), rel=0.02)
    assert found.lower < realised.mean() < found.upper


def test_the_interval_of_an_estimated_loss_holds_what_labels_say() -> None:
    """Of 4 baselines of 1,000 rows with 12 windows each, nine of them moved, 88 % or more of the MAE and the RMSE hold.

    Of a window whose mean is 1.5 standard deviations higher each says how many rows lie where the baseline has few, and
    of one far beyond it that the inputs left it; neither is a number.
    """
    generator, held = np.random.default_rng(10), []

    def drawn(rows: int, moved: float, width: float = 1.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        x = generator.standard_normal((rows, 2)) * np.array([width, 1.0]) + np.array([moved, 0.0])
        prediction = 3 * x[:, 0] - 50
        return x, prediction, prediction + generator.standard_normal(rows) * np.exp(0.5 * x[:, 0])

    for _ in range(4):
        model = dle.fit_losses(*drawn(1000, 0.0), np.array([False, False]))
        for moved, width in [(0.0, 1.0), (0.5, 1.0), (0.0, 0.6), (0.0, 1.3)] * 3:
            x, prediction, actual = drawn(500, moved, width)
            found = dle.estimate_losses(model, x, prediction)
            assert not found.lacks and not found.beyond
            errors = {"mean_absolute_error": np.abs(prediction - actual).mean()}
            errors["root_mean_squared_error"] = np.sqrt(((prediction - actual) ** 2).mean())
            held += [
                found.measures[name].lower <= value <= found.measures[name].upper for name, value in errors.items()
            ]
        unlike, gone = (dle.estimate_losses(model, *drawn(500, moved)[:2], ("x", "y")) for moved in (1.5, 5.0))
        assert unlike.lacks.startswith("cannot tell: ") or "beyond that of the baseline" in unlike.beyond
        assert "is beyond that of the baseline in" in gone.beyond
        assert np.isnan(gone.measures["mean_absolute_error"]).all()
        assert np.isnan(unlike.measures["root_mean_squared_error"]).all()
    assert np.mean(held) >= 0.88, np.mean(held)


def test_what_losses_do_beyond_the_baseline_widens_the_interval() -> None:
    """Where losses grow along what moved, the estimate is less sure than where they are the same everywhere.

    Both baselines have the same inputs, and both windows are half a standard deviation higher.
    """
    generator = np.random.default_rng(13)
    x, now = generator.standard_normal((2000, 1)), generator.standard_normal((2000, 1)) + 0.5
    widths = []
    for growth in (0.0, 0.7):
        noise = generator.standard_normal(2000) * np.exp(growth * x[:, 0])
        model = dle.fit_losses(x, np.full(2000, 50.0), 50 + noise, np.array([False]))
        found = dle.estimate_losses(model, now, np.full(2000, 50.0)).measures["mean_absolute_error"]
        widths.append((found.upper - found.lower) / found.value)
    assert widths[0] < 0.6 * widths[1], widths


def test_weights_give_the_baseline_the_means_of_the_window() -> None:
    """Of numbers that moved and of a category; the ratio of the window's rows is by the same rule as the weights."""
    generator = np.random.default_rng(14)
    before = np.column_stack([generator.standard_normal((3000, 2)), generator.integers(0, 3, 3000)])
    now = np.column_stack([generator.standard_normal((2000, 2)), generator.integers(0, 2, 2000)])
    now[:, 0] += 0.6
    found = balance(before, now, np.array([False, False, True]))
    assert found.weight.mean() == pytest.approx(1.0)
    assert np.average(before[:, 0], weights=found.weight) == pytest.approx(now[:, 0].mean(), abs=0.05)
    assert found.weight[before[:, 2] == 2].mean() < 0.1
    assert "column 2" not in found.beyond
    same = balance(before, before[:500], np.array([False, False, True]))
    assert (same.weight == 1).all() and (same.ratio == 1).all()
    mine = balance(before, before + np.array([0.3, 0.0, 0.0]), np.array([False, False, False]))
    kish = mine.weight.sum() ** 2 / (mine.weight**2).sum()
    assert len(before) / mine.ratio.mean() == pytest.approx(kish, rel=0.05)


def test_the_interval_of_an_estimate_of_several_classes_holds_what_labels_say() -> None:
    """Of 12 baselines of 1,000 rows with two windows each, 85 % or more hold the accuracy, the macro F1 and the AUC."""
    generator, held, names = np.random.default_rng(11), [], ("a", "b", "c")

    def drawn(rows: int) -> tuple[cbpe_classes.PredictedClasses, np.ndarray]:
        odds = generator.standard_normal((rows, 2)) @ [[1.5, 0.0, -1.5], [0.0, 1.5, -0.5]] - [0.0, 0.0, 1.0]
        true = (generator.random((rows, 1)) > softmax(odds, axis=1).cumsum(axis=1)).sum(axis=1)
        score = softmax(2 * odds, axis=1)
        return cbpe_classes.PredictedClasses(score, score.argmax(axis=1), np.ones(rows), float(rows)), true

    for _ in range(12):
        learnt = cbpe_classes.learn_classes(*drawn(1000), names)
        for rows in (500, 1500):
            window, truth = drawn(rows)
            expected = cbpe_classes.expect(window, {name: one.calibrator for name, one in learnt.items()}, names)
            found = cbpe_classes.estimate(window, learnt, expected)
            realised = {
                "accuracy": accuracy_score(truth, window.predicted),
                "f1_macro": f1_score(truth, window.predicted, average="macro"),
                "roc_auc_macro": np.mean([roc_auc_score(truth == at, window.probability[:, at]) for at in range(3)]),
            }
            held.append([found[name].lower <= value <= found[name].upper for name, value in realised.items()])
    assert (np.mean(held, axis=0) >= 0.85).all(), np.mean(held, axis=0)


def test_a_window_of_other_rows_shows_other_losses_though_each_is_foretold() -> None:
    """By total variance: where a row's loss is known from its inputs, windows differ by which rows come."""
    x = np.random.default_rng(5).uniform(0.0, 1.0, 6000)
    model = dle.fit_losses(x[:4000, None], np.zeros(4000), 1 + x[:4000], np.array([False]))
    found = dle.estimate_losses(model, x[4000:, None], np.zeros(2000))
    now, others = (side["mean_absolute_error"] for side in (found.measures, found.spread))
    assert others.value == now.value
    widths = [(one.upper - one.lower) / (2 * 1.96) for one in (now, others)]
    assert widths[0] < 0.1 * widths[1]
    assert widths[1] == pytest.approx(x[4000:].std() / np.sqrt(2000), rel=0.05)
