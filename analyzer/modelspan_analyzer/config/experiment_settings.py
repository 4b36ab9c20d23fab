"""Experiments: a champion and a challenger that both answer, and what has to be true of the challenger."""

from __future__ import annotations

from typing import Final, Literal

from pydantic import Field, field_validator, model_validator

from modelspan_analyzer.config.base import Settings
from modelspan_analyzer.config.metric_settings import plain_name

LOSS: Final = "loss"
LATENCY: Final = "latency"
FAILURES: Final = "failures"
COST: Final = "cost"
OUTCOME: Final = "outcome."
METRIC: Final = "metric."
PLAIN: Final = (LOSS, LATENCY, FAILURES, COST)
"""Measures by a name of their own, of which less is better."""
BY_VERSION: Final = "version"
TAG: Final = "tag."


class MeasureSettings(Settings):
    """One thing that is measured of both."""

    measure: str = Field(
        LOSS,
        description="`loss` (share of wrong answers, or mean absolute error), `latency` (as a ratio), `failures` "
        "(share of calls that failed), `cost` (of a prediction, by `costs`), `outcome.NAME` (its mean), `metric.NAME` "
        "(of one's own, a mean or a ratio)",
    )
    better: Literal["", "lower", "higher"] = Field(
        "", description="of an outcome `higher` and of a metric what its `direction` says, if not given; else lower"
    )

    @field_validator("measure")
    @classmethod
    def _known(cls, given: str) -> str:
        kind, point, name = given.partition(".")
        named = f"{kind}{point}" in (OUTCOME, METRIC) and name
        if given not in PLAIN and not named:
            raise ValueError(f"{given!r} is nothing to measure: say {', '.join(PLAIN)}, outcome.NAME or metric.NAME")
        return given

    @model_validator(mode="after")
    def _one_way(self) -> MeasureSettings:
        if self.better == "higher" and self.measure in PLAIN:
            raise ValueError(f"less {self.measure} is better: leave `better` away")
        return self


class GuardrailSettings(MeasureSettings):
    """What must not get worse by more than a margin."""

    margin: float = Field(ge=0, description="how much worse it may be, in its unit; of latency a share, such as 0.1")


class ExperimentSettings(MeasureSettings):
    """A champion against a challenger, looked at in every window until it is decided."""

    name: str = Field(description="what its results are called: letters, digits, _ and -")
    champion: str = Field(description="version in use, or the value of the tag that `split` names")
    challenger: str = Field(description="version, or value, that might replace it")
    split: str = Field(BY_VERSION, description="`version`, or `tag.NAME`: what tells both apart")
    share: float | None = Field(
        None, gt=0, lt=1, description="of the predictions of both that the challenger should get, which is then checked"
    )
    min_effect: float | None = Field(
        None, gt=0, description="smallest difference that matters, in its unit; 5 % of the champion's if not given"
    )
    alpha: float = Field(
        0.05, gt=0, lt=1, description="chance that anything is ever decided wrongly, shared by goal and guardrails"
    )
    tuned_to: int = Field(10_000, ge=100, description="predictions of both at which the test is sharpest")
    guardrails: tuple[GuardrailSettings, ...] = Field((), description="what must not get worse")

    @field_validator("name")
    @classmethod
    def _plain(cls, given: str) -> str:
        return plain_name(given, "an experiment")

    @field_validator("split")
    @classmethod
    def _splits(cls, given: str) -> str:
        if given != BY_VERSION and not (given.startswith(TAG) and given != TAG):
            raise ValueError(f"{given!r} tells no two apart: say `version`, or `tag.NAME`")
        return given

    @model_validator(mode="after")
    def _two(self) -> ExperimentSettings:
        if self.champion == self.challenger:
            raise ValueError(f"champion and challenger of {self.name!r} are both {self.champion!r}: name two")
        guarded = [one.measure for one in self.guardrails]
        if twice := next((one for one in guarded if guarded.count(one) > 1), None):
            raise ValueError(f"{self.name!r} guards {twice!r} twice: keep one margin")
        if self.measure in guarded:
            raise ValueError(f"{self.measure!r} is the goal of {self.name!r} and cannot guard it too: take one away")
        return self

    @property
    def level(self) -> float:
        """The share of `alpha` that the goal, and each guardrail, has."""
        return self.alpha / (1 + len(self.guardrails))
