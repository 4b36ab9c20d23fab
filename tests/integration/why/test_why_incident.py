"""Why of an incident is asked of its own findings, when they began, and of no other trouble of the same model."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from modelspan_analyzer.incidents import load_open, update
from modelspan_analyzer.incidents.asked import finding_of
from modelspan_analyzer.results import Result, Verdict, Window, write_results
from modelspan_collector.store.connect import Store

START = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def hour(number: int) -> Window:
    return Window(START + number * HOUR, START + (number + 1) * HOUR)


def alarm(number: int, signal: str, metric: str, **given: object) -> Result:
    base = Result("churn", "1", hour(number), signal, metric, 0.5, Verdict.ALARM, n=1000)
    return replace(base, **given)  # type: ignore[arg-type]


def looked_at(store: Store, number: int, *results: Result) -> None:
    write_results(store, results, f"run {number}")
    update(store, results, hour(number).end)


def test_why_of_an_incident_asks_of_its_own_findings(store: Store) -> None:
    """Two troubles of one model at the same time: each incident is answered with its own, as it began."""
    looked_at(store, 0, alarm(0, "latency", "p95"))
    for number in (6, 7):
        looked_at(store, number, alarm(number, "data_quality", "null_rate", feature="income"))
        looked_at(store, number, alarm(number, "latency", "p95"))
    asked = {one.signal: finding_of(store, one.incident_id, until="2026-03-03") for one in load_open(store)}
    (slow,), (missing,) = asked["latency"], asked["data_quality"]
    assert (slow.kind, slow.window) == ("slow", hour(0))
    assert (missing.kind, missing.feature, missing.window) == ("missing", "income", hour(6))
    newest = finding_of(store, "churn", until="2026-03-03")
    assert {(one.kind, one.window) for one in newest} == {("slow", hour(7)), ("missing", hour(7))}


def test_alarms_of_no_single_predictions_are_not_called_none(store: Store) -> None:
    """A silence alarmed: to say that no monitor did would be false, of the model as of the incident."""
    looked_at(store, 0, alarm(0, "data_quality", "volume", n=0, direction="below"))
    for about in ("churn", load_open(store)[0].incident_id):
        with pytest.raises(ValueError, match=r"what alarmed of 'churn' .*\(volume\) is about no single predictions"):
            finding_of(store, about, until="2026-03-03")
