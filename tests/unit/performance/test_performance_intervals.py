"""Intervals cover the truth as often as they say, and where they cannot they say what is missing."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy.stats import binomtest, norm

from modelspan_analyzer.statistics.performance import areas, classification, intervals, means, measures
from modelspan_analyzer.statistics.performance.counts import Confusion, Estimate, PairCounts, ScoreCounts

GRID = np.linspace(-4.0, 5.5, 400)
WINDOWS = 400


def population(positives: float) -> ScoreCounts:
    """Calibrated scores of two normal classes, as shares of all rows."""
    positive, negative = positives * norm.pdf(GRID - 1.5), (1 - positives) * norm.pdf(GRID)
    total = (positive + negative).sum()
    return ScoreCounts(positive / (positive + negative), positive / total, negative / total, 1e9)


def drawn(truth: ScoreCounts, rows: int, generator: np.random.Generator) -> ScoreCounts:
    """A window of it."""
    shares = np.concatenate([truth.positives, truth.negatives])
    cells = generator.multinomial(rows, shares / shares.sum()).astype(float).reshape(2, -1)
    seen = cells.sum(axis=0) > 0
    return ScoreCounts(truth.score[seen], *cells[:, seen], float(rows))


def threshold(counts: ScoreCounts, least: float) -> Confusion:
    """The confusion matrix of answers from a score on."""
    above = counts.score >= least
    cells = [[part[~above].sum(), part[above].sum()] for part in (counts.negatives, counts.positives)]
    return Confusion(("no", "yes"), np.array(cells), counts.effective)


def share_held(true: float, found: list[Estimate]) -> float:
    """Of the intervals that there are."""
    there = [one for one in found if np.isfinite(one.lower)]
    return float(np.mean([one.lower <= true <= one.upper for one in there]))


@pytest.mark.parametrize(("successes", "trials"), [(0, 10), (3, 10), (480, 500), (7, 7)])
def test_wilson_equals_scipy(successes: int, trials: int) -> None:
    """Wilson's interval is scipy's."""
    expected = binomtest(successes, trials).proportion_ci(method="wilson")
    ours = intervals.wilson(successes, trials)
    assert (ours.lower, ours.upper) == pytest.approx((expected.low, expected.high), abs=1e-9)


@pytest.mark.parametrize(("positives", "rows"), [(0.5, 100), (0.05, 1000), (0.01, 3000)])
def test_intervals_of_classes_and_scores_cover_the_truth(positives: float, rows: int) -> None:
    """91 to 99 % of 400 windows' intervals hold the true value, of every measure, down to thirty positives."""
    generator, truth = np.random.default_rng(4), population(positives)
    above = np.cumsum(truth.total[::-1])[::-1]
    least = float(truth.score[np.searchsorted(-above, -positives)])
    windows = [drawn(truth, rows, generator) for _ in range(WINDOWS)]
    for binary in measures.BINARY:
        true = float(binary.of(threshold(truth, least).matrix))
        held = share_held(true, [binary.estimate(threshold(one, least)) for one in windows])
        assert 0.91 <= held <= 0.99, (binary.name, held)
    for score in measures.SCORES:
        held = share_held(score.estimate(truth).value, [score.estimate(one) for one in windows])
        assert 0.91 <= held <= 1, (score.name, held)  # the calibration error of true scores is 0, where intervals begin


HEAVY: dict[str, Callable[[np.random.Generator, int], np.ndarray]] = {
    "normal": lambda generator, rows: generator.standard_normal(rows),
    "log-normal": lambda generator, rows: generator.choice([-1, 1], rows) * np.exp(generator.standard_normal(rows)),
    "Student's t of 3": lambda generator, rows: generator.standard_t(3, rows),
}


@pytest.mark.parametrize("errors", HEAVY)
def test_the_interval_of_heavy_tailed_errors_covers_the_truth(errors: str) -> None:
    """Of 100 rows' mean absolute errors, 92 to 99 % of the intervals hold the true one; normal ones held 88 to 92 %."""
    generator, weight = np.random.default_rng(5), np.ones(100)
    mae = next(one for one in measures.REGRESSION if one.name == "mean_absolute_error")
    true = float(np.abs(HEAVY[errors](generator, 2_000_000)).mean())
    found = [
        mae.estimate(PairCounts(np.zeros(100), HEAVY[errors](generator, 100), weight, 100.0))
        for _ in range(3 * WINDOWS)
    ]
    assert 0.92 <= share_held(true, found) <= 0.99


def test_f1_of_a_class_that_was_never_hit_has_an_interval() -> None:
    """None of twelve rows that are positive or answered so is both: F1 may still be up to Wilson's end."""
    f1 = next(one for one in measures.BINARY if one.name == "f1")
    found = f1.estimate(Confusion(("no", "yes"), np.array([[988.0, 5.0], [7.0, 0.0]]), 1000.0))
    assert (found.value, found.lower) == (0.0, 0.0)
    assert found.upper == pytest.approx(2 * (j := intervals.wilson(0, 12).upper) / (1 + j))


def test_too_few_positives_give_no_interval_but_say_how_many_rows_it_takes() -> None:
    """Four positives of 400 rows: what is about positives has no interval and says so; accuracy has one."""
    counts = Confusion(("no", "yes"), np.array([[380.0, 16.0], [2.0, 2.0]]), 400.0)
    by_name = {one.name: one for one in measures.BINARY}
    assert np.isnan(by_name["recall"].estimate(counts).lower)
    assert by_name["recall"].lacks(counts) == ("too few positives: 4, and 10 are needed, which takes about 1,000 rows")
    assert by_name["precision"].lacks(counts) == by_name["accuracy"].lacks(counts) == ""
    assert np.isfinite(by_name["accuracy"].estimate(counts).lower)


def test_scores_that_part_the_classes_are_not_certain() -> None:
    """Twelve positives above all negatives: the AUC is 1, and may be as low as Wilson's end of twelve."""
    counts = ScoreCounts(np.array([0.1, 0.9]), np.array([0.0, 12.0]), np.array([500.0, 0.0]), 512.0)
    assert areas.delong(counts) == pytest.approx(tuple(intervals.wilson(12, 12)))


def test_weights_do_not_buy_certainty() -> None:
    """Rows that each stand for ten give the interval of the rows, not of ten times as many."""
    counts = drawn(population(0.3), 500, np.random.default_rng(0))
    heavy = ScoreCounts(counts.score, counts.positives * 10, counts.negatives * 10, counts.effective)
    for score in measures.SCORES:
        assert score.estimate(heavy) == pytest.approx(score.estimate(counts)), score.name
    for binary in measures.BINARY:
        given = [binary.estimate(threshold(one, 0.3)) for one in (heavy, counts)]
        assert given[0] == pytest.approx(given[1]), binary.name


def test_nothing_gives_nan() -> None:
    """Without rows there is no interval, and no crash."""
    empty = ScoreCounts(np.empty(0), np.empty(0), np.empty(0), 0.0)
    for interval in (areas.delong, areas.average_precision_interval, means.log_loss_interval):
        assert np.isnan(interval(empty).lower)
    assert np.isnan(intervals.wilson(0, 0).value)
    assert np.isnan(intervals.bootstrap(np.zeros((2, 2)), 0, classification.accuracy)[0])
