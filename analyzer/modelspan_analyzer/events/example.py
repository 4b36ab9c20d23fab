"""One prediction that a finding is about, with its trace."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any, Final

from modelspan_analyzer.results import Result
from modelspan_analyzer.why.question import question
from modelspan_analyzer.why.selection import select
from modelspan_collector.store.connect import Store
from modelspan_collector.store.errors import StoreError

log = logging.getLogger(__name__)

_EXPLAINED: Final = """
SELECT arrayFlatten(arrayMap(
    cause -> JSONExtract(cause, 'sample_trace_ids', 'Array(String)'), JSONExtractArrayRaw(details, 'causes'))) AS traces
FROM explanations FINAL
WHERE model = {model:String} AND window_start = {start:DateTime64(9, 'UTC')} AND window_end = {end:DateTime64(9, 'UTC')}
  AND (version, signal, metric, feature, segment, monitor) = ({version:String}, {signal:String}, {metric:String},
      {feature:String}, {segment:String}, {monitor:String})
LIMIT 1
"""
_OF_TRACE: Final = """
SELECT trace_id, span_id, prediction_id FROM predictions
WHERE model = {model:String} AND version = {version:String} AND trace_id = {trace:String}
  AND timestamp >= {start:DateTime64(9, 'UTC')} AND timestamp < {end:DateTime64(9, 'UTC')}
ORDER BY timestamp, span_id LIMIT 1
"""
_LIKELIEST: Final = """
SELECT p.trace_id AS trace_id, p.span_id AS span_id, p.prediction_id AS prediction_id, {weight} AS w {source}
  AND p.timestamp >= {start:DateTime64(9, 'UTC')} AND p.timestamp < {end:DateTime64(9, 'UTC')}
  AND p.trace_id != '' AND w > 0
ORDER BY w DESC, p.timestamp, span_id LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class Example:
    """A prediction: ids as the store has them, in hexadecimal digits."""

    trace_id: str
    span_id: str
    prediction_id: str


def example_of(store: Store, result: Result) -> Example | None:
    """The first sample of what explains a result, or else the prediction that most likely makes it.

    None where a result is about no single predictions, or none of them was traced.
    """
    key = {name: getattr(result, name) for name in ("version", "signal", "metric", "feature", "segment", "monitor")}
    asked = {"model": result.model, **key, "start": result.window.start, "end": result.window.end}
    for row in store.rows(_EXPLAINED, asked):
        for trace in row["traces"][:1]:
            if found := store.rows(_OF_TRACE, {**asked, "trace": trace}):
                return _example(found[0])
    try:
        selection = select(store, question(result))
        found = store.rows(selection.fill(_LIKELIEST), selection.during(result.window))
    except ValueError:  # about no single predictions
        return None
    except StoreError:
        log.exception("no example of %s %s of %s could be looked up", result.signal, result.metric, result.model)
        return None
    return _example(found[0]) if found else None


def _example(row: dict[str, Any]) -> Example:
    return Example(str(row["trace_id"]), str(row["span_id"]), str(row["prediction_id"]))
