"""What a model does, as its card says."""

from __future__ import annotations

from modelspan_analyzer.files.outcomes import CLASSIFICATION, REGRESSION
from modelspan_collector.store.connect import Store

_CARD = """
SELECT lower(task) AS task FROM models FINAL WHERE model = {model:String} AND task != ''
ORDER BY timestamp DESC LIMIT 1
"""


def told_task(store: Store, model: str) -> str:
    """`classification`, `regression`, or '' where no card says."""
    found = store.rows(_CARD, {"model": model})
    words = found[0]["task"] if found else ""
    if "regress" in words or "forecast" in words:
        return REGRESSION
    return CLASSIFICATION if "class" in words or "binary" in words else ""
