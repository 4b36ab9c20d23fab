"""What the columns of a stream are for, and how each comes to a plain type for that, in whatever encoding it was sent.

A column of a plain type stays as it is, which costs nothing. Any other one is converted here, before redaction looks at
it and the writer meets it: categories, views, runs of equal values, extension types.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from modelspan import conventions, features

TypeTest = Callable[[pa.DataType], bool]
_EXTENSION: Final = b"ARROW:extension:name"
_NOTHING: Final[Mapping[str, int]] = MappingProxyType({})
_NO_DURATION: Final = (
    "a duration that is negative, infinite or over a year (is it the difference of two clocks, or in another unit than "
    "seconds?)"
)
_NUMBERS: Final[tuple[TypeTest, ...]] = (pa.types.is_floating, pa.types.is_integer, pa.types.is_null)
_BYTES: Final[tuple[TypeTest, ...]] = (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_binary_view)


class Brought(NamedTuple):
    """A column in a plain type, or why there is none."""

    column: Any
    """A chunked array; None where the column is left out."""
    reason: str = ""
    left_out: Mapping[str, int] = _NOTHING
    """Values that are missing now, by the reason."""


Role = Callable[[Any, Any], Brought]
"""Brings a column, given with its field, to a plain type."""


def bring(role: Role, column: pa.ChunkedArray, field: pa.Field) -> Brought:
    """A column as its role wants it; whatever is wrong with it costs no other column."""
    try:
        return role(column, field)
    except (pa.ArrowException, ValueError, TypeError, OverflowError, MemoryError) as error:
        return Brought(None, f"{field.type} cannot be read here: {' '.join(str(error).split())[:160]}")


def feature(column: pa.ChunkedArray, field: pa.Field) -> Brought:
    """A feature, at the place that `modelspan.features` gives it; a plain type keeps its precision until then."""
    if _is_plain(field.type) and not _is_extension(field):
        return Brought(column)
    return _of(features.convert(column, field))


def text(column: pa.ChunkedArray, field: pa.Field) -> Brought:
    """A class, an id, a tag: text, or what is spelt as text."""
    if not _is_extension(field) and (_is_text(field.type) or pa.types.is_null(field.type)):
        return Brought(column)
    return _of(features.text(column, field))


def number(column: pa.ChunkedArray, field: pa.Field) -> Brought:
    """A number; a NaN stays one."""
    if _is_any(_NUMBERS, field.type) and not _is_extension(field):
        return Brought(column)
    plain = _undone(column)
    if _is_any(_NUMBERS, plain.type) or pa.types.is_decimal(plain.type):
        return Brought(plain.cast(pa.float64(), safe=False))
    return Brought(None, f"{field.type} where a number belongs (float64)")


def seconds(column: pa.ChunkedArray, field: pa.Field) -> Brought:
    """How long a call took; what no call takes says nothing, as NaN does."""
    brought = number(column, field)
    if brought.column is None:
        return brought
    given = brought.column.cast(pa.float64(), safe=False)
    known = given.to_numpy()
    if ((known >= 0.0) & (known <= conventions.LONGEST_DURATION)).all():  # for most, and far cheaper than what follows
        return brought
    fits = pc.and_(pc.greater_equal(given, 0.0), pc.less_equal(given, conventions.LONGEST_DURATION))
    silent = pc.sum(pc.is_null(given, nan_is_null=True)).as_py() or 0
    kept = pc.if_else(fits, given, pa.scalar(None, pa.float64()))
    return Brought(kept, "", {_NO_DURATION: kept.null_count - silent} if kept.null_count > silent else _NOTHING)


def instant(column: pa.ChunkedArray, field: pa.Field) -> Brought:
    """A time, of any unit and zone; without a zone it is UTC."""
    if pa.types.is_timestamp(field.type):
        return Brought(column)
    plain = _undone(column)
    if pa.types.is_date(plain.type):
        return Brought(plain.cast(pa.timestamp("ms")))
    if pa.types.is_timestamp(plain.type) or pa.types.is_null(plain.type):
        return Brought(plain)
    return Brought(None, f"{field.type} where a time belongs (timestamp[ns, UTC])")


def identity(width: int) -> Role:
    """The id of a trace or span: so many bytes, or none."""

    def brought(column: pa.ChunkedArray, field: pa.Field) -> Brought:
        wanted = pa.binary(width)
        if field.type == wanted or pa.types.is_null(field.type):
            return Brought(column)
        plain = _undone(column)
        if not _is_any(_BYTES, plain.type):
            return Brought(None, f"{field.type} where ids of {width} bytes belong (fixed_size_binary({width}))")
        raw = plain.cast(pa.binary())
        fits = pc.if_else(pc.equal(pc.binary_length(raw), width), raw, pa.scalar(None, pa.binary()))
        wrong = fits.null_count - raw.null_count
        reason = f"an id of a number of bytes other than {width}"
        return Brought(fits.cast(wanted), "", {reason: wrong} if wrong else _NOTHING)

    return brought


def texts(column: pa.ChunkedArray, field: pa.Field) -> Brought:
    """A list of texts, such as the classes of a model."""
    plain = _undone(column)
    if pa.types.is_null(plain.type):
        return Brought(plain)
    kind = plain.type
    if (pa.types.is_list(kind) or pa.types.is_large_list(kind)) and features.place(kind.value_type).place is not None:
        return Brought(pa.chunked_array([_texts(chunk) for chunk in plain.chunks], pa.list_(pa.string())))
    return Brought(None, f"{field.type} where a list of texts belongs")


def numbers(column: pa.ChunkedArray, field: pa.Field) -> Brought:
    """A list of numbers; a number by itself is a list of one."""
    plain = _undone(column)
    kind = plain.type
    if pa.types.is_null(kind):
        return Brought(plain.cast(_NUMBERS_OF_ROW))
    if _is_any(_NUMBERS, kind) or pa.types.is_decimal(kind):
        alone = [pa.FixedSizeListArray.from_arrays(each.cast(pa.float64(), safe=False), 1) for each in plain.chunks]
        return Brought(pa.chunked_array([each.cast(_NUMBERS_OF_ROW) for each in alone], _NUMBERS_OF_ROW))
    is_list = pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
    if is_list and (_is_any(_NUMBERS, kind.value_type) or pa.types.is_decimal(kind.value_type)):
        return Brought(plain.cast(_NUMBERS_OF_ROW, safe=False))
    return Brought(None, f"{field.type} where a list of numbers belongs (list of float64)")


_NUMBERS_OF_ROW: Final = pa.list_(pa.float64())


def _texts(lists: pa.Array) -> pa.Array:
    written = features.text(lists.flatten()).column
    ends = pa.concat_arrays([pa.array([0], pa.int32()), pc.cumulative_sum(_lengths(lists))])
    every = pa.ListArray.from_arrays(ends.cast(pa.int32()), pa.nulls(0, pa.string()) if written is None else written)
    return pc.if_else(lists.is_valid(), every, pa.scalar(None, every.type))


def _lengths(lists: pa.Array) -> pa.Array:
    return pc.list_value_length(lists).fill_null(0).cast(pa.int32())


def _of(converted: features.Converted) -> Brought:
    column = None if converted.column is None else pa.chunked_array([converted.column])
    return Brought(column, converted.reason, converted.left_out)


def _undone(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """A column without dictionaries, runs of equal values and extension types."""
    chunks = [_plain(chunk) for chunk in column.chunks]
    return pa.chunked_array(chunks) if chunks else pa.chunked_array([], _plain(pa.nulls(0, column.type)).type)


def _plain(chunk: pa.Array) -> pa.Array:
    flat = features.plain(chunk)
    return _plain(flat.dictionary_decode()) if pa.types.is_dictionary(flat.type) else flat


def _is_any(tests: tuple[TypeTest, ...], kind: pa.DataType) -> bool:
    return any(test(kind) for test in tests)


def _is_plain(kind: pa.DataType) -> bool:
    """Whether every value of the type has a place, and reads the same to all who meet it."""
    if pa.types.is_primitive(kind):
        return not pa.types.is_interval(kind)
    return _is_text(kind) or bool(pa.types.is_null(kind) or pa.types.is_decimal(kind))


def _is_text(kind: pa.DataType) -> bool:
    inner = kind.value_type if pa.types.is_dictionary(kind) else kind
    return bool(pa.types.is_string(inner))


def _is_extension(field: pa.Field) -> bool:
    return field.metadata is not None and _EXTENSION in field.metadata
