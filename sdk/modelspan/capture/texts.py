"""Texts: what Arrow can hold of them, and columns of anything as such, which ids and classes are."""

from __future__ import annotations

import array
from typing import TYPE_CHECKING, Any

from modelspan.capture.columns import column_of
from modelspan.capture.scalars import class_name
from modelspan.capture.values import LARGEST_EXACT, Uncapturable, clean, freeze

if TYPE_CHECKING:
    import pyarrow as pa


def texts_of(column: Any) -> pa.Array:
    """A column of anything as texts: whole numbers in full, flags as `true`, what is missing as null."""
    import pyarrow as pa

    from modelspan.features import convert

    found = column_of(column)
    if isinstance(found, list):
        return pa.array([_text(value) for value in found], pa.string())
    kind = found.type
    if pa.types.is_string(kind):
        return found
    if pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return found.cast(pa.string())
    if pa.types.is_primitive(kind) or pa.types.is_decimal(kind):
        found = found.dictionary_encode()
    told = convert(found)
    return told.column if told.place == "categorical" else pa.nulls(len(found), pa.string())


def _text(value: Any) -> str | None:
    if value is None or value != value or isinstance(value, Uncapturable):  # NaN
        return None
    return clean(class_name(value))


def ids_of(column: Any) -> pa.Array:
    """A column of ids as texts; null where there is none, and where a float has rounded it."""
    import pyarrow as pa
    import pyarrow.compute as pc

    found = column_of(column)
    if isinstance(found, list):
        return pa.array([id_of(value) for value in found], pa.string())
    if (
        pa.types.is_binary(found.type)
        or pa.types.is_large_binary(found.type)
        or pa.types.is_fixed_size_binary(found.type)
    ):
        return pa.array([id_of(value) for value in found.to_pylist()], pa.string())
    if pa.types.is_floating(found.type):
        found = found.cast(pa.float64())
        found = pc.if_else(pc.less(pc.abs(found), _EXACT), found, None)
    return texts_of(found)


_EXACT = float(LARGEST_EXACT)


def id_of(value: Any) -> str | None:
    """One id as text: integers in full, bytes as what they spell; None where there is none."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace") or None
    frozen = freeze(value)
    if hasattr(frozen, "item"):
        frozen = frozen.item()
    if isinstance(frozen, array.array) or (isinstance(frozen, float) and not abs(frozen) < _EXACT):
        return None
    return _text(frozen) or None
