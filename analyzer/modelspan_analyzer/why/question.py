"""Turns a result of a monitor into the question that it raises."""

from __future__ import annotations

from modelspan_analyzer import kinds
from modelspan_analyzer.monitors.signal import Signals
from modelspan_analyzer.monitors.table import SIGNALS
from modelspan_analyzer.results import Result
from modelspan_analyzer.why.explanation import Finding


def question(result: Result, signals: Signals = SIGNALS) -> Finding:
    """Which predictions a result is about.

    Raises:
        ValueError: the result's signal says nothing of single predictions.
    """
    kind = signals[result.signal].question_for(result.metric)
    if not kind:
        known = ", ".join(sorted(name for name, signal in signals.items() if signal.question))
        raise ValueError(
            f"results of the signal {result.signal!r} are about no single predictions; known signals: {known}"
        )
    feature = feature_of(result)
    if kind == kinds.DRIFT and not feature:
        kind = kinds.PREDICTION_DRIFT
    return Finding(
        model=result.model,
        window=result.window,
        kind=kind,
        feature=feature,
        version=result.version,
        segment=result.segment,
        baseline_id=result.baseline_id,
        outcome=str(result.details.get("outcome", "")),
    )


def feature_of(result: Result) -> str:
    """The feature to ask about: of many together, in `details.features`, the one that changed most, or the first."""
    return str(next(iter(result.details.get("features", ())), "")) or result.feature


def features_of(result: Result) -> frozenset[str]:
    """Every feature that a result names; none where it is about the model as a whole."""
    return frozenset({result.feature, *map(str, result.details.get("features", ()))} - {""})
