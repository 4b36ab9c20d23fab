"""Change detectors: the positions that river 0.26.1 finds on the same streams, and laws."""

from __future__ import annotations

import random

import numpy as np
import pytest

from modelspan_analyzer.statistics.detectors.adwin import adwin
from modelspan_analyzer.statistics.detectors.ddm import ddm
from modelspan_analyzer.statistics.detectors.page_hinkley import page_hinkley


def test_page_hinkley_finds_what_river_finds():
    """The stream of river's own example: one change, at 1006; and the mirrored one as a fall."""
    generator = random.Random(12345)
    stream = generator.choices([0, 1], k=1000) + generator.choices(range(4, 8), k=1000)
    assert page_hinkley(stream) == [1006]
    assert page_hinkley([-value for value in stream]) == [1006]


def test_ddm_finds_what_river_finds():
    """The stream of river's own example: warnings from 1084 on, 587 in all, one drift at 1334."""
    generator = random.Random(42)
    stream = generator.choices([0, 1], k=1000) + generator.choices([0, 1], k=1000, weights=[0.3, 0.7])
    found = ddm(stream)
    assert found.drifts == [1334]
    assert (len(found.warnings), found.warnings[:3], found.warnings[-1]) == (587, [1084, 1086, 1087], 1863)


def test_ddm_takes_arrays_of_windows():
    """Counts of a hundred rows a window, as arrays: the drift is found within two windows of the change at twenty."""
    wrong = np.array([20.0] * 20 + [40.0] * 10)
    found = ddm(wrong, np.full(30, 100.0))
    assert found.drifts[0] in (20, 21)


def rates(seed):
    """Ones and zeros, at a rate of 0.2, then 0.5, then (less than can be told) 0.45."""
    generator = random.Random(seed)
    return [float(generator.random() < rate) for rate in [0.2] * 2000 + [0.5] * 2000 + [0.45] * 1000]


def test_adwin_finds_what_river_finds_no_later():
    """One change; river's buckets tell it at 2113 (looked at every row) or 2143 (its default, every 32)."""
    found = adwin(rates(12345))
    assert len(found) == 1
    assert 2000 < found[0] <= 2113


def test_adwin_on_windows_finds_the_window():
    """Means of fifty rows a window: the change in window 40 is found within three."""
    windows = np.array(rates(12345)).reshape(-1, 50).mean(axis=1)
    found = adwin(windows, [50.0] * len(windows))
    assert len(found) == 1 and 40 <= found[0] <= 43


@pytest.mark.parametrize("detect", [adwin, page_hinkley, lambda series: ddm(series).drifts])
def test_no_change_is_found_where_there_is_none(detect):
    """Constant series, short ones, empty ones, and noise around one mean."""
    noise = [float(value) for value in np.random.default_rng(1).random(1500) < 0.3]
    for series in ([], [0.5], [1.0] * 500, noise):
        assert detect(series) == []
