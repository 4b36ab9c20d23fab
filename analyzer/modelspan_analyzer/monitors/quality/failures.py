"""Failed calls, beside those of the windows before: a baseline of training rows knows of none."""

from __future__ import annotations

from modelspan_analyzer.results import Window
from modelspan_analyzer.verdicts.rates import Rate
from modelspan_collector.store.connect import Store

WINDOWS = 168
"""Earlier windows that tell what is usual."""

_EARLIER = """
SELECT sum(value * n) AS failed, sum(n) AS rows FROM (
    SELECT value, n FROM monitor_results FINAL
    WHERE model = {model:String} AND version = {version:String} AND signal = {signal:String} AND metric = 'error_rate'
      AND segment = '' AND verdict IN ('ok', 'not_compared') AND window_end <= {start:DateTime64(9, 'UTC')}
    ORDER BY window_end DESC LIMIT {windows:UInt32}
)
"""


def failure_rate(
    store: Store,
    signal: str,
    model: str,
    version: str,
    window: Window,
    share: float,
    rows: int,
    allowed: float | None,
) -> Rate:
    """The share of failed calls of a window, to be judged by the earlier windows', or by a declared limit."""
    scope = {"model": model, "version": version, "start": window.start, "windows": WINDOWS, "signal": signal}
    earlier = store.rows(_EARLIER, scope)[0]
    failed, before = float(earlier["failed"] or 0), float(earlier["rows"])
    return Rate("error_rate", "", share * rows, rows, failed, before, "of the calls failed", allowed=allowed)
