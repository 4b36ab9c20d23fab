"""Turns a result of a monitor into the question that it raises."""

from __future__ import annotations

from modelspan_analyzer.results import Result
from modelspan_analyzer.why import vocabulary as words
from modelspan_analyzer.why.vocabulary import Finding

_BY_METRIC = {
    "null_rate": words.MISSING,
    "missing_rate": words.MISSING,
    "error_rate": words.ERRORS,
    "errors": words.ERRORS,
}
_BY_SIGNAL = {
    "data_drift": words.DRIFT,
    "drift": words.DRIFT,
    "data_quality": words.DRIFT,
    "feature_attribution_drift": words.DRIFT,
    "prediction_drift": words.PREDICTION_DRIFT,
    "prediction_quality": words.PREDICTION_DRIFT,
    "performance": words.WRONG,
    "estimated_performance": words.PREDICTION_DRIFT,
    "calibration": words.WRONG,
    "slices": words.WRONG,
    "concept_drift": words.WRONG,
    "fairness": words.UNFAIR,
    "latency": words.SLOW,
    "operations": words.SLOW,
    "errors": words.ERRORS,
}


def question(result: Result) -> Finding:
    """Which predictions a result is about.

    Raises:
        ValueError: the result's signal says nothing of single predictions.
    """
    kind = _BY_METRIC.get(result.metric) or _BY_SIGNAL.get(result.signal)
    if kind is None:
        known = ", ".join(sorted(_BY_SIGNAL))
        raise ValueError(
            f"results of the signal {result.signal!r} are about no single predictions; known signals: {known}"
        )
    if kind == words.DRIFT and not result.feature:
        kind = words.PREDICTION_DRIFT
    return Finding(
        model=result.model,
        window=result.window,
        kind=kind,
        feature=result.feature,
        version=result.version,
        segment=result.segment,
        baseline_id=result.baseline_id,
    )
