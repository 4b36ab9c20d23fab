"""When a measure is worse than it was: large, and sure by one window or by two."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from modelspan_analyzer.verdicts.change import Change, is_worse


@pytest.mark.parametrize(
    ("worsening", "p_value", "before", "worse"),
    [
        pytest.param(0.1, 0.0009, None, True, id="sure at once"),
        pytest.param(0.1, 0.002, None, False, id="the first window of a doubt"),
        pytest.param(0.1, 0.002, 0.02, True, id="a doubt that lasts"),
        pytest.param(0.1, 0.02, 0.002, True, id="a doubt that lasts, and fades"),
        pytest.param(0.1, 0.02, 0.4, False, id="after a good window"),
        pytest.param(0.1, 0.2, 0.0001, False, id="a good window after a bad one"),
        pytest.param(0.01, 1e-9, 1e-9, False, id="sure, and too small to matter"),
        pytest.param(0.1, np.nan, np.nan, False, id="nothing known"),
    ],
)
def test_a_worsening_is_sure_by_one_window_or_by_two(worsening, p_value, before, worse):
    """Of 99.9 %: one window below 0.001, or two in a row below its root."""
    moved = Change(worsening, p_value)
    assert is_worse(moved, 0.8, min_change=0.05, confidence=0.999, before=before) is worse


def test_chance_is_heard_once_in_some_hundred_windows():
    """Windows in which nothing changed: about one in a thousand by itself, and as many with the one before."""
    p = np.random.default_rng(4).random(40_000)
    heard = [
        is_worse(Change(0.1, float(now)), 0.8, min_change=0.05, confidence=0.999, before=float(last))
        for last, now in pairwise(p)
    ]
    assert 0.0014 < np.mean(heard) < 0.0026
