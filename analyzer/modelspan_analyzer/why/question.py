"""Turns a result of a monitor into the question that it raises."""

from __future__ import annotations

from modelspan_analyzer.results import Result
from modelspan_analyzer.why import vocabulary as words
from modelspan_analyzer.why.vocabulary import Finding

_BY_METRIC = {
    "null_rate": words.MISSING,
    "missing_feature": words.MISSING,
    "renamed_feature": words.MISSING,
    "error_rate": words.ERRORS,
    "label_flip_rate": words.WRONG,
}
_NOT_OF_ROWS = ("volume", "freshness", "duplicate_id_rate", "new_feature", "facets")
"""Metrics that are about all predictions at once, or about those that never came."""
_BY_SIGNAL = {
    "data_drift": words.DRIFT,
    "data_quality": words.DRIFT,
    "attribution": words.DRIFT,
    "multivariate": words.DRIFT,
    "prediction_drift": words.PREDICTION_DRIFT,
    "estimation": words.PREDICTION_DRIFT,
    "robustness": words.PREDICTION_DRIFT,
    "embedding": words.DRIFT,
    "poisoning": words.PREDICTION_DRIFT,
    "performance": words.WRONG,
    "concept": words.WRONG,
    "fairness": words.UNFAIR,
    "latency": words.SLOW,
}


def question(result: Result) -> Finding:
    """Which predictions a result is about.

    Raises:
        ValueError: the result's signal says nothing of single predictions.
    """
    kind = _BY_METRIC.get(result.metric) or _BY_SIGNAL.get(result.signal)
    if kind is None or result.metric in _NOT_OF_ROWS:
        known = ", ".join(sorted(_BY_SIGNAL))
        raise ValueError(
            f"results of the signal {result.signal!r} are about no single predictions; known signals: {known}"
        )
    feature = _feature(result)
    if kind == words.DRIFT and not feature:
        kind = words.PREDICTION_DRIFT
    return Finding(
        model=result.model,
        window=result.window,
        kind=kind,
        feature=feature,
        version=result.version,
        segment=result.segment,
        baseline_id=result.baseline_id,
    )


def _feature(result: Result) -> str:
    """The feature to ask about: of many together the one that changed most."""
    if result.signal == "multivariate":
        return str(next(iter(result.details.get("features", ())), ""))
    return result.feature
