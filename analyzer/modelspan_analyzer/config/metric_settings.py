"""Metrics of one's own in `monitors.yaml`."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Final, Literal

from pydantic import Field, field_validator, model_validator

from modelspan_analyzer.config.base import Settings
from modelspan_analyzer.config.durations import Duration
from modelspan_analyzer.config.expression import measure

NAME: Final = re.compile(r"[A-Za-z_][\w-]{0,59}")
"""What a metric, an experiment, or a slice of one's own, may be called."""


def plain_name(given: str, what: str) -> str:
    """A name that can stand in results.

    Raises:
        ValueError: it cannot; the message says what it was to be the name of.
    """
    if not NAME.fullmatch(given):
        raise ValueError(f"{given!r} is no name of {what}: use letters a to z, digits, _ and -, 60 at most")
    return given


class TargetSettings(Settings):
    """A goal, and how much of the time it has to be kept: what is left over is the budget that a burn rate is of."""

    value: float = Field(description="what the value has to reach, or to stay under, by the metric's `direction`")
    objective: float = Field(0.95, gt=0, lt=1, description="share of the windows that have to keep it")
    period: Duration = Field(timedelta(days=30), description="over which the objective holds")


class MetricSettings(Settings):
    """One value a window, and a slice: what it is, and when it is bad."""

    name: str = Field(description="what its results are called: letters, digits, _ and -")
    expression: str = Field("", description="an aggregate over predictions, such as sum(revenue) / count()")
    select: str = Field(
        "",
        description="instead of it, a SELECT with the column value and, if it likes, slice, lower, upper, n; "
        "{model:String}, {version:String}, {start:DateTime64(9, 'UTC')} and {end:…} say which window",
    )
    compare: Literal["", "difference", "ratio"] = Field(
        "", description="the value less, or divided by, what it is on the baseline"
    )
    unit: str = Field("", max_length=40, description="of the value, such as EUR")
    direction: Literal["below", "above", "both"] = Field("both", description="where a value is bad")
    threshold: float | None = Field(None, description="bad beyond it, surely; learnt from earlier windows if not given")
    target: TargetSettings | None = Field(
        None, description="a goal with an objective; alarms when its budget burns too fast"
    )
    slices: bool = Field(True, description="also of each slice (`segments`, `slices`)")
    min_rows: int = Field(30, ge=1, description="fewer rows give 'not enough data'")
    min_change: float = Field(0.05, ge=0, description="smallest change from the usual value that alarms, as a share")
    confidence: float = Field(0.999, gt=0.5, lt=1, description="how sure an alarm of a window must be, over all slices")

    @field_validator("name")
    @classmethod
    def _plain(cls, given: str) -> str:
        return plain_name(given, "a metric")

    @field_validator("expression")
    @classmethod
    def _measures(cls, given: str) -> str:
        if given:
            measure(given)
        return given

    @model_validator(mode="after")
    def _whole(self) -> MetricSettings:
        if bool(self.expression) == bool(self.select):
            raise ValueError(f"the metric {self.name!r} needs either an expression or a select")
        if self.select and self.compare:
            raise ValueError(
                f"the metric {self.name!r} cannot be compared with a baseline by itself: a select says what it reads; "
                "leave `compare` away, or write an expression"
            )
        if self.target is not None and (self.direction == "both" or self.compare):
            raise ValueError(
                f"say on which side of its target {self.name!r} is bad (direction: below, or above), and leave "
                "`compare` away: a target is of the value itself"
            )
        if self.threshold is not None and self.direction == "both":
            raise ValueError(f"say on which side of the threshold {self.name!r} is bad: direction: below, or above")
        return self
