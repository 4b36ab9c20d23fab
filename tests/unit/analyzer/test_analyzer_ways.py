"""How far a column has gone from one distribution towards another, and the column that is so far."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelspan_analyzer.reading.profiles.binning import Bins, count, pin_bins
from modelspan_analyzer.reading.profiles.pooling import Level, level_of, moved
from modelspan_analyzer.reading.profiles.profile import Column, Floats, Numbers, Support, Texts
from modelspan_analyzer.reading.profiles.ways import Way
from modelspan_analyzer.statistics.psi import psi

COUNTS = st.lists(st.integers(1, 400), min_size=3, max_size=6)


def numbers(values: Floats) -> Column:
    """A column of them, with its values."""
    held = Support(np.sort(values))
    sums = (0.0, 0.0, 0.0, 0.0, float(values.min()), float(values.max()), float(values.mean()), float(values.std()))
    return Column("x", numbers=Numbers(values.size, values.size, *sums, values.size, held))


def texts(counts: list[int]) -> Column:
    """A column of the categories a, b, c and so on, so often each."""
    total = sum(counts)
    return Column("x", texts=Texts(total, total, len(counts), dict(zip("abcdef", map(float, counts), strict=False))))


def binned(bins: Bins, column: Column) -> Floats:
    """Its counts in bins."""
    return count(bins, column, column.numbers.support if column.numbers else None)


@given(COUNTS, st.data())
def test_between_both_ends_it_goes_as_far_as_their_psi(before: list[int], data: st.DataObject) -> None:
    """Of categories that all come on both sides."""
    now = data.draw(st.lists(st.integers(1, 400), min_size=len(before), max_size=len(before)))
    first, last = texts(before), texts(now)
    bins = pin_bins(first, None)
    sides = binned(bins, first), binned(bins, last)
    way = Way.between(bins, *sides)
    assert way is not None
    assert way.end == pytest.approx(way.reached(last))
    assert way.end - way.reached(first) == pytest.approx(float(psi(*sides)), abs=1e-9)


@given(st.floats(0.1, 0.9), st.integers(0, 10**6))
def test_a_column_that_is_led_is_there(part: float, seed: int) -> None:
    """Numbers that spread around the same mean, which stays; and categories."""
    generator = np.random.default_rng(seed)
    ends = [
        (numbers(generator.normal(size=1000)), numbers(2 * generator.normal(size=1000))),
        (texts([400, 300, 200, 100]), texts([100, 350, 150, 400])),
    ]
    for first, last in ends:
        bins = pin_bins(first, first.numbers.support if first.numbers else None)
        way = Way.between(bins, binned(bins, first), binned(bins, last))
        assert way is not None
        level = Level(way=way)
        height = level_of(first, level) + part * (level_of(last, level) - level_of(first, level))
        there = moved(first, level, height)
        assert level_of(there, level) == pytest.approx(height)
        assert binned(bins, there).sum() == pytest.approx(binned(bins, first).sum())
        if there.numbers and first.numbers:
            assert first.numbers.std < there.numbers.std
            assert there.numbers.mean == pytest.approx(0, abs=0.35)


def test_where_nothing_is_known_there_is_no_way() -> None:
    """A side without a value of the column's kind; and a column without one has gone nowhere."""
    column = numbers(np.arange(100.0))
    assert column.numbers is not None
    bins = pin_bins(column, column.numbers.support)
    counts = binned(bins, column)
    assert Way.between(bins, counts, 0 * counts) is None
    missing = np.append(0 * counts[:-1], counts.sum())
    assert Way.between(bins, counts, missing) is None
    way = Way.between(bins, counts, counts)
    assert way is not None
    assert np.isnan(way.reached(Column("x")))
    assert way.led(Column("x"), 1.0) == Column("x")
    assert way.led(column, 1e9) is not None, "and stays where its values cannot be"
