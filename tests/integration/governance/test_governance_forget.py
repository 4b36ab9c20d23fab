"""A forgotten person is in no table, sketch, log segment or dead letter, and nobody else lost anything."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from modelspan_analyzer.governance import audit
from modelspan_analyzer.governance.forget import forget
from modelspan_analyzer.governance.subject import Subject
from modelspan_analyzer.reading import baselines
from modelspan_analyzer.results import Result, Verdict, Window, write_results
from modelspan_collector.store.connect import Store
from modelspan_collector.wal.erase import CollectorFiles
from modelspan_collector.wal.record import Kind, Record, make, read

START = datetime(2026, 1, 5, tzinfo=UTC)
TEXTS = pa.map_(pa.string(), pa.string())
NUMBERS = pa.map_(pa.string(), pa.float64())
PERSON = "person-4711-karlotta"
TRACE = "0af7651916cd43dd8448eb211c80319c"


def predictions(names: list[str], subjects: list[str]) -> pa.Table:
    """One prediction a name, ten minutes apart, tagged with its subject."""
    rows = len(names)
    return pa.table(
        {
            "model": ["m"] * rows,
            "version": ["1"] * rows,
            "timestamp": pa.array([START + timedelta(minutes=10 * i) for i in range(rows)], pa.timestamp("ns", "UTC")),
            "prediction_id": names,
            "trace_id": [TRACE if subject == PERSON else "" for subject in subjects],
            "value": [i / 10 for i in range(rows)],
            "tags": pa.array([[("subject", subject)] for subject in subjects], TEXTS),
            "numeric_features": pa.array([[("income", 1000.0 * (i + 1))] for i in range(rows)], NUMBERS),
            "categorical_features": pa.array([[("city", f"city of {s}")] for s in subjects], TEXTS),
        }
    )


def arrow(table: pa.Table) -> bytes:
    """A table as a compressed Arrow stream."""
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as writer:
        writer.write_table(table)
    return sink.getvalue()


def pending_records() -> list[Record]:
    """Records with an event of two predictions, and a request of two spans, one of each the person's."""
    stamp = pa.array([START] * 2, pa.timestamp("ns", "UTC"))
    event = pa.table(
        {"timestamp": stamp, "prediction_id": ["pending-1", "other-9"], "tag.subject": [PERSON, "somebody"]}
    )
    logs = ExportLogsServiceRequest()
    entry = logs.resource_logs.add().scope_logs.add().log_records.add(event_name="modelspan.predictions")
    entry.body.bytes_value = arrow(event)
    traces = ExportTraceServiceRequest()
    spans = traces.resource_spans.add().scope_spans.add().spans
    for trace, name in ((bytes.fromhex(TRACE), f"for {PERSON}"), (b"\1" * 16, "for somebody")):
        spans.add(trace_id=trace, name=name)
    return [make(Kind.EVENTS, 1, logs.SerializeToString()), make(Kind.OTLP, 2, traces.SerializeToString())]


def sketch(store: Store, table: str = "feature_profiles") -> list[dict]:
    """What the sketches of every feature say."""
    return store.rows(
        f"SELECT feature, kind, sum(rows) AS n, sum(total) AS total, min(minimum) AS low, max(maximum) AS high, "
        f"toString(arraySort(approx_top_kMerge(64, 256)(top))) AS top "
        f"FROM {table} GROUP BY feature, kind ORDER BY feature, kind"
    )


@pytest.fixture
def filled(store: Store, tmp_path: Path) -> Store:
    """Six predictions, two of them the person's, with labels, results, a span, and files of the collector."""
    store.insert("predictions", predictions([f"p{i}-x" for i in range(6)], ["a", PERSON, "b", "c", PERSON, "d"]))
    known = pa.array([START] * 6, pa.timestamp("ns", "UTC"))
    store.insert(
        "labels", pa.table({"prediction_id": [f"p{i}-x" for i in range(6)], "timestamp": known, "label": ["1"] * 6})
    )
    window = Window(START, START + timedelta(hours=1))
    told = Result("m", "1", window, "data_quality", "outliers", 1.0, Verdict.WARNING, details={"rows": ["p1-x"]})
    write_results(store, [told, Result("m", "1", window, "data_drift", "psi", 0.1, Verdict.OK)], "run")
    store.command(
        "INSERT INTO otel_traces (Timestamp, TraceId, SpanId, SpanName, SpanAttributes) VALUES "
        "(now64(9), {trace:String}, 's1', 'feature-store', map('customer', {person:String})), "
        "(now64(9), 'other', 's2', 'x', map())",
        {"trace": TRACE, "person": PERSON},
    )
    store.command(
        "INSERT INTO incidents (incident_id, model, why, findings, traces) VALUES ('i', 'm', {why:String}, '[]', "
        "[{trace:String}, 'other'])",
        {"trace": TRACE, "why": f"slow, as in {TRACE}"},
    )
    store.command(
        "INSERT INTO incident_events (incident_id, at, kind, text) VALUES ('i', now64(3), 'finding', {text:String}), "
        "('i', now64(3), 'opened', 'slow')",
        {"text": f"see {TRACE}"},
    )
    store.command(
        "INSERT INTO explanations (model, sentence, details) VALUES ('m', {sentence:String}, {details:String})",
        {"sentence": f"slow; sample traces: {TRACE}, other", "details": f'[{{"sample_trace_ids": ["{TRACE}"]}}]'},
    )
    store.command(
        "INSERT INTO otel_metrics_gauge (MetricName, Value, `Exemplars.TraceId`, `Exemplars.SpanId`, "
        "`Exemplars.FilteredAttributes`, `Exemplars.TimeUnix`, `Exemplars.Value`) "
        "VALUES ('queue', 3, [{trace:String}, 'other'], ['', ''], [map(), map()], [now(), now()], [1, 2])",
        {"trace": TRACE},
    )
    for folder in ("log", "dead"):
        for signal, record in zip(("logs", "traces"), pending_records(), strict=True):
            (tmp_path / folder / store.database / signal).mkdir(parents=True)
            (tmp_path / folder / store.database / signal / "one.seg").write_bytes(b"".join(record.encode()))
    return store


def test_a_subject_is_forgotten_everywhere(filled: Store, tmp_path: Path, engine_dsn: str) -> None:
    """By tag: rows, labels, spans, findings, sketches, segments and dead letters; the others' data stays as it was."""
    done = forget(
        filled,
        Subject(tag="subject", value=PERSON),
        CollectorFiles(tmp_path),
        actor="dpo",
        databases=(filled.database,),
    )
    assert not done.left
    assert done.predictions == 3
    assert done.rows["predictions"] == done.rows["labels"] == 2
    assert done.rows["monitor_results"] == done.rows["otel_traces"] == 1
    assert filled.scalar("SELECT count() FROM predictions") == 4
    assert filled.scalar("SELECT count() FROM labels") == 4
    assert filled.scalar("SELECT count() FROM otel_traces") == 1
    assert filled.scalar("SELECT count() FROM monitor_results") == 1
    for folder in ("log", "dead"):
        files = [tmp_path / folder / filled.database / signal / "one.seg" for signal in ("logs", "traces")]
        assert not any(PERSON.encode() in file.read_bytes() for file in files)
        records = [record for file in files for record, _ in read(file.read_bytes())]
        logs = ExportLogsServiceRequest.FromString(records[0].payload)
        kept = pa.ipc.open_stream(logs.resource_logs[0].scope_logs[0].log_records[0].body.bytes_value).read_all()
        assert kept["prediction_id"].to_pylist() == ["other-9"]
        traces = ExportTraceServiceRequest.FromString(records[1].payload)
        assert [span.name for span in traces.resource_spans[0].scope_spans[0].spans] == ["for somebody"]
    (entry,) = audit.entries(filled, since=START - timedelta(days=9999), action="subject forgotten")
    assert entry.actor == "dpo"
    assert PERSON not in entry.details
    assert filled.rows("SELECT why, traces FROM incidents") == [{"why": "slow, as in ", "traces": ["", "other"]}]
    assert filled.scalar("SELECT groupArray(text) FROM incident_events") == ["slow"]
    explained = filled.rows("SELECT sentence, details FROM explanations")
    assert explained == [{"sentence": "slow; sample traces: , other", "details": '[{"sample_trace_ids": [""]}]'}]
    assert filled.scalar("SELECT `Exemplars.TraceId` FROM otel_metrics_gauge") == ["", "other"]
    # Parts, records of mutations and all else that the engine and the collector keep.
    for folder in (Path(engine_dsn.removeprefix("chdb://")), tmp_path):
        for path in (path for path in folder.rglob("*") if path.is_file()):
            data = path.read_bytes()
            assert not [name for name in (PERSON, "p1-x", "p4-x", "pending-1", TRACE) if name.encode() in data], path


def test_sketches_are_those_of_a_store_that_never_knew_the_subject(filled: Store) -> None:
    """Rebuilt hours and days hold what the remaining rows give, to the last count."""
    forget(filled, Subject(prediction_ids=frozenset({"p1-x", "p4-x"})), patience=0, databases=(filled.database,))
    after = sketch(filled), sketch(filled, "feature_profile_days")
    left = filled.arrow("SELECT * FROM predictions")
    for table in ("feature_profiles", "feature_profile_days", "predictions"):
        filled.command(f"TRUNCATE TABLE {table}")
    filled.insert("predictions", left)
    assert (sketch(filled), sketch(filled, "feature_profile_days")) == after
    assert [row["n"] for row in after[0] if row["feature"] == "income"] == [4]
    assert PERSON not in str(after)


def test_nobody_is_refused(store: Store) -> None:
    """An empty subject would be everybody; it is refused with what to name."""
    with pytest.raises(ValueError, match="whom to forget"):
        Subject()
    with pytest.raises(ValueError, match="whom to forget"):
        Subject(tag="subject")
    assert forget(store, Subject(prediction_ids=frozenset({"unknown"})), databases=(store.database,)).rows == {}


def test_a_short_id_takes_nothing_else_along(store: Store) -> None:
    """The id `7` is forgotten as a whole value; results whose numbers and sentences hold a 7 stay."""
    store.insert("predictions", predictions(["7", "17"], ["a", "b"]))
    window = Window(START, START + timedelta(hours=1))
    results = [
        Result("m", "1", window, "s", "kept", 0.7, Verdict.OK, reason="7 of 17 rows", details={"n": 7, "rows": ["17"]}),
        Result("m", "1", window, "s", "gone", 0.7, Verdict.OK, details={"rows": ["7"]}),
    ]
    write_results(store, results, "run-7")
    done = forget(store, Subject(prediction_ids=frozenset({"7"})), patience=0, databases=(store.database,))
    assert not done.left
    assert store.scalar("SELECT groupArray(metric) FROM monitor_results") == ["kept"]
    assert store.scalar("SELECT groupArray(prediction_id) FROM predictions") == ["17"]


def test_baselines_in_which_nobody_can_be_found_are_named(store: Store) -> None:
    """Rows that came without ids may be the person's: that they were not looked at is said."""
    rows = pa.table({"key": ["person-of-twelve", "another-of-twelve"], "x": [1.5, 2.5]})
    baselines.set_from_table(store, "m", "1", rows, ids="key", source="test")
    assert forget(store, Subject(frozenset({"person-of-twelve"})), patience=0).rows == {"reference_predictions": 1}
    baselines.set_from_table(store, "m", "2", rows.select(["x"]), source="test")
    said = forget(store, Subject(frozenset({"person-of-twelve"})), patience=0).not_covered
    assert (
        "1 baselines without ids, as they were set without --id (reference_predictions): "
        "set them again without the person"
    ) in said
