"""Verdicts as OpenTelemetry events, at a real collector: exactly one a finding and change, whatever happens between."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from databases import Databases
from support import eventually

from modelspan_analyzer.config.incident_settings import IncidentSettings
from modelspan_analyzer.config.settings import MonitorsConfig
from modelspan_analyzer.events import Teller, endpoint
from modelspan_analyzer.incidents import load_open
from modelspan_analyzer.respond import Responder
from modelspan_analyzer.results import Result, Verdict, Window, write_results
from modelspan_collector.config import CollectorConfig
from modelspan_collector.service import Collector
from modelspan_collector.sqlhttp.server import SqlServer
from modelspan_collector.store.connect import Store, connect

START = datetime(2026, 3, 2, tzinfo=UTC)
HOUR = timedelta(hours=1)
OK, WARNING, ALARM = Verdict.OK, Verdict.WARNING, Verdict.ALARM
EVENTS = """
SELECT LogAttributes AS said, TraceId AS trace, SpanId AS span, SeverityText AS severity, Body AS body,
       ResourceAttributes['service.name'] AS service, ScopeName AS scope
FROM otel_logs WHERE EventName = 'gen_ai.evaluation.result' ORDER BY Timestamp, TimestampTime
"""


@pytest.fixture(autouse=True)
def nothing_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def receiver(databases: Databases) -> Iterator[Store]:
    """Where the collector that receives the events writes."""
    with databases.one() as opened:
        yield opened


@contextmanager
def collecting(receiver: Store, folder: Path, port: int = 0) -> Iterator[str]:
    """A collector as the endpoint; its address."""
    collector = Collector(receiver, CollectorConfig(folder, grpc_port=0, http_port=port, segment_seconds=0.1))
    collector.start()
    try:
        yield f"http://127.0.0.1:{collector.http_port}"
    finally:
        collector.stop()


def result(hour: int, verdict: Verdict = ALARM, feature: str = "age", **given: Any) -> Result:
    window = Window(START + hour * HOUR, START + (hour + 1) * HOUR)
    base = Result("churn", "1", window, "data_quality", "null_rate", 0.4, verdict, feature, n=100, monitor="quality")
    return replace(base, **{"threshold": 0.1, "reason": f"40 % of {feature} are missing", **given})


def responder(store: Store, address: str) -> Responder:
    return Responder(store, MonitorsConfig.model_validate({"alerts": {"events": address}}))


def run(store: Store, responder: Responder, *results: Result) -> None:
    """As a run does with the results of a window."""
    now = results[0].window.end + timedelta(minutes=1)
    write_results(store, results, "run", now)
    responder(results, now)


def events(receiver: Store) -> list[dict[str, Any]]:
    return receiver.rows(EVENTS)


def told(receiver: Store) -> list[tuple[str, str, str]]:
    """Feature, verdict and window's end of every event."""
    names = ("modelspan.feature", "gen_ai.evaluation.score.label", "modelspan.window.end")
    return [tuple(one["said"][name] for name in names) for one in events(receiver)]  # type: ignore[misc]


def test_one_event_a_finding_and_change_also_after_restarts(store: Store, receiver: Store, tmp_path: Path) -> None:
    """Every window is measured twice, each time by an analyzer that has just been started."""
    hours = [OK, WARNING, ALARM, ALARM, OK, OK, OK]
    with collecting(receiver, tmp_path) as address:
        for hour, verdict in enumerate(hours):
            for _ in range(2):
                analyzer = responder(store, address)
                run(store, analyzer, result(hour, verdict), result(hour, OK, "income"))
                analyzer.send_events()
                analyzer.stop()
        eventually(lambda: len(events(receiver)) >= 3, "the collector wrote the events")
    ends = {hour: (START + (hour + 1) * HOUR).isoformat() for hour in range(len(hours))}
    assert told(receiver) == [("age", "warning", ends[1]), ("age", "alarm", ends[2]), ("age", "ok", ends[5])]
    assert [one["severity"] for one in events(receiver)] == ["WARN", "ERROR", "INFO"]
    assert [one["said"]["modelspan.verdict.before"] for one in events(receiver)] == ["ok", "warning", "alarm"]


def test_an_event_says_what_was_found_and_belongs_to_a_predictions_span(
    store: Store, receiver: Store, tmp_path: Path
) -> None:
    """The names of OpenTelemetry's conventions, then our own; the example is a prediction that the finding is about."""
    rows = 40
    missing = [["age"] if place % 4 == 0 else [] for place in range(rows)]
    predictions = {
        "model": ["churn"] * rows,
        "version": ["1"] * rows,
        "prediction_id": [f"p{place}" for place in range(rows)],
        "timestamp": pa.array(
            [START + place * timedelta(minutes=1) for place in range(rows)], pa.timestamp("ns", "UTC")
        ),
        "trace_id": [f"{place:032x}" for place in range(1, rows + 1)],
        "span_id": [f"{place:016x}" for place in range(1, rows + 1)],
        "null_features": pa.array(missing, pa.list_(pa.string())),
    }
    store.insert("predictions", pa.table(predictions))
    with collecting(receiver, tmp_path) as address:
        analyzer = responder(store, address)
        run(store, analyzer, result(0, segment="tag.plan=pro"), result(0))
        analyzer.send_events()
        eventually(lambda: len(events(receiver)) == 2, "the collector wrote the events")
    about_all, of_segment = sorted(events(receiver), key=lambda one: "modelspan.segment" in one["said"])
    place = int(about_all["trace"], 16) - 1
    assert missing[place] == ["age"]
    assert int(about_all["span"], 16) - 1 == place
    assert about_all["said"] == {
        "gen_ai.evaluation.name": "data_quality.null_rate",
        "gen_ai.evaluation.score.value": "0.4",
        "gen_ai.evaluation.score.label": "alarm",
        "gen_ai.evaluation.explanation": "40 % of age are missing",
        "modelspan.model.name": "churn",
        "modelspan.model.version": "1",
        "modelspan.signal": "data_quality",
        "modelspan.metric": "null_rate",
        "modelspan.feature": "age",
        "modelspan.monitor": "quality",
        "modelspan.threshold": "0.1",
        "modelspan.rows": "100",
        "modelspan.verdict.before": "ok",
        "modelspan.window.start": START.isoformat(),
        "modelspan.window.end": (START + HOUR).isoformat(),
        "modelspan.incident": load_open(store)[0].incident_id,
        "modelspan.prediction.id": f"p{place}",
        "modelspan.database": store.database,
    }
    assert about_all["body"] == "churn 1 data_quality null_rate age: 40 % of age are missing"
    assert (about_all["service"], about_all["scope"]) == ("modelspan-analyzer", "modelspan.analyzer")
    assert of_segment["said"]["modelspan.segment"] == "tag.plan=pro"
    assert of_segment["trace"] == ""  # no prediction has that tag


def test_an_endpoint_that_is_away_or_silent_holds_nothing_up(store: Store, receiver: Store, tmp_path: Path) -> None:
    """What changes meanwhile waits in the store, and is told once when somebody listens there, by whoever runs then."""
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        port = deaf.getsockname()[1]
        analyzer = responder(store, f"http://127.0.0.1:{port}")
        analyzer.start()
        run(store, analyzer, result(0))
        connection, _ = deaf.accept()  # it sends, and gets no answer as long as the next windows are looked at
        run(store, analyzer, result(1))
        run(store, analyzer, result(2, OK))
        run(store, analyzer, result(3, OK))
        connection.close()
    analyzer.stop()
    assert store.scalar("SELECT count() FROM verdict_events FINAL WHERE outcome = ''") == 2
    with collecting(receiver, tmp_path, port):
        later = responder(store, f"http://127.0.0.1:{port}")
        later.start()
        eventually(lambda: len(events(receiver)) >= 2, "both came")
        later.stop()
    assert [verdict for _, verdict, _ in told(receiver)] == ["alarm", "ok"]
    assert store.scalar("SELECT groupArray(outcome) FROM verdict_events FINAL") == ["sent", "sent"]


def test_what_an_endpoint_refuses_for_good_is_said_and_not_sent_again(
    store: Store, receiver: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """An address at which something else answers; the next event goes on."""
    with collecting(receiver, tmp_path) as address:
        analyzer = responder(store, f"{address}/elsewhere")
        run(store, analyzer, result(0))
        analyzer.send_events()
        analyzer.send_events()
    assert [record.message for record in caplog.records if "refused an event" in record.message] == [
        f"{address.removeprefix('http://')} refused an event for good: churn 1 data_quality null_rate age  quality"
    ]
    assert store.scalar("SELECT groupArray(outcome) FROM verdict_events FINAL") == ["refused"]


def test_without_an_endpoint_nothing_is_kept(store: Store) -> None:
    """As nobody would ever read it."""
    analyzer = responder(store, "")
    run(store, analyzer, result(0))
    analyzer.send_events()
    assert store.scalar("SELECT count() FROM verdict_events") == 0


def test_a_finding_whose_result_was_erased_is_told_no_more(store: Store, receiver: Store, tmp_path: Path) -> None:
    """Events are read from the results when they are sent: what a person's erasure takes is not told afterwards."""
    with collecting(receiver, tmp_path) as address:
        analyzer = responder(store, address)
        run(store, analyzer, result(0, feature="gone"), result(0, feature="age"))
        store.command("DELETE FROM monitor_results WHERE feature = 'gone'")
        analyzer.send_events()
        eventually(lambda: len(events(receiver)) >= 1, "the other one came")
    assert [feature for feature, *_ in told(receiver)] == ["age"]
    assert store.scalar("SELECT outcome FROM verdict_events FINAL WHERE feature = 'gone'") == "gone"


def test_of_several_analyzers_of_a_server_one_sends(store: Store, receiver: Store, tmp_path: Path) -> None:
    """It has its turn for five minutes; then, and not before, another may send what it left."""
    server = SqlServer(store, port=0, writable=True)
    server.start()
    remote = connect(f"clickhouse://127.0.0.1:{server.port}", store.database)
    moment = START + timedelta(minutes=1)
    try:
        with collecting(receiver, tmp_path) as address:
            first, second = (
                Teller(remote, endpoint(address), lambda *_: IncidentSettings(), clock=lambda: moment) for _ in range(2)
            )
            write_results(store, [result(0)], "run", START)
            first.note([result(0)], START)
            second.note([result(0)], START)
            assert first.flush() == 1
            write_results(store, [result(1, WARNING)], "run", START)
            second.note([result(1, WARNING)], START + HOUR)
            assert second.flush() == 0
            moment += timedelta(minutes=5)
            assert second.flush() == 1
            assert first.flush() == 0
            eventually(lambda: len(events(receiver)) >= 2, "both came")
    finally:
        remote.close()
        server.stop()
    assert [verdict for _, verdict, _ in told(receiver)] == ["alarm", "warning"]
