"""What leaves the analyzer: gauges for Prometheus and over OTLP, a gate's answer, the commands."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from prometheus_client import CollectorRegistry, generate_latest

from modelspan_analyzer.checking import Status, ask
from modelspan_analyzer.exposition import ResultsCollector
from modelspan_analyzer.exposition_otlp import provide, start_otlp
from modelspan_analyzer.incidents import update
from modelspan_analyzer.results import Result, Verdict, Window, write_results
from modelspan_collector.store.connect import Store

END = datetime(2026, 3, 2, 9, tzinfo=UTC)
WINDOW = Window(END - timedelta(hours=1), END)
EARLIER = Window(END - timedelta(hours=2), END - timedelta(hours=1))


@pytest.fixture(scope="module", autouse=True)
def results(shared_store: Store) -> None:
    """Two windows of a model that alarms in the newer one, and one window of a healthy model."""
    write_results(
        shared_store,
        [
            Result("churn", "1", EARLIER, "data_drift", "psi", 0.9, Verdict.ALARM, feature="plan"),
            Result("churn", "1", WINDOW, "data_drift", "psi", 0.5, Verdict.ALARM, feature="age", threshold=0.1),
            Result("churn", "1", WINDOW, "data_quality", "null_rate", 0.0, Verdict.OK, feature="age", n=9),
            Result("churn", "1", WINDOW, "performance", "roc_auc", None, Verdict.NOT_ENOUGH_DATA),
            Result("calm", "1", WINDOW, "data_drift", "psi", 0.01, Verdict.WARNING, feature="age", reason="close", n=9),
            Result("empty", "1", WINDOW, "data_quality", "volume", 0.0, Verdict.OK, n_baseline=5),
            Result("alone", "1", WINDOW, "data_quality", "duplicate_id_rate", 0.0, Verdict.OK, n=9),
            Result(
                "alone", "1", WINDOW, "performance", "roc_auc", 0.7, Verdict.NOT_COMPARED, n=9, reason="no baseline"
            ),
            Result("alone", "1", WINDOW, "attribution", "ndcg", None, Verdict.SKIPPED, n=9, reason="does not apply"),
            Result("open", "1", WINDOW, "data_drift", "psi", 0.01, Verdict.OK, n=9),
            Result("hushed", "1", WINDOW, "data_quality", "volume", 0.0, Verdict.OK, n_baseline=5),
            Result("two", "0", EARLIER, "data_drift", "psi", None, Verdict.NOT_COMPARED, n=9, reason="retired"),
            Result("two", "1", WINDOW, "data_drift", "psi", 0.01, Verdict.OK, n=9),
            Result("two", "2", WINDOW, "data_drift", "psi", 0.01, Verdict.NOT_COMPARED, n=9, reason="no baseline"),
        ],
        "run",
    )
    for model in ("open", "hushed"):
        update(shared_store, [Result(model, "1", EARLIER, "data_drift", "psi", 0.9, Verdict.ALARM)], END)


def test_the_newest_results_are_gauges(shared_store: Store) -> None:
    """Value, threshold, verdict and age of the newest window's results; those of earlier windows are gone."""
    registry = CollectorRegistry()
    registry.register(ResultsCollector(shared_store))
    text = generate_latest(registry).decode()
    labels = 'feature="age",metric="psi",model="churn",segment="",signal="data_drift",version="1"'
    assert f"modelspan_result_value{{{labels}}} 0.5" in text
    assert f"modelspan_result_threshold{{{labels}}} 0.1" in text
    assert f"modelspan_result_verdict{{{labels}}} 2.0" in text
    assert f"modelspan_result_age_seconds{{{labels}}}" in text
    assert 'feature="plan"' not in text
    assert 'modelspan_result_verdict{feature="",metric="roc_auc"' in text
    assert "modelspan_results_truncated 0.0" in text


def test_series_are_bounded_and_alarms_come_first(shared_store: Store) -> None:
    """With room for one series it is the alarm's, and the gauge says that others were left out."""
    registry = CollectorRegistry()
    registry.register(ResultsCollector(shared_store, most_series=1))
    text = generate_latest(registry).decode()
    assert text.count("modelspan_result_verdict{") == 1
    assert 'model="churn"' in text
    assert "modelspan_results_truncated 1.0" in text


def test_the_same_gauges_go_over_otlp(shared_store: Store) -> None:
    """An OpenTelemetry reader collects the values with the conventions' attributes."""
    reader = InMemoryMetricReader()
    provider = provide(shared_store, reader)
    data = reader.get_metrics_data()
    provider.shutdown()
    assert data is not None
    metrics = {metric.name: metric for metric in data.resource_metrics[0].scope_metrics[0].metrics}
    assert set(metrics) >= {
        "modelspan.result.value",
        "modelspan.result.threshold",
        "modelspan.result.verdict",
        "modelspan.result.age",
    }
    points = [point for point in metrics["modelspan.result.value"].data.data_points if point.value == 0.5]
    assert dict(points[0].attributes or {})["modelspan.model.name"] == "churn"


def test_otlp_is_silent_without_an_endpoint(shared_store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is exported where no endpoint was given."""
    monkeypatch.delenv("OTEL_EXPORTER_OTLP_ENDPOINT", raising=False)
    monkeypatch.delenv("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", raising=False)
    assert start_otlp(shared_store) is None


@pytest.mark.parametrize(
    ("model", "options", "expected"),
    [
        ("churn", {}, Status.ALARM),
        ("churn", {"signals": ["data_quality"]}, Status.PASSED),
        ("calm", {}, Status.PASSED),
        ("calm", {"warnings": True}, Status.ALARM),
        ("calm", {"max_age": timedelta(minutes=30)}, Status.NOT_CHECKED),
        ("unknown", {}, Status.NOT_CHECKED),
        ("empty", {}, Status.NOT_CHECKED),
        ("alone", {}, Status.NOT_CHECKED),
        ("two", {}, Status.NOT_CHECKED),
        ("two", {"signals": ["data_drift"]}, Status.NOT_CHECKED),
        ("alone", {"signals": ["data_quality"]}, Status.PASSED),
        ("alone", {"signals": ["data_quality", "performance"]}, Status.NOT_CHECKED),
        ("calm", {"signals": ["data_drift", "fairness"]}, Status.NOT_CHECKED),
        ("open", {}, Status.ALARM),
        ("open", {"signals": ["data_quality"]}, Status.NOT_CHECKED),
        ("hushed", {}, Status.ALARM),  # as `status` says: that no row came does not end an incident
    ],
)
def test_the_gate_answers(shared_store: Store, model: str, options: dict[str, object], expected: Status) -> None:
    """Alarms, open incidents, warnings where asked, and what was not looked at or compared do not pass."""
    arguments = {"signals": [], **options}
    answer = ask(shared_store, model, None, now=END + timedelta(hours=1), **arguments)  # type: ignore[arg-type]
    assert answer.status is expected, answer.reason


def test_one_version_does_not_answer_for_another(shared_store: Store) -> None:
    """A version that was judged passes by itself, and hides none that was not beside it; a retired one is not asked."""
    assert ask(shared_store, "two", "1", now=END, signals=[]).status is Status.PASSED
    assert "of two 2" in ask(shared_store, "two", None, now=END, signals=[]).reason


def test_the_gate_names_open_incidents_and_what_it_could_not_judge(shared_store: Store) -> None:
    """An incident with its severity and title, and a signal that had nothing to compare with, with the reason."""
    incident, lacking = (ask(shared_store, model, None, now=END, signals=[]) for model in ("open", "alone"))
    (known,) = incident.incidents
    assert known["incident_id"] and known["severity"] and "open" in known["title"]
    assert lacking.unchecked == [{"signal": "performance", "reason": "no baseline"}]


def test_what_was_compared_with_nothing_has_no_level(shared_store: Store) -> None:
    """`/metrics` says -1, as for everything that is no verdict."""
    registry = CollectorRegistry()
    registry.register(ResultsCollector(shared_store))
    labels = {"feature": "", "metric": "roc_auc", "model": "alone", "segment": "", "signal": "performance"}
    assert registry.get_sample_value("modelspan_result_verdict", {**labels, "version": "1"}) == -1.0


def test_results_keep_their_details(shared_store: Store) -> None:
    """Details are JSON in the table."""
    rows = shared_store.rows("SELECT details FROM monitor_results FINAL")
    assert all(json.loads(row["details"]) == {} for row in rows)
