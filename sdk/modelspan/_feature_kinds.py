"""The table of types: what each Arrow type is called where, its place, and how a column gets there.

`modelspan.features` is the way in; the table in `docs/conventions.md` is made from `KINDS`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, Literal, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from modelspan import _category_text as category
from modelspan._plain_columns import is_list_view, listed, plain

Place = Literal["numeric", "categorical", "embedding"]

TYPES: Final[Mapping[Place, pa.DataType]] = {
    "numeric": pa.float64(),
    "categorical": pa.string(),
    "embedding": pa.list_(pa.float32()),
}
"""What the columns of each place are of once they are converted."""

_PER_SECOND: Final = {"s": 1.0, "ms": 1e3, "us": 1e6, "ns": 1e9}


class Stored(NamedTuple):
    """A type by what its values are stored as."""

    kind: pa.DataType
    extension: str = ""
    parameters: bytes = b""


class Kind(NamedTuple):
    """Arrow types that share a place: one line of the table in `docs/conventions.md`."""

    arrow: str
    pandas: str
    polars: str
    numpy: str
    place: Place | None
    becomes: str
    """What a value becomes; where there is no place, the reason."""
    fits: Callable[[Stored], bool]
    build: Callable[[pa.Array, Stored], pa.Array] | None = None
    loss: str = ""
    """Why a value that is there may be missing once it is built."""


def _number(column: pa.Array, _storage: Stored) -> pa.Array:
    numbers = column if pa.types.is_float64(column.type) else column.cast(pa.float64(), safe=False)
    if pa.types.is_integer(column.type):
        return numbers
    unknown = pc.is_nan(numbers)
    return pc.if_else(unknown, None, numbers) if pc.any(unknown).as_py() else numbers


def _instant(column: pa.Array, _storage: Stored) -> pa.Array:
    """Seconds since 1970: microseconds are whole in Float64 until the year 2255, nanoseconds are not."""
    whole, unit = column.cast(pa.int64()), column.type.unit
    if unit == "ns":
        whole, unit = pc.divide(whole, 1000), "us"
    return pc.divide(whole.cast(pa.float64(), safe=False), _PER_SECOND[unit])


def _date(column: pa.Array, _storage: Stored) -> pa.Array:
    days = pa.types.is_date32(column.type)
    whole = column.cast(pa.int32() if days else pa.int64()).cast(pa.float64(), safe=False)
    return pc.multiply(whole, 86_400.0) if days else pc.divide(whole, 1e3)


def _span(column: pa.Array, _storage: Stored) -> pa.Array:
    whole = column.cast(pa.int32() if pa.types.is_time32(column.type) else pa.int64())
    return pc.divide(whole.cast(pa.float64(), safe=False), _PER_SECOND[column.type.unit])


def as_text(column: pa.Array, storage: Stored) -> pa.Array:
    """Values as text, each spelt as in a category."""
    return category.texts(column, storage.extension, storage.parameters)


def _category(column: pa.Array, storage: Stored) -> pa.Array:
    """The entries as text, once each, and then a text for every row."""
    written = as_text(plain(column.dictionary), storage)
    return pa.DictionaryArray.from_arrays(column.indices, written).dictionary_decode()


def _vector(column: pa.Array, _storage: Stored) -> pa.Array:
    lists = listed(column) if is_list_view(column.type) else column
    vectors = lists.cast(TYPES["embedding"], safe=False)
    elements = vectors.flatten()
    if not elements.null_count:
        return vectors
    rows: np.ndarray = np.arange(len(vectors))
    holed = pc.list_parent_indices(vectors).filter(elements.is_null()).to_numpy()
    return vectors.take(pa.array(rows, mask=np.isin(rows, holed)))


def _is(*tests: Callable[[pa.DataType], bool]) -> Callable[[Stored], bool]:
    return lambda stored: any(test(stored.kind) for test in tests)


def _extends(name: str) -> Callable[[Stored], bool]:
    return lambda stored: stored.extension == name


def stored(kind: pa.DataType, extension: str, parameters: bytes) -> Stored:
    """A type by its storage; the name of an extension counts where the storage is that extension's."""
    fits = _STORAGE.get(extension)
    return Stored(kind, extension, parameters) if fits is not None and fits(kind) else Stored(kind)


def _is_pair(kind: pa.DataType) -> bool:
    """Whether values are the two sides of an interval."""
    sides = [(field.name, field.type) for field in kind] if pa.types.is_struct(kind) else []
    return [name for name, _ in sides] == ["left", "right"] and all(_has_order(side) for _, side in sides)


def _has_order(kind: pa.DataType) -> bool:
    return any(test(kind) for test in (pa.types.is_integer, pa.types.is_floating, pa.types.is_temporal))


def _is_written_period(stored: Stored) -> bool:
    return stored.extension == category.PERIOD and category.period_frequency(stored.parameters) != ""


_STORAGE: Final[Mapping[str, Callable[[pa.DataType], bool]]] = {
    category.BOOL8: pa.types.is_int8,
    category.UUID: lambda kind: bool(kind == pa.binary(16)),
    category.INTERVAL: _is_pair,
    category.PERIOD: pa.types.is_int64,
}
"""What the values of the extension types that matter here are stored as."""


def _is_list(kind: pa.DataType) -> bool:
    return any(test(kind) for test in _LISTS)


def _is_vector(stored: Stored) -> bool:
    return _is_list(stored.kind) and any(test(stored.kind.value_type) for test in _ELEMENTS)


_LISTS: Final = (
    pa.types.is_list,
    pa.types.is_large_list,
    pa.types.is_fixed_size_list,
    pa.types.is_list_view,
    pa.types.is_large_list_view,
)
_ELEMENTS: Final = (
    pa.types.is_floating,
    pa.types.is_integer,
    pa.types.is_decimal,
    pa.types.is_boolean,
    pa.types.is_null,
)
_BYTES: Final = (
    pa.types.is_binary,
    pa.types.is_large_binary,
    pa.types.is_fixed_size_binary,
    pa.types.is_binary_view,
)
_NO_TEXT: Final = "a time outside the years 1 to 9999, or of day 24 and more, has no text"

CATEGORY: Final = Kind(
    "dictionary of any kind above",
    "`category`, also of `pd.cut` and `pd.qcut`",
    "`Categorical`, `Enum`, `Object` of plain `enum.Enum`",
    "",
    "categorical",
    "text: integers `1`, flags `true`, floats `0.1` (and `1`), times `2026-01-31T12:00:00Z`",
    _is(pa.types.is_dictionary),
    _category,
    _NO_TEXT,
)

KINDS: Final[tuple[Kind, ...]] = (
    Kind(
        "bool, arrow.bool8",
        "`bool`, `boolean`",
        "`Boolean`",
        "`bool_`",
        "categorical",
        "`true`, `false`",
        lambda stored: pa.types.is_boolean(stored.kind) or stored.extension == category.BOOL8,
        as_text,
    ),
    Kind(
        "arrow.uuid",
        "`object` of `uuid.UUID`",
        "`Object` of `uuid.UUID`",
        "",
        "categorical",
        "text: `f81d4fae-7dec-11d0-a765-00a0c91e6bf6`",
        _extends(category.UUID),
        as_text,
    ),
    Kind(
        "pandas.interval",
        "`interval`",
        "",
        "",
        "categorical",
        "text: `(0.5, 1]`",
        _extends(category.INTERVAL),
        as_text,
        _NO_TEXT,
    ),
    Kind(
        "pandas.period",
        "`period` by year, quarter, month, week, day, hour, minute, second or less",
        "",
        "",
        "categorical",
        "text, as pandas writes it: `2026-01`, `2026Q1`, `2025-12-29/2026-01-04`",
        _is_written_period,
        as_text,
        _NO_TEXT,
    ),
    Kind(
        "pandas.period of another frequency",
        "`period` by business day and others",
        "",
        "",
        None,
        "periods of this frequency have no place: make them text, or times by `dt.to_timestamp()`",
        _extends(category.PERIOD),
    ),
    Kind(
        "null",
        "`object` of nothing but `None`",
        "`Null`",
        "",
        "categorical",
        "missing in every row",
        _is(pa.types.is_null),
        as_text,
    ),
    Kind(
        "int8 to int64, uint8 to uint64",
        "`int8` to `uint64`, `Int8` to `UInt64`",
        "`Int8` to `UInt64`",
        "`int8` to `uint64`",
        "numeric",
        "Float64; beyond 2^53 the nearest one, counted as rounded",
        _is(pa.types.is_integer),
        _number,
    ),
    Kind(
        "halffloat, float, double",
        "`float16` to `float64`, `Float32`, `Float64`",
        "`Float32`, `Float64`",
        "`float16`, `float32`, `float64`",
        "numeric",
        "Float64; NaN is missing",
        _is(pa.types.is_floating),
        _number,
    ),
    Kind(
        "decimal32 to decimal256",
        "`object` of `Decimal`",
        "`Decimal`",
        "",
        "numeric",
        "Float64, the nearest one",
        _is(pa.types.is_decimal),
        _number,
    ),
    Kind(
        "timestamp",
        "`datetime64`, with and without a zone",
        "`Datetime`",
        "`datetime64[s]` to `datetime64[ns]`",
        "numeric",
        "seconds since 1970; without a zone it is UTC",
        _is(pa.types.is_timestamp),
        _instant,
    ),
    Kind(
        "date32, date64",
        "`object` of `date`",
        "`Date`",
        "`datetime64[D]`",
        "numeric",
        "seconds since 1970 at midnight UTC",
        _is(pa.types.is_date),
        _date,
    ),
    Kind(
        "duration, time32, time64",
        "`timedelta64`, `object` of `time`",
        "`Duration`, `Time`",
        "`timedelta64[s]` to `timedelta64[ns]`",
        "numeric",
        "seconds; of a time of day, since midnight",
        _is(pa.types.is_duration, pa.types.is_time),
        _span,
    ),
    Kind(
        "string, large_string, string_view, arrow.json",
        "`str`, `string`, `object` of `str`",
        "`String`",
        "`str_`, `StringDType`",
        "categorical",
        "text",
        _is(pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view),
        as_text,
    ),
    CATEGORY,
    Kind(
        "list, large_list, fixed_size_list, list_view, large_list_view of numbers or bools; arrow.fixed_shape_tensor",
        "`object` of lists or arrays of numbers",
        "`List`, `Array` of numbers",
        "",
        "embedding",
        "list of Float32, a tensor by rows; one with a missing element is missing",
        _is_vector,
        _vector,
        "a vector with a missing element",
    ),
    Kind(
        "lists of anything else",
        "`object` of lists of text or lists",
        "`List`, `Array` of the rest",
        "",
        None,
        "lists have a place only where they hold numbers: join texts to one, or give each a column",
        _is(_is_list),
    ),
    Kind(
        "binary, large_binary, binary_view, fixed_size_binary",
        "`object` of `bytes`",
        "`Binary`, `Object` of the rest",
        "`bytes_`",
        None,
        "bytes have no place: make them text or numbers",
        _is(*_BYTES),
    ),
    Kind(
        "struct",
        "`object` of `dict`",
        "`Struct`",
        "structured",
        None,
        "structures have no place: give each field a column of its own",
        _is(pa.types.is_struct),
    ),
    Kind("map", "", "", "", None, "maps have no place: give each key a column of its own", _is(pa.types.is_map)),
    Kind("union", "", "", "", None, "unions have no place: give each type a column of its own", _is(pa.types.is_union)),
    Kind(
        "month_day_nano_interval",
        "`object` of `DateOffset`",
        "",
        "",
        None,
        "calendar intervals have no fixed length: make them durations or numbers",
        _is(pa.types.is_interval),
    ),
    Kind(
        "any other type",
        "",
        "",
        "",
        None,
        "this type has no place: make it text or numbers",
        lambda _stored: True,
    ),
)
"""The table, read from above: the first kind that fits says what becomes of a type."""
