"""Settings of what is measured on inputs and outputs: drift and data quality."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator

from modelspan_analyzer.config.base import Settings
from modelspan_analyzer.config.presets import Preset
from modelspan_analyzer.reading.profiles.measures import DEFAULT_MEASURES, MEASURE_NAMES
from modelspan_analyzer.verdicts.rule import DriftRule


class RuleSettings(Settings):
    """When drift of a feature is an alarm; each condition can be switched off by the value given with it."""

    enabled: bool = Field(True, description="false: only `thresholds` and `preset` can alarm")
    measure: Literal["psi", "jensen_shannon"] = Field("psi", description="the effect size")
    effect_floor: float = Field(0.1, ge=0, description="smallest effect beyond chance that alarms (0: any)")
    learn_floor: bool = Field(
        False, description="raise each feature's floor to what parts of the baseline's own time differ by"
    )
    seasons: bool = Field(
        True, description="compare with the same time of day, week or year, or with a trend, where the past shows one"
    )
    warning_floor: float | None = Field(0.05, ge=0, description="smallest effect that warns (null: no warnings)")
    alpha: float = Field(0.001, gt=0, le=1, description="greatest adjusted p-value (1: no evidence asked for)")
    correction: Literal["benjamini_hochberg", "benjamini_yekutieli", "holm", "bonferroni", "none"] = Field(
        "benjamini_hochberg", description="how p-values are adjusted over the features of a window"
    )
    persistence_breaches: int = Field(1, ge=1, description="so many breaches ...")
    persistence_windows: int = Field(1, ge=1, description="... in so many windows make an alarm (1 of 1: off)")
    negligible_importance: float = Field(
        0.0, ge=0, le=1, description="a feature with less than this share of all importance warns at most (0: off)"
    )

    def rule(self, min_rows: int) -> DriftRule:
        """The rule that these settings stand for."""
        return DriftRule(minimum_rows=min_rows, **self.model_dump(exclude={"enabled", "learn_floor", "seasons"}))


class DriftSettings(Settings):
    """Data drift and prediction drift."""

    enabled: bool = True
    features: tuple[str, ...] | None = Field(None, description="only these features")
    exclude: tuple[str, ...] = Field((), description="all features but these")
    measures: tuple[str, ...] = Field(DEFAULT_MEASURES, description=f"any of {', '.join(MEASURE_NAMES)}")
    exact: bool = Field(False, description="compute from rows, where sketches would do")
    min_rows: int = Field(50, ge=1, description="fewer rows give 'not enough data'")
    rule: RuleSettings = RuleSettings()
    thresholds: dict[str, float] = Field({}, description="fixed thresholds: measure to the value above which it alarms")
    preset: Preset = Field("modelspan", description="the default thresholds of another product instead of the rule")

    @field_validator("measures")
    @classmethod
    def _known_measures(cls, given: tuple[str, ...]) -> tuple[str, ...]:
        return _known(given)

    @field_validator("thresholds")
    @classmethod
    def _known_thresholds(cls, given: dict[str, float]) -> dict[str, float]:
        _known(tuple(given))
        return given


class WorstSlicesSettings(Settings):
    """Search for the slices in which the model's answers moved most, or its losses rose or labels lack most."""

    enabled: bool = True
    depth: Literal[1, 2] = Field(2, description="attributes that make a slice")
    min_rows: int = Field(200, ge=30, description="smallest slice, on both sides")
    min_effect: float = Field(0.2, ge=0, description="smallest move, in standard deviations of the usual rows")
    alpha: float = Field(0.001, gt=0, le=1, description="greatest adjusted p-value")


class DataQualitySettings(Settings):
    """Data quality."""

    enabled: bool = True
    features: tuple[str, ...] | None = Field(None, description="only these features")
    exclude: tuple[str, ...] = Field((), description="all features but these")
    min_rows: int = Field(50, ge=1, description="fewer rows give 'not enough data'")
    alpha: float = Field(0.001, gt=0, le=1, description="how improbable a rate must be under the baseline's to alarm")
    min_change: float = Field(0.02, ge=0, description="smallest rise of a rate that alarms, as a share of rows")
    bounds: dict[str, tuple[float, float]] = Field({}, description="allowed range of a feature: [lowest, highest]")
    max_null_rate: dict[str, float] = Field({}, description="allowed share of missing values of a feature")
    max_error_rate: float | None = Field(
        None, ge=0, le=1, description="allowed share of failed calls, instead of what the windows before had"
    )
    max_age: float | None = Field(None, gt=0, description="seconds without a prediction that alarm")
    constraints: str = Field("", description="a constraints.json in SageMaker's shape, checked as well")


def _known(measures: tuple[str, ...]) -> tuple[str, ...]:
    unknown = [name for name in measures if name not in MEASURE_NAMES]
    if unknown:
        raise ValueError(f"there is no measure {', '.join(unknown)}; choose from {', '.join(MEASURE_NAMES)}")
    return measures
