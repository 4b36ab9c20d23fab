"""Columns of a checked stream by their name or prefix, as what the tables have: text, numbers, instants."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from modelspan import features

EARLIEST_NS: Final = 631_152_000 * 10**9
"""1990-01-01: an earlier clock is not believed."""
FUTURE_NS: Final = 86_400 * 10**9
"""A clock this far ahead of arrival is not believed."""
_EARLY: Final = (
    "the clock said a time before 1990 (is a column of seconds, milliseconds or microseconds declared as a finer unit, "
    "or was the clock never set?); the time of arrival was taken instead"
)
_LATE: Final = (
    "the clock said a time more than a day ahead (is a column of a finer unit declared as a coarser one, or is the "
    "clock set wrong?); the time of arrival was taken instead"
)
_FEW_COLUMNS: Final = 100
"""Columns of one type that are converted one by one; more are put together, as each call has a cost of its own."""


def column(stream: pa.Table, name: str) -> pa.Array:
    """A column; nulls where there is none."""
    index = stream.schema.get_field_index(name)
    if index < 0:
        return pa.nulls(stream.num_rows)
    return _one(stream.column(index))


def text(stream: pa.Table, name: str) -> pa.Array:
    """A column as text; empty where nothing is said."""
    written = features.text(column(stream, name)).column
    return pa.repeat("", stream.num_rows) if written is None else written.fill_null("")


def words(stream: pa.Table, name: str) -> pa.Array:
    """A column as text, or as places in a dictionary of texts; null where nothing is said."""
    index = stream.schema.get_field_index(name)
    if index < 0:
        return pa.nulls(stream.num_rows, pa.string())
    written = _written(stream.column(index), stream.schema.field(index))
    return pa.nulls(stream.num_rows, pa.string()) if written is None else written


def number(stream: pa.Table, name: str) -> pa.Array:
    """A column as Float64."""
    return column(stream, name).cast(pa.float64(), safe=False)


def placed(stream: pa.Table, prefix: str) -> tuple[dict[features.Place, dict[str, pa.Array]], dict[str, int]]:
    """The columns of a prefix by their place, and how many integers of each Float64 cannot hold exactly.

    Categories are texts, or places in a dictionary of texts.
    """
    found: dict[features.Place, dict[str, pa.Array]] = {}
    rounded = {}
    for name, converted in _converted(_prefixed(stream, prefix), stream.num_rows):
        if converted.place is not None:
            found.setdefault(converted.place, {})[name] = converted.column
            if converted.rounded:
                rounded[name] = converted.rounded
    return found, rounded


def texts(stream: pa.Table, prefix: str) -> dict[str, pa.Array]:
    """The columns of a prefix as text, or as places in dictionaries of texts, by what follows it."""
    converted = {name: _written(*pair) for name, pair in _prefixed(stream, prefix).items()}
    return {name: found for name, found in converted.items() if found is not None}


def times(sent: pa.Array, received: pa.Array) -> tuple[pa.Array, pa.Array, dict[str, int]]:
    """Timestamps in range; as text what the others said (null elsewhere); how many, by what is said of them.

    Args:
        sent: timestamps of any unit.
        received: when each row arrived, int64 nanoseconds since 1970; it stands in for clocks that cannot be right.
    """
    unit = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}[sent.type.unit]
    said, arrived = sent.cast(pa.int64()), pc.divide(received, unit)
    early, late = pc.less(said, EARLIEST_NS // unit), pc.greater(said, pc.add(arrived, FUTURE_NS // unit))
    counted = {reason: int(pc.sum(off).as_py() or 0) for reason, off in ((_EARLY, early), (_LATE, late))}
    wild = pc.or_(early, late)
    kept = pc.multiply(pc.if_else(wild, arrived, said), unit).cast(pa.timestamp("ns", "UTC"))
    return kept, pc.if_else(wild, said.cast(pa.string()), None), {reason: n for reason, n in counted.items() if n}


def arrival(received: pa.Array) -> pa.Array:
    """Nanoseconds as the milliseconds of an instant."""
    return pc.divide(received, 1_000_000).cast(pa.timestamp("ms", "UTC"))


def _one(chunked: pa.ChunkedArray) -> pa.Array:
    chunks = chunked.combine_chunks()
    return chunks if isinstance(chunks, pa.Array) else pa.concat_arrays(chunks.chunks)


def _written(column: pa.ChunkedArray, field: pa.Field) -> pa.Array | None:
    """A column as text; categories that are texts stay places in their dictionary."""
    return _one(column) if _has_texts(field) else features.text(column, field).column


def _has_texts(field: pa.Field) -> bool:
    """Whether a column is of categories that `modelspan.features` would spell as they are."""
    return bool(pa.types.is_dictionary(field.type) and pa.types.is_string(field.type.value_type) and not field.metadata)


def _prefixed(stream: pa.Table, prefix: str) -> dict[str, tuple[pa.ChunkedArray, pa.Field]]:
    """The columns of a prefix with their fields, by what follows it."""
    schema = stream.schema
    return {
        name[len(prefix) :]: (stream.column(index), schema.field(index))
        for index, name in enumerate(stream.column_names)
        if name.startswith(prefix)
    }


def _converted(
    columns: Mapping[str, tuple[pa.ChunkedArray, pa.Field]], rows: int
) -> Iterator[tuple[str, features.Converted]]:
    """Columns at their place, each with its name; the many of one type at once, where nothing is to be said of any."""
    alike: dict[pa.DataType | None, list[str]] = {}
    for name, (_, told) in columns.items():
        simple = pa.types.is_primitive(told.type) and not told.metadata
        alike.setdefault(told.type if simple else None, []).append(name)
    for kind, group in alike.items():
        if kind is not None and rows and len(group) > _FEW_COLUMNS:
            chunks = [chunk for name in group for chunk in columns[name][0].chunks]
            together = features.convert(pa.concat_arrays(chunks))
            if together.column is not None and not together.left_out and not together.rounded:
                for place, name in enumerate(group):
                    yield name, together._replace(column=together.column[place * rows : (place + 1) * rows])
                continue
        yield from ((name, _placed(*columns[name])) for name in group)


def _placed(column: pa.ChunkedArray, field: pa.Field) -> features.Converted:
    if _has_texts(field):
        return features.Converted("categorical", "", _one(column), {}, 0)
    return features.convert(column, field)
