"""From checked streams to rows of `predictions`, `labels` and `models`: one Arrow table in, one out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from modelspan import conventions as names
from modelspan import features
from modelspan_collector.write import maps
from modelspan_collector.write.complaints import Complaint
from modelspan_collector.write.stream import metadata

EARLIEST_NS = 631_152_000 * 10**9
"""1990-01-01: an earlier clock is not believed."""
FUTURE_NS = 86_400 * 10**9
"""A clock this far ahead of arrival is not believed."""
_ORIGINAL_TIMESTAMP = "modelspan.original_timestamp"
"""Tag of a row whose clock was not believed: what it said, in the unit that it was sent in."""
_TENANT_TAG = "tenant"
_ROUNDED = "integers beyond 2^53 became the nearest number of 64 bits; send ids as text"
_EARLY = (
    "the clock said a time before 1990 (is a column of seconds, milliseconds or microseconds declared as a finer unit, "
    "or was the clock never set?); the time of arrival was taken instead"
)
_LATE = (
    "the clock said a time more than a day ahead (is a column of a finer unit declared as a coarser one, or is the "
    "clock set wrong?); the time of arrival was taken instead"
)


@dataclass(frozen=True, slots=True)
class Rows:
    """What goes into one table, of one model, and what is to be said of it."""

    rows: pa.Table
    signal: str
    service: str
    model: str
    wild: Mapping[str, int] = field(default_factory=dict)
    """Rows whose timestamp was out of range and replaced by the time of arrival, by what is said of it."""
    rounded: Mapping[str, int] = field(default_factory=dict)
    """Integers that Float64 cannot hold exactly, by feature."""

    def complaints(self) -> dict[Complaint, int]:
        """What users are told of these rows."""
        told = {
            Complaint(
                self.signal, "rounded", self.service, _ROUNDED, self.model, names.COL_FEATURE_PREFIX + name
            ): count
            for name, count in self.rounded.items()
        }
        for reason, count in self.wild.items():
            told[Complaint(self.signal, "wild_timestamp", self.service, reason, self.model)] = count
        return told


def predictions(stream: pa.Table, received: pa.Array, service: str, tenant: str) -> Rows:
    """Rows of `predictions`.

    Args:
        stream: a checked `modelspan.predictions` stream.
        received: when each row arrived, int64 nanoseconds since 1970; it stands in for clocks that cannot be right.
        service: `service.name` of the sender.
        tenant: whose it is; '' where tenants are not used.
    """
    count = stream.num_rows
    timestamps, original, wild = _times(_column(stream, names.COL_TIMESTAMP), received)
    placed, rounded = _features(stream)
    tags = _texts(stream, names.COL_TAG_PREFIX)
    if wild:
        tags[_ORIGINAL_TIMESTAMP] = original
    if tenant:
        tags[_TENANT_TAG] = pa.repeat(pa.scalar(tenant, pa.string()), count)
    columns = {
        "model": _same(metadata(stream, names.META_MODEL), count),
        "version": _same(metadata(stream, names.META_VERSION), count),
        "role": _same(metadata(stream, names.META_ROLE) or names.ROLE_PRIMARY, count),
        "service": _same(service, count),
        "timestamp": timestamps,
        "received_at": _arrival(received),
        "prediction_id": _text(stream, names.COL_PREDICTION_ID),
        "trace_id": maps.hexadecimal(_column(stream, names.COL_TRACE_ID), 16),
        "span_id": maps.hexadecimal(_column(stream, names.COL_SPAN_ID), 8),
        "value": _number(stream, names.COL_VALUE),
        "label": _text(stream, names.COL_LABEL),
        "scores": _numbers(stream, names.COL_SCORE_PREFIX),
        "duration": _number(stream, names.COL_DURATION),
        "error_type": _text(stream, names.COL_ERROR_TYPE),
        "sample_weight": _number(stream, names.COL_SAMPLE_WEIGHT).fill_null(1.0),
        **maps.feature_columns(placed, count),
        "attributions": _numbers(stream, names.COL_ATTRIBUTION_PREFIX),
        "tags": maps.to_map(tags, count, pa.string()),
    }
    return Rows(pa.table(columns), "predictions", service, metadata(stream, names.META_MODEL), wild, rounded)


def labels(stream: pa.Table, received: pa.Array, service: str, tenant: str) -> Rows:
    """Rows of `labels`, from a checked `modelspan.labels` stream."""
    count = stream.num_rows
    timestamps, _, wild = _times(_column(stream, names.COL_TIMESTAMP), received)
    columns = {
        "prediction_id": _text(stream, names.COL_PREDICTION_ID),
        "model": _same(metadata(stream, names.META_MODEL), count),
        "timestamp": timestamps,
        "received_at": _arrival(received),
        "value": _number(stream, names.COL_VALUE),
        "label": _text(stream, names.COL_LABEL),
        "tenant": _same(tenant, count),
    }
    return Rows(pa.table(columns), "labels", service, metadata(stream, names.META_MODEL), wild)


def model_cards(stream: pa.Table, received: pa.Array, service: str, tenant: str) -> Rows:
    """Rows of `models`, from a checked `modelspan.model` stream."""
    count = stream.num_rows
    timestamps, _, wild = _times(_column(stream, names.COL_TIMESTAMP), received)
    classes = _column(stream, "classes")
    empty = pa.array([[]] * count, pa.list_(pa.string()))
    columns = {
        "model": _same(metadata(stream, names.META_MODEL), count),
        "version": _same(metadata(stream, names.META_VERSION), count),
        "timestamp": timestamps,
        "owner": _text(stream, "owner"),
        "task": _text(stream, "task"),
        "classes": empty if pa.types.is_null(classes.type) else pc.coalesce(classes.cast(pa.list_(pa.string())), empty),
        "hyperparameters": _text(stream, "hyperparameters"),
        "signature": _text(stream, "signature"),
        "training_data": _text(stream, "training_data"),
        "deployed_at": _column(stream, "deployed_at").cast(pa.timestamp("ns", "UTC"), safe=False),
        "tenant": _same(tenant, count),
    }
    return Rows(pa.table(columns), "models", service, metadata(stream, names.META_MODEL), wild)


CONVERT = {names.EVENT_PREDICTIONS: predictions, names.EVENT_LABELS: labels, names.EVENT_MODEL: model_cards}
"""The conversion of each event."""


def _column(stream: pa.Table, name: str) -> pa.Array:
    index = stream.schema.get_field_index(name)
    if index < 0:
        return pa.nulls(stream.num_rows)
    return _one(stream.column(index))


def _one(column: pa.ChunkedArray) -> pa.Array:
    chunks = column.combine_chunks()
    return chunks if isinstance(chunks, pa.Array) else pa.concat_arrays(chunks.chunks)


def _prefixed(stream: pa.Table, prefix: str) -> dict[str, tuple[pa.ChunkedArray, pa.Field]]:
    """The columns of a prefix with their fields, by what follows it."""
    schema = stream.schema
    return {
        name[len(prefix) :]: (stream.column(index), schema.field(index))
        for index, name in enumerate(stream.column_names)
        if name.startswith(prefix)
    }


def _features(stream: pa.Table) -> tuple[dict[features.Place, dict[str, pa.Array]], dict[str, int]]:
    """The features of a stream by their place, and how many integers of each Float64 cannot hold exactly."""
    placed: dict[features.Place, dict[str, pa.Array]] = {}
    rounded = {}
    for name, converted in _converted(_prefixed(stream, names.COL_FEATURE_PREFIX), stream.num_rows):
        if converted.place is not None:
            placed.setdefault(converted.place, {})[name] = converted.column
            if converted.rounded:
                rounded[name] = converted.rounded
    return placed, rounded


_FEW_COLUMNS = 100
"""Columns of one type that are converted one by one; more are put together, as each call has a cost of its own."""


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
                for number, name in enumerate(group):
                    yield name, together._replace(column=together.column[number * rows : (number + 1) * rows])
                continue
        yield from ((name, features.convert(*columns[name])) for name in group)


def _numbers(stream: pa.Table, prefix: str) -> pa.Array:
    """A map a row of the numbers of a prefix."""
    converted = {name: features.convert(*pair) for name, pair in _prefixed(stream, prefix).items()}
    numbers = {name: found.column for name, found in converted.items() if found.place == "numeric"}
    return maps.to_map(numbers, stream.num_rows, pa.float64())


def _texts(stream: pa.Table, prefix: str) -> dict[str, pa.Array]:
    converted = {name: features.text(*pair).column for name, pair in _prefixed(stream, prefix).items()}
    return {name: column for name, column in converted.items() if column is not None}


def _text(stream: pa.Table, name: str) -> pa.Array:
    written = features.text(_column(stream, name)).column
    return pa.repeat("", stream.num_rows) if written is None else written.fill_null("")


def _number(stream: pa.Table, name: str) -> pa.Array:
    return _column(stream, name).cast(pa.float64(), safe=False)


def _same(value: str, rows: int) -> pa.Array:
    """One value for all rows; its index tells as many models, versions and services apart as one insert holds."""
    return pa.DictionaryArray.from_arrays(pa.repeat(pa.scalar(0, pa.int32()), rows), pa.array([value]))


def _arrival(received: pa.Array) -> pa.Array:
    return pc.divide(received, 1_000_000).cast(pa.timestamp("ms", "UTC"))


def _times(column: pa.Array, received: pa.Array) -> tuple[pa.Array, pa.Array, dict[str, int]]:
    """Timestamps in range; as text what the others said (null elsewhere); how many, by what is said of them."""
    unit = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}[column.type.unit]
    sent, arrived = column.cast(pa.int64()), pc.divide(received, unit)
    early, late = pc.less(sent, EARLIEST_NS // unit), pc.greater(sent, pc.add(arrived, FUTURE_NS // unit))
    counted = {reason: int(pc.sum(off).as_py() or 0) for reason, off in ((_EARLY, early), (_LATE, late))}
    wild = pc.or_(early, late)
    kept = pc.multiply(pc.if_else(wild, arrived, sent), unit).cast(pa.timestamp("ns", "UTC"))
    return kept, pc.if_else(wild, sent.cast(pa.string()), None), {reason: n for reason, n in counted.items() if n}
