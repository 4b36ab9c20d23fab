"""A secret planted anywhere in a request is on no disk afterwards: in no log, queue, dead letter or table."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from collector_otlp import arrow, event, export, predictions, set_value, trace
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from modelspan_collector.access.rules import Redaction
from modelspan_collector.forward.destination import parse
from modelspan_collector.otlp.signals import LOGS, METRICS, TRACES, Signal
from modelspan_collector.service import Collector
from modelspan_collector.store.connect import Store
from modelspan_collector.wal import dead
from modelspan_collector.wal.record import read

SECRET = "SECRET-c0ffee4711"
DIGITS = 4111_1111_1111_1111
MASK = (r"SECRET-[0-9a-f]+", r"4111\d{12}")
VALUES: dict[str, Any] = {
    "text": SECRET,
    "bytes": f"text {SECRET}".encode(),
    "binary": b"\xff\x00" + SECRET.encode(),
    "list": ["x", [SECRET]],
    "map": {"a": {"b": SECRET}},
    "map of bytes": {"a": SECRET.encode()},
    "name in a map": {SECRET: 1},
    "json": json.dumps({"a": [SECRET]}),
    "escapes": json.dumps({"a": SECRET}).replace("S", "\\u0053"),
    "json in bytes": json.dumps({"a": SECRET}).encode(),
    "json in json": json.dumps({"a": json.dumps({"b": SECRET})}),
    "not quite json": f'{{"a": NaN, "b": "{SECRET}", }}',
    "whole number": DIGITS,
}
"""Every kind of value."""

Plant = Callable[[Any, Any], None]
"""Puts a name and a value somewhere into a request."""


def span(request: Any) -> Any:
    return request.resource_spans[0].scope_spans[0].spans[0]


def record(request: Any) -> Any:
    return request.resource_logs[0].scope_logs[0].log_records[0]


def metric(request: Any) -> Any:
    return request.resource_metrics[0].scope_metrics[0].metrics[0]


def spans() -> Any:
    request = trace({"kept": "fine"})
    span(request).events.add(name="happened")
    span(request).links.add(trace_id=b"x" * 16, span_id=b"y" * 8)
    return request


def logs() -> Any:
    request = ExportLogsServiceRequest()
    request.resource_logs.add().scope_logs.add().log_records.add().body.string_value = "fine"
    return request


def metrics() -> Any:
    request = ExportMetricsServiceRequest()
    made = request.resource_metrics.add().scope_metrics.add().metrics.add(name="m", description="d")
    made.gauge.data_points.add(as_int=1).exemplars.add(as_int=1)
    made.metadata.add(key="kept").value.string_value = "fine"
    return request


HOLDERS: dict[str, tuple[Signal, Callable[[], Any], Callable[[Any], Any]]] = {
    "resource": (TRACES, spans, lambda request: request.resource_spans[0].resource.attributes),
    "scope": (TRACES, spans, lambda request: request.resource_spans[0].scope_spans[0].scope.attributes),
    "span": (TRACES, spans, lambda request: span(request).attributes),
    "event": (TRACES, spans, lambda request: span(request).events[0].attributes),
    "link": (TRACES, spans, lambda request: span(request).links[0].attributes),
    "log resource": (LOGS, logs, lambda request: request.resource_logs[0].resource.attributes),
    "log scope": (LOGS, logs, lambda request: request.resource_logs[0].scope_logs[0].scope.attributes),
    "log record": (LOGS, logs, lambda request: record(request).attributes),
    "metric resource": (METRICS, metrics, lambda request: request.resource_metrics[0].resource.attributes),
    "metric scope": (METRICS, metrics, lambda request: request.resource_metrics[0].scope_metrics[0].scope.attributes),
    "metric": (METRICS, metrics, lambda request: metric(request).metadata),
    "point": (METRICS, metrics, lambda request: metric(request).gauge.data_points[0].attributes),
    "exemplar": (METRICS, metrics, lambda r: metric(r).gauge.data_points[0].exemplars[0].filtered_attributes),
}
"""Every place of attributes."""


def texts() -> Iterator[tuple[Signal, Any]]:
    """Every text of OTLP that is no attribute, and a field that OTLP does not know."""
    for place in ("name", "trace_state", "status.message", "event", "scope", "version", "schema", "link state"):
        request = spans()
        scope = request.resource_spans[0].scope_spans[0]
        holder, field = {
            "name": (span(request), "name"),
            "trace_state": (span(request), "trace_state"),
            "status.message": (span(request).status, "message"),
            "event": (span(request).events[0], "name"),
            "scope": (scope.scope, "name"),
            "version": (scope.scope, "version"),
            "schema": (scope, "schema_url"),
            "link state": (span(request).links[0], "trace_state"),
        }[place]
        setattr(holder, field, f"before {SECRET} after")
        yield TRACES, request
    for field in ("severity_text", "event_name"):
        request = logs()
        setattr(record(request), field, SECRET)
        yield LOGS, request
    for field in ("name", "description", "unit"):
        request = metrics()
        setattr(metric(request), field, f"m {SECRET}")
        yield METRICS, request
    unknown = spans()
    span(unknown).MergeFromString(b"\xfa\x06" + bytes([len(SECRET)]) + SECRET.encode())
    yield TRACES, unknown


def by_value(name: str, *, whole_numbers: bool) -> Iterator[tuple[Signal, Any]]:
    """Every kind of value under that name, in every place of attributes, and in bodies."""
    for value in [value for value in VALUES.values() if whole_numbers or value != DIGITS]:
        for signal, make, holder in HOLDERS.values():
            request = make()
            set_value(holder(request).add(key=name).value, value)
            yield signal, request
        for body in ({name: value}, [{name: value}]):
            request = logs()
            set_value(record(request).body, body)
            yield LOGS, request


def bodies(name: str) -> Iterator[tuple[Signal, Any]]:
    """JSON bodies of every shape with the secret under that name."""
    inner = json.dumps({name: SECRET})
    for text in (
        inner,
        "\ufeff" + inner,
        f'{{"fine": NaN, "deeper": [{inner}]}}',
        f'{{"fine": 1}}\n{inner}\n',
        '{"a":' * 2000 + inner + "}" * 2000,
        json.dumps({"a": inner}),
        inner + "}",
        f"INFO user={inner}",
    ):
        for kind in (str, str.encode):
            request = logs()
            set_value(record(request).body, kind(text))
            yield LOGS, request


def below_a_null(text: str) -> pa.Array:
    """A column of one missing value, whose bytes are still there."""
    full = pa.array([text])
    return pa.Array.from_buffers(pa.string(), 1, [pa.py_buffer(b"\x00"), *full.buffers()[1:]])


def streams(name: str) -> Iterator[tuple[Signal, Any]]:
    """Events with the secret in a column of that name, of every kind."""
    now = pa.array([1], pa.timestamp("ns", "UTC"))
    unused = pa.DictionaryArray.from_arrays(pa.array([0], pa.int8()), pa.array(["fine", SECRET]))
    columns = {
        "text": pa.array([SECRET]),
        "large text": pa.array([SECRET], pa.large_string()),
        "dictionary": pa.array([SECRET]).dictionary_encode(),
        "unused entry": unused,
        "below a null": below_a_null(SECRET),
        "json": pa.array([json.dumps({"a": SECRET})]),
        "escapes": pa.array([json.dumps({"a": SECRET}).replace("S", "\\u0053")]),
    }
    for column in columns.values():
        for prefix in ("feature.", "tag.", ""):
            table = predictions(1, timestamp=now, **{prefix + name: column})
            yield LOGS, event("modelspan.predictions", arrow(table))
    plain = predictions(1, timestamp=now)
    with_metadata = plain.replace_schema_metadata({**plain.schema.metadata, b"pandas": SECRET.encode()})
    field = pa.field("timestamp", now.type, metadata={"note": SECRET})
    with_field = plain.cast(plain.schema.set(0, field))
    left_out = plain.replace_schema_metadata(
        {**plain.schema.metadata, b"modelspan.left_out": json.dumps({name: SECRET}).encode()}
    )
    card = pa.table({"timestamp": now, "hyperparameters": [json.dumps({name: SECRET})]}).replace_schema_metadata(
        plain.schema.metadata
    )
    for table in (with_metadata, with_field, left_out):
        yield LOGS, event("modelspan.predictions", arrow(table))
    yield LOGS, event("modelspan.model", arrow(card))
    yield LOGS, event("modelspan.predictions", arrow(plain) + SECRET.encode())
    yield LOGS, event("modelspan.predictions", SECRET.encode())
    yield LOGS, event(f"modelspan.{SECRET}", arrow(plain))


def masked() -> Iterator[tuple[Signal, Any]]:
    """What masks must meet: the secret in text of any kind, in names too."""
    yield from texts()
    yield from by_value("fine", whole_numbers=True)
    yield from by_value(SECRET, whole_numbers=True)
    yield from bodies("fine")
    yield from streams("fine")
    yield from streams(SECRET)
    for prefix in ("feature.", "tag."):
        column = pa.array([DIGITS]) if prefix == "feature." else pa.array([str(DIGITS)])
        yield LOGS, event("modelspan.predictions", arrow(predictions(1, **{f"{prefix}card": column})))


def named(*names: str) -> Iterator[tuple[Signal, Any]]:
    """What rules by name must meet."""
    for name in names:
        yield from by_value(name, whole_numbers=".score." not in name)  # a class has a number, and nothing else
        yield from bodies(name)
        yield from streams(name)


NAMES = {
    "drop": ("email", "USER_EMAIL"),
    "allow": ("modelspan.model.email", "service.name.secret", "modelspan.prediction.score.x"),
    "hash": ("Email",),
    "hash without a key": ("Email",),
}
CASES: dict[str, tuple[Redaction, Callable[[], Iterator[tuple[Signal, Any]]]]] = {
    "mask": (Redaction(mask=MASK), masked),
    "drop": (Redaction(drop=("*email*",)), lambda: named(*NAMES["drop"])),
    "allow": (
        Redaction(allow=("country", "a", "fine", "kept")),
        lambda: named(*NAMES["allow"]),
    ),
    "hash": (Redaction(hash=("*email*",), key=b"k"), lambda: named(*NAMES["hash"])),
    "hash without a key": (Redaction(hash=("*email*",)), lambda: named(*NAMES["hash"])),
}


def everything(folder: Path) -> Iterator[bytes]:
    """All that lies in a collector's files, what is compressed in the clear."""
    for path in folder.rglob("*"):
        if not path.is_file():
            continue
        yield path.read_bytes()
        for one, _ in read(path.read_bytes()) if path.suffix == ".seg" else ():
            message = LOGS.request()
            try:
                message.ParseFromString(one.payload)
            except Exception:
                continue
            for resource in message.resource_logs:
                for scope in resource.scope_logs:
                    for each in scope.log_records:
                        yield from in_the_clear(each.body.bytes_value)


def in_the_clear(stream: bytes) -> Iterator[bytes]:
    """The buffers of an Arrow stream, decompressed, and its schema with all metadata."""
    try:
        table = pa.ipc.open_stream(stream).read_all()
    except pa.ArrowException:
        return
    yield table.schema.serialize().to_pybytes()
    for column in table.columns:
        for chunk in column.chunks:
            parts = [chunk, chunk.dictionary] if pa.types.is_dictionary(chunk.type) else [chunk]
            yield from (buffer.to_pybytes() for part in parts for buffer in part.buffers() if buffer is not None)


def assert_gone(found: bytes, where: str) -> None:
    encoded = base64.b64encode(SECRET.encode())[:20]
    for spelling in (SECRET.encode(), encoded, SECRET.encode().hex().encode(), str(DIGITS).encode()):
        at = found.find(spelling)
        assert at < 0, (where, found[max(0, at - 200) : at + 60])


@pytest.mark.parametrize("case", CASES)
def test_a_secret_planted_anywhere_is_nowhere(
    start: Callable[..., Collector], store: Store, tmp_path: Path, case: str
) -> None:
    """By masks, by names that are dropped or hashed, and by an allow-list; what could not be read is counted."""
    rules, plant = CASES[case]
    collector = start(
        redaction=rules,
        segment_seconds=60.0,
        forward=(parse("http://127.0.0.1:1?attribute.service.name=test"), parse("http://127.0.0.1:1")),
    )
    sent = 0
    for signal, request in plant():
        try:
            export(collector.grpc_port, signal, request.SerializeToString())
        except Exception as refused:
            assert "INVALID_ARGUMENT" in str(refused)
        sent += 1
    assert sent > 100
    touched = sum(
        collector.registry.get_sample_value("modelspan_collector_redacted_attributes_total", {"signal": name}) or 0
        for name in ("traces", "metrics", "logs")
    )
    assert touched >= sent / 2
    for content in everything(tmp_path / "data"):
        assert_gone(content, "log or queue")
    doomed = logs()
    record(doomed).severity_text = "doomed"
    for number, value in enumerate(VALUES.values()):
        name = f"{'fine' if case == 'mask' else NAMES[case][0]}.{number}"
        set_value(record(doomed).attributes.add(key=name).value, value)
    export(collector.grpc_port, LOGS, doomed.SerializeToString())
    store.command("ALTER TABLE otel_logs ADD CONSTRAINT no_doom CHECK SeverityText != 'doomed'")
    try:
        collector.flush(timeout=120)
    finally:
        store.command("ALTER TABLE otel_logs DROP CONSTRAINT no_doom")
    assert len(list(dead.list_dead(tmp_path / "data"))) == 1
    for content in everything(tmp_path / "data"):
        assert_gone(content, "dead letters")
    for table in ("otel_traces", "otel_logs", "otel_metrics_gauge", "predictions", "models", "ingest_errors"):
        assert_gone(json.dumps(store.rows(f"SELECT * FROM {table}"), default=str).encode(), table)
        if table != "ingest_errors":
            assert store.scalar(f"SELECT count() FROM {table}") > 0
