"""What the running instance says of the demo, asked over its SQL endpoint as any client would."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from modelspan_analyzer.incidents import Incident, load_open
from modelspan_cli.demo.service import LOST, MODEL
from modelspan_collector.running import Running
from modelspan_collector.store.connect import Store

_CHECKED = """
SELECT max(window_end) >= {until:DateTime64(9, 'UTC')} FROM monitor_runs FINAL
WHERE model = {model:String} AND monitor = '' AND outcome IN ('done', 'failed', 'timeout')
"""
_ALARMS = """
SELECT signal, metric, feature, round(max(value), 3) AS worst, any(reason) AS reason
FROM monitor_results FINAL
WHERE model = {model:String} AND verdict = 'alarm' AND signal IN ('data_drift', 'data_quality')
  AND window_start >= {start:DateTime64(9, 'UTC')} AND window_end <= {end:DateTime64(9, 'UTC')}
GROUP BY signal, metric, feature ORDER BY signal DESC, worst DESC, feature
"""
_COUNTS = """
SELECT (SELECT count() FROM predictions WHERE model = {model:String}) AS predictions,
       (SELECT uniqExact(trace_id) FROM predictions WHERE model = {model:String} AND trace_id IN
            (SELECT TraceId FROM otel_traces WHERE ServiceName = 'feature-store')) AS joined,
       (SELECT count() FROM predictions WHERE prediction_id IN (SELECT prediction_id FROM labels WHERE outcome = '')
            AND model = {model:String}) AS labelled,
       (SELECT count() FROM otel_traces) AS spans
"""


@dataclass(frozen=True, slots=True)
class Verdicts:
    """The alarms of the windows before the break and of those after it."""

    before: list[dict[str, Any]]
    after: list[dict[str, Any]]

    @property
    def found(self) -> bool:
        """True where the lost features are named after the break, and nothing before it."""
        named = {alarm["feature"] for alarm in self.after if alarm["metric"] == "null_rate"}
        return not self.before and len(named) == LOST


def wait_until_checked(running: Running, until: datetime, seconds: float) -> bool:
    """Wait for the analyzer to have looked at all windows until a time; False where it did not in so many seconds."""
    store = Store(running.sql_dsn)
    deadline = time.monotonic() + seconds
    try:
        while time.monotonic() < deadline:
            if store.scalar(_CHECKED, {"model": MODEL, "until": until}):
                return True
            time.sleep(0.5)
    finally:
        store.close()
    return False


def verdicts(running: Running, start: datetime, broke: datetime, end: datetime) -> Verdicts:
    """The alarms before and after the break."""
    store = Store(running.sql_dsn)
    try:
        before, after = (
            store.rows(_ALARMS, {"model": MODEL, "start": left, "end": right})
            for left, right in ((start, broke), (broke, end))
        )
        return Verdicts(before, after)
    finally:
        store.close()


def incident(running: Running) -> Incident | None:
    """The incident that is open on the demo's model and has the most findings."""
    store = Store(running.sql_dsn)
    try:
        return max(load_open(store, MODEL), key=lambda one: len(one.findings), default=None)
    finally:
        store.close()


def counts(running: Running, made: int, labelled: int, seconds: float) -> dict[str, int]:
    """What is stored: predictions, those joined with a span of the feature store, labels joined, spans.

    Returns once everything that was sent has arrived, or after so many seconds.
    """
    store = Store(running.sql_dsn)
    deadline = time.monotonic() + seconds
    try:
        while True:
            found = {name: int(value) for name, value in store.rows(_COUNTS, {"model": MODEL})[0].items()}
            arrived = found["predictions"] >= made and found["joined"] >= made and found["labelled"] >= labelled
            if arrived or time.monotonic() > deadline:
                return found
            time.sleep(0.5)
    finally:
        store.close()
