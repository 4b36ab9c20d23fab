"""The vocabulary of everything that measures: windows, verdicts, and one result a measurement."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum
from typing import Any

import pyarrow as pa

from modelspan_collector.store.connect import Store


class Verdict(str, Enum):
    """What a measurement means."""

    OK = "ok"
    WARNING = "warning"
    ALARM = "alarm"
    NOT_ENOUGH_DATA = "not_enough_data"
    NOT_COMPARED = "not_compared"
    """A value was computed, and there is nothing to compare it with (no baseline, no bound), or nothing judges it."""
    SKIPPED = "skipped"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Window:
    """A half-open stretch of event time, `start <= timestamp < end`, both in UTC."""

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        """Refuse naive and reversed times, which would silently shift a window."""
        if self.start.tzinfo is None or self.end.tzinfo is None:
            raise ValueError("a window needs times with a time zone; hint: datetime.now(timezone.utc)")
        if self.end < self.start:
            raise ValueError(f"a window cannot end ({self.end}) before it starts ({self.start})")


@dataclass(frozen=True, slots=True)
class Result:
    """One measurement: a row of `monitor_results`."""

    model: str
    version: str
    window: Window
    signal: str
    metric: str
    value: float | None
    verdict: Verdict
    feature: str = ""
    segment: str = ""
    lower: float | None = None
    upper: float | None = None
    threshold: float | None = None
    direction: str = "above"
    p_value: float | None = None
    n: int = 0
    n_baseline: int = 0
    baseline_id: str = ""
    monitor: str = ""
    reason: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Seen:
    """What one value is of, and how sure it is: all that is known before it is judged."""

    feature: str = ""
    segment: str = ""
    n: int = 0
    n_baseline: int = 0
    lower: float | None = None
    upper: float | None = None
    direction: str = "above"
    details: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Judged:
    """What is said of one value, and by what."""

    verdict: Verdict
    reason: str = ""
    threshold: float | None = None
    p_value: float | None = None
    details: Mapping[str, object] = field(default_factory=dict)
    decides: bool = True
    """False of a value that is there to be read: nothing judges it, whatever it is."""


def unjudged(reason: str, p_value: float | None = None, details: Mapping[str, object] | None = None) -> Judged:
    """What is said of a value that nothing judges: it is never `ok`, however it lies beside the baseline's."""
    return Judged(Verdict.NOT_COMPARED, reason, None, p_value, details or {}, decides=False)


@dataclass(frozen=True, slots=True)
class Found:
    """One value, seen and judged, wherever it was measured: in a window of the store, or in a table."""

    metric: str
    value: float | None
    seen: Seen
    judged: Judged


def finite(value: float) -> float | None:
    """A number as a result holds it: None where it is undefined."""
    return float(value) if math.isfinite(value) else None


def write_results(store: Store, results: Sequence[Result], run_id: str, now: datetime | None = None) -> None:
    """Store results; one computed again for the same window replaces the earlier one."""
    if not results:
        return
    now = now or datetime.now(UTC)
    stamp = pa.timestamp("ns", "UTC")
    columns: dict[str, pa.Array] = {
        "window_start": pa.array([result.window.start for result in results], stamp),
        "window_end": pa.array([result.window.end for result in results], stamp),
        "verdict": pa.array([result.verdict.value for result in results]),
        "run_id": pa.array([run_id] * len(results)),
        "computed_at": pa.array([now] * len(results), pa.timestamp("ms", "UTC")),
        "details": pa.array([json.dumps(result.details, default=str, sort_keys=True) for result in results]),
    }
    for name in (
        "model",
        "version",
        "signal",
        "metric",
        "feature",
        "segment",
        "direction",
        "baseline_id",
        "monitor",
        "reason",
    ):
        columns[name] = pa.array([getattr(result, name) for result in results], pa.string())
    for name in ("value", "lower", "upper", "threshold", "p_value"):
        columns[name] = pa.array([getattr(result, name) for result in results], pa.float64())
    for name in ("n", "n_baseline"):
        columns[name] = pa.array([getattr(result, name) for result in results], pa.uint64())
    store.insert("monitor_results", pa.table(columns))
