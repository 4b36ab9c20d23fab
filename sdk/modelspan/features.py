"""A table becomes features: for every Arrow type its place, and the conversion of a column to that place.

The one home of the rule, for all who take tables: the SDK, the gate, the writer, replay and baselines. `KINDS` is the
table of it, in the order in which it is read, and the table in `docs/conventions.md` is made from it.

>>> place(pa.dictionary(pa.int8(), pa.int64())).place
'categorical'
>>> convert(pa.array([1.5, float("nan")])).column.to_pylist()
[1.5, None]
>>> text(pa.array([1, None])).column.to_pylist()
['1', None]
>>> place(pa.map_(pa.string(), pa.int64())).reason
'maps have no place: give each key a column of its own'
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Final, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from modelspan._feature_kinds import CATEGORY, KINDS, TYPES, Kind, Place, Stored, as_text, stored
from modelspan._plain_columns import plain

__all__ = ["KINDS", "LARGEST_EXACT", "TYPES", "Converted", "Place", "Placed", "convert", "place", "plain", "text"]

LARGEST_EXACT: Final = 2**53
"""Integers beyond it are rounded when they become Float64."""


_NUMBERS_AS_TEXT: Final = CATEGORY._replace(build=as_text)


class Placed(NamedTuple):
    """Where columns of a type go."""

    place: Place | None
    reason: str = ""
    """Why they have no place, and what would have one; '' where they have."""


class Converted(NamedTuple):
    """A column at its place."""

    place: Place | None
    reason: str
    """Why there is no column; '' where there is."""
    column: pa.Array | None
    """Of `TYPES[place]`, a null for each missing value."""
    left_out: Mapping[str, int]
    """Values that could not be converted and count as missing, by the reason."""
    rounded: int
    """Integers that Float64 cannot hold exactly, and that are the nearest one now."""


def place(kind: pa.DataType | pa.Field) -> Placed:
    """The place of a column of this type; a field also tells of extension types that this process does not know."""
    found, _ = _resolved(kind)
    return Placed(found.place, "" if found.place else found.becomes)


def convert(column: pa.Array | pa.ChunkedArray, field: pa.Field | None = None) -> Converted:
    """A column at its place. No value makes it fail: one that cannot be converted is missing, and counted.

    Args:
        column: the values, in any encoding that Arrow has.
        field: the column's field in its schema, if it has one.
    """
    return _converted(column, *_resolved(column.type if field is None else field))


def text(column: pa.Array | pa.ChunkedArray, field: pa.Field | None = None) -> Converted:
    """A column of classes, ids or tags as text, each value spelt as in a category; none where that has no text."""
    kind, storage = _resolved(column.type if field is None else field)
    return _converted(column, _NUMBERS_AS_TEXT if kind.place == "numeric" else kind, storage)


def _converted(column: pa.Array | pa.ChunkedArray, kind: Kind, storage: Stored) -> Converted:
    if kind.place is None or kind.build is None:
        return Converted(None, kind.becomes, None, {}, 0)
    left_out: dict[str, int] = {}
    try:
        chunks = [plain(chunk) for chunk in (column.chunks if isinstance(column, pa.ChunkedArray) else [column])]
        built = [_built(kind, chunk, storage, left_out) for chunk in chunks]
        whole = built[0] if len(built) == 1 else pa.concat_arrays([*built, pa.nulls(0, TYPES[kind.place])])
        rounded = sum(map(_rounded, chunks)) if kind.place == "numeric" else 0
        return Converted(kind.place, "", whole, left_out, rounded)
    except pa.ArrowException as error:  # an encoding that this version of Arrow cannot undo
        return Converted(None, f"{column.type} cannot be read here: {_sentence(error)}", None, {}, 0)


def _sentence(error: Exception) -> str:
    return " ".join(str(error).split())[:160]


def _resolved(kind: pa.DataType | pa.Field) -> tuple[Kind, Stored]:
    told: Mapping[bytes, bytes] = {}
    if isinstance(kind, pa.Field):
        kind, told = kind.type, kind.metadata or {}
    extension = told.get(b"ARROW:extension:name", b"").decode("utf-8", "replace")
    if not extension and not pa.types.is_nested(kind):
        return _known(kind)
    return _kind(kind, extension, told.get(b"ARROW:extension:metadata", b""))


@lru_cache(maxsize=256)
def _known(kind: pa.DataType) -> tuple[Kind, Stored]:
    return _kind(kind)


def _kind(kind: pa.DataType, extension: str = "", parameters: bytes = b"") -> tuple[Kind, Stored]:
    """What a type is, and how its values are stored; the extension is the one that its field tells of."""
    if pa.types.is_run_end_encoded(kind):
        kind = kind.value_type
    category = pa.types.is_dictionary(kind)
    inner = kind.value_type if category else kind
    if isinstance(inner, pa.BaseExtensionType):
        serialize = getattr(inner, "__arrow_ext_serialize__", None)
        extension, parameters = inner.extension_name, serialize() if serialize is not None else b""
        inner = inner.storage_type
    storage = stored(inner, extension, parameters)
    found = next(each for each in KINDS if each.fits(storage))
    return (CATEGORY if category and found.place in ("numeric", "categorical") else found), storage


def _built(kind: Kind, column: pa.Array, storage: Stored, left_out: dict[str, int]) -> pa.Array:
    """A column converted; where that fails, its halves are, down to the values at fault, which are missing then."""
    assert kind.build is not None
    assert kind.place is not None
    try:
        built = kind.build(column, storage)
    except pa.ArrowNotImplementedError:
        raise
    except (pa.ArrowException, ValueError, ArithmeticError) as error:
        if len(column) <= 1:
            _count(left_out, _sentence(error), len(column))
            return pa.nulls(len(column), TYPES[kind.place])
        middle = len(column) // 2
        return pa.concat_arrays([_built(kind, half, storage, left_out) for half in (column[:middle], column[middle:])])
    if kind.loss and built.null_count and (lost := built.null_count - _missing(column)):
        _count(left_out, kind.loss, lost)
    return built


def _count(left_out: dict[str, int], reason: str, lost: int) -> None:
    left_out[reason] = left_out.get(reason, 0) + lost


def _missing(column: pa.Array) -> int:
    """Values that say by themselves that nothing is there: nulls, NaN, and what refers to such a one."""
    if pa.types.is_floating(column.type):
        return int(pc.sum(pc.is_null(column, nan_is_null=True)).as_py() or 0)
    if not pa.types.is_dictionary(column.type):
        return int(column.null_count)
    entries = plain(column.dictionary)
    absent = pc.is_null(entries, nan_is_null=pa.types.is_floating(entries.type))
    return int(column.null_count) + int(pc.sum(pc.take(absent, column.indices.drop_null())).as_py() or 0)


def _rounded(column: pa.Array) -> int:
    if not pa.types.is_integer(column.type) or column.type.bit_width < 64 or column.null_count == len(column):
        return 0
    extremes = pc.min_max(column).as_py()
    if extremes["min"] >= -LARGEST_EXACT and extremes["max"] <= LARGEST_EXACT:
        return 0
    edge = pa.scalar(LARGEST_EXACT, column.type)
    large = pc.greater(column, edge)
    if pa.types.is_signed_integer(column.type):
        large = pc.or_(large, pc.less(column, pc.negate(edge)))
    return int(pc.sum(large).as_py() or 0)
