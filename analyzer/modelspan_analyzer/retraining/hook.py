"""Runs the retraining rules after a window: rate-limited and logged, whoever runs them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from modelspan_analyzer.config.outcome_settings import RetrainingRule
from modelspan_analyzer.governance import audit
from modelspan_analyzer.instants import utc
from modelspan_analyzer.results import Result, Verdict, Window
from modelspan_analyzer.retraining.call import CallError, call
from modelspan_analyzer.retraining.rules import evidence, is_due
from modelspan_collector.store.connect import Store

ACTION = "retraining called"

_LAST = """
SELECT max(timestamp) FROM audit_log
WHERE action = 'retraining called' AND model = {model:String} AND JSONExtractString(details, 'rule') = {rule:String}
HAVING count() > 0
"""
_RESULTS = """
SELECT window_start, window_end, signal, metric, feature, segment, value, threshold, verdict, reason
FROM monitor_results FINAL
WHERE model = {model:String} AND version = {version:String} AND window_end IN (
    SELECT DISTINCT window_end FROM monitor_results WHERE model = {model:String} AND version = {version:String}
    ORDER BY window_end DESC LIMIT {windows:UInt32})
"""


def run_rules(
    store: Store, model: str, version: str, rules: Sequence[RetrainingRule], *, now: datetime | None = None
) -> list[str]:
    """Call what the newest results ask for; the names of the rules that were called.

    A failed call is logged like any other, and counts for the rate limit: a broken receiver is not hammered.
    """
    moment = now or datetime.now(UTC)
    called = []
    for rule in rules:
        found = evidence(rule, _newest(store, model, version, rule.windows))
        if not found or not is_due(rule, _last_call(store, model, rule), moment):
            continue
        try:
            outcome = call(rule, found)
        except CallError as error:
            outcome = f"failed: {error}"
        details = {
            "rule": rule.name,
            "outcome": outcome,
            "evidence": [f"{r.metric} {r.feature}".strip() for r in found],
        }
        audit.record(store, ACTION, model=model, version=version, actor="analyzer", details=details)
        called.append(rule.name)
    return called


def _last_call(store: Store, model: str, rule: RetrainingRule) -> datetime | None:
    rows = store.rows(_LAST, {"model": model, "rule": rule.name})
    return utc(next(iter(rows[0].values()))) if rows else None


def _newest(store: Store, model: str, version: str, windows: int) -> list[Result]:
    rows = store.rows(_RESULTS, {"model": model, "version": version, "windows": windows})
    return [_result(model, version, row) for row in rows]


def _result(model: str, version: str, row: dict[str, Any]) -> Result:
    window = Window(utc(row.pop("window_start")), utc(row.pop("window_end")))
    verdict, value = Verdict(row.pop("verdict")), row.pop("value")
    signal, metric = row.pop("signal"), row.pop("metric")
    return Result(model, version, window, signal, metric, value, verdict, **row)
