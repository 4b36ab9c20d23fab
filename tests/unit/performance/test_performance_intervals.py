"""Intervals cover the truth as often as they say."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest

from modelspan_analyzer.statistics.performance import classification, intervals, scores
from modelspan_analyzer.statistics.performance.counts import ScoreCounts


def grid_counts(generator: np.random.Generator, rows: int) -> ScoreCounts:
    """Counts of well-calibrated scores on a grid of twenty."""
    grid = (np.arange(20) + 0.5) / 20
    total = generator.multinomial(rows, np.full(20, 1 / 20)).astype(float)
    positives = generator.binomial(total.astype(int), grid).astype(float)
    return ScoreCounts(grid, positives, total - positives, float(rows))


@pytest.mark.parametrize(("successes", "trials"), [(0, 10), (3, 10), (480, 500), (7, 7)])
def test_wilson_equals_scipy(successes: int, trials: int) -> None:
    """Wilson's interval is scipy's."""
    expected = binomtest(successes, trials).proportion_ci(method="wilson")
    ours = intervals.wilson(successes, trials)
    assert (ours.lower, ours.upper) == pytest.approx((expected.low, expected.high), abs=1e-9)


def test_intervals_cover_the_truth() -> None:
    """Of 400 windows, 92 to 98 % of the AUC, log loss, Brier and F1 intervals hold the true value."""
    generator = np.random.default_rng(4)
    true = grid_counts(generator, 4_000_000)
    matrix = threshold(true)
    expected = {
        "auc": scores.roc_auc(true),
        "log_loss": scores.log_loss(true),
        "brier": scores.brier(true),
        "f1": float(classification.f_score(matrix)[1]),
    }
    held = dict.fromkeys(expected, 0)
    for _ in range(400):
        drawn = grid_counts(generator, 600)
        lower, upper = intervals.bootstrap(threshold(drawn), 600, lambda m: classification.f_score(m)[..., 1])
        found = {
            "auc": intervals.delong(drawn)[1:],
            "log_loss": intervals.log_loss_interval(drawn)[1:],
            "brier": intervals.brier_interval(drawn)[1:],
            "f1": (float(lower), float(upper)),
        }
        for name, (low, high) in found.items():
            held[name] += low <= expected[name] <= high
    for name, count in held.items():
        assert 0.92 <= count / 400 <= 0.98, (name, count)


def threshold(counts: ScoreCounts) -> np.ndarray:
    """The confusion matrix at a score of 0.5."""
    above = counts.score >= 0.5
    return np.array(
        [
            [counts.negatives[~above].sum(), counts.negatives[above].sum()],
            [counts.positives[~above].sum(), counts.positives[above].sum()],
        ]
    )


def test_weights_do_not_buy_certainty() -> None:
    """Rows that each stand for ten give the interval of the rows, not of ten times as many."""
    counts = grid_counts(np.random.default_rng(0), 500)
    heavy = ScoreCounts(counts.score, counts.positives * 10, counts.negatives * 10, counts.effective)
    assert intervals.delong(heavy) == pytest.approx(intervals.delong(counts))
    assert intervals.brier_interval(heavy) == pytest.approx(intervals.brier_interval(counts))


def test_nothing_gives_nan() -> None:
    """Without rows there is no interval, and no crash."""
    empty = ScoreCounts(np.empty(0), np.empty(0), np.empty(0), 0.0)
    assert np.isnan(intervals.delong(empty).value)
    assert np.isnan(intervals.wilson(0, 0).value)
    assert np.isnan(intervals.boyd(float("nan"), 0).lower)
    assert np.isnan(intervals.bootstrap(np.zeros((2, 2)), 0, classification.accuracy)[0])
