"""The settings of `monitors.yaml`: names, types, defaults and meaning in one place.

Unknown keys are errors. Each signal has a class of its own with at least `enabled`. What comes with modelspan, and is
read by several monitors, stands in `ModelSettings`: `context.settings.<signal>`. A signal may bring a section along, in
its record of `monitors/table.py`: `context.settings.section(NAME, ItsSettings)`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any, Literal, Self, TypeVar

from pydantic import Field, create_model, field_validator, model_validator

from modelspan_analyzer.config.alert_settings import AlertSettings
from modelspan_analyzer.config.base import Settings
from modelspan_analyzer.config.cost_settings import CostSettings
from modelspan_analyzer.config.cron import CronLine
from modelspan_analyzer.config.data_settings import DataQualitySettings, DriftSettings, WorstSlicesSettings
from modelspan_analyzer.config.durations import Duration
from modelspan_analyzer.config.expects import Expects
from modelspan_analyzer.config.experiment_settings import METRIC, ExperimentSettings
from modelspan_analyzer.config.expression import slice_of
from modelspan_analyzer.config.incident_settings import IncidentSettings
from modelspan_analyzer.config.metric_settings import NAME, MetricSettings
from modelspan_analyzer.config.outcome_settings import (
    AttributionSettings,
    ConceptSettings,
    EstimationSettings,
    FairnessSettings,
    PerformanceSettings,
    RetrainingRule,
    RobustnessSettings,
)
from modelspan_analyzer.config.report_settings import ReportSettings
from modelspan_analyzer.config.sample_settings import EmbeddingSettings, MultivariateSettings, PoisoningSettings
from modelspan_collector.store.segments import SLICE, split_key


class ScheduleSettings(Settings):
    """When windows are looked at."""

    every: Duration = Field(timedelta(minutes=5), description="how often due windows are looked for")
    cron: CronLine | None = Field(
        None, description="a cron line (minute hour day month weekday, UTC) instead of `every`"
    )
    delay: Duration = Field(timedelta(minutes=1), description="how long after its end a window waits for late rows")
    catch_up: Duration = Field(timedelta(days=7), description="how far back missed windows are made up for")
    late_share: float | None = Field(
        0.05, ge=0, description="a finished window that grew by more than this share is looked at again (null: never)"
    )
    time_budget: Duration = Field(timedelta(minutes=10), description="longest run of all monitors over one window")


class WindowSettings(Settings):
    """Which stretch of predictions is looked at together: by time, or by count."""

    size: Duration = Field(timedelta(hours=1), description="length of a window by time")
    slide: Duration | None = Field(
        None, description="distance of window starts; the size itself (tumbling) if not given"
    )
    rows: int | None = Field(None, ge=1, description="windows of so many predictions, instead of a length of time")


class BaselineSettings(Settings):
    """What windows are compared with where no baseline was set by `modelspan baseline set`."""

    learn: int = Field(1000, ge=1, description="without a baseline: learn it from so many first predictions")
    sliding: Duration | None = Field(None, description="compare with the stretch of this length before each window")
    same_hour: Duration | None = Field(None, description="compare with the same window this long ago, such as 7d")
    version: str | None = Field(
        None,
        description="compare with the same window of this version (the champion), which has a baseline of its own",
    )

    def moves(self, version: str) -> bool:
        """Whether each window of a version has a baseline of its own.

        The version that others are compared with has not: what is compared with itself is always as it was.
        """
        return bool(self.sliding or self.same_hour) or self.version not in (None, version)

    @model_validator(mode="after")
    def _one_kind(self) -> BaselineSettings:
        given = [name for name in ("sliding", "same_hour", "version") if getattr(self, name) is not None]
        if len(given) > 1:
            raise ValueError(f"choose one of {', '.join(given)}: a window is compared with one baseline")
        return self


Section = TypeVar("Section", bound=Settings)


def _need_names_apart(what: str, names: Sequence[str]) -> None:
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise ValueError(f"two {what}s are called {twice!r}: results are known by the name, so give each its own")


class ModelSettings(Settings):
    """All settings of one model's monitors."""

    expects: Expects = Field(
        "",
        description="when it predicts: `continuous`, `batch every 24h`, or `nothing` once retired; learnt if empty",
    )
    false_alarms: float = Field(
        0.001,
        gt=0,
        le=1,
        description="level of one window over the tests of all its monitors together (1: each by its own rule alone)",
    )
    schedule: ScheduleSettings = ScheduleSettings()
    window: WindowSettings = WindowSettings()
    baseline: BaselineSettings = BaselineSettings()
    ids_as_features: tuple[str, ...] = Field(
        (), description="features that are looked at though they look like ids: another value in every row"
    )
    segments: tuple[str, ...] = Field((), description="slices, each 'tag.NAME' or 'feature.NAME'")
    slices: dict[str, str] = Field(
        {}, description="slices of one's own by name, each an SQL expression: `big: amount > 1000 AND country = 'DE'`"
    )
    data_drift: DriftSettings = DriftSettings()
    prediction_drift: DriftSettings = DriftSettings()
    worst_slices: WorstSlicesSettings = WorstSlicesSettings()
    data_quality: DataQualitySettings = DataQualitySettings()
    multivariate: MultivariateSettings = MultivariateSettings()
    embedding: EmbeddingSettings = EmbeddingSettings()
    poisoning: PoisoningSettings = PoisoningSettings()
    performance: PerformanceSettings = PerformanceSettings()
    estimation: EstimationSettings = EstimationSettings()
    concept: ConceptSettings = ConceptSettings()
    fairness: FairnessSettings = FairnessSettings()
    attribution: AttributionSettings = AttributionSettings()
    robustness: RobustnessSettings = RobustnessSettings()
    metrics: tuple[MetricSettings, ...] = Field((), description="metrics of one's own, each by an SQL expression")
    experiments: tuple[ExperimentSettings, ...] = Field(
        (), description="champions against challengers, looked at in every window until they are decided"
    )
    retraining: tuple[RetrainingRule, ...] = Field((), description="what is called when results ask for retraining")
    incidents: IncidentSettings = IncidentSettings()
    costs: CostSettings = CostSettings()

    @field_validator("segments")
    @classmethod
    def _segment_keys(cls, given: tuple[str, ...]) -> tuple[str, ...]:
        for key in given:
            if split_key(key)[0] == SLICE:
                raise ValueError(f"{key!r} is a slice by an expression: name it under `slices:`")
        return given

    @field_validator("slices")
    @classmethod
    def _slices(cls, given: dict[str, str]) -> dict[str, str]:
        for name, expression in given.items():
            if not NAME.fullmatch(name):
                raise ValueError(f"{name!r} is no name of a slice: use letters a to z, digits, _ and -")
            slice_of(expression)
        return given

    @model_validator(mode="after")
    def _metrics_and_experiments(self) -> Self:
        _need_names_apart("metric", [one.name for one in self.metrics])
        _need_names_apart("experiment", [one.name for one in self.experiments])
        of_rows = {f"{METRIC}{one.name}" for one in self.metrics if one.expression and not one.compare}
        for one in self.experiments:
            for measure in (one, *one.guardrails):
                if measure.measure.startswith(METRIC) and measure.measure not in of_rows:
                    raise ValueError(
                        f"the experiment {one.name!r} measures {measure.measure!r}, which is no metric by an "
                        "expression: put it under `metrics:`, without `compare`"
                    )
        return self

    @property
    def slicing(self) -> tuple[str, ...]:
        """The keys of all slices: by the values of tags and features, and by expressions."""
        return (*self.segments, *(f"{SLICE}.{name}={expression}" for name, expression in self.slices.items()))

    def section(self, name: str, kind: type[Section]) -> Section:
        """The section that a signal brought along; its defaults where nothing was given."""
        given = getattr(self, name, None)
        return given if isinstance(given, kind) else kind()


AnySettings = TypeVar("AnySettings", bound=ModelSettings)


class ModelEntry(ModelSettings):
    """The settings of one model that differ from the defaults."""

    model: str = Field(description="name of the model")
    version: str | None = Field(
        None, description="only this version; every version if not given, and predictions without one if `''`"
    )


class MonitorsConfig(Settings):
    """`monitors.yaml`."""

    version: Literal[1] = Field(1, description="version of this file's format")
    defaults: ModelSettings = Field(ModelSettings(), description="settings of every model")
    models: tuple[ModelEntry, ...] = Field((), description="models that differ from the defaults")
    alerts: AlertSettings = Field(AlertSettings(), description="where alerts go and where they lead")
    reports: tuple[ReportSettings, ...] = Field((), description="reports that are made on schedule")
    workers: int = Field(2, ge=1, le=64, description="models that are looked at side by side")

    @field_validator("models")
    @classmethod
    def _one_entry_each(cls, given: tuple[ModelEntry, ...]) -> tuple[ModelEntry, ...]:
        named = [(entry.model, entry.version) for entry in given]
        for name in named:
            if named.count(name) > 1:
                whole = " ".join(filter(None, name))
                raise ValueError(f"{whole!r} is listed twice; put its settings under one entry")
        return given

    @field_validator("reports")
    @classmethod
    def _one_name_each(cls, given: tuple[ReportSettings, ...]) -> tuple[ReportSettings, ...]:
        named = [report.name for report in given]
        for name in named:
            if named.count(name) > 1:
                raise ValueError(
                    f"two reports are called {name!r}; what was delivered is known by the name: give each its own"
                )
        return given

    def for_model(self, model: str, version: str | None) -> ModelSettings:
        """The settings of a model's version: its own entry over the model's entry over the defaults.

        Those of the model alone where the version is None.
        """
        entries = [entry for entry in self.models if entry.model == model and entry.version in (None, version)]
        if not entries:
            return self.defaults
        merged = self.defaults.model_dump(exclude_unset=True)
        for entry in sorted(entries, key=lambda entry: entry.version is not None):
            merged = _over(merged, entry.model_dump(exclude_unset=True, exclude={"model", "version"}))
        return type(self.defaults).model_validate(merged)

    def expects(self, model: str) -> str:
        """What is said of when a model predicts, with whichever version."""
        return self.for_model(model, None).expects

    def with_segments(self, keys: Iterable[str]) -> MonitorsConfig:
        """The same, with slices by these keys beside those that each model has."""
        more = tuple(keys)

        def sliced(settings: AnySettings) -> AnySettings:
            return settings.model_copy(update={"segments": tuple(dict.fromkeys([*settings.segments, *more]))})

        models = tuple(sliced(one) if "segments" in one.model_fields_set else one for one in self.models)
        return self.model_copy(update={"defaults": sliced(self.defaults), "models": models})


def with_sections(sections: Mapping[str, type[Settings]]) -> type[MonitorsConfig]:
    """`monitors.yaml` with more sections a model, each by its name."""
    if not sections:
        return MonitorsConfig
    fields: dict[str, Any] = {name: (kind, kind()) for name, kind in sections.items()}
    settings = create_model("ModelSettings", __base__=ModelSettings, **fields)
    entry = create_model("ModelEntry", __base__=ModelEntry, **fields)
    fields = {"defaults": (settings, settings()), "models": (tuple[entry, ...], ())}
    return create_model("MonitorsConfig", __base__=MonitorsConfig, **fields)


def _over(base: dict[str, object], changes: dict[str, object]) -> dict[str, object]:
    """The base with the changes laid over it, nested sections merged."""
    merged = dict(base)
    for key, change in changes.items():
        below = merged.get(key)
        merged[key] = _over(below, change) if isinstance(below, dict) and isinstance(change, dict) else change
    return merged
