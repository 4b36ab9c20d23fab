"""Data quality: what arrives, against what the baseline led to expect."""

from __future__ import annotations

from modelspan_analyzer.distributions.vocabulary import Column
from modelspan_analyzer.monitors.context import MonitorContext
from modelspan_analyzer.results import Result, Verdict

SIGNAL = "data_quality"


def data_quality(context: MonitorContext) -> list[Result]:
    """Completeness of every feature."""
    if context.reference is None:
        return []
    before, after = context.reference.features, context.current.features
    return [_null_rate(context, before[name], after[name]) for name in before if name in after]


def _null_rate(context: MonitorContext, reference: Column, current: Column) -> Result:
    expected = reference.null / max(reference.null + reference.present, 1)
    rate = current.null / max(current.null + current.present, 1)
    n = current.n + current.null_n
    threshold = max(0.05, expected + 5 * (max(expected, 0.01) / max(n, 1)) ** 0.5)
    verdict = Verdict.ALARM if rate > threshold else Verdict.OK
    return context.result(SIGNAL, "null_rate", rate, verdict, feature=reference.name, threshold=threshold, n=n)
