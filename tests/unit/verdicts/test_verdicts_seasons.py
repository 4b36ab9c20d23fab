"""Which columns have a rhythm or a trend, by the levels of their earlier windows, and what these make expected next."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from modelspan_analyzer.verdicts.seasons import SETTLED, History, season_of

NOISE = 0.05
WEEK_HOURS = 24 * 7
Floats = NDArray[np.float64]


def levels(kind: str, size: int, windows: int) -> Floats:
    """The noiseless level of windows of so many hours from a Monday on."""
    hours = (np.arange(windows) + 0.5) * size
    day, weekend = np.sin(2 * np.pi * hours / 24), (hours // 24 % 7 >= 5).astype(float)
    return {
        "steady": 0 * hours,
        "far from the baseline": 0 * hours + 5,
        "jumped": 2.0 * (hours > hours[-1] * 0.7),
        "daily": day,
        "weekly": 0.8 * weekend,
        "daily and weekly": day * (1 - 0.5 * weekend) + 0.8 * weekend,
        "yearly": 2 * np.sin(2 * np.pi * hours / (24 * 364)),
        "growing": 3 * hours / hours[-1],
        "falling": -3 * hours / hours[-1],
    }[kind]


def history(known: Floats, size: int, alarmed: NDArray[np.intp] | None = None) -> History:
    """Windows with such levels, none of which alarmed unless it is said."""
    noise = np.full(known.size, NOISE)
    return History(timedelta(hours=size), known, noise, np.full(known.size, -1) if alarmed is None else alarmed)


def noisy(kind: str, size: int, windows: int) -> Floats:
    """The same with the noise of a mean of some hundred rows."""
    generator = np.random.default_rng(sum(map(ord, kind)) + size)
    return levels(kind, size, windows) + generator.normal(0, NOISE, windows)


@pytest.mark.parametrize(
    ("kind", "size", "days", "rhythm"),
    [
        ("daily", 1, 8, "day"),
        ("daily", 6, 15, "day"),
        ("daily", 24, 30, ""),
        ("weekly", 1, 22, "week"),
        ("weekly", 6, 22, "week"),
        ("weekly", 24, 15, "week"),
        ("daily and weekly", 6, 22, "week"),
        ("yearly", 6, 20, "trend"),
        ("yearly", 24, 40, "trend"),
        ("yearly", 24, 800, "trend"),
        ("growing", 1, 5, "trend"),
        ("growing", 24, 30, "trend"),
        ("falling", 6, 20, "trend"),
        ("steady", 1, 22, ""),
        ("far from the baseline", 6, 22, ""),
        ("jumped", 1, 10, ""),
        ("jumped", 6, 22, ""),
        ("jumped", 24, 60, ""),
    ],
)
def test_a_rhythm_or_a_trend_is_told_by_what_forecasts_earlier_windows(
    kind: str, size: int, days: int, rhythm: str
) -> None:
    """What was always the same has neither, however far it lies from a baseline, and neither has what jumped."""
    windows = days * 24 // size
    season = season_of(history(noisy(kind, size, windows), size))
    assert season.rhythm == rhythm
    if rhythm:
        assert abs(season.level - levels(kind, size, windows + 1)[-1]) < 0.2
        assert season.natural < 0.5
    if rhythm == "trend" and kind != "yearly":
        assert season.rising == (kind == "growing")


def test_windows_that_are_like_the_next_one_are_told() -> None:
    """Those of the same hour of the last seven days; of the same day of the week as far back as four weeks."""
    assert season_of(history(noisy("daily", 1, 24 * 8), 1)).back == tuple(24 * day for day in range(1, 8))
    assert season_of(history(noisy("weekly", 24, 60), 24)).back == (7, 14, 21, 28)


def test_whole_days_of_what_is_usual_are_told() -> None:
    """The newest seven without an alarm or a gap, and whether days move steadily beside the rhythm; of a trend none."""
    known, alarmed = noisy("daily", 6, 4 * 20), np.full(4 * 20, -1)
    known[-4 * 3 - 2 : -4 * 2] = np.nan
    alarmed[-1] = SETTLED
    season = season_of(history(known, 6, alarmed))
    assert (season.rhythm, season.days, season.steady) == ("day", (2, 5, 6, 7, 8, 9, 10), False)
    rising = season_of(history(known + np.arange(80) / 30, 6))
    assert (rising.rhythm, rising.days[:3], rising.steady) == ("day", (1, 2, 5), True)
    assert season_of(history(noisy("growing", 6, 80), 6)).days == ()


def test_until_enough_was_seen_no_season_is_known() -> None:
    """Three days for that of the day, two weeks for that of the week; a window without rows tells nothing."""
    daily = noisy("daily", 1, 24 * 20)
    assert [season_of(history(daily[: 24 * days], 1)).stage for days in (1, 2, 4, 13, 15)] == [0, 0, 1, 1, SETTLED]
    assert season_of(history(np.full(400, np.nan), 1)).stage == 0


def test_a_fault_is_not_what_is_usual() -> None:
    """Windows that alarmed when seasons were known tell nothing: what is expected stays what it was before."""
    known, alarmed = noisy("daily", 1, 24 * 20), np.full(24 * 20, -1)
    known[-24 * 5 :] += 3
    alarmed[-24 * 5 :] = SETTLED
    season = season_of(history(known, 1, alarmed))
    assert season.rhythm == "day"
    assert abs(season.level - levels("daily", 1, 24 * 20 + 1)[-1]) < 0.3
    assert min(season.back) > 24 * 5


def test_growth_out_of_what_was_usual_is_named_though_it_alarmed() -> None:
    """Its windows alarm at first, and are its trend all the same; those of a jump stay a jump."""
    still, grown = np.zeros(40), np.linspace(0, 3, 30)
    generator, alarmed = np.random.default_rng(5), np.where(np.arange(70) > 45, SETTLED, -1)
    noise = generator.normal(0, NOISE, 70)
    assert season_of(history(np.concatenate([still, grown]) + noise, 24, alarmed)).rhythm == "trend"
    assert season_of(history(np.concatenate([still, 0 * grown + 3]) + noise, 24, alarmed)).rhythm == ""


def test_a_column_that_falls_and_then_rises_moves_steadily() -> None:
    """Though the noise of one window is a seventh of all movement; noise alone moves nowhere."""
    bend, generator = 7 * NOISE * np.linspace(-0.8, 1, 288) ** 2, np.random.default_rng(3)
    bent, still = (history(one + generator.normal(0, NOISE, 288), 1) for one in (bend, 0 * bend))
    assert season_of(bent).rhythm == "trend"
    assert season_of(still).rhythm == ""


@given(st.integers(20, 300), st.floats(0, 1), st.sampled_from([-6.0, 6.0]), st.integers(0, 10**6))
def test_what_jumped_is_no_trend(windows: int, share: float, jump: float, seed: int) -> None:
    """Wherever it jumped by six times its noise, and however long ago: two windows are enough to tell."""
    after = max(2, round(share * windows))
    known = np.random.default_rng(seed).normal(0, NOISE, windows)
    known[-after:] += jump * NOISE
    assert season_of(history(known, 24)).rhythm in {"", "week"}


def test_what_forecasts_are_off_by_nature_is_known() -> None:
    """Days that differ by more than their rows tell are natural; noise alone is not."""
    generator = np.random.default_rng(11)
    calm = noisy("daily", 6, 4 * 30)
    restless = calm + np.repeat(generator.normal(0, 0.5, 60), 2)
    assert season_of(history(calm, 6)).natural < 0.2
    assert season_of(history(restless, 6)).natural > 0.4
