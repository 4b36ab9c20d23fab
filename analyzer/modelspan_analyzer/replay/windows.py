"""Cuts a history into windows: by time where it has one, by rows where it has none."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import numpy as np
import pyarrow as pa

from modelspan_analyzer.files.rows import Remarks
from modelspan_analyzer.replay.history import HistoryError
from modelspan_analyzer.results import Window

HOUR = timedelta(hours=1)
_STEPS = (HOUR, 6 * HOUR, 24 * HOUR, 7 * 24 * HOUR, 30 * 24 * HOUR, 90 * 24 * HOUR)
_UNITS = {"m": timedelta(minutes=1), "h": HOUR, "d": 24 * HOUR, "w": 7 * 24 * HOUR}
MOST_WINDOWS = 40
FEWEST_ROWS = 500
_UTC = pa.timestamp("ns", "UTC")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def parse(text: str) -> timedelta | int:
    """`30d`, `6h` … as a duration, `1000` as a number of rows.

    Raises:
        HistoryError: it is neither.
    """
    if text.isdigit() and int(text) > 0:
        return int(text)
    if match := re.fullmatch(r"(\d+)([mhdw])", text):
        return int(match[1]) * _UNITS[match[2]]
    raise HistoryError(f"window {text!r}: expected a duration such as 30d, 6h, 1w, or a number of rows such as 1000")


def by_time(times: pa.Array, step: timedelta | int | None) -> list[Window]:
    """Tumbling windows over sorted times; a number of rows cuts at every so many rows."""
    start = _instant(times[0]).replace(minute=0, second=0, microsecond=0)
    end = _instant(times[-1]) + timedelta(microseconds=1)
    if isinstance(step, int):
        cuts = [_instant(times[row]) for row in range(step, len(times), step)]
        edges = [start, *dict.fromkeys(cuts), end]
    else:
        step = step or next(
            (known for known in _STEPS if (end - start) / known <= MOST_WINDOWS), (end - start) / MOST_WINDOWS
        )
        edges = [start]
        while edges[-1] < end:
            edges.append(edges[-1] + step)
    return [Window(left, right) for left, right in pairwise(edges) if left < right]


def apart(times: pa.Array, remarks: Remarks) -> pa.Array:
    """Sorted times without two that are the same, so that a window can end between any two rows.

    Rows of one time are moved a microsecond each, in the order of the file, and what follows them only where it has to.
    """
    given = np.asarray(times.cast(pa.int64())) // 1000
    places = np.arange(given.size)
    moved = np.maximum.accumulate(given - places) + places
    if (changed := int(np.count_nonzero(moved != given))) == 0:
        return times
    remarks.assume(
        f"{changed:,} rows have the time of another one: they follow it by a microsecond each, so that every window has"
        " as many rows"
    )
    return pa.array(moved * 1000, pa.int64()).cast(_UTC)


def by_rows(rows: int, step: int | None) -> tuple[pa.Array, list[Window]]:
    """Times for rows that have none: every window of `step` rows stands for one hour, the last one just past.

    Returns:
        The rows' timestamps, and the windows.
    """
    step = step or max(FEWEST_ROWS, -(-rows // MOST_WINDOWS))
    count = -(-rows // step)
    start = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - count * HOUR
    spacing = int(HOUR.total_seconds() * 1e9) // step
    origin = int(start.timestamp()) * 10**9
    index = np.arange(rows, dtype=np.int64)
    stamps = origin + (index // step) * int(HOUR.total_seconds() * 1e9) + (index % step) * spacing
    windows = [Window(start + number * HOUR, start + (number + 1) * HOUR) for number in range(count)]
    return pa.array(stamps, pa.int64()).cast(_UTC), windows


def counts(times: pa.Array, windows: list[Window]) -> list[int]:
    """How many of some sorted times each window holds."""
    instants = np.asarray(times.cast(pa.int64()))
    edges = [[(moment - _EPOCH) // _MICROSECOND * 1000 for moment in (each.start, each.end)] for each in windows]
    places = np.searchsorted(instants, np.array(edges, np.int64).reshape(-1, 2))
    return [int(last - first) for first, last in places]


def _instant(value: pa.Scalar) -> datetime:
    return _EPOCH + timedelta(microseconds=value.value // 1000)
