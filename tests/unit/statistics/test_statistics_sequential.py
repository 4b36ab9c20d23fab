"""Confidence sequences: the published values, and what they promise however often one looks."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from modelspan_analyzer.statistics.sequential import (
    LEAST,
    Batch,
    Moments,
    Standing,
    always_valid_p,
    best_rho,
    boundary,
    rows_needed,
    split_p_value,
    standing,
)

Floats = np.ndarray
Draw = Callable[[np.random.Generator, tuple[int, int], int], Floats]
STREAMS, LOOKS, ALPHA, TUNED = 2000, 40, 0.05, 2000


def test_values_are_those_of_the_reference_implementation() -> None:
    """As Howard and others test theirs: at a variance of 100 and 5 %, rho 12.60056, and the bound 30.35209."""
    rho = 12.60056
    assert best_rho(100, 0.05) == pytest.approx(rho, abs=1e-5)
    assert boundary(100, rho, 0.05) == pytest.approx(30.35209, abs=1e-5)
    assert always_valid_p(10, 100, rho) == 1.0  # a likelihood ratio of exp(-0.651) says nothing against
    ratio = 0.5 * np.log(rho / (100 + rho)) + 10**2 / (2 * (100 + rho))
    assert ratio == pytest.approx(-0.6510052, abs=1e-6)
    assert always_valid_p(boundary(100, rho, 0.01), 100, rho) == pytest.approx(0.01)


def moments(rows: Floats) -> Moments:
    """Of some rows."""
    apart = rows - rows.mean()
    return Moments(rows.size, float(rows.mean()), float((apart**2).sum()), float((apart**4).sum()))


def test_one_batch_of_each_equals_the_formula() -> None:
    """By NumPy: the difference of the means, its variance, and the interval around it."""
    rng = np.random.default_rng(3)
    a, b = rng.normal(1.0, 2.0, 300), rng.normal(0.7, 1.0, 700)
    found = standing([Batch(moments(a), moments(b))], ALPHA, 2000)
    weight = 300 * 700 / 1000
    variance = weight**2 * (a.var(ddof=1) / 300 + b.var(ddof=1) / 700)
    reach = boundary(variance, best_rho(variance / weight * 500, ALPHA), ALPHA) / weight
    assert found.difference == pytest.approx(a.mean() - b.mean())
    assert (found.lower, found.upper) == pytest.approx((found.difference - reach, found.difference + reach))


def peeked(draw: Draw, sizes: Callable[[int], tuple[int, int]], *, shares: bool) -> tuple[float, float]:
    """Share of streams without a difference in which any of all looks finds one, and of a test for one
    look. What is computed over all streams at once is what `standing` says of the first."""
    rng = np.random.default_rng(11)
    total, weight, variance = np.zeros(STREAMS), 0.0, np.zeros(STREAMS)
    squares, fourth, rows, part = np.zeros((2, STREAMS)), np.zeros((2, STREAMS)), np.zeros(2), np.zeros(2)
    ever, naive, first = np.zeros(STREAMS, bool), np.zeros(STREAMS, bool), []
    for look in range(LOOKS):
        n = np.array(sizes(look))
        sides = [draw(rng, (STREAMS, size), look) for size in n]
        first.append(Batch(moments(sides[0][0]), moments(sides[1][0]), shares=shares))
        h = n.prod() / n.sum()
        weight, rows, part = weight + h, rows + n, part + h**2 / n
        total += h * (sides[0].mean(1) - sides[1].mean(1))
        for side, given in enumerate(sides):
            apart = given - given.mean(1, keepdims=True)
            squares[side] += (apart**2).sum(1)
            fourth[side] += (apart**4).sum(1)
        spread = squares / (rows - look - 1)[:, None]
        counts = np.divide(squares**2, fourth, where=fourth > 0, out=np.zeros_like(fourth))
        if shares:
            few = (counts < LEAST) & (rows >= 2 * LEAST)[:, None]
            rarer = (LEAST / rows * (1 - LEAST / rows))[:, None]
            spread, counts = np.where(few, np.maximum(spread, rarer), spread), np.where(few, LEAST, counts)
        variance = (spread * part[:, None]).sum(0)
        rho = best_rho(1.0, ALPHA) * np.maximum(variance, 1e-9) / weight * TUNED / 4
        bound = np.sqrt((variance + rho) * np.log((variance + rho) / (rho * ALPHA**2)))
        ever |= (counts.min(0) >= LEAST) & (np.abs(total) > bound)
        naive |= np.abs(total) > 1.96 * np.sqrt(variance)
    said = standing(first, ALPHA, TUNED)
    assert (said.difference, said.variance) == pytest.approx((total[0] / weight, variance[0]))
    assert said.upper - said.difference == pytest.approx(bound[0] / weight if counts[:, 0].min() >= LEAST else np.inf)
    return float(ever.mean()), float(naive.mean())


STREAMS_OF: dict[str, Draw] = {
    "normal": lambda rng, shape, _: rng.normal(size=shape),
    "one in ten": lambda rng, shape, _: (rng.random(shape) < 0.1).astype(float),
    "one in fifty": lambda rng, shape, _: (rng.random(shape) < 0.02).astype(float),
    "hardly ever": lambda rng, shape, _: (rng.random(shape) < 0.002).astype(float),
    "exponential": lambda rng, shape, _: rng.exponential(size=shape),
    "costs": lambda rng, shape, _: 0.004 * rng.lognormal(0.0, 0.8, shape) * (rng.random(shape) < 0.95),
    "a rhythm": lambda rng, shape, look: (rng.random(shape) < 0.15 + 0.1 * np.sin(look)).astype(float),
}


@pytest.mark.parametrize("name", STREAMS_OF)
@pytest.mark.parametrize("sizes", [(40, 40), (76, 4), None], ids=["even", "one in twenty", "ramped up"])
def test_of_two_thousand_streams_without_a_difference_few_ever_say_one(
    name: str, sizes: tuple[int, int] | None
) -> None:
    """Looked at after every batch, at most 5 % ever do; a test that is made for one look would in many more."""
    draw, shares = STREAMS_OF[name], name not in ("normal", "exponential", "costs")
    ever, naive = peeked(draw, (lambda look: sizes) if sizes else (lambda look: (2 + look, 40)), shares=shares)
    assert ever <= ALPHA
    assert naive > ALPHA or name == "hardly ever"


def test_a_difference_is_found_and_sooner_in_pairs() -> None:
    """A true difference is decided for in every stream; pairs that share what is hard need a fraction of the rows."""
    rng = np.random.default_rng(7)
    hard = rng.normal(size=(200, 50))
    champion, challenger = (hard + rng.normal(size=hard.shape) * 0.2 for _ in range(2))
    challenger = challenger - 0.1
    apart = [Batch(moments(a), moments(b)) for a, b in zip(challenger, champion, strict=True)]
    pairs = [Batch(moments(a - b)) for a, b in zip(challenger, champion, strict=True)]

    def first(batches: list[Batch]) -> int:
        return next(number for number in range(1, 201) if standing(batches[:number], ALPHA, 2000).upper < 0)

    assert first(pairs) * 5 < first(apart)


def test_the_share_of_the_traffic_makes_no_difference() -> None:
    """A challenger that got more of the traffic in the hard hours is no worse: within each batch both are alike."""
    rng = np.random.default_rng(9)
    batches = []
    for look in range(60):
        level, of_challenger = (0.5, 180) if look % 2 else (0.1, 20)
        sides = [(rng.random(size) < level).astype(float) for size in (of_challenger, 200 - of_challenger)]
        batches.append(Batch(*(moments(one) for one in sides)))
    found = standing(batches, ALPHA, 5000)
    pooled = [np.average([one.sides[side].mean for one in batches], weights=[one.sides[side].rows for one in batches])
              for side in (0, 1)]  # fmt: skip
    assert pooled[0] - pooled[1] > 0.2
    assert found.lower < 0 < found.upper


def test_what_never_happens_is_known_to_be_rare() -> None:
    """Of shares: no failure in 4,000 calls of each lies within a point, and in 400 it may not."""
    for rows, known in ((4000, True), (400, False)):
        never = Moments(rows, 0.0, 0.0, 0.0)
        assert (standing([Batch(never, never, shares=True)], ALPHA, 10_000).upper < 0.01) is known


def test_little_says_nothing() -> None:
    """No batch, one side alone, and rows that are all the same: no interval, and no division by nothing."""
    none = Moments(0, 0.0, 0.0, 0.0)
    same = Moments(100, 0.0, 0.0, 0.0)
    for batches in ([], [Batch(none, same)], [Batch(none)], [Batch(same, same)], [Batch(Moments(1, 1.0, 0.0, 0.0))]):
        found = standing(batches, ALPHA, 1000)
        assert (found.lower, found.upper, found.p_value) == (-np.inf, np.inf, 1.0)
    assert rows_needed(Standing(0, np.nan, -np.inf, np.inf, 1.0), 0.1, ALPHA, 1000) == 0


@pytest.mark.parametrize("share", [0.5, 0.05])
def test_a_right_split_is_seldom_ever_called_wrong(share: float) -> None:
    """Looked at after every batch; a wrong one, of a tenth less for the smaller side, is called so."""
    rng = np.random.default_rng(12)

    def ever(of: float, level: float) -> float:
        counts = np.cumsum(rng.binomial(200, of, (STREAMS, LOOKS)), axis=1)
        rows = 200 * np.arange(1, LOOKS + 1)
        said = [
            any(split_p_value(int(x), int(n), share) <= level for x, n in zip(one, rows, strict=True)) for one in counts
        ]
        return float(np.mean(said))

    assert ever(share, 0.05) <= 0.05
    assert ever(share * 0.8, 0.001) > 0.5


def test_the_split_is_that_of_scipy() -> None:
    """The Bayes factor of beta-binomial against binomial counts."""
    stats = pytest.importorskip("scipy.stats")
    factor = stats.betabinom(1000, 20, 80).pmf(160) / stats.binom(1000, 0.2).pmf(160)
    assert split_p_value(160, 1000, 0.2) == pytest.approx(1 / factor)
    assert split_p_value(200, 1000, 0.2) == 1.0


def test_a_side_that_never_varies_is_taken_to_vary_as_the_other_and_two_such_say_nothing() -> None:
    """A fixed price: not narrower than beside a side that varies as much, and nothing before it has 60 rows."""
    varies = moments(np.random.default_rng(7).normal(1.0, 0.5, 400))
    fixed, like = Moments(400, 1.0, 0.0, 0.0), Moments(400, 1.0, varies.squares, varies.fourth)
    found, twice = standing([Batch(varies, fixed)], ALPHA, 2000), standing([Batch(varies, like)], ALPHA, 2000)
    assert (found.lower, found.upper) == pytest.approx((twice.lower, twice.upper))
    few = standing([Batch(varies, Moments(59, 1.0, 0.0, 0.0))], ALPHA, 2000)
    assert (few.lower, few.upper) == (-np.inf, np.inf)
    neither = standing([Batch(fixed, Moments(400, 2.0, 0.0, 0.0))], ALPHA, 2000)
    assert (neither.lower, neither.variance, neither.difference) == (-np.inf, 0.0, -1.0)
