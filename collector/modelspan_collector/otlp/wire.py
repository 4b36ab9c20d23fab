"""Cuts an OTLP request, in its encoding, into what becomes a row of a `Null` table: one resource with one scope.

Only the outermost two levels are looked at, a few bytes a scope; the spans inside stay untouched. So the store unfolds
one array where the request nests three, which is a tenth of its work.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from google.protobuf.internal.encoder import _VarintBytes  # type: ignore[attr-defined]

RECEIVED_FIELD: Final = 1000
"""Field number of `received`: nanoseconds since 1970 at which the collector took the request."""
TENANT_FIELD: Final = 1001
"""Field number of `tenant`: appended to a request when it is logged."""
TENANT_ATTRIBUTE: Final = "modelspan.tenant"
"""Resource attribute that names the tenant: set from the token, and refused where a sender gives another's. A sender
whose token is of no tenant, as a collector that sends on, may name any."""

_BYTES, _FIXED64 = 2, 1
_RESOURCES, _SCOPES = 1, 2
_RECEIVED_TAG: Final = _VarintBytes(RECEIVED_FIELD << 3 | _FIXED64)
_TENANT_TAG: Final = _VarintBytes(TENANT_FIELD << 3 | _BYTES)
_SCOPES_TAG: Final = _VarintBytes(_SCOPES << 3 | _BYTES)


class WireError(ValueError):
    """An encoding that protobuf's runtime reads and this module does not, such as a group."""


def tenant_field(tenant: str) -> bytes:
    """What is appended to a request to say whose it is."""
    name = tenant.encode()
    return bytes(_TENANT_TAG + _VarintBytes(len(name)) + name)


def tenant_of(payload: bytes) -> str:
    """Whose a logged request is."""
    found = [bytes(value) for number, value, _ in fields(memoryview(payload)) if number == TENANT_FIELD]
    return found[-1].decode() if found else ""


def is_plain(request: bytes) -> bool:
    """Whether `rows` can cut a valid request as it is.

    False for encodings that protobuf's runtime reads and this module does not, such as groups, and where a sender
    uses our own field numbers: then the request is to be parsed, freed of what is unknown, and encoded anew.
    """
    try:
        for number, resource, _ in fields(memoryview(request)):
            inner = fields(resource) if number == _RESOURCES else ()
            if number >= RECEIVED_FIELD or any(field >= RECEIVED_FIELD for field, _, _ in inner):
                return False
    except WireError:
        return False
    return True


def rows(payload: bytes, received: int) -> Iterator[bytes | memoryview]:
    """The parts that, joined, are the request's rows in ClickHouse's Protobuf format: each its length and its message.

    Args:
        payload: a request as it was logged, its tenant appended.
        received: nanoseconds since 1970.

    Raises:
        WireError: the request is not plain.
    """
    suffix = _RECEIVED_TAG + received.to_bytes(8, "little") + tenant_field(tenant_of(payload))
    for number, resource, _ in fields(memoryview(payload)):
        if number != _RESOURCES:
            continue
        shared, scopes = [], []
        for inner, value, whole in fields(resource):
            if inner == _SCOPES:
                scopes.append(value)
            else:
                shared.append(whole)
        shared_size = sum(map(len, shared)) + len(suffix)
        for scope in scopes:
            head = _SCOPES_TAG + _VarintBytes(len(scope))
            yield _VarintBytes(len(head) + len(scope) + shared_size) + head
            yield scope
            yield from shared
            yield suffix


def fields(data: memoryview) -> Iterator[tuple[int, memoryview, memoryview]]:
    """Number, value and whole encoding of every field of a message.

    Raises:
        WireError: it holds what OTLP does not use, or ends in the middle of a field.
    """
    position, end = 0, len(data)
    while position < end:
        begin = position
        tag, position = _varint(data, position)
        match tag & 7:
            case 2:
                size, position = _varint(data, position)
            case 1:
                size = 8
            case 5:
                size = 4
            case 0:
                size = _varint(data, position)[1] - position
            case _:
                raise WireError("groups are not used by OTLP")
        if position + size > end:
            raise WireError("a field reaches beyond its message")
        yield tag >> 3, data[position : position + size], data[begin : position + size]
        position += size


def _varint(data: memoryview, position: int) -> tuple[int, int]:
    value = shift = 0
    while position < len(data):
        byte = data[position]
        value |= (byte & 0x7F) << shift
        position += 1
        if byte < 0x80:
            return value, position
        shift += 7
    raise WireError("a number is cut off")
