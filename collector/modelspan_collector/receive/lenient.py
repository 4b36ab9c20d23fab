"""Repairs requests whose text is not UTF-8: proto3 forbids it, clients send it, and the rest of the request is good.

The messages are read with descriptors in which every string is a bytes field, so that nothing is refused for its
text; then the bad bytes become U+FFFD. Only requests that failed validation come here, so the walk costs no good one
anything.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.descriptor import FieldDescriptor, FileDescriptor
from google.protobuf.message import DecodeError

from modelspan_collector.otlp.signals import Signal

_STRING = descriptor_pb2.FieldDescriptorProto.TYPE_STRING
_BYTES = descriptor_pb2.FieldDescriptorProto.TYPE_BYTES


def repair(signal: Signal, body: bytes) -> bytes | None:
    """The request with its text made UTF-8; None where it is malformed for another reason."""
    try:
        message = _lenient_class(
            signal.name, signal.request.DESCRIPTOR.file, signal.request.DESCRIPTOR.full_name
        ).FromString(body)
    except DecodeError:
        return None
    _clean(message, signal.request.DESCRIPTOR)
    return bytes(message.SerializeToString())


@cache
def _lenient_class(_: str, file: FileDescriptor, name: str) -> Any:
    pool = descriptor_pool.DescriptorPool()
    _add_file(pool, file, set())
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(name))


def _add_file(pool: Any, file: FileDescriptor, added: set[str]) -> None:
    if file.name in added:
        return
    added.add(file.name)
    for dependency in file.dependencies:
        _add_file(pool, dependency, added)
    copy = descriptor_pb2.FileDescriptorProto()
    file.CopyToProto(copy)
    for message in copy.message_type:
        _relax(message)
    pool.Add(copy)


def _relax(message: Any) -> None:
    for field in message.field:
        if field.type == _STRING:
            field.type = _BYTES
    for nested in message.nested_type:
        _relax(nested)


def _clean(message: Any, strict: Any) -> None:
    """Replace what is not UTF-8 in the fields that the strict descriptor calls strings."""
    for field, value in message.ListFields():
        original: FieldDescriptor = strict.fields_by_number[field.number]
        if original.type == FieldDescriptor.TYPE_STRING:
            if field.is_repeated:
                value[:] = [_utf8(item) for item in value]
            else:
                setattr(message, field.name, _utf8(value))
        elif original.message_type is not None:
            for item in value if field.is_repeated else [value]:
                _clean(item, original.message_type)


def _utf8(value: bytes) -> bytes:
    return value.decode("utf-8", "replace").encode()
