"""How levels move: one step or on and on, which way, and whether a trend still runs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from modelspan_analyzer.verdicts.movement import heading
from modelspan_analyzer.verdicts.seasons import moves_steadily

NOISE = 0.05
Floats = NDArray[np.float64]


def noisy(levels: Floats, seed: int = 0) -> Floats:
    """The same with the noise of a mean of some hundred rows."""
    return levels + np.random.default_rng(seed).normal(0, NOISE, levels.size)


def told(levels: Floats, seed: int = 0) -> tuple[bool, int]:
    """Whether they rise, and by how many of the newest it is told that they no longer do."""
    return heading(noisy(levels, seed), np.arange(levels.size))


@given(st.integers(60, 300), st.floats(1.0, 5.0), st.booleans(), st.integers(0, 10**6))
def test_growth_that_runs_on_has_not_stopped(windows: int, height: float, rising: bool, seed: int) -> None:
    """Whichever way, by twenty times its noise or more."""
    assert told(np.linspace(0, height if rising else -height, windows), seed) == (rising, 0)


@pytest.mark.parametrize("height", [1.0, -1.0])
@pytest.mark.parametrize("windows", [60, 150, 288])
def test_growth_that_stopped_is_said_to_have(windows: int, height: float) -> None:
    """A third of its time later at the latest, and not on the day itself; which way it went is still told."""
    grown = np.linspace(0, height, windows)
    stopped = np.concatenate([grown, np.full(windows // 3, height)])
    assert told(grown) == (height > 0, 0)
    rising, slowed = told(stopped)
    assert rising == (height > 0)
    assert 0 < slowed <= windows // 3


def test_what_turned_is_said_to_go_where_its_newest_windows_go() -> None:
    """Though it is still lower than at first."""
    assert told(np.concatenate([np.linspace(0, -2, 80), np.linspace(-2, -1, 40)])) == (True, 0)


def test_too_few_windows_tell_of_no_stop() -> None:
    """Where the noise hides the pace of half of them."""
    assert told(np.linspace(0, 2 * NOISE, 20))[1] == 0


def test_few_levels_tell_growth_from_a_step() -> None:
    """Of fourteen, as of the days of two weeks, by ten times their noise; a step of any size is none."""
    times = np.linspace(0, 1, 14)
    grown = sum(moves_steadily(noisy(10 * NOISE * times, seed)) for seed in range(100))
    assert grown >= 85
    for size in (2, 4, 6, 20):
        stepped = [moves_steadily(noisy(size * NOISE * (times > at), seed)) for seed in range(50) for at in (0.3, 0.8)]
        assert sum(stepped) <= 3


@pytest.mark.parametrize("level", [0.0, 0.1, 1e9])
def test_what_never_moves_has_no_trend(level: float) -> None:
    """Whatever it is, and however its sums are rounded."""
    assert not moves_steadily(np.full(50, level))
    assert not moves_steadily(level * (1 + (np.arange(50) > 20)))


@pytest.mark.parametrize("number", [24, 60])
def test_levels_move_steadily_by_growth_and_not_by_a_step_or_by_noise(number: int) -> None:
    """Whether or not some of them are not known."""
    times = np.linspace(0, 1, number)
    for seed in range(20):
        assert moves_steadily(noisy(times, seed))
        assert not moves_steadily(noisy((times > 0.5).astype(float), seed))
    assert sum(moves_steadily(noisy(0 * times, seed)) for seed in range(100)) <= 5
    assert moves_steadily(np.where(np.arange(number) % 5 == 0, np.nan, noisy(times)))
    assert not moves_steadily(np.full(number, np.nan))
