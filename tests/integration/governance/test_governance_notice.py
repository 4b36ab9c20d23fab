"""What changes by itself lands in the audit log once: registrations, settings, corrected labels, exports."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pyarrow as pa

from modelspan_analyzer.config.settings import MonitorsConfig
from modelspan_analyzer.governance import audit
from modelspan_analyzer.governance.notice import notice
from modelspan_analyzer.monitors_yaml import parse
from modelspan_analyzer.people import user
from modelspan_analyzer.reading import baselines
from modelspan_analyzer.runner.runner import Runner
from modelspan_collector.store.connect import Store

NOW = datetime.now(UTC)
LONG_AGO = NOW - timedelta(days=365)
STAMP = pa.timestamp("ns", "UTC")


def told(store: Store, action: str) -> list[dict[str, object]]:
    """The details of an action, oldest first."""
    found = audit.entries(store, since=LONG_AGO, action=action)
    return [json.loads(entry.details) | {"model": entry.model, "version": entry.version} for entry in reversed(found)]


def test_who_set_a_baseline_is_named_and_what_was_learnt_is_the_analyzers(store: Store) -> None:
    """What a person does is a person's; what was only noticed is nobody's that is known."""
    baselines.set_from_table(store, "m", "1", pa.table({"age": [1.0, 2.0]}), source="test")
    (entry,) = audit.entries(store, since=LONG_AGO, action="baseline set")
    assert entry.actor == user()


def test_registrations_are_noticed_once_and_again_when_they_say_something_else(store: Store) -> None:
    """The same card of a restarted service is no news; another owner is."""
    for second, owner in enumerate(("ann", "ann", "bob")):
        card = {"model": ["churn"], "version": ["3"], "timestamp": pa.array([NOW + timedelta(seconds=second)], STAMP)}
        store.insert("models", pa.table({**card, "owner": [owner], "task": ["binary"]}))
        notice(store, MonitorsConfig(), NOW)
    found = told(store, "model registered")
    assert [(one["model"], one["version"], one["owner"]) for one in found] == [
        ("churn", "3", "ann"),
        ("churn", "3", "bob"),
    ]


def test_promotions_are_told_once_with_the_version_before(store: Store) -> None:
    """A shadow is no promotion; answering as the primary version is, the first time."""
    for version, role in (("1", "primary"), ("2", "shadow"), ("2", "primary"), ("2", "primary")):
        row = {"model": ["churn"], "version": [version], "role": [role], "timestamp": pa.array([NOW], STAMP)}
        store.insert("predictions", pa.table({**row, "prediction_id": ["a"]}))
        notice(store, MonitorsConfig(), NOW)
    found = [(one["version"], one["before"]) for one in told(store, "model promoted")]
    assert found == [("1", ""), ("2", "1")]


def test_changed_settings_say_what_they_were(store: Store) -> None:
    """Defaults are no entry; a threshold is told with its values, only for its model, and secrets never."""
    ids = {"prediction_id": ["a", "b"], "timestamp": pa.array([NOW, NOW], STAMP)}
    store.insert("predictions", pa.table({"model": ["churn", "other"], "version": ["1", "1"], **ids}))
    Runner(store).once(NOW)
    assert told(store, "settings changed") == []
    yaml = """
models:
  - model: churn
    performance: {min_change: %s}
    retraining: [{name: r, webhook: "https://user:hush@example.org"}]
"""
    for share in ("0.1", "0.1", "0.2"):
        Runner(store, parse(yaml % share)).once(NOW)
    first, second = told(store, "settings changed")
    assert first["model"] == second["model"] == "churn"
    assert first["changed"]["performance.min_change"] == [None, 0.1]
    assert set(first["changed"]) == {"performance.min_change", "retraining.r"}
    assert second["changed"] == {"performance.min_change": [0.1, 0.2]}
    assert "hush" not in json.dumps([first, second])
    Runner(store).once(NOW)
    assert told(store, "settings changed")[-1]["changed"]["performance.min_change"] == [0.2, None]


def test_corrected_labels_are_counted_once(store: Store) -> None:
    """A label that says the same again is no correction; two that differ are, and the next look is silent."""
    store.command("SYSTEM STOP MERGES labels")

    def label(second: int, given: dict[str, str]) -> None:
        when = pa.array([NOW + timedelta(seconds=second)] * len(given), STAMP)
        table = {"prediction_id": list(given), "timestamp": when, "label": list(given.values())}
        store.insert("labels", pa.table({**table, "model": ["churn"] * len(given)}))

    label(0, {"a": "1", "b": "1", "c": "0"})
    notice(store, MonitorsConfig(), NOW)
    assert told(store, "labels corrected") == []
    label(1, {"a": "0", "b": "1", "c": "1"})
    for _ in range(2):
        notice(store, MonitorsConfig(), NOW)
    (found,) = told(store, "labels corrected")
    assert (found["model"], found["predictions"]) == ("churn", 2)
    label(2, {"b": "0"})
    notice(store, MonitorsConfig(), NOW)
    assert [one["predictions"] for one in told(store, "labels corrected")] == [2, 1]
    store.command("SYSTEM START MERGES labels")  # the database is used again
