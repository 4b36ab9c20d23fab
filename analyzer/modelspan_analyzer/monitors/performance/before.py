"""How improbable the window before was: what is worse in two windows in a row need be less surely so in each."""

from __future__ import annotations

from modelspan_analyzer.monitors.context import MonitorContext
from modelspan_analyzer.monitors.performance.judge import PValues

_BEFORE = """
SELECT metric, feature, segment, p_value FROM monitor_results FINAL
WHERE model = {model:String} AND version = {version:String} AND signal = {signal:String} AND isNotNull(p_value)
  AND baseline_id = {baseline:String} AND window_end > {since:DateTime64(9, 'UTC')}
  AND window_end <= {start:DateTime64(9, 'UTC')}
ORDER BY window_end
"""


def p_values_before(context: MonitorContext, signal: str) -> PValues:
    """Of the window just before, compared with the same baseline; empty where none was looked at."""
    window, baseline = context.window, context.baseline
    asked = {
        "model": context.model,
        "version": context.version,
        "signal": signal,
        "baseline": baseline.baseline_id if baseline else "",
        "since": window.start - (window.end - window.start),
        "start": window.start,
    }
    found = context.store.rows(_BEFORE, asked)
    return {(row["metric"], row["feature"], row["segment"]): float(row["p_value"]) for row in found}
