"""Every field that OTLP has comes back out of the tables: the messages' own descriptors say which there are."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from typing import Any

import pytest
from collector_otlp import export
from google.protobuf.descriptor import FieldDescriptor

from modelspan_collector.otlp.signals import LOGS, METRICS, TRACES, Signal
from modelspan_collector.service import Collector
from modelspan_collector.store.connect import Store

WITHOUT_A_PLACE = {"key_strindex", "string_value_strindex", "entity_refs"}
"""Under development in OTLP: references into dictionaries that it does not have yet, and entities."""


def ns(column: str) -> str:
    return f"toUnixTimestamp64Nano({column})"


def every(expression: str, column: str) -> str:
    return f"arrayMap(x -> {expression}, {column})"


SHARED = {
    "resource.attributes": "ResourceAttributes",
    "resource.dropped_attributes_count": "ResourceDroppedAttrCount",
    "schema_url": "ResourceSchemaUrl",
    "scope.name": "ScopeName",
    "scope.version": "ScopeVersion",
    "scope.attributes": "ScopeAttributes",
    "scope.dropped_attributes_count": "ScopeDroppedAttrCount",
    "scope.schema_url": "ScopeSchemaUrl",
}
SPANS = {
    "trace_id": "TraceId",
    "span_id": "SpanId",
    "parent_span_id": "ParentSpanId",
    "trace_state": "TraceState",
    "flags": "TraceFlags",
    "name": "SpanName",
    "kind": "indexOf(['Internal', 'Server', 'Client', 'Producer', 'Consumer'], SpanKind)",
    "start_time_unix_nano": ns("Timestamp"),
    "end_time_unix_nano": f"{ns('Timestamp')} + Duration",
    "attributes": "SpanAttributes",
    "dropped_attributes_count": "DroppedAttributesCount",
    "events.time_unix_nano": every(ns("x"), "`Events.Timestamp`"),
    "events.name": "`Events.Name`",
    "events.attributes": "`Events.Attributes`",
    "events.dropped_attributes_count": "`Events.DroppedAttributesCount`",
    "dropped_events_count": "DroppedEventsCount",
    "links.trace_id": every("x", "`Links.TraceId`"),
    "links.span_id": every("x", "`Links.SpanId`"),
    "links.trace_state": "`Links.TraceState`",
    "links.attributes": "`Links.Attributes`",
    "links.dropped_attributes_count": "`Links.DroppedAttributesCount`",
    "links.flags": "`Links.Flags`",
    "dropped_links_count": "DroppedLinksCount",
    "status.message": "StatusMessage",
    "status.code": "indexOf(['Ok', 'Error'], StatusCode)",
}
RECORDS = {
    "time_unix_nano": ns("Timestamp"),
    "observed_time_unix_nano": ns("ObservedTimestamp"),
    "severity_number": "SeverityNumber",
    "severity_text": "SeverityText",
    "body": "Body",
    "attributes": "LogAttributes",
    "dropped_attributes_count": "DroppedAttributesCount",
    "flags": "TraceFlags",
    "trace_id": "TraceId",
    "span_id": "SpanId",
    "event_name": "EventName",
}
METRIC = {
    "name": "MetricName",
    "description": "MetricDescription",
    "unit": "MetricUnit",
    "metadata": "MetricMetadata",
    "data_points.attributes": "Attributes",
    "data_points.start_time_unix_nano": ns("StartTimeUnix"),
    "data_points.time_unix_nano": ns("TimeUnix"),
    "data_points.flags": "Flags",
}
EXEMPLARS = {
    "data_points.exemplars.filtered_attributes": "`Exemplars.FilteredAttributes`",
    "data_points.exemplars.time_unix_nano": every(ns("x"), "`Exemplars.TimeUnix`"),
    "data_points.exemplars.as_int": "`Exemplars.Value`",
    "data_points.exemplars.span_id": every("x", "`Exemplars.SpanId`"),
    "data_points.exemplars.trace_id": every("x", "`Exemplars.TraceId`"),
}
TOTALS = {"data_points.count": "Count", "data_points.sum": "Sum"}
EXTREMES = {"data_points.min": "Min", "data_points.max": "Max"}
TEMPORALITY = {"aggregation_temporality": "AggregationTemporality"}
KINDS = {
    "gauge": {"data_points.as_int": "Value", **EXEMPLARS},
    "sum": {"data_points.as_int": "Value", "is_monotonic": "IsMonotonic", **EXEMPLARS, **TEMPORALITY},
    "histogram": {
        "data_points.bucket_counts": "BucketCounts",
        "data_points.explicit_bounds": "ExplicitBounds",
        **TOTALS,
        **EXTREMES,
        **EXEMPLARS,
        **TEMPORALITY,
    },
    "exponential_histogram": {
        "data_points.scale": "Scale",
        "data_points.zero_count": "ZeroCount",
        "data_points.zero_threshold": "ZeroThreshold",
        "data_points.positive.offset": "PositiveOffset",
        "data_points.positive.bucket_counts": "PositiveBucketCounts",
        "data_points.negative.offset": "NegativeOffset",
        "data_points.negative.bucket_counts": "NegativeBucketCounts",
        **TOTALS,
        **EXTREMES,
        **EXEMPLARS,
        **TEMPORALITY,
    },
    "summary": {
        "data_points.quantile_values.quantile": "`ValueAtQuantiles.Quantile`",
        "data_points.quantile_values.value": "`ValueAtQuantiles.Value`",
        **TOTALS,
    },
}

_numbers = itertools.count(1)
_NOW = time.time_ns()


def fill(message: Any, kind: str = "") -> None:
    """Set every field of a message, and of those inside of it, to a value of its own; of a metric's data one kind."""
    for field in message.DESCRIPTOR.fields:
        name, number = field.name, next(_numbers)
        oneof = field.containing_oneof
        if name in WITHOUT_A_PLACE or (oneof and oneof.name == "data" and name != kind):
            continue
        if oneof and oneof.name == "value" and name not in ("string_value", "as_int"):
            continue  # the other members are what test_attributes_of_every_type_and_depth is about
        if field.message_type is not None:
            target = getattr(message, name)
            fill(target.add() if field.is_repeated else target, kind)
            continue
        value = scalar(field, number)
        if field.is_repeated:
            getattr(message, name).append(value)
        else:
            setattr(message, name, value)


def scalar(field: FieldDescriptor, number: int) -> Any:
    """A value of a field's type that no other field has, where the type allows it."""
    if field.name in ("trace_id", "span_id", "parent_span_id"):
        return number.to_bytes(16 if field.name == "trace_id" else 8, "big")
    if field.name.endswith("time_unix_nano"):
        return _NOW + number
    match field.type:
        case FieldDescriptor.TYPE_STRING:
            return f"{field.name} {number}"
        case FieldDescriptor.TYPE_BOOL:
            return True
        case FieldDescriptor.TYPE_ENUM:
            return 2
        case FieldDescriptor.TYPE_DOUBLE:
            return number + 0.5
        case _:
            return number % 256


def leaves(message: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every value of a message with its path; those inside of a repeated message as a list."""
    for field, value in message.ListFields():
        name = f"{path}{field.name}"
        if field.message_type is None:
            yield name, list(value) if field.is_repeated else value.hex() if isinstance(value, bytes) else value
        elif field.message_type.name == "KeyValue":
            yield name, {item.key: item.value.string_value for item in value}
        elif field.message_type.name == "AnyValue":
            yield name, value.string_value
        elif field.is_repeated and field.name != "data_points":
            yield from ((inner, [found]) for inner, found in leaves(value[0], f"{name}."))
        else:
            yield from leaves(value[0] if field.is_repeated else value, f"{name}.")


def check(store: Store, table: str, columns: dict[str, str], found: dict[str, Any]) -> None:
    """Compare what was sent with the table's only row."""
    assert set(found) == set(columns)
    row = store.rows(f"SELECT {', '.join(f'{sql} AS f{i}' for i, sql in enumerate(columns.values()))} FROM {table}")
    for path, kept in zip(columns, row[0].values(), strict=True):
        assert kept == found[path], path


def parts(signal: Signal, request: Any) -> dict[str, Any]:
    """What was sent with the resource and the scope, by the paths of `SHARED`; and the only item, by its own."""
    resources, scopes, items = signal.path
    resource = getattr(request, resources)[0]
    scope = getattr(resource, scopes)[0]
    shared = {
        **{path: value for path, value in leaves(resource) if not path.startswith(scopes)},
        **{path: value for path, value in leaves(scope) if path.startswith("scope.")},
        "scope.schema_url": scope.schema_url,
    }
    return {**shared, **dict(leaves(getattr(scope, items)[0]))}


@pytest.mark.parametrize(
    ("signal", "table", "columns"),
    [(TRACES, "otel_traces", SPANS), (LOGS, "otel_logs", RECORDS)],
    ids=["spans", "logs"],
)
def test_spans_and_log_records(
    collector: Collector, store: Store, signal: Signal, table: str, columns: dict[str, str]
) -> None:
    """Whatever a span or a log record says is in its row, as it was sent."""
    request = signal.request()
    fill(request)
    export(collector.grpc_port, signal, request.SerializeToString())
    collector.flush()
    check(store, table, {**SHARED, **columns}, parts(signal, request))


@pytest.mark.parametrize("kind", KINDS)
def test_metrics(collector: Collector, store: Store, kind: str) -> None:
    """Whatever a point of each kind says is in its row; whole numbers as Float64."""
    request = METRICS.request()
    fill(request, kind)
    export(collector.grpc_port, METRICS, request.SerializeToString())
    collector.flush()
    found = {path.removeprefix(f"{kind}."): value for path, value in parts(METRICS, request).items()}
    check(store, f"otel_metrics_{kind}", {**SHARED, **METRIC, **KINDS[kind]}, found)
