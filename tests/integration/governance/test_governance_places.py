"""Wherever an id can lie, it is taken out or named: every table, every database, every file, however it is spelt."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest
from databases import Databases
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from modelspan_analyzer.governance import audit
from modelspan_analyzer.governance.erase import erase
from modelspan_analyzer.governance.forget import FORGOTTEN, UNFINISHED, Forgotten, forget
from modelspan_analyzer.governance.marks import stream_of
from modelspan_analyzer.governance.names import Names
from modelspan_analyzer.governance.subject import Subject
from modelspan_analyzer.governance.traces import look
from modelspan_collector.otlp.wire import tenant_field
from modelspan_collector.store.connect import Store
from modelspan_collector.wal.erase import CollectorFiles
from modelspan_collector.wal.record import Kind, make, read
from modelspan_collector.wal.segment import BROKEN_SUFFIX, SUFFIX

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
EVER = datetime(1970, 1, 1, tzinfo=UTC)
ID = "modelspan.prediction.id"
STAMP = pa.timestamp("ns", "UTC")
TRACE = "feedbeef916cd43dd8448eb211c80319"
IDS = ("order 0001 'x'; DROP", 'änderung/Ü%20 "1" \\ 9')
SUBJECT = Subject(tag="subject", value="person-4711")


def prediction(store: Store, name: str) -> None:
    """One tagged prediction of the subject's, in the trace, and one of somebody else's in the same trace."""
    rows = {"prediction_id": [name, f"other of {len(name)}"], "trace_id": [TRACE] * 2, "model": ["m"] * 2}
    tags = pa.array([[("subject", SUBJECT.value)], []], pa.map_(pa.string(), pa.string()))
    store.insert("predictions", pa.table({**rows, "tags": tags, "timestamp": pa.array([NOW] * 2, STAMP)}))


ROWS: dict[str, tuple[str, str]] = {
    "a log's body": (
        "otel_logs",
        "INSERT INTO otel_logs (Timestamp, TraceId, Body) VALUES (now64(9), 'x', {text:String})",
    ),
    "an attribute of another trace's span": (
        "otel_traces",
        "INSERT INTO otel_traces (Timestamp, SpanAttributes) VALUES (now64(9), map('url', {text:String}))",
    ),
    "an event of a span": (
        "otel_traces",
        "INSERT INTO otel_traces (Timestamp, TraceId, Events.Timestamp, Events.Name, Events.Attributes, "
        "Events.DroppedAttributesCount) VALUES (now64(9), 'x', [now64(9)], ['e'], [map('id', {text:String})], [0])",
    ),
    "a resource": (
        "otel_metrics_sum",
        "INSERT INTO otel_metrics_sum (TimeUnix, ResourceAttributes) VALUES (now64(9), map('host', {text:String}))",
    ),
    "a label": ("labels", "INSERT INTO labels (prediction_id, timestamp, label) VALUES ({id:String}, now64(9), '1')"),
    "an attribution": ("attributions", "INSERT INTO attributions (model, prediction_id) VALUES ('m', {id:String})"),
    "a baseline's row": (
        "reference_predictions",
        "INSERT INTO reference_predictions (model, prediction_id) VALUES ('m', {id:String})",
    ),
    "a feature": (
        "reference_predictions",
        "INSERT INTO reference_predictions (model, prediction_id, categorical_features) "
        "VALUES ('m', 'x', map('previous', {id:String}))",
    ),
    "a complaint": (
        "ingest_errors",
        "INSERT INTO ingest_errors (timestamp, reason) VALUES (now64(3), {text:String})",
    ),
    "a finding as JSON": (
        "monitor_results",
        "INSERT INTO monitor_results (model, details) VALUES ('m', {json:String})",
    ),
    "a segment's name": (
        "monitor_results",
        "INSERT INTO monitor_results (model, segment) VALUES ('m', concat('tag.id=', {id:String}))",
    ),
    "a told segment": (
        "verdict_events",
        "INSERT INTO verdict_events (model, at, segment) VALUES ('m', now64(3), concat('tag.id=', {id:String}))",
    ),
    "a run's error": ("monitor_runs", "INSERT INTO monitor_runs (model, error) VALUES ('m', {text:String})"),
    "an incident": (
        "incidents",
        "INSERT INTO incidents (incident_id, why, findings) VALUES ('i', {text:String}, {json:String})",
    ),
    "a comment": (
        "incident_feedback",
        "INSERT INTO incident_feedback (incident_id, comment) VALUES ('i', {text:String})",
    ),
    "a decision": (
        "model_decisions",
        "INSERT INTO model_decisions (model, version, kind, decision, reason) "
        "VALUES ('m', '1', 'stage', 'retired', {text:String})",
    ),
    "a timeline": (
        "incident_events",
        "INSERT INTO incident_events (incident_id, at, text) VALUES ('i', now64(3), {text:String})",
    ),
    "an audit's details": ("audit_log", "INSERT INTO audit_log (action, details) VALUES ('x', {json:String})"),
    "a link of a span": (
        "otel_traces",
        "INSERT INTO otel_traces (Timestamp, TraceId, Links.TraceId, Links.SpanId, Links.TraceState, Links.Attributes, "
        "Links.DroppedAttributesCount, Links.Flags) "
        "VALUES (now64(9), 'x', [{trace:String}], [''], [''], [map()], [0], [0])",
    ),
}  # fmt: skip
"""Where a row can name a prediction or a trace: the table, and how it gets there."""


def plant(store: Store, sql: str, name: str, trace: str = TRACE) -> None:
    """Write a row that names a prediction, or its trace."""
    told = {"id": name, "text": f"denied {name} of {trace}", "json": json.dumps([name, {trace: name}]), "trace": trace}
    store.command(sql, told)


def texts(store: Store) -> Iterator[tuple[str, str]]:
    """Every row of every table, as JSON."""
    sql = "SELECT name FROM system.tables WHERE database = currentDatabase() AND engine LIKE '%MergeTree'"
    for row in store.rows(sql):
        columns = "* EXCEPT trace_id" if row["name"] == "predictions" else "*"
        data = store.client().raw_query(f"SELECT {columns} FROM `{row['name']}`", fmt="JSONEachRow")
        for line in data.decode(errors="replace").splitlines():
            yield row["name"], line


@pytest.mark.parametrize("name", IDS)
def test_no_place_in_a_table_keeps_an_id_however_it_is_spelt(store: Store, name: str) -> None:
    """Ids with quotes, slashes, percent signs and umlauts, as values, in texts and in JSON; strangers' rows stay."""
    prediction(store, name)
    for _, sql in ROWS.values():
        plant(store, sql, name)
        plant(store, sql, "somebody else's id", "5" * 32)
    done = forget(store, SUBJECT, databases=(store.database,), patience=0)
    assert not done.left
    spelt = (name, json.dumps(name)[1:-1], json.dumps(json.dumps(name))[2:-2], TRACE)
    held = [table for table, line in texts(store) if any(one in line for one in spelt)]
    assert held == []
    assert store.scalar("SELECT groupArray(prediction_id) FROM predictions") == [f"other of {len(name)}"]
    left = [table for table, line in texts(store) if "somebody else" in line]
    assert sorted(left) == sorted(table for place, (table, _) in ROWS.items() if "link" not in place)


def logs(body: str | bytes, attributes: dict[str, str] | None = None, trace: bytes = b"\1" * 16) -> bytes:
    """A request of one log record."""
    request = ExportLogsServiceRequest()
    entry = request.resource_logs.add().scope_logs.add().log_records.add(trace_id=trace)
    if isinstance(body, bytes):
        entry.event_name, entry.body.bytes_value = "modelspan.predictions", body
    else:
        entry.body.string_value = body
    for key, value in (attributes or {}).items():
        entry.attributes.add(key=key).value.string_value = value
    return request.SerializeToString()


def stream(name: str) -> bytes:
    """Two rows, the first with a dictionary value and a feature of its own, the second a stranger's."""
    table = pa.table(
        {
            "prediction_id": ["x-1", "x-2"],
            "feature.previous": pa.array([name, "a stranger's"]).dictionary_encode(),
        }
    )
    return stream_of(table)


def linked() -> bytes:
    """A span that links to the trace."""
    request = ExportTraceServiceRequest()
    span = request.resource_spans.add().scope_spans.add().spans.add(trace_id=b"\1" * 16, name="a stranger's")
    span.links.add(trace_id=bytes.fromhex(TRACE))
    return request.SerializeToString()


def measured() -> bytes:
    """A metric with the trace as an exemplar."""
    request = ExportMetricsServiceRequest()
    metric = request.resource_metrics.add().scope_metrics.add().metrics.add(name="a stranger's")
    metric.histogram.data_points.add(count=1).exemplars.add(trace_id=bytes.fromhex(TRACE))
    return request.SerializeToString()


FILES: dict[str, tuple[str, Kind, Callable[[str], bytes]]] = {
    "a waiting log's body": ("log/{db}/logs", Kind.OTLP, lambda name: logs(f"denied {name}")),
    "a waiting log's attribute": (
        "log/{db}/logs",
        Kind.OTLP,
        lambda name: logs("x", {ID: name}, b"\2" * 16),
    ),
    "a stream's dictionary": ("log/{db}/logs", Kind.EVENTS, lambda name: logs(stream(name))),
    "a dead letter": ("dead/{db}/logs", Kind.EVENTS, lambda name: logs(stream(name))),
    "a dead letter that is no request": ("dead/{db}/traces", Kind.OTLP, lambda name: b"\xff" + name.encode()),
    "a letter to be tried again": ("log/{db}/logs", Kind.OTLP, lambda name: logs(f"denied {name}")),
    "a link in a queue": ("forward/apm", Kind.TRACES, lambda _: linked()),
    "an exemplar in a queue": ("forward/apm", Kind.METRICS, lambda _: measured()),
    "a stream in a queue": ("forward/apm", Kind.LOGS, lambda name: logs(stream(name))),
}
"""Where a file of a collector can name a prediction or a trace."""


def test_no_file_of_a_collector_keeps_an_id(store: Store, tmp_path: Path) -> None:
    """Each record is rewritten without it, and what strangers' records say beside it stays."""
    name = IDS[0]
    prediction(store, name)
    paths, stranger = {}, make(Kind.LOGS, 2, logs("a stranger's"))
    for number, (place, (where, kind, payload)) in enumerate(FILES.items()):
        folder = tmp_path / where.format(db=store.database)
        folder.mkdir(parents=True, exist_ok=True)
        path = paths[place] = folder / f"{number}.{'retry' if 'again' in place else 'seg'}"
        records = [make(kind, 1, payload(name)), stranger]
        path.write_bytes(b"".join(part for record in records for part in record.encode()))
    done = forget(store, SUBJECT, CollectorFiles(tmp_path), databases=(store.database,), patience=0)
    assert (done.left, done.records) == ([], len(FILES))
    for place, path in paths.items():
        data = path.read_bytes()
        kept = [record.payload for record, _ in read(data)]
        assert stranger.payload in kept, place
        assert name.encode() not in data, place
        assert bytes.fromhex(TRACE) not in data, place
        if "stream" in place:
            (entry,) = ExportLogsServiceRequest.FromString(kept[0]).resource_logs[0].scope_logs[0].log_records
            left = pa.ipc.open_stream(entry.body.bytes_value).read_all()
            assert name.encode() not in stream_of(left, None), place
            assert left["feature.previous"].to_pylist() == ["a stranger's"]


def test_why_a_letter_is_dead_may_quote_an_id(store: Store, tmp_path: Path) -> None:
    """The reason beside it is withheld; a letter without anything left goes with its reason."""
    folder = tmp_path / "dead" / store.database / "logs"
    folder.mkdir(parents=True)
    (folder / "one.seg").write_bytes(b"".join(make(Kind.OTLP, 1, logs("a stranger's")).encode()))
    (folder / "two.seg").write_bytes(b"".join(make(Kind.OTLP, 1, logs(f"denied {IDS[0]}")).encode()))
    for letter in ("one", "two"):
        (folder / f"{letter}.json").write_text(json.dumps({"reason": f"cannot read {IDS[0]}"}))
    prediction(store, IDS[0])
    assert not forget(store, SUBJECT, CollectorFiles(tmp_path), databases=(store.database,), patience=0).left
    assert sorted(path.name for path in folder.iterdir()) == ["one.json", "one.seg"]
    assert "withheld" in json.loads((folder / "one.json").read_text())["reason"]


BROKEN = {
    "anything": b"whatever this was " * 10,
    "less than a header": b"?",
    "zeros": bytes(200),
    "a record without its end": b"".join(make(Kind.OTLP, 1, b"x" * 100).encode())[:-5],
    "a whole record": b"".join(make(Kind.OTLP, 1, logs("a stranger's")).encode()),
}


@pytest.mark.parametrize("damage", BROKEN)
def test_what_the_disk_damaged_is_named_and_stays(store: Store, tmp_path: Path, damage: str) -> None:
    """A file of damaged bytes cannot be searched: it is named as such whatever is in it, and is not touched."""
    folder = tmp_path / "log" / store.database / "logs"
    folder.mkdir(parents=True)
    (folder / f"one{BROKEN_SUFFIX}").write_bytes(BROKEN[damage])
    (left,) = forget(store, SUBJECT, CollectorFiles(tmp_path), databases=(store.database,), patience=0).left
    assert str(folder / f"one{BROKEN_SUFFIX}") in left
    assert "cannot be read" in left
    assert (folder / f"one{BROKEN_SUFFIX}").read_bytes() == BROKEN[damage]


def test_what_can_be_erased_of_damage_is(store: Store, tmp_path: Path) -> None:
    """A request that is still whole loses the person, bytes that nobody can read lose the name; the answer says how
    both were searched, and others' bytes stay as they were.
    """
    folder = tmp_path / "log" / store.database / "logs"
    folder.mkdir(parents=True)
    whole = b"".join(make(Kind.OTLP, 1, logs(f"for {IDS[0]}") + logs("a stranger's")).encode())
    broken = folder / f"one{BROKEN_SUFFIX}"
    broken.write_bytes(b"damaged " * 9 + IDS[0].encode() + whole)
    prediction(store, IDS[0])
    done = forget(store, SUBJECT, CollectorFiles(tmp_path), databases=(store.database,), patience=0)
    (left,) = done.left
    assert "1 requests of it were read" in left
    assert "searched for long names as bytes" in left
    assert done.records == 2
    kept = broken.read_bytes()
    assert IDS[0].encode() not in kept
    assert kept.startswith(b"damaged " * 9)
    assert b"a stranger's" in kept


def test_one_tenants_person_is_forgotten_and_not_anothers(store: Store, tmp_path: Path) -> None:
    """Two tenants of a database use one id: without a word of whose it is nothing goes, then only the one's, wherever
    it is; with every tenant both go.
    """
    folder = tmp_path / "log" / store.database / "logs"
    folder.mkdir(parents=True)
    columns = {"predictions": "tags['tenant']", "labels": "tenant"}
    columns |= dict.fromkeys(("otel_logs", "otel_traces"), "ResourceAttributes['modelspan.tenant']")
    for tenant in ("acme", "globex"):
        for sql in OF_A_TENANT:
            store.command(sql, {"id": IDS[0], "tenant": tenant, "trace": f"{tenant}-trace"})
        rows = stream_of(pa.table({"prediction_id": [IDS[0]], "feature.n": [1.0]}))
        request = make(Kind.EVENTS, 1, logs(rows) + tenant_field(tenant))
        (folder / f"{tenant}{SUFFIX}").write_bytes(b"".join(request.encode()))

    def left() -> dict[str, list[str]]:
        found = {name: f"SELECT DISTINCT {column} AS t FROM {name} ORDER BY t" for name, column in columns.items()}
        tables = {name: [row["t"] for row in store.rows(sql)] for name, sql in found.items()}
        return tables | {"files": [path.stem for path in sorted(folder.iterdir()) if path.stat().st_size]}

    def forgotten(subject: Subject) -> Forgotten:
        return forget(store, subject, CollectorFiles(tmp_path), databases=(store.database,), patience=0)

    person, both = Subject(frozenset({IDS[0]})), left()
    assert both == {place: ["acme", "globex"] for place in (*columns, "files")}
    with pytest.raises(ValueError, match=r"acme, globex.*--tenant"):
        forgotten(person)
    assert left() == both
    assert not store.scalar(
        "SELECT count() FROM system.tables WHERE name LIKE 'forgetting%' AND database = currentDatabase()"
    )
    assert not forgotten(replace(person, tenant="acme")).left
    assert left() == {place: ["globex"] for place in both}
    assert not forgotten(replace(person, every_tenant=True)).left
    assert left() == {place: [] for place in both}


OF_A_TENANT = (
    "INSERT INTO predictions (model, timestamp, prediction_id, trace_id, tags) "
    "VALUES ('m', now64(9), {id:String}, {trace:String}, map('tenant', {tenant:String}))",
    "INSERT INTO labels (prediction_id, timestamp, label, tenant) VALUES ({id:String}, now64(9), '1', {tenant:String})",
    "INSERT INTO otel_logs (Timestamp, Body, ResourceAttributes) "
    "VALUES (now64(9), {id:String}, map('modelspan.tenant', {tenant:String}))",
    "INSERT INTO otel_traces (Timestamp, TraceId, ResourceAttributes) "
    "VALUES (now64(9), {trace:String}, map('modelspan.tenant', {tenant:String}))",
)
"""Rows that say whose they are."""


def test_a_person_of_two_tenants_own_databases_is_asked_about(store: Store, databases: Databases) -> None:
    """Rows that name no tenant are a database's: one tag in two of them goes in both only if that is said."""
    with databases.one() as tenant:
        for each in (store, tenant):
            prediction(each, IDS[0])
        names = (store.database, tenant.database)
        with pytest.raises(ValueError, match="--all-tenants") as refused:
            forget(store, SUBJECT, databases=names, patience=0)
        assert all(name in str(refused.value) for name in names)
        done = forget(store, replace(SUBJECT, every_tenant=True), databases=names, patience=0)
        assert done.rows == {"predictions": 1, f"{tenant.database}.predictions": 1}


def test_names_are_kept_until_it_is_proved(store: Store, tmp_path: Path) -> None:
    """What cannot be read may hold the person: that is named, and a later run still knows ids that no row tells."""
    folder = tmp_path / "log" / store.database / "logs"
    folder.mkdir(parents=True)
    broken = folder / f"one{BROKEN_SUFFIX}"
    broken.write_bytes(b"whatever this was " * 10)
    prediction(store, IDS[0])

    def again() -> Forgotten:
        return forget(store, SUBJECT, CollectorFiles(tmp_path), databases=(store.database,), patience=0)

    (left,) = again().left
    assert str(broken) in left
    assert "cannot be read" in left
    plant(store, ROWS["a log's body"][1], IDS[0])
    broken.unlink()
    done = again()
    assert not done.left
    assert done.rows == {"otel_logs": 1}
    assert again().rows == {}
    told = [entry.action for entry in audit.entries(store, since=EVER)]
    assert told == [FORGOTTEN, FORGOTTEN, UNFINISHED]
    kept = "SELECT name FROM system.tables WHERE name LIKE 'forgetting%' AND database = currentDatabase()"
    assert store.rows(kept) == []


def test_a_run_that_was_killed_is_finished_by_the_next(store: Store) -> None:
    """Between the rows and the sketches: the days to make anew are known although the rows are gone."""
    prediction(store, IDS[0])
    names = Names(store, SUBJECT)
    look(store, SUBJECT, names)
    assert erase(store, SUBJECT, names)["predictions"] == 1
    done = forget(store, SUBJECT, databases=(store.database,), patience=0)
    assert (done.sketched_days, not done.left) == (1, True)
    assert store.scalar("SELECT sum(rows) FROM feature_profiles WHERE kind = 'rows' OR feature = ''") in (0, 1)


def test_every_database_is_looked_at_or_named(store: Store, databases: Databases) -> None:
    """A person in a tenant's database goes too; with one chosen, the others are named as not looked at."""
    with databases.one() as tenant:
        for each in (store, tenant):
            prediction(each, IDS[0])
        only = forget(store, SUBJECT, databases=(store.database,), patience=0)
        assert any(tenant.database in place for place in only.not_covered)
        assert tenant.scalar("SELECT count() FROM predictions") == 2
        done = forget(store, SUBJECT, patience=0)
        assert {store.database, tenant.database} <= set(done.databases)
        assert done.rows == {f"{tenant.database}.predictions": 1}
        assert tenant.scalar("SELECT count() FROM predictions") == 1
        with pytest.raises(ValueError, match="no database 'acne'"):
            forget(store, SUBJECT, databases=("acne",))


def test_backups_are_named_as_not_looked_at(store: Store) -> None:
    """Each with its folder, from the audit log."""
    audit.record_export(store, "/srv/backups/may", 10)
    done = forget(store, Subject(frozenset({"7"})), databases=(store.database,), patience=0)
    assert any("/srv/backups/may" in place for place in done.not_covered)
    assert any("fewer than 12 characters" in place for place in done.not_covered)


def test_many_ids_among_many_rows_take_bounded_memory(store: Store) -> None:
    """640 ids among 29,440 rows with texts, within 400 MB a query."""
    store.client().set_client_setting("max_memory_usage", 400_000_000)
    sql = """
    INSERT INTO predictions (model, timestamp, prediction_id, trace_id, tags)
    SELECT 'm', now64(9), concat('prediction-', toString(number), '-', toString(number % 46 = 0)),
           lower(hex(MD5(toString(number)))), map('subject', if(number % 46 = 0, {value:String}, 'x'))
    FROM numbers(29440)
    """
    store.command(sql, {"value": SUBJECT.value})
    store.command(
        "INSERT INTO otel_logs (Timestamp, TraceId, Body) "
        "SELECT now64(9), '', concat(prediction_id, repeat(' denied', 50)) FROM predictions"
    )
    done = forget(store, SUBJECT, databases=(store.database,), patience=0)
    assert (done.predictions, not done.left) == (640, True)
    assert done.rows == {"otel_logs": 640, "predictions": 640}
