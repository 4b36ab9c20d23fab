"""Texts: what Arrow can hold of them, and columns of anything as such, which ids and classes are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from modelspan.capture.columns import column_of
from modelspan.capture.outputs import class_name
from modelspan.capture.values import Uncapturable

if TYPE_CHECKING:
    import pyarrow as pa


def clean(text: str) -> str:
    """A text that UTF-8 can hold: a lone surrogate becomes a question mark."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


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
