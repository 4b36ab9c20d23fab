"""Confidence sequences and always valid p-values to the ninth digit: beside integrals, roots and exact fractions.

The reference is what the closed forms come from: the likelihood ratio exp(λ S − λ² V / 2) of a sum S of variance V,
averaged over λ ~ N(0, 1 / ρ) by numerical integration (Robbins 1970; Howard, Ramdas, McAuliffe and Sekhon 2021, eq.
14). Where that average is 1 / α lies the bound; its inverse is the p-value. The split's Bayes factor is a ratio of
factorials (Lindon and Malek 2022). The values that Howard and others publish are in `test_statistics_sequential.py`.
"""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
from scipy import integrate, optimize, special

from modelspan_analyzer.statistics.sequential import (
    Batch,
    Moments,
    always_valid_p,
    best_rho,
    boundary,
    split_p_value,
    standing,
)

EXACT = 1e-9
VARIANCES, RHOS, ALPHAS = (0.01, 1.0, 100.0, 1e6), (0.05, 1.0, 12.60056, 3e4), (0.2, 0.05, 0.01, 1e-4)
GRID = list(itertools.product(VARIANCES, RHOS, ALPHAS))


def average(total: float, variance: float, rho: float) -> float:
    """The likelihood ratio of a sum, averaged over the normal mixture by quadrature."""
    middle, spread = total / (variance + rho), 1 / math.sqrt(variance + rho)

    def of(at: float) -> float:
        rate = middle + at * spread
        log_density = 0.5 * math.log(rho / (2 * math.pi)) - rho * rate * rate / 2
        return math.exp(rate * total - rate * rate * variance / 2 + log_density) * spread

    return float(integrate.quad(of, -12, 12, epsabs=0, epsrel=1e-12, limit=200)[0])


@pytest.mark.parametrize(("variance", "rho", "alpha"), GRID)
def test_at_the_boundary_the_mixture_is_one_over_alpha(variance: float, rho: float, alpha: float) -> None:
    """Ville's inequality then says with which probability it is ever reached."""
    assert average(boundary(variance, rho, alpha), variance, rho) == pytest.approx(1 / alpha, rel=EXACT)


@pytest.mark.parametrize(("variance", "rho", "alpha"), GRID)
def test_the_p_value_is_one_over_the_mixture(variance: float, rho: float, alpha: float) -> None:
    """Of sums below, at and beyond the bound; never more than 1."""
    for share in (0.0, 0.4, 0.9, 1.0, 1.3):
        total = share * boundary(variance, rho, alpha)
        theirs = min(1.0, 1 / average(total, variance, rho))
        assert always_valid_p(total, variance, rho) == pytest.approx(theirs, rel=EXACT)
        assert always_valid_p(-total, variance, rho) == always_valid_p(total, variance, rho)


@pytest.mark.parametrize(("rows", "spread", "alpha"), list(itertools.product((100, 1000, 30_000), (0.3, 40.0), ALPHAS)))
def test_the_interval_holds_the_differences_that_the_mixture_does_not_refuse(
    rows: int, spread: float, alpha: float
) -> None:
    """Its ends are the roots of the averaged likelihood ratio at 1 / alpha, found without the closed form."""
    rng = np.random.default_rng(rows)
    sides = []
    for mean, n in ((0.2, rows), (0.0, 3 * rows)):
        given = rng.normal(mean, spread, n)
        apart = given - given.mean()
        sides.append(Moments(n, float(given.mean()), float((apart**2).sum()), float((apart**4).sum())))
    found = standing([Batch(*sides)], alpha, 10_000)
    weight = rows * 3 * rows / (4 * rows)
    variance = weight**2 * sum(one.squares / (one.rows - 1) / one.rows for one in sides)
    rho = best_rho(variance / weight * 10_000 / 4, alpha)
    difference = sides[0].mean - sides[1].mean

    def refused(other: float) -> float:
        return 1 - 1 / (alpha * average(weight * (difference - other), variance, rho))

    far = 30 * math.sqrt(variance) / weight
    for end, beyond in ((found.lower, difference - far), (found.upper, difference + far)):
        root = optimize.brentq(refused, difference, beyond, xtol=1e-14, rtol=1e-14)
        assert end == pytest.approx(root, rel=EXACT, abs=EXACT * spread)


@pytest.mark.parametrize("alpha", [0.2, 0.05, 0.01, 1e-3, 1e-6])
def test_the_best_rho_costs_next_to_no_width(alpha: float) -> None:
    """The exact one is by Lambert's W; at its expansion, which is used, the bound lies at most 0.02 % higher."""
    exact = 100 / (-special.lambertw(-alpha * alpha / math.e, -1).real - 1)
    lowest = optimize.minimize_scalar(lambda rho: boundary(100, rho, alpha), bounds=(1e-3, 1e3), method="bounded")
    assert boundary(100, exact, alpha) == pytest.approx(lowest.fun, rel=EXACT)
    assert 1 <= boundary(100, best_rho(100, alpha), alpha) / boundary(100, exact, alpha) < 1.0002


def beta(a: int, b: int) -> Fraction:
    """The beta function of whole numbers, as a fraction."""
    return Fraction(math.factorial(a - 1) * math.factorial(b - 1), math.factorial(a + b - 1))


@pytest.mark.parametrize("percent", [50, 20, 5])
@pytest.mark.parametrize(("rows", "more"), [(20, 0), (1000, -40), (1000, 60), (5000, 0), (5000, 120)])
def test_the_splits_p_value_is_the_exact_fraction(percent: int, rows: int, more: int) -> None:
    """A share that is Beta distributed about the one asked for, as sure as 100 rows, against that one."""
    share, count = Fraction(percent, 100), rows * percent // 100 + more
    mixture = beta(percent + count, 100 - percent + rows - count) / beta(percent, 100 - percent)
    exact = share**count * (1 - share) ** (rows - count) / mixture
    assert split_p_value(count, rows, percent / 100) == pytest.approx(float(min(Fraction(1), exact)), rel=EXACT)
