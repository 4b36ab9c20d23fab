"""Arrow tables of spans and predictions, built column by column from NumPy arrays: no row is ever a Python object."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Coded:
    """A string column as codes into a vocabulary; `present` says in which rows the key exists at all."""

    codes: Ints
    vocabulary: list[str]
    present: Bools | None = None

    def where(self, present: Bools) -> Coded:
        """The same column, existing only in some rows."""
        return Coded(self.codes, self.vocabulary, present)


def constant(value: str, n: int) -> Coded:
    """A column of one value."""
    return Coded(np.zeros(n, np.int64), [value])


def hex_ids(rng: np.random.Generator, n: int, width: int) -> pa.Array:
    """Random identifiers of `width` bytes, lower-case hex."""
    text = np.frombuffer(rng.bytes(n * width).hex().encode(), dtype=f"S{2 * width}")
    return pa.array(text).cast(pa.string())


def unique_column(rng: np.random.Generator, n: int) -> Coded:
    """A request id: a value of its own in every row."""
    return Coded(np.arange(n), hex_ids(rng, n, 8).to_pylist())


def map_column(columns: dict[str, Coded], n: int) -> pa.Array:
    """`Map(String, String)` of n rows; keys in order, as the store keeps them."""
    names = sorted(columns)
    width = len(names)
    vocabulary: list[str] = []
    codes = np.empty((n, width), np.int64)
    keep = np.ones((n, width), bool)
    for position, name in enumerate(names):
        column = columns[name]
        codes[:, position] = column.codes + len(vocabulary)
        vocabulary.extend(column.vocabulary)
        if column.present is not None:
            keep[:, position] = column.present
    mask = keep.ravel()
    offsets = np.concatenate(([0], np.cumsum(keep.sum(axis=1)))).astype(np.int32)
    keys = pa.DictionaryArray.from_arrays(np.tile(np.arange(width, dtype=np.int32), n)[mask], pa.array(names))
    items = pa.DictionaryArray.from_arrays(codes.ravel()[mask].astype(np.int32), pa.array(vocabulary))
    return pa.MapArray.from_arrays(pa.array(offsets), keys.dictionary_decode(), items.dictionary_decode())


@dataclass(frozen=True)
class Spans:
    """All spans of one service and name: row i belongs to the prediction `rows[i]`."""

    service: str
    name: str
    rows: Ints
    start: Ints
    """Nanoseconds since 1970."""
    duration: Ints
    """Nanoseconds."""
    span_ids: pa.Array
    parents: pa.Array
    attributes: dict[str, Coded]
    resource: dict[str, Coded]
    error: Bools
    message: str = ""
    kind: str = "Client"
    events: dict[str, Bools] = field(default_factory=dict)

    def table(self, trace_ids: pa.Array) -> pa.Table:
        """The rows of `otel_traces`."""
        n = len(self.rows)
        stamp = pa.timestamp("ns", "UTC")
        event_names = list(self.events)
        happened = (
            np.stack([self.events[name] for name in event_names], axis=1) if event_names else np.zeros((n, 0), bool)
        )
        offsets = pa.array(np.concatenate(([0], np.cumsum(happened.sum(axis=1)))).astype(np.int32))
        which = np.nonzero(happened)
        names = pa.array([event_names[i] for i in which[1]], pa.string())
        times = pa.array((self.start + self.duration)[which[0]], pa.int64()).cast(stamp)
        empty = pa.MapArray.from_arrays(
            np.zeros(len(names) + 1, np.int32), pa.array([], pa.string()), pa.array([], pa.string())
        )
        return pa.table(
            {
                "Timestamp": pa.array(self.start).cast(stamp),
                "TraceId": trace_ids.take(pa.array(self.rows)),
                "SpanId": self.span_ids,
                "ParentSpanId": self.parents,
                "SpanName": pa.repeat(pa.scalar(self.name), n),
                "SpanKind": pa.repeat(pa.scalar(self.kind), n),
                "ServiceName": pa.repeat(pa.scalar(self.service), n),
                "ResourceAttributes": map_column(self.resource, n),
                "SpanAttributes": map_column(self.attributes, n),
                "Duration": pa.array(self.duration.astype(np.uint64)),
                "StatusCode": pa.array(np.where(self.error, "Error", "Unset")),
                "StatusMessage": pa.array(np.where(self.error, self.message, "")),
                "Events.Timestamp": pa.ListArray.from_arrays(offsets, times),
                "Events.Name": pa.ListArray.from_arrays(offsets, names),
                "Events.Attributes": pa.ListArray.from_arrays(offsets, empty),
            }
        )
