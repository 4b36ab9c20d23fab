"""Settings of the monitor of latency."""

from __future__ import annotations

from datetime import timedelta

from pydantic import Field

from modelspan_analyzer.config.base import Settings
from modelspan_analyzer.config.durations import Duration


class ObjectiveSettings(Settings):
    """What was promised of the calls: a service-level objective."""

    seconds: float = Field(gt=0, description="a good call answers within so many seconds, without an error")
    objective: float = Field(0.99, gt=0, lt=1, description="share of good calls that was promised over 30 days")
    max_burn_rate: float | None = Field(
        None, gt=0, description="times as fast as the promise allows; by the window's length where not given"
    )


class LatencySettings(Settings):
    """How long predictions take, against the usual of the same time of day or week."""

    enabled: bool = True
    min_rows: int = Field(20, ge=1, description="fewer timed predictions give 'not enough data'")
    alpha: float = Field(0.001, gt=0, le=1, description="greatest adjusted p-value of an alarm")
    min_ratio: float = Field(1.5, ge=1, description="times as slow as usual, at the least, that matters")
    min_seconds: float = Field(0.005, ge=0, description="seconds slower than usual, at the least, that matter")
    adapt_after: Duration = Field(timedelta(days=1), description="what has been slow for so long is usual from then on")
    slo: ObjectiveSettings | None = Field(None, description="what was promised; its burn rate is then judged too")
