"""The shape of OTLP as ClickHouse reads it: one Protobuf schema text and one `Null` table a signal.

Both follow from the message descriptors of `opentelemetry-proto`, so they cannot drift apart. Two things differ from
the messages on the wire. `AnyValue` is recursive and columns are not: it is unrolled `DEPTH` levels, and what lies
deeper is read as the bytes of its encoding (a nested message and a bytes field look the same on the wire), so that the
views can tell that it is there (`write/deep.py`). And a row is not a request but one resource with one scope
(`wire.rows` cuts them), with two fields more: when it was received, and for which tenant.

`python -m modelspan_collector.write.otlp_shape` prints the DDL; `store/schema/001_otlp.sql` is its output.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Final

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from modelspan_collector.otlp.signals import METRICS, SIGNALS, Signal
from modelspan_collector.otlp.wire import RECEIVED_FIELD, TENANT_FIELD

DEPTH: Final = 2
"""Levels of `AnyValue` that become columns: a list or a map of scalars does. The engine analyses the columns for every
insert, which is most of the cost of a small one, and another level would double it.
"""

_SKIPPED: Final = frozenset({"key_strindex", "string_value_strindex", "entity_refs"})  # no table has a place for them
_LOW_CARDINALITY: Final = frozenset({"key", "schema_url", "severity_text", "event_name", "unit"})
_SCALARS: Final = {
    FieldDescriptor.TYPE_STRING: ("string", "String"),
    FieldDescriptor.TYPE_BYTES: ("bytes", "String"),
    FieldDescriptor.TYPE_BOOL: ("bool", "Bool"),
    FieldDescriptor.TYPE_DOUBLE: ("double", "Float64"),
    FieldDescriptor.TYPE_ENUM: ("int32", "Int32"),
    FieldDescriptor.TYPE_INT32: ("int32", "Int32"),
    FieldDescriptor.TYPE_SINT32: ("sint32", "Int32"),
    FieldDescriptor.TYPE_UINT32: ("uint32", "UInt32"),
    FieldDescriptor.TYPE_FIXED32: ("fixed32", "UInt32"),
    FieldDescriptor.TYPE_INT64: ("int64", "Int64"),
    FieldDescriptor.TYPE_UINT64: ("uint64", "UInt64"),
    FieldDescriptor.TYPE_FIXED64: ("fixed64", "UInt64"),
    FieldDescriptor.TYPE_SFIXED64: ("sfixed64", "Int64"),
}


@cache
def proto(signal: Signal) -> str:
    """The schema text of a signal's rows, for ClickHouse's `format_schema`."""
    messages: dict[str, str] = {}
    _add_message(_row(signal), DEPTH, messages)
    scopes = signal.path[1]
    top = messages.pop(message_name(signal)).replace(
        f"repeated {_scope(signal).name} {scopes}", f"{_scope(signal).name} {scopes}"
    )
    extra = f"  fixed64 received = {RECEIVED_FIELD};\n  string tenant = {TENANT_FIELD};\n}}\n"
    return 'syntax = "proto3";\n' + "".join(messages.values()) + top.removesuffix("}\n") + extra


def message_name(signal: Signal) -> str:
    """The name of a row's message in `proto(signal)`."""
    return _name(_row(signal), DEPTH)


def table(signal: Signal) -> str:
    """The `Null` table that takes a signal's rows."""
    return f"otlp_{signal.name}"


def _row(signal: Signal) -> Any:
    return signal.request.DESCRIPTOR.fields_by_name[signal.path[0]].message_type


def _scope(signal: Signal) -> Any:
    return _row(signal).fields_by_name[signal.path[1]].message_type


def _item(signal: Signal) -> Any:
    return _scope(signal).fields_by_name[signal.path[2]].message_type


def column_type(descriptor: Descriptor, depth: int = DEPTH) -> str:
    """A message as a ClickHouse tuple; a oneof of scalars gets a member that says which one was set."""
    return f"Tuple({', '.join(_members(descriptor, depth))})"


def ddl() -> str:
    """The `Null` tables of all signals, and the one between a metrics request and the tables of its kinds."""
    header = (
        "-- Generated: python -m modelspan_collector.write.otlp_shape. "
        "OTLP requests pass through these tables and leave no row.\n"
    )
    tables = [_create(table(signal), _row_columns(signal)) for signal in SIGNALS]
    return header + "\n".join([*tables, _create("otlp_metric", _metric_columns())])


def _row_columns(signal: Signal) -> list[str]:
    """One column a field down to those of an item, so that no view has to carry the type of a whole item about."""
    _, scopes, items = signal.path
    whole = [member for member in _members(_row(signal), DEPTH) if not member.startswith(f"{scopes} ")]
    of_scope = [
        f"{scopes}.{member}" for member in _members(_scope(signal), DEPTH) if not member.startswith(f"{items} ")
    ]
    of_item = (member.split(" ", 1) for member in _members(_item(signal), DEPTH))
    columns = [*whole, *of_scope, *(f"{scopes}.{items}.{name} Array({kind})" for name, kind in of_item)]
    return [*columns, "received UInt64", "tenant String"]


def _create(name: str, columns: list[str]) -> str:
    lines = ",\n    ".join(f"`{column.replace(' ', '` ', 1)}" for column in columns)
    return f"CREATE TABLE IF NOT EXISTS {name}/*on_cluster*//**/\n(\n    {lines}\n)\nENGINE = Null;\n"


def _metric_columns() -> list[str]:
    attributes = "Map(LowCardinality(String), String)"
    return [
        "received UInt64",
        f"ResourceAttributes {attributes}",
        "ResourceSchemaUrl String",
        "ScopeName String",
        "ScopeVersion String",
        f"ScopeAttributes {attributes}",
        "ScopeDroppedAttrCount UInt32",
        "ScopeSchemaUrl String",
        "ResourceDroppedAttrCount UInt32",
        f"MetricMetadata {attributes}",
        *(member for member in _members(_item(METRICS), DEPTH) if not member.startswith("metadata ")),
    ]


def _members(descriptor: Descriptor, depth: int) -> list[str]:
    members = [_presence(oneof) for oneof in descriptor.oneofs if oneof.name == "value"]
    for field in _fields(descriptor):
        inner, deeper = _inner(field, depth)
        name = "String" if inner is None else column_type(inner, deeper)
        if field.message_type is None:
            name = _scalar(field)
        members.append(f"{field.name} {f'Array({name})' if field.is_repeated else name}")
    return members


def _presence(oneof: Any) -> str:
    """The member in which ClickHouse's reader says which field of a oneof was set."""
    names = ", ".join(f"'{field.name}' = {field.number}" for field in oneof.fields if field.name not in _SKIPPED)
    return f"{oneof.name} Enum8('none' = 0, {names})"


def _scalar(field: Any) -> str:
    name = _SCALARS[field.type][1]
    return f"LowCardinality({name})" if field.name in _LOW_CARDINALITY else name


def _add_message(descriptor: Descriptor, depth: int, messages: dict[str, str]) -> None:
    name = _name(descriptor, depth)
    if name in messages:
        return
    messages[name] = ""
    lines: list[str] = []
    members: list[str] = []
    for field in _fields(descriptor):
        inner, deeper = _inner(field, depth)
        kind = "bytes" if inner is None else _name(inner, deeper)
        if field.message_type is None:
            kind = _SCALARS[field.type][0]
        elif inner is not None:
            _add_message(inner, deeper, messages)
        line = f"{'repeated ' if field.is_repeated else ''}{kind} {field.name} = {field.number};"
        (members if field.containing_oneof is not None and field.containing_oneof.name == "value" else lines).append(
            line
        )
    if members:
        lines.append(f"oneof value {{ {' '.join(members)} }}")
    messages[name] = messages.pop(name) + f"message {name} {{\n  " + "\n  ".join(lines) + "\n}\n"


def _fields(descriptor: Descriptor) -> list[Any]:
    return [field for field in descriptor.fields if field.name not in _SKIPPED]


def _inner(field: Any, depth: int) -> tuple[Descriptor | None, int]:
    """The message of a field and the levels left below it; None where they are used up."""
    inner = field.message_type
    if inner is None or inner.name not in ("ArrayValue", "KeyValueList"):
        return inner, depth
    return (inner, depth - 1) if depth > 1 else (None, 0)


def _name(descriptor: Descriptor, depth: int) -> str:
    parent = f"{descriptor.containing_type.name}_" if descriptor.containing_type else ""
    recursive = descriptor.name in ("AnyValue", "KeyValue", "ArrayValue", "KeyValueList")
    return f"{parent}{descriptor.name}{depth if recursive else ''}"


if __name__ == "__main__":
    print(ddl(), end="")
