"""Rows of `predictions` from checked streams, column by column: no row and no value is looked at in Python.

Streams of one shape become a `Part`, whose columns are NumPy arrays and Arrow's; the parts of an insert become one
block of ClickHouse's Native format, in which the maps of all rows are lengths, keys and values, one behind the other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from modelspan_collector.write import native
from modelspan_collector.write.native import Column, Flags

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int32]
_FLOAT32: Final = pa.float32()
_SHARED: Final = ("model", "version", "role", "service")
_WORDS: Final = ("label", "error_type")
_NUMBERS: Final = {"scores": "scores", "numeric_features": "numeric", "attributions": "attributions"}
_TEXTS: Final = {"categorical_features": "categorical", "tags": "tags"}


class Numbers:
    """Columns of numbers by their names, which are in order; NaN is missing."""

    def __init__(self, columns: Mapping[str, pa.Array], rows: int) -> None:
        self.names = sorted(columns)
        self.values: Floats = np.empty((len(self.names), rows))
        self.whole = True
        """Whether no value is missing."""
        for place, name in enumerate(self.names):
            column = columns[name]
            self.values[place] = column.to_numpy(zero_copy_only=False)
            self.whole = self.whole and not column.null_count

    @property
    def present(self) -> Flags | None:
        """Which values are there, of shape (names, rows); None where all are."""
        return None if self.whole else ~np.isnan(self.values)

    def by_row(self) -> Column:
        """The values that are there, row by row."""
        present, turned = self.present, self.values.T
        return native.numbers(np.ascontiguousarray(turned) if present is None else turned[present.T])


class Texts:
    """Columns of texts by their names, which are in order, as places in one dictionary; -1 is missing."""

    def __init__(self, names: Sequence[str], entries: pa.Array, codes: Codes) -> None:
        self.names = list(names)
        self.entries = entries
        self.codes = codes
        """Of shape (names, rows)."""

    @classmethod
    def of(cls, columns: Mapping[str, pa.Array], rows: int) -> Texts:
        """Columns of texts, or of places in dictionaries of texts, as their names have them."""
        names = sorted(columns)
        spelt = [_spelt(columns[name]) for name in names]
        entries, codes = _one_dictionary([(each.dictionary, _places(each)) for each in spelt])
        return cls(names, entries, np.concatenate([np.empty(0, np.int32), *codes]).reshape(len(names), rows))

    @classmethod
    def joined(cls, parts: Sequence[Texts]) -> Texts:
        """Columns of the same names, the rows of each part behind those of the one before."""
        if len(parts) == 1:
            return parts[0]
        entries, codes = _one_dictionary([(part.entries, part.codes) for part in parts])
        return cls(parts[0].names, entries, np.concatenate(codes, axis=1))

    def place(self, text: str) -> int:
        """Where a text stands in the dictionary; -1 where it does not."""
        return int(pc.index(self.entries, pa.scalar(text, self.entries.type)).as_py())

    def without(self, text: str) -> Texts:
        """The same, where that text is missing."""
        place = self.place(text)
        return self if place < 0 else Texts(self.names, self.entries, np.where(self.codes == place, -1, self.codes))

    @property
    def present(self) -> Flags | None:
        """Which values are there, of shape (names, rows); None where all are."""
        there = self.codes >= 0
        return None if there.all() else there

    def by_row(self) -> Column:
        """The values that are there, row by row."""
        present, turned = self.present, self.codes.T
        codes = np.ascontiguousarray(turned).ravel() if present is None else turned[present.T]
        return native.chosen(self.entries, codes)


class Vectors:
    """Columns of vectors by their names, which are in order."""

    def __init__(self, columns: Mapping[str, pa.Array], rows: int, of: pa.DataType = _FLOAT32) -> None:
        self.names = sorted(columns)
        self._rows, self._of = rows, of
        self._columns = [columns[name] for name in self.names]

    @property
    def present(self) -> Flags | None:
        """Which values are there, of shape (names, rows); None where all are."""
        if not any(column.null_count for column in self._columns):
            return None
        return np.stack([column.is_valid().to_numpy(zero_copy_only=False) for column in self._columns])

    def by_row(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.floating[Any]]]:
        """The values that are there, row by row: how long each is, and their elements."""
        places = np.arange(len(self.names) * self._rows).reshape(len(self.names), self._rows).T
        present = self.present
        chosen = places.ravel() if present is None else places[present.T]
        lists = pa.concat_arrays([column.cast(pa.large_list(self._of)) for column in self._columns])
        taken = lists.take(pa.array(chosen))
        return np.diff(taken.offsets.to_numpy()), taken.flatten().to_numpy(zero_copy_only=False)


Keyed = Numbers | Texts | Vectors


@dataclass(frozen=True, slots=True)
class Part:
    """Predictions of one model's version, from streams of one shape."""

    rows: int
    model: str
    version: str
    role: str
    service: str
    timestamp: npt.NDArray[np.int64]
    """Nanoseconds since 1970."""
    received_at: npt.NDArray[np.int64]
    """Milliseconds since 1970."""
    prediction_id: pa.Array
    trace_id: Column
    span_id: Column
    value: pa.Array
    duration: pa.Array
    sample_weight: Floats
    label: Texts
    """One column; '' is missing."""
    error_type: Texts
    scores: Numbers
    attributions: Numbers
    numeric: Numbers
    categorical: Texts
    embeddings: Vectors
    tags: Texts
    shape: Texts
    """One column: what an answer is that is more than a number or class; '' is missing, of all others."""
    items: pa.Array
    """A list of texts a row."""
    outputs: Vectors


def block(parts: Sequence[Part]) -> tuple[bytes, list[str]]:
    """The rows of an insert in the Native format, and its columns: all that are not empty in every row."""
    sizes = [part.rows for part in parts]
    columns = {
        **{name: native.shared([getattr(part, name) for part in parts], sizes) for name in _SHARED},
        "timestamp": _whole((part.timestamp for part in parts), "DateTime64(9, 'UTC')"),
        "received_at": _whole((part.received_at for part in parts), "DateTime64(3, 'UTC')"),
        "prediction_id": native.joined(native.text(part.prediction_id) for part in parts),
        "trace_id": native.joined(part.trace_id for part in parts),
        "span_id": native.joined(part.span_id for part in parts),
        **{name: _nullable([getattr(part, name) for part in parts]) for name in ("value", "duration")},
        "sample_weight": _whole((part.sample_weight for part in parts), "Float64"),
        **{name: _words([getattr(part, name) for part in parts]) for name in _WORDS},
        **_maps(parts, sizes),
        "sketched": native.numbers(np.ones(sum(sizes), np.bool_), "Bool"),
    }
    return native.block(columns, sum(sizes)), list(columns)


def _maps(parts: Sequence[Part], sizes: Sequence[int]) -> dict[str, Column]:
    found = {}
    for name, field in {**_NUMBERS, **_TEXTS}.items():
        keyed: list[Numbers | Texts] = [getattr(part, field) for part in parts]
        if any(each.names for each in keyed):
            lengths, keys = _keys(keyed, sizes)
            found[name] = native.maps(lengths, keys, native.joined(each.by_row() for each in keyed))
    for name, kind in {"embeddings": "Float32", "outputs": "Float64"}.items():
        vectors: list[Vectors] = [getattr(part, name) for part in parts]
        if any(each.names for each in vectors):
            lengths, keys = _keys(vectors, sizes)
            taken = [each.by_row() for each in vectors if each.names]
            elements = native.Column(kind, [values for _, values in taken])
            found[name] = native.maps(lengths, keys, native.array(np.concatenate([of for of, _ in taken]), elements))
    if any(each.shape.names and (each.shape.codes >= 0).any() for each in parts):
        found["shape"] = _words([part.shape for part in parts])
        items = pa.concat_arrays([part.items for part in parts])
        found["items"] = native.array(pc.list_value_length(items).to_numpy(), native.text(items.flatten()))
    absent = [missing(part) for part in parts]
    if any(each.names for each in absent):
        found["null_features"] = native.array(*_keys(absent, sizes))
    return found


@dataclass(frozen=True, slots=True)
class Missing:
    """The features of which some rows have no value."""

    names: Sequence[str]
    present: Flags | None
    """Which are missing, of shape (names, rows)."""


def missing(part: Part) -> Missing:
    """The features of a part that some of its rows lack."""
    absent: dict[str, Flags] = {}
    for keyed in (part.numeric, part.categorical, part.embeddings):
        if keyed.present is not None:
            absent |= {name: ~there for name, there in zip(keyed.names, keyed.present, strict=True) if not there.all()}
    names = sorted(absent)
    return Missing(names, np.stack([absent[name] for name in names]) if names else None)


def _keys(keyed: Sequence[Keyed | Missing], sizes: Sequence[int]) -> tuple[npt.NDArray[np.int64], Column]:
    """How many keys each row has, and the keys of all rows, as places in one dictionary."""
    names = sorted({name for each in keyed for name in each.names})
    places = {name: place for place, name in enumerate(names)}
    width = native.index_type(len(names))
    lengths, codes = [], []
    for each, rows in zip(keyed, sizes, strict=True):
        own = np.array([places[name] for name in each.names], width)
        if (present := each.present) is None:
            lengths.append(np.full(rows, own.size))
            codes.append(np.tile(own, rows))
        else:
            lengths.append(present.sum(axis=0))
            codes.append(np.broadcast_to(own, (rows, own.size))[present.T])
    return np.concatenate(lengths), native.low_cardinality(pa.array(names, pa.string()), np.concatenate(codes))


def _spelt(texts: pa.Array) -> pa.DictionaryArray:
    return texts if pa.types.is_dictionary(texts.type) else texts.dictionary_encode()


def _places(spelt: pa.DictionaryArray) -> Codes:
    places: Codes = spelt.indices.cast(pa.int32()).fill_null(-1).to_numpy(zero_copy_only=False)
    return places


def _one_dictionary(spelt: Sequence[tuple[pa.Array, Codes]]) -> tuple[pa.Array, list[Codes]]:
    """Places in dictionaries as places in one that has each text once; what is no text is missing."""
    whole = [entries.cast(pa.large_string()) for entries, _ in spelt]
    one = pa.concat_arrays([pa.nulls(0, pa.large_string()), *whole]).dictionary_encode()
    places = np.append(_places(one), np.int32(-1))  # the last stays what is missing
    begins = np.cumsum([0, *(len(entries) for entries in whole[:-1])], dtype=np.int32)
    moved = [np.where(codes < 0, np.int32(-1), codes + at) for (_, codes), at in zip(spelt, begins, strict=False)]
    return one.dictionary, [places[codes] for codes in moved]


def _words(columns: Sequence[Texts]) -> Column:
    """A text a row, '' where it is missing."""
    texts = Texts.joined([each.without("") for each in columns])
    codes, entries = texts.codes[0] + 1, pa.concat_arrays([pa.array([""], pa.large_string()), texts.entries])
    used = np.flatnonzero(np.bincount(codes, minlength=len(entries)))  # what no row says is not kept
    place = np.zeros(len(entries), np.int64)
    place[used] = np.arange(used.size)
    return native.low_cardinality(entries.take(pa.array(used)), place[codes])


def _nullable(columns: Sequence[pa.Array]) -> Column:
    whole = pa.concat_arrays(columns)
    missing = pc.is_null(whole).to_numpy(zero_copy_only=False)
    return native.nullable(whole.fill_null(0.0).to_numpy(), missing)


def _whole(arrays: Iterable[npt.NDArray[Any]], kind: str) -> Column:
    return native.numbers(np.concatenate(list(arrays)), kind)
