"""Bins pinned on the baseline."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from modelspan_analyzer.reading.profiles.binning import Bins, count, numeric_edges
from modelspan_analyzer.reading.profiles.profile import Column, Kind, Numbers, Support
from modelspan_analyzer.reading.profiles.read import BASELINE_POINTS, condense

FINITE = st.floats(allow_nan=False, allow_infinity=False, width=32)


def column(values: np.ndarray, null: float = 0.0) -> Column:
    """A numeric column of these values."""
    size = float(values.size)
    numbers = Numbers(values.size, size, 0, 0, 0, 0, 0, 0, 0, 0, 0, Support(np.sort(values)))
    return Column("x", null=null, null_n=int(null), numbers=numbers)


@given(st.lists(FINITE, min_size=1, max_size=200), st.lists(FINITE, min_size=1, max_size=200))
def test_every_row_falls_into_one_bin(before: list[float], after: list[float]) -> None:
    """Whatever the baseline, each value of any window is counted once, and missing ones in their own bin."""
    edges = numeric_edges(Support(np.sort(np.array(before))))
    assert (np.diff(edges) > 0).all()
    current = column(np.array(after), null=3)
    assert current.numbers is not None
    counts = count(Bins(Kind.NUMERIC, edges, ()), current, current.numbers.support)
    assert counts.sum() == pytest.approx(len(after) + 3)
    assert counts[-1] == 3
    assert (counts >= 0).all()


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=200))
@example([1.7976931348622502e308, 1.7976931348622504e308])  # neighbours: each is what the other is without
def test_each_bin_says_what_it_holds(values: list[float]) -> None:
    """No interval reads as empty, none as another, and none names a neighbour of a value that people never see."""
    labels = Bins(Kind.NUMERIC, numeric_edges(Support(np.sort(np.array(values)))), ()).labels[:-2]
    assert len(set(labels)) == len(labels)
    for label in labels:
        low, _, high = label.strip("()]").partition(", ")
        assert low != high, label


@pytest.mark.parametrize(
    ("values", "labels"),
    [
        ([27.0], ["(-inf, 27)", "27", "(27, inf]"]),
        ([0.0, 1.0], ["(-inf, 0)", "0", "(0, 1)", "1", "(1, inf]"]),
        ([1.00000001, 1.00000002], ["(-inf, 1.00000001)", "1.00000001", "(1.00000001, 1.00000002)", "1.00000002",
                                    "(1.00000002, inf]"]),
    ],
)  # fmt: skip
def test_a_bin_of_one_value_is_called_by_it(values: list[float], labels: list[str]) -> None:
    """Without the neighbours that floating-point numbers have."""
    assert Bins(Kind.NUMERIC, numeric_edges(Support(np.array(values))), ()).labels[:-2] == labels


def test_a_constant_baseline_tells_any_other_value() -> None:
    """The constant has a bin of its own."""
    edges = numeric_edges(Support(np.full(100, 5.0)))
    bins = Bins(Kind.NUMERIC, edges, ())
    for values, place in ((np.full(10, 5.0), 1), (np.full(10, 4.0), 0), (np.full(10, 6.0), 2)):
        made = column(values)
        assert made.numbers is not None
        counts = count(bins, made, made.numbers.support)
        assert counts[place] == counts.sum() == 10


def test_quantile_bins_hold_equal_shares() -> None:
    """Of many different values, ten bins hold a tenth each."""
    values = np.random.default_rng(1).normal(size=10_000)
    made = column(values)
    assert made.numbers is not None and made.numbers.support is not None
    bins = Bins(Kind.NUMERIC, numeric_edges(made.numbers.support), ())
    assert count(bins, made, made.numbers.support)[:10] == pytest.approx(np.full(10, 1000))


def test_condensing_keeps_every_quantile() -> None:
    """A grid of a large baseline is within half a step of its ranks, weighted or not."""
    values = np.sort(np.random.default_rng(2).lognormal(size=100_000))
    for weights in (None, np.linspace(1, 3, values.size)):
        grid = condense(Support(values, weights))
        assert grid.values.size == BASELINE_POINTS
        cumulated = np.cumsum(np.ones(values.size) if weights is None else weights)
        ranks = cumulated[np.searchsorted(values, grid.values)] / cumulated[-1]
        ideal = (np.arange(BASELINE_POINTS) + 0.5) / BASELINE_POINTS
        assert np.abs(ranks - ideal).max() <= 1 / BASELINE_POINTS
