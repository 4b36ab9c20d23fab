"""Windows cover every row of a history once, in order."""

from datetime import timedelta
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelspan_analyzer.files.rows import Remarks
from modelspan_analyzer.replay.history import HistoryError
from modelspan_analyzer.replay.windows import MOST_WINDOWS, apart, by_rows, by_time, counts, parse
from modelspan_analyzer.results import Window

UTC = pa.timestamp("ns", "UTC")


def rows_in(window: Window, times: pa.Array) -> int:
    """How many of the times fall into the window."""
    instants = np.asarray(times.cast(pa.int64()))
    start, end = (int(moment.timestamp()) * 10**9 + moment.microsecond * 1000 for moment in (window.start, window.end))
    return int(((instants >= start) & (instants < end)).sum())


@given(
    st.lists(st.integers(0, 3 * 365 * 86_400), min_size=1, max_size=200),
    st.sampled_from([None, timedelta(days=30), timedelta(hours=6), 7, 1000]),
)
def test_every_timed_row_is_in_one_window(seconds: list[int], step: timedelta | int | None) -> None:
    """Windows by time or by count neither lose nor repeat a row."""
    times = pa.array(sorted((830_000_000 + s) * 10**9 + s % 2 for s in seconds), pa.int64()).cast(UTC)
    windows = by_time(times, step)
    assert sum(rows_in(window, times) for window in windows) == len(seconds)
    assert counts(times, windows) == [rows_in(window, times) for window in windows]
    assert all(left.end == right.start for left, right in pairwise(windows))


@given(st.lists(st.integers(0, 20), min_size=1, max_size=300), st.sampled_from([3, 10]))
def test_windows_of_rows_are_even_where_times_are_the_same(seconds: list[int], step: int) -> None:
    """Rows of one time follow each other by a microsecond, in their order, and it is said how many."""
    times, remarks = pa.array([s * 10**9 for s in sorted(seconds)], pa.int64()).cast(UTC), Remarks()
    moved = apart(times, remarks)
    stamps = np.asarray(moved.cast(pa.int64()))
    assert np.all(np.diff(stamps) > 0)
    assert np.all(stamps - np.asarray(times.cast(pa.int64())) < len(seconds) * 1000)
    held = counts(moved, by_time(moved, step))
    assert set(held[:-1]) <= {step}
    assert bool(remarks.assumed) == (len(set(seconds)) < len(seconds))


@given(st.integers(1, 50_000), st.sampled_from([None, 500, 1000]))
def test_rows_without_time_fill_whole_hours(rows: int, step: int | None) -> None:
    """Each window of rows stands for one hour, and together they hold all rows."""
    times, windows = by_rows(rows, step)
    held = [rows_in(window, times) for window in windows]
    assert sum(held) == rows
    assert counts(times, windows) == held
    assert all(window.end - window.start == timedelta(hours=1) and window.start.minute == 0 for window in windows)
    assert step is not None or len(windows) <= MOST_WINDOWS
    assert len(set(held[:-1])) <= 1


@pytest.mark.parametrize(("text", "step"), [("30d", timedelta(days=30)), ("6h", timedelta(hours=6)), ("1000", 1000)])
def test_lengths_are_read(text: str, step: timedelta | int) -> None:
    """A length is a duration or a number of rows."""
    assert parse(text) == step


@pytest.mark.parametrize("text", ["0", "-5", "month", "3x", ""])
def test_other_lengths_are_refused(text: str) -> None:
    """Anything else is refused with examples of what is meant."""
    with pytest.raises(HistoryError, match="such as 30d"):
        parse(text)
