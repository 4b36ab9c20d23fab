"""Of busy times only some stretches are read, and weights undo that."""

from __future__ import annotations

import numpy as np
import pytest

from modelspan_analyzer.why.stretches import PAD, SLICE, choose
from modelspan_analyzer.why.timeline import BUCKETS, Timeline

START = 1_790_000_100.0
HOURS = 6


def line(a_second: float, onset: float | None = None, flagged: float = 0.1) -> Timeline:
    """So many predictions a second for some hours; `onset` is a share of them."""
    edges = START + np.linspace(0, HOURS * 3600, BUCKETS + 1)
    total = np.full(BUCKETS, a_second * HOURS * 3600 / BUCKETS) * np.linspace(0.5, 1.5, BUCKETS)
    begun = None if onset is None else float(edges[round(onset * BUCKETS)])
    return Timeline(edges, flagged * total, np.zeros(BUCKETS), total, begun, None, 0.0, 0.0)


@pytest.mark.parametrize("given", [line(0.5), line(10, flagged=0.005)])
def test_all_is_read_of_few_predictions_or_few_flagged_ones(given):
    """Nothing is left out, and nothing stands for more than itself."""
    read = choose(given)
    assert read.slices == ()
    assert read.thinning == (1.0, 1.0)
    assert (read.covered == 1).all()


@pytest.mark.parametrize("onset", [None, 0.3, 0.9])
@pytest.mark.parametrize("a_second", [10, 1000])
def test_stretches_of_busy_times_stand_for_all_of_it(onset, a_second):
    """What is read is less than half, spread over both sides of the onset, and weighs as much as all."""
    given = line(a_second, onset)
    read = choose(given)
    assert len(read.slices) * SLICE < HOURS * 3600 / 2
    begun = START if onset is None else given.onset
    late = (given.edges[1:] + given.edges[:-1]) / 2 >= begun
    for part, weight in zip((~late, late), read.thinning, strict=True):
        assert (given.total * read.covered)[part].sum() * weight == pytest.approx(given.total[part].sum())
    starts = np.array(read.slices)
    assert starts[0] <= START + SLICE < given.edges[-1] - SLICE <= starts[-1] + SLICE
    if onset is not None:
        assert np.any((starts <= begun) & (begun < starts + SLICE))


def test_no_prediction_is_drawn_at_the_ends_of_a_stretch():
    """There the spans of its trace may lie outside."""
    given = line(1000)
    read = choose(given)
    bucket = given.edges[1] - given.edges[0]
    drawn = read.covered.sum() * bucket
    starts = np.array(read.slices)
    runs = 1 + int((np.diff(starts) > SLICE).sum())
    assert drawn == pytest.approx(len(starts) * SLICE - 2 * PAD * runs, abs=2 * SLICE)
