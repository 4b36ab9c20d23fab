"""Concept drift along a feature is found, named, and not mistaken for chance or for label shift."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from modelspan_analyzer.statistics.concept.along import Side, along
from modelspan_analyzer.statistics.concept.gaps import Residuals, borders_of, change_of_gaps, parts_of
from modelspan_analyzer.statistics.concept.outcomes import Chances

NAMES = ["a constant", "hardly anything", "wrong by a constant and a factor", "rare, and a part of it"]


def draw(generator: np.random.Generator, n: int, *, permuted: bool = False) -> tuple[Residuals, np.ndarray]:
    """Rows whose outcome depends on x; the model sees x, or a permuted x."""
    x = generator.normal(size=n)
    seen = generator.permutation(x) if permuted else x
    p = 1 / (1 + np.exp(-seen))
    y = (generator.random(n) < 1 / (1 + np.exp(-x))).astype(float)
    return Residuals(y - p, p * (1 - p), np.ones(n)), seen


def test_a_permuted_feature_is_found_and_an_intact_one_is_not() -> None:
    """Residuals along the feature change where the model was given it in another order."""
    generator = np.random.default_rng(0)
    base, x = draw(generator, 5000)
    borders = borders_of(x)
    found = {}
    for permuted in (False, True):
        now, seen = draw(generator, 3000, permuted=permuted)
        found[permuted] = change_of_gaps(now, parts_of(seen, borders), base, parts_of(x, borders))
    assert found[False].p_value > 0.01
    assert found[False].gap < 0.02
    assert found[True].p_value < 1e-20
    assert found[True].gap > 0.1


def test_false_alarms_are_as_rare_as_promised() -> None:
    """Of 400 comparisons without a change, p < 0.05 in 2 to 8 %."""
    generator = np.random.default_rng(1)
    low = 0
    for _ in range(400):
        (base, x), (now, seen) = draw(generator, 2000), draw(generator, 1000)
        borders = borders_of(x)
        low += change_of_gaps(now, parts_of(seen, borders), base, parts_of(x, borders)).p_value < 0.05
    assert 0.02 <= low / 400 <= 0.08


def test_missing_values_are_a_part_and_too_few_rows_say_nothing() -> None:
    """NaN is part 0; a feature of one value has nothing to compare."""
    column = np.array([np.nan, 1.0, 2.0])
    assert list(parts_of(column, np.array([1.5]))) == [0, 1, 2]
    residuals = Residuals(np.zeros(3), np.ones(3), np.ones(3))
    assert change_of_gaps(residuals, np.zeros(3, int), residuals, np.zeros(3, int)).p_value == 1.0
    assert borders_of(np.array([np.nan])).size == 0


@pytest.mark.parametrize("factor", [1.0, 7.0])
def test_weights_scale_out(factor: float) -> None:
    """A weight common to all rows changes nothing."""
    generator = np.random.default_rng(2)
    (base, x), (now, seen) = draw(generator, 500), draw(generator, 500)
    borders = borders_of(x)
    heavy = now._replace(weight=now.weight * factor)
    assert change_of_gaps(heavy, parts_of(seen, borders), base, parts_of(x, borders)) == pytest.approx(
        change_of_gaps(now, parts_of(seen, borders), base, parts_of(x, borders))
    )


@pytest.mark.parametrize("spread", [np.exp, np.ones_like], ids=["exp(x)", "the same"])
def test_a_spread_that_differs_by_part_is_no_change(spread: Callable[[np.ndarray], np.ndarray]) -> None:
    """Of 3,000 comparisons of residuals of a regression, p < 0.001 in 0.2 % at most, and p < 0.05 in 6 %."""
    generator = np.random.default_rng(4)

    def side(n: int) -> tuple[Residuals, np.ndarray]:
        x = generator.normal(size=n)
        error = generator.normal(size=n) * spread(x)
        return Residuals(error - error.mean(), None, np.ones(n)), x

    found = []
    for _ in range(3000):
        (base, x), (now, seen) = side(1000), side(500)
        borders = borders_of(x)
        found.append(change_of_gaps(now, parts_of(seen, borders), base, parts_of(x, borders)).p_value)
    assert (np.array(found) < 0.001).mean() <= 0.002
    assert 0.005 <= (np.array(found) < 0.05).mean() <= 0.06


@pytest.mark.parametrize("wrong", [[0.02] * 10, [0.1, 0.3, *[0.001] * 8]], ids=["everywhere", "in two parts"])
def test_parts_that_agree_to_the_last_row_are_no_proof(wrong: list[float]) -> None:
    """Being right is 1 in every row of a good part: its own variance is 0, and a few such rows are not certain."""
    generator = np.random.default_rng(5)

    def side(n: int) -> tuple[Residuals, np.ndarray]:
        part = generator.integers(1, 11, n)
        right = (generator.random(n) >= np.array(wrong)[part - 1]).astype(float)
        return Residuals(right - right.mean(), None, np.ones(n)), part

    found = [change_of_gaps(*side(300), *side(3000)).p_value for _ in range(1000)]
    assert (np.array(found) < 0.001).mean() <= 0.003


def test_the_feature_along_which_labels_turn_is_named_beside_others_that_go_with_the_score() -> None:
    """Three of ten labels turn where x is high; `score` goes with the score, and the mean outcome along it moves."""
    generator = np.random.default_rng(6)

    def side(n: int, turned: float) -> Side:
        x, score = generator.normal(size=(2, n))
        chance = 1 / (1 + np.exp(-2 * score - 0.5 * x))
        positive = generator.random(n) < chance
        positive ^= (x > 0) & (generator.random(n) < turned)
        parts = [parts_of(column, np.linspace(-1.5, 1.5, 9)) for column in (score, x)]
        return Side(Chances(chance, positive.astype(float), np.ones(n)), parts)

    found = along(["score", "x"], [True, True], side(800, 0.3), side(5000, 0.0))
    assert found.first == "x"
    assert found.gaps["x"].p_value < 1e-4
    assert found.besides["score"].p_value > 1e-3


@pytest.mark.parametrize(
    ("usual", "told"),
    [
        (0.0, lambda x, z: 0 * x),
        (0.0, lambda x, z: 0.1 * z),
        (0.0, lambda x, z: x + 0.5),
        (-5.0, lambda x, z: z - 3.5),
    ],
    ids=NAMES,
)
def test_what_a_model_always_leaves_out_is_no_change(
    usual: float, told: Callable[[np.ndarray, np.ndarray], np.ndarray]
) -> None:
    """Scores that say less of `x` than there is to say are wrong along it, in the window as on the baseline."""
    generator = np.random.default_rng(7)

    def side(n: int) -> Side:
        x, z = generator.normal(size=(2, n))
        positive = generator.random(n) < 1 / (1 + np.exp(-usual - 2 * x))
        chance = 1 / (1 + np.exp(-told(x, z)))
        parts = [parts_of(column, np.linspace(-1.5, 1.5, 9)) for column in (x, z)]
        return Side(Chances(chance, positive.astype(float), np.ones(n)), parts)

    found = [along(["x", "z"], [True, True], side(500), side(2000)) for _ in range(50)]
    p_values = np.array([gap.p_value for one in found for gap in one.gaps.values()])
    assert (p_values < 0.01).mean() <= 0.03
    assert max(gap.gap for one in found for gap in one.gaps.values()) < 0.2
