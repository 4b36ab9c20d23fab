"""Laws that measures on counts and on supports obey, whatever the data."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from modelspan_analyzer.statistics.anderson_darling import anderson_darling
from modelspan_analyzer.statistics.chebyshev import chebyshev_distance
from modelspan_analyzer.statistics.chi_squared import chi_squared, chi_squared_of_tables
from modelspan_analyzer.statistics.cramer_von_mises import cramer_von_mises
from modelspan_analyzer.statistics.energy import energy_distance
from modelspan_analyzer.statistics.g_test import g_test, g_test_of_tables
from modelspan_analyzer.statistics.hellinger import hellinger_distance
from modelspan_analyzer.statistics.jensen_shannon import jensen_shannon_distance
from modelspan_analyzer.statistics.kolmogorov_smirnov import kolmogorov_smirnov
from modelspan_analyzer.statistics.kullback_leibler import kullback_leibler_divergence
from modelspan_analyzer.statistics.mann_whitney import mann_whitney, mann_whitney_of_counts
from modelspan_analyzer.statistics.psi import psi
from modelspan_analyzer.statistics.total_variation import total_variation_distance
from modelspan_analyzer.statistics.wasserstein import normalized_wasserstein_distance, wasserstein_distance

few = settings(max_examples=30, deadline=None)
SYMMETRIC = {
    "psi": (psi, math.inf),
    "jensen_shannon": (jensen_shannon_distance, 1.0),
    "hellinger": (hellinger_distance, 1.0),
    "total_variation": (total_variation_distance, 1.0),
    "chebyshev": (chebyshev_distance, 1.0),
    "chi_squared": (lambda a, b: chi_squared(a, b).statistic, math.inf),
    "g_test": (lambda a, b: g_test(a, b).statistic, math.inf),
}
ON_COUNTS = {**SYMMETRIC, "kullback_leibler": (kullback_leibler_divergence, math.inf)}
ON_VALUES = {"wasserstein": wasserstein_distance, "energy": energy_distance}
TESTS = {
    "mann_whitney": mann_whitney,
    "cramer_von_mises": cramer_von_mises,
    "anderson_darling": anderson_darling,
    "kolmogorov_smirnov": lambda a, b: kolmogorov_smirnov(a, b, n_reference=len(a), n_current=len(b)),
}

bins = st.lists(st.tuples(st.integers(0, 1000), st.integers(0, 1000)), min_size=1, max_size=20)
values = st.lists(st.floats(-1e6, 1e6).map(lambda value: round(value, 3)), min_size=4, max_size=40)


def both(pairs):
    """Two samples' counts, neither empty."""
    first, second = np.array(pairs, dtype=float).T
    assume(first.sum() > 0 and second.sum() > 0)
    return first, second


@pytest.mark.parametrize(("measure", "most"), ON_COUNTS.values(), ids=ON_COUNTS)
@few
@given(pairs=bins, factor=st.integers(1, 5))
def test_measures_on_counts_are_bounded_and_zero_on_equal_shares(measure, most, pairs, factor):
    """Never negative, never above the bound, and 0 when only the number of rows differs."""
    first, second = both(pairs)
    assert 0 <= measure(first, second) <= most + 1e-12
    assert measure(first, first * factor) == pytest.approx(0, abs=1e-7)


@pytest.mark.parametrize(("measure", "_most"), SYMMETRIC.values(), ids=SYMMETRIC)
@few
@given(pairs=bins)
def test_symmetric_measures_do_not_depend_on_the_side(measure, _most, pairs):
    """Swapping the samples changes nothing."""
    first, second = both(pairs)
    assert measure(first, second) == pytest.approx(measure(second, first), rel=1e-9, abs=1e-12)


@pytest.mark.parametrize(("measure", "_most"), ON_COUNTS.values(), ids=ON_COUNTS)
@few
@given(pairs=bins, random=st.randoms())
def test_bins_may_come_in_any_order_and_empty_ones_do_not_matter(measure, _most, pairs, random):
    """Shuffling the bins, or adding some that both samples leave empty, changes nothing."""
    expected = measure(*both(pairs))
    shuffled = [*pairs, (0, 0)]
    random.shuffle(shuffled)
    assert measure(*both(shuffled)) == pytest.approx(expected, rel=1e-9, abs=1e-12)


@few
@given(pairs=bins)
def test_distances_on_shares_keep_their_known_inequalities(pairs):
    """Chebyshev <= total variation, H² <= TV <= sqrt(2) H, and JS² in bits <= TV (Lin 1991)."""
    counts = both(pairs)
    variation, hellinger = total_variation_distance(*counts), hellinger_distance(*counts)
    assert chebyshev_distance(*counts) <= variation + 1e-12
    assert hellinger**2 <= variation + 1e-12 <= math.sqrt(2) * hellinger + 1e-9
    assert jensen_shannon_distance(*counts) ** 2 <= variation + 1e-12


@few
@given(pairs=bins)
def test_psi_is_the_sum_of_both_divergences_where_no_bin_is_empty(pairs):
    """PSI is KL one way plus KL the other."""
    first, second = both([(a + 1, b + 1) for a, b in pairs])
    both_ways = kullback_leibler_divergence(first, second) + kullback_leibler_divergence(second, first)
    assert psi(first, second) == pytest.approx(both_ways, rel=1e-9, abs=1e-12)


def test_smoothing_leaves_no_share_at_zero():
    """PSI is finite for samples that share no bin, and a bin that neither fills changes nothing."""
    assert 0 < psi([5, 0], [0, 7]) < math.inf
    assert float(psi([5, 0, 3], [2, 0, 7])) == pytest.approx(float(psi([5, 3], [2, 7])), abs=1e-15)


TOGETHER = {
    "psi": psi,
    "jensen_shannon": jensen_shannon_distance,
    "kullback_leibler": kullback_leibler_divergence,
    "hellinger": hellinger_distance,
    "total_variation": total_variation_distance,
    "chebyshev": chebyshev_distance,
    "chi_squared": lambda a, b: chi_squared_of_tables(np.stack([a, b], axis=-2)).p_value,
    "g_test": lambda a, b: g_test_of_tables(np.stack([a, b], axis=-2), williams=True).statistic,
    "mann_whitney": lambda a, b: mann_whitney_of_counts(np.asarray(a), np.asarray(b)).p_value,
}


@pytest.mark.parametrize("measure", TOGETHER.values(), ids=TOGETHER)
def test_many_samples_at_once_equal_each_on_its_own(measure):
    """Counts of shape (2, 3, bins) give shape (2, 3), each value that of its own pair of samples."""
    rng = np.random.default_rng(8)
    first, second = rng.integers(0, 9, (2, 2, 3, 6)).astype(float)
    first[..., 2] = second[..., 2] = 0  # a bin that no sample fills
    expected = [[float(measure(first[i, j], second[i, j])) for j in range(3)] for i in range(2)]
    assert np.asarray(measure(first, second)) == pytest.approx(np.array(expected), rel=1e-12)


def test_psi_of_hand_computed_counts():
    """Shares of 1/2, 1/2 against 1/4, 3/4: (1/4)·ln 2 + (1/4)·ln(3/2); an empty bin counts as half a row."""
    assert psi([50, 50], [25, 75]) == pytest.approx(0.25 * math.log(2) + 0.25 * math.log(1.5), abs=1e-15)
    assert psi([9, 1], [10, 0]) == pytest.approx(0.1 * math.log(10 / 9) + 0.05 * math.log(2), abs=1e-15)


@pytest.mark.parametrize("measure", ON_VALUES.values(), ids=ON_VALUES)
@few
@given(first=values, second=values, shift=st.integers(-1000, 1000))
def test_measures_on_values_are_distances(measure, first, second, shift):
    """Symmetric, zero on equal samples, blind to order and to a shift of both."""
    assert measure(first, first) == 0
    found = measure(first, second)
    assert found == pytest.approx(measure(second, first), rel=1e-9, abs=1e-9)
    assert found == pytest.approx(measure(first[::-1], sorted(second)), rel=1e-9, abs=1e-9)
    moved = measure([value + shift for value in first], [value + shift for value in second])
    assert moved == pytest.approx(found, rel=1e-6, abs=1e-4)


@few
@given(sample=values, shift=st.integers(-100, 100))
def test_wasserstein_of_a_shift_is_the_shift(sample, shift):
    """Moving every row by d costs |d|, and |d| over the deviation when normalised."""
    moved = [value + shift for value in sample]
    assert wasserstein_distance(sample, moved) == pytest.approx(abs(shift), abs=1e-6)
    assert normalized_wasserstein_distance(sample, moved, reference_std=2.0) == pytest.approx(abs(shift) / 2, abs=1e-6)


@pytest.mark.parametrize("test", TESTS.values(), ids=TESTS)
@few
@given(first=values, second=values)
def test_tests_give_probabilities_that_depend_on_ranks_alone(test, first, second):
    """p in 0 to 1, the same after swapping the samples, shuffling them and any rising transformation."""
    found = test(first, second)
    assert 0 <= found.p_value <= 1
    assert test(second, first).p_value == pytest.approx(found.p_value, rel=1e-6, abs=1e-9)
    stretched = test([2 * value + 7 for value in reversed(first)], [2 * value + 7 for value in second])
    assert stretched.p_value == pytest.approx(found.p_value, rel=1e-6, abs=1e-9)


@few
@given(pairs=st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=2, max_size=8))
def test_value_counts_give_what_rows_give(pairs):
    """Every measure on values takes value counts for rows."""
    first, second = both(pairs)
    assume(first.sum() + second.sum() >= 4)
    points = np.arange(first.size) ** 2.0
    rows, other = np.repeat(points, first.astype(int)), np.repeat(points, second.astype(int))
    for measure in (wasserstein_distance, energy_distance):
        assert measure(points, points, first, second) == pytest.approx(measure(rows, other), abs=1e-9)
    for test in (mann_whitney, cramer_von_mises, anderson_darling):
        assert test(points, points, first, second) == pytest.approx(test(rows, other), abs=1e-9)


@pytest.mark.parametrize(
    ("reference", "current", "complaint"),
    [
        ([1, 2], [1, 2, 3], "same bins"),
        ([1, -1], [1, 1], "negative"),
        ([0, 0], [1, 1], "empty"),
        ([math.nan], [1], "finite"),
    ],
)
def test_unfit_counts_are_refused_with_the_reason(reference, current, complaint):
    """Counts that are none raise an error that says what was wrong."""
    with pytest.raises(ValueError, match=complaint):
        psi(reference, current)


@pytest.mark.parametrize(
    ("sample", "weights", "complaint"),
    [
        ([], None, "at least one value"),
        ([1, math.nan], None, "NaN"),
        ([1, 2], [1], "weights"),
        ([1, 2], [0, 0], "weights"),
    ],
)
def test_unfit_supports_are_refused_with_the_reason(sample, weights, complaint):
    """Supports that are none raise an error that says what was wrong."""
    with pytest.raises(ValueError, match=complaint):
        wasserstein_distance([1.0], sample, None, weights)
