"""Settings of what is measured against outcomes: performance, estimates, fairness, concept, reasons, retraining."""

from __future__ import annotations

from datetime import timedelta
from typing import Final, Literal, Self

from pydantic import Field, field_validator, model_validator

from modelspan.conventions import ANOMALY, SHAPES
from modelspan_analyzer.config.addresses import Address
from modelspan_analyzer.config.base import Settings
from modelspan_analyzer.config.durations import Duration
from modelspan_analyzer.config.expression import check_expression
from modelspan_analyzer.config.measure_names import FAIRNESS, PERFORMANCE, need_known

TASKS: Final = ("classification", "regression", ANOMALY, *SHAPES)
"""What answers may be said to be."""
_TRUTH = "outcome that is taken for the truth in place of the label"


class PerformanceSettings(Settings):
    """Realised performance, from the labels that are in."""

    enabled: bool = True
    min_rows: int = Field(100, ge=1, description="fewer labelled rows give 'not enough data'")
    task: str = Field("", description=f"what answers are where no model card says it: {', '.join(TASKS)}")
    positive_class: str = Field("", description="the positive class of a binary model, where it cannot be guessed")
    threshold: float = Field(0.5, description="score from which a row without a predicted class counts as positive")
    query_tag: str = Field("", description="tag that names the list of a row, for ranking measures")
    cut_off: int = Field(10, ge=1, description="k of the ranking measures and of precision at k")
    alarm_on: tuple[str, ...] = Field(
        ("roc_auc", "balanced_accuracy", "f1_macro", "mean_absolute_error", "ndcg", "pinball_loss"),
        description="measures that may alarm",
    )
    min_change: float = Field(0.05, ge=0, description="smallest worsening against the baseline that alarms, as a share")
    confidence: float = Field(
        0.999, gt=0.5, lt=1, description="how sure a worsening must be, of all measures of a window that may alarm"
    )
    bounds: dict[str, float] = Field({}, description="fixed bounds, measure to its worst allowed value")
    cost: dict[str, float] = Field({}, description="value of one row by 'truth:predicted', such as '1:0': -500")
    value_expression: str = Field("", description="SQL expression of one row's value, instead of `cost`")

    @model_validator(mode="after")
    def _measures(self) -> Self:
        need_known(
            (*self.bounds, *self.alarm_on),
            (*PERFORMANCE, *(f"{what}_at_{self.cut_off}" for what in ("precision", "recall"))),
        )
        return self

    @field_validator("task")
    @classmethod
    def _known_task(cls, given: str) -> str:
        if given and given not in TASKS:
            raise ValueError(f"there is no task {given!r}: say {', '.join(TASKS)}")
        return given

    @field_validator("value_expression")
    @classmethod
    def _plain(cls, given: str) -> str:
        return check_expression(given) if given else given


class EstimationSettings(Settings):
    """Performance estimated without labels."""

    enabled: bool = True
    min_rows: int = Field(300, ge=1, description="fewer rows give 'not enough data'")
    max_rows: int = Field(50_000, ge=1000, description="rows that models of the estimators are trained on")
    min_change: float = Field(0.05, ge=0, description="smallest estimated worsening that alarms, as a share")
    importance_weighted: bool = Field(False, description="a third opinion, weighted to the window's inputs")


class FairnessSettings(Settings):
    """Fairness over facets: protected attributes that are tags or features."""

    enabled: bool = True
    facets: tuple[str, ...] = Field((), description="tags or features whose groups are compared")
    outcome: str = Field("", description=_TRUTH)
    intersections: tuple[tuple[str, ...], ...] = Field((), description="facets that are crossed, such as [sex, race]")
    cuts: dict[str, tuple[float, ...]] = Field({}, description="borders that make groups of a numeric facet")
    condition_on: str = Field("", description="tag or feature that conditional demographic disparity is split by")
    favourable: str = Field("", description="the class that people want; the positive one if not given")
    flip_rows: int = Field(2000, ge=0, description="rows sampled for the counterfactual flip test; 0 leaves it out")
    estimated: bool = Field(True, description="also estimate without labels what needs them, for binary models")
    min_group: int = Field(100, ge=1, description="smallest group, and rest, that is judged")
    min_change: float = Field(
        0.1,
        ge=0,
        description="smallest change from the baseline that alarms; of numbers, as a share of how far one row usually"
        " lies from its truth, or from the median",
    )
    confidence: float = Field(0.999, gt=0.5, lt=1, description="how sure a change or a breach must be")
    alarm_on: tuple[str, ...] = Field(
        (
            "disparate_impact",
            "recall_difference",
            "specificity_difference",
            "accuracy_difference",
            "mean_prediction_difference",
            "prediction_quantile_10_difference",
            "prediction_quantile_50_difference",
            "prediction_quantile_90_difference",
            "mean_error_difference",
            "mean_absolute_error_difference",
        ),
        description="measures that may alarm on change",
    )
    bounds: dict[str, tuple[float, float]] = Field({}, description="fixed bounds, measure to [lowest, highest]")

    @model_validator(mode="after")
    def _measures(self) -> Self:
        need_known((*self.bounds, *self.alarm_on), FAIRNESS)
        return self


class ConceptSettings(Settings):
    """Concept drift, label shift and calibration drift, from the labels that are in."""

    enabled: bool = True
    outcome: str = Field("", description=_TRUTH)
    min_rows: int = Field(300, ge=1, description="fewer labelled rows give 'not enough data'")
    max_rows: int = Field(50_000, ge=1000, description="largest sample of rows that a model is fitted on")
    alpha: float = Field(0.001, gt=0, lt=0.5, description="false-alarm probability of one window, over all features")
    min_label_shift: float = Field(0.05, ge=0, description="smallest change of the positive share that alarms")
    min_gap: float = Field(0.03, ge=0, description="smallest gap of expected and observed positives that alarms")


class AttributionSettings(Settings):
    """Reasons: attributions of predictions."""

    enabled: bool = True
    model: str = Field("", description="module:function, a .pkl, .joblib or .onnx path, or an MLflow model, to explain")
    rows: int = Field(200, ge=1, description="rows explained in a window")
    seconds: float = Field(20.0, gt=0, description="time that explaining a window may take")
    min_rows: int = Field(30, ge=1, description="fewer attributed rows give 'not enough data'")
    min_ndcg: float = Field(0.9, ge=0, le=1, description="alarm below this NDCG against the baseline's ranking")


class RobustnessSettings(Settings):
    """Sensitivity of a supplied model to missing and shifted features."""

    enabled: bool = False
    model: str = Field("", description="module:function, a .pkl, .joblib or .onnx path, or an MLflow model")
    rows: int = Field(500, ge=1, description="rows replayed")
    seconds: float = Field(20.0, gt=0, description="time that replaying may take")
    max_change: float = Field(0.2, ge=0, description="rise over the baseline of a mean change that alarms, in sd")


class RetrainingRule(Settings):
    """When something outside is told to retrain."""

    name: str = Field(description="name of the rule")
    signal: str = Field("", description="only results of this signal")
    metric: str = Field("", description="only results of this measure")
    feature: str = Field("", description="only results of this feature")
    verdict: Literal["warning", "alarm"] = Field("alarm", description="verdict that counts")
    windows: int = Field(1, ge=1, description="so many windows in a row")
    webhook: Address = Field("", description="URL that the evidence is posted to")
    secret_env: str = Field("", description="environment variable with the key that signs the post (HMAC-SHA256)")
    headers: dict[str, str] = Field({}, description="further headers of the post")
    command: tuple[str, ...] = Field((), description="command that gets the evidence on standard input")
    at_most_every: Duration = Field(timedelta(days=1), description="shortest time between two calls, such as 12h")
    hold_on_data_quality: bool = Field(
        True, description="call nothing while findings of data quality are open: who retrains then learns the fault"
    )
