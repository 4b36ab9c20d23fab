"""Runs the retraining rules after a window: rate-limited and logged, whoever runs them."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

from modelspan_analyzer.config.outcome_settings import RetrainingRule
from modelspan_analyzer.governance import audit
from modelspan_analyzer.incidents import load_open
from modelspan_analyzer.instants import utc
from modelspan_analyzer.results import Result, Verdict, Window
from modelspan_analyzer.retraining.call import CallError, call
from modelspan_analyzer.retraining.rules import concerned, evidence, held_by, is_due, place_of
from modelspan_collector.store.connect import Store

CALLED: Final = "retraining called"
HELD: Final = "retraining held back"

log = logging.getLogger(__name__)

_LAST = """
SELECT max(timestamp) FROM audit_log
WHERE action = {action:String} AND model = {model:String} AND JSONExtractString(details, 'rule') = {rule:String}
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

    A failed call is logged like any other, and counts for the rate limit: a broken receiver is not hammered. What is
    held back because the data is not well is logged too, and does not count.
    """
    moment = now or datetime.now(UTC)
    called = []
    open_now = load_open(store, model) if rules else []
    for rule in rules:
        newest = _newest(store, model, version, rule.windows)
        found = evidence(rule, newest)
        if not found or not is_due(rule, _last(store, CALLED, model, rule), moment):
            continue
        if reasons := held_by(rule, newest, open_now):
            _hold(store, model, version, rule, reasons, moment)
            continue
        concerns = concerned(found, open_now)
        try:
            outcome = call(rule, found, concerns)
        except CallError as error:
            outcome = f"failed: {error}"
        details = {
            "rule": rule.name,
            "outcome": outcome,
            "evidence": [place_of(r) for r in found],
            "incidents": [one.incident_id for one in concerns],
        }
        audit.record(store, CALLED, model=model, version=version, actor="analyzer", details=details)
        called.append(rule.name)
    return called


def _hold(
    store: Store, model: str, version: str, rule: RetrainingRule, reasons: Sequence[str], moment: datetime
) -> None:
    """Say, no more often than would be called, that a rule would call if the data were well."""
    if not is_due(rule, _last(store, HELD, model, rule), moment):
        return
    log.warning(
        "the retraining rule %r of %s %s is held back while the data is not well (%s); "
        "`hold_on_data_quality: false` lets it call all the same",
        rule.name, model, version, "; ".join(reasons),
    )  # fmt: skip
    details = {"rule": rule.name, "because": list(reasons)}
    audit.record(store, HELD, model=model, version=version, actor="analyzer", details=details)


def _last(store: Store, action: str, model: str, rule: RetrainingRule) -> datetime | None:
    rows = store.rows(_LAST, {"action": action, "model": model, "rule": rule.name})
    return utc(next(iter(rows[0].values()))) if rows else None


def _newest(store: Store, model: str, version: str, windows: int) -> list[Result]:
    rows = store.rows(_RESULTS, {"model": model, "version": version, "windows": windows})
    return [_result(model, version, row) for row in rows]


def _result(model: str, version: str, row: dict[str, Any]) -> Result:
    window = Window(utc(row.pop("window_start")), utc(row.pop("window_end")))
    verdict, value = Verdict(row.pop("verdict")), row.pop("value")
    signal, metric = row.pop("signal"), row.pop("metric")
    return Result(model, version, window, signal, metric, value, verdict, **row)
