"""Histograms that take many values at once.

A measurement through the OpenTelemetry SDK costs about 5 µs, more than all else that a record of a prediction costs,
and a batch would need one for each row. So where the meter provider is ours, values are counted here, in the
background, many at a time, and join the SDK's metrics at export (`modelspan.telemetry.metric_exporter`). With a
provider of the application's they go through its instruments, one by one.
"""

from __future__ import annotations

import threading
import time
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, TypeAlias

if TYPE_CHECKING:
    import numpy as np

DURATION_BOUNDARIES = (
    *(1e-5, 2.5e-5, 5e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3),
    *(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0),
)
"""Seconds: from a table look-up to a large network."""
VALUE_BOUNDARIES = (
    *(-1e6, -1e5, -1e4, -1e3, -100.0, -10.0, -1.0, -0.1, 0.0),
    *(0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 10.0, 100.0, 1e3, 1e4, 1e5, 1e6),
)
"""Scores of 0 to 1 in tenths, and what a regression returns by its power of ten."""
VALUES_OF_A_BATCH = 100
"""Values of one batch that pass through an application's instrument: evenly spaced rows."""

Attributes = tuple[tuple[str, str], ...]
Values: TypeAlias = "Sequence[float] | np.ndarray"


class Sink(Protocol):
    """Takes values of one series."""

    def record(self, name: str, values: Values, attributes: Attributes, *, some: bool = False) -> None:
        """Count values, none of them NaN; where `some` will do, evenly spaced ones of many."""


@dataclass(slots=True)
class Series:
    """Counts of one histogram and one set of attributes."""

    boundaries: Sequence[float]
    counts: list[int]
    total: float = 0.0
    least: float = float("inf")
    most: float = float("-inf")
    since_ns: int = field(default_factory=time.time_ns)

    def add(self, values: Values) -> None:
        """Count values; few in Python, many in NumPy."""
        if len(values) < 32:
            few = [float(value) for value in values]  # those of an array warn where their sum is beyond a number
            for value in few:
                self.counts[bisect_left(self.boundaries, value)] += 1
            self._add_range(sum(few), min(few), max(few))
            return
        import numpy as np

        many = np.asarray(values, dtype=np.float64)
        found = np.bincount(np.searchsorted(self.boundaries, many, side="left"), minlength=len(self.counts))
        self.counts = [count + more for count, more in zip(self.counts, found.tolist(), strict=True)]
        with np.errstate(
            over="ignore", invalid="ignore"
        ):  # values whose sum is beyond what a number can hold: infinite, as in Python
            total = float(many.sum())
        self._add_range(total, float(many.min()), float(many.max()))

    def _add_range(self, total: float, least: float, most: float) -> None:
        self.total += total
        self.least = min(self.least, least)
        self.most = max(self.most, most)


class Buckets:
    """Counts of all series of a process."""

    def __init__(self, boundaries: Mapping[str, Sequence[float]]) -> None:
        self._boundaries = boundaries
        self._lock = threading.Lock()
        self._series: dict[tuple[str, Attributes], Series] = {}

    def record(self, name: str, values: Values, attributes: Attributes, *, some: bool = False) -> None:  # noqa: ARG002
        """Count all values, none of them NaN."""
        if not len(values):
            return
        with self._lock:
            series = self._series.get((name, attributes))
            if series is None:
                boundaries = self._boundaries[name]
                series = self._series[name, attributes] = Series(boundaries, [0] * (len(boundaries) + 1))
            series.add(values)

    def collect(self, *, reset: bool) -> dict[tuple[str, Attributes], Series]:
        """All series: since the start, or (`reset`) since the last time."""
        with self._lock:
            if reset:
                found, self._series = self._series, {}
                return found
            return {
                key: Series(each.boundaries, list(each.counts), each.total, each.least, each.most, each.since_ns)
                for key, each in self._series.items()
            }
