"""Columns of more categories than there are bins: what is the most frequent by chance is no drift."""

from __future__ import annotations

import numpy as np
import pytest

from modelspan_analyzer.reading.profiles.binning import CATEGORIES, chosen_together, count, pin_bins
from modelspan_analyzer.reading.profiles.profile import Column, Floats, Texts
from modelspan_analyzer.verdicts.assess import assess_drift
from modelspan_analyzer.verdicts.rule import FeatureCounts, FeatureVerdict

WHOLE = 10**9
SKETCHED = 64
"""Categories that a sketch names."""


def column(values: np.ndarray, most: int = WHOLE) -> Column:
    """A categorical column of these values, of which the `most` most frequent ones are named."""
    names, counts = np.unique(values, return_counts=True)
    order = np.argsort(-counts, kind="stable")[:most]
    named = {str(names[at]): float(counts[at]) for at in order}
    return Column("item", texts=Texts(values.size, float(values.size), names.size, named))


def judged(before: np.ndarray, after: np.ndarray, most: int = WHOLE) -> FeatureVerdict:
    """The verdict of a window beside its baseline, by the default rule."""
    reference, current = column(before, most), column(after, most)
    bins = pin_bins(reference, None)
    counts = [count(bins, side, None) for side in (reference, current)]
    together = chosen_together(bins, reference, current)
    return assess_drift([FeatureCounts("item", *counts, labels=bins.labels, together=together)])[0]


def shares(categories: int, power: float) -> Floats:
    """Shares of categories that fall with their rank: equal ones with a power of 0, Zipf's with 1."""
    weights = np.arange(1, categories + 1, dtype=float) ** -power
    return np.asarray(weights / weights.sum())


@pytest.mark.parametrize("most", [WHOLE, SKETCHED])
@pytest.mark.parametrize(("categories", "power"), [(60, 0.0), (1000, 0.0), (10_000, 0.0), (1000, 1.0)])
@pytest.mark.parametrize(("rows_before", "rows"), [(1000, 1000), (1000, 10_000), (10_000, 1000)])
def test_many_categories_that_stay_are_no_drift(
    categories: int, power: float, rows_before: int, rows: int, most: int
) -> None:
    """Of 40 windows that are drawn as the baseline is, two at most are evidence at 1 %, however few rows it has."""
    random = np.random.default_rng(7)
    p = shares(categories, power)
    found = [
        judged(random.choice(categories, rows_before, p=p), random.choice(categories, rows, p=p), most)
        for _ in range(40)
    ]
    assert sum((verdict.p_value or 0.0) <= 0.01 for verdict in found) <= 2
    assert not any(verdict.verdict.value == "alarm" for verdict in found)


@pytest.mark.parametrize("most", [WHOLE, SKETCHED])
@pytest.mark.parametrize("name", [3, 999, 5000])
def test_one_of_many_categories_that_grows_is_found(most: int, name: int) -> None:
    """Whether it was frequent, rare or never seen: it is a fifth of the window now."""
    random = np.random.default_rng(8)
    before, after = random.choice(1000, 1000), random.choice(1000, 1000)
    after[:200] = name
    verdict = judged(before, after, most)
    assert verdict.verdict.value == "alarm"
    assert verdict.p_value is not None and verdict.p_value < 1e-6


def test_a_change_among_frequent_categories_is_found_in_a_long_tail() -> None:
    """The most frequent one loses half of its rows to the others."""
    random = np.random.default_rng(9)
    p = shares(1000, 1.0)
    moved = p.copy()
    moved[0] /= 2
    verdict = judged(random.choice(1000, 5000, p=p), random.choice(1000, 5000, p=moved / moved.sum()))
    assert verdict.p_value is not None and verdict.p_value < 1e-6


def test_bins_that_hold_all_categories_are_left_as_they_are() -> None:
    """Where nothing was chosen, nothing has to be put right: the window's new categories share a bin."""
    random = np.random.default_rng(10)
    reference, current = column(random.choice(CATEGORIES, 1000)), column(random.choice(2 * CATEGORIES, 1000))
    assert chosen_together(pin_bins(reference, None), reference, current) is None
