"""Whether every id of a request is one, asked of protobuf's runtime: no Python object a span, and no look at the rest.

A skeleton is a message type that knows the ids alone. In the first every list of messages is a single message, and
protobuf merges what comes again, so that all ids of a request stand in a few lists. That does not tell which item lacks
one: in the second an item's ids are `required`, which the runtime checks of each.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Final

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.descriptor import Descriptor
from google.protobuf.descriptor_pb2 import FieldDescriptorProto as Field

from modelspan_collector.otlp.signals import Signal

ID_BYTES: Final = {"trace_id": 16, "span_id": 8, "parent_span_id": 8}
NEEDED: Final = {"Span": ("trace_id", "span_id"), "Metric": ("name",)}
"""What an item cannot do without."""
_SYNTAX: Final = "proto2"  # which has `required`
_ROOT: Final = "Request"


def is_sound(signal: Signal, body: bytes) -> bool:
    """Whether all items of a valid request have what they need, and all ids their size; False where it is not sure.

    Every occurrence of a field is asked for, also those that a later one replaces.
    """
    merged, needed = _skeletons(signal)
    return bool(needed.FromString(body).IsInitialized()) and _is_sound(merged.FromString(body))


def _is_sound(merged: Any) -> bool:
    for field, value in merged.ListFields():
        if field.message_type is not None:
            if not _is_sound(value):
                return False
            continue
        size, is_needed = ID_BYTES.get(field.name), field.name in NEEDED.get(field.containing_type.name, ())
        found = list(value)
        sizes = set(map(len, found)) - {size} if size else set[int]()
        if sizes - {0} or (is_needed and (b"" in found or bytes(size or 0) in found)):
            return False
    return True


@cache
def _skeletons(signal: Signal) -> tuple[Any, Any]:
    return _made(signal, merged=True), _made(signal, merged=False)


def _made(signal: Signal, *, merged: bool) -> Any:
    file = descriptor_pb2.FileDescriptorProto(name=f"{signal.name}.proto", syntax=_SYNTAX)
    root = file.message_type.add(name=_ROOT)
    _fill(root, signal.request.DESCRIPTOR, (), merged=merged)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(_ROOT))


def _fill(made: Any, message: Descriptor, above: tuple[Descriptor, ...], *, merged: bool) -> None:
    """Give a type the fields of a message that are ids, or lead to some; each with a type of its own inside of it."""
    for field in message.fields:
        child = field.message_type
        if child is None:
            if field.name in NEEDED.get(message.name, ()) or (merged and field.name in ID_BYTES):
                label = Field.LABEL_REPEATED if merged else Field.LABEL_REQUIRED
                made.field.add(name=field.name, number=field.number, type=Field.TYPE_BYTES, label=label)
        elif child not in above:
            inner = made.nested_type.add(name=child.name)
            _fill(inner, child, (*above, message), merged=merged)
            if inner.field:
                label = Field.LABEL_OPTIONAL if merged or not field.is_repeated else Field.LABEL_REPEATED
                made.field.add(
                    name=field.name, number=field.number, type=Field.TYPE_MESSAGE, label=label, type_name=child.name
                )
            else:
                made.nested_type.pop()
