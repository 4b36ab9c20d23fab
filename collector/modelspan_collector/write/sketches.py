"""Sketches of an insert's predictions, made from its columns: what the views of other writers' rows make of rows.

They go into `record_profiles`, from where a view takes them to `feature_profiles` and makes the states that only the
engine can: of how many different values there are, and of the most frequent ones.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from modelspan_collector.write import native, profile
from modelspan_collector.write.native import Column
from modelspan_collector.write.predictions import Floats, Missing, Part, Texts, missing
from modelspan_collector.write.profile import Groups, Ragged, Sketch

TABLE: Final = "record_profiles"
_HOUR_NS: Final = 3600 * 10**9


class _Rows(NamedTuple):
    """Groups of rows, and what the rows of each have in common."""

    groups: Groups
    hours: npt.NDArray[np.int64]
    """Since 1970."""
    classes: npt.NDArray[np.float32]
    """The weight to two digits; 1 where rows of all weights share a group."""


class _Batch(NamedTuple):
    """Sketches of one kind, with what they are told apart by."""

    part: Part
    rows: _Rows
    source: str
    kind: str
    names: Sequence[str]
    sketch: Sketch
    entries: pa.Array = pa.nulls(0, pa.string())  # of `pa.array`, the first loads pandas
    """The dictionary of the different texts."""
    newest: npt.NDArray[np.int64] | None = None


def block(parts: Sequence[Part]) -> tuple[bytes, list[str]]:
    """The sketches of an insert in the Native format, and its columns."""
    alike: dict[tuple[Any, ...], list[Part]] = {}
    for part in (each for each in parts if each.rows):
        names = (part.numeric.names, part.categorical.names, part.scores.names)
        alike.setdefault((part.model, part.version, *map(tuple, names)), []).append(part)
    batches = [batch for group in alike.values() for batch in _sketched(group) if batch.sketch.rows.size]
    columns = _columns(batches)
    return native.block(columns, sum(batch.sketch.rows.size for batch in batches)), list(columns)


def _sketched(parts: Sequence[Part]) -> Iterator[_Batch]:
    """All sketches of predictions of one model's version whose columns have the same names."""
    whole = _Whole(parts)
    yield from whole.features()
    yield from whole.outputs()
    yield whole.themselves()


class _Whole:
    """Parts whose columns have the same names as one, the rows of a group behind each other."""

    def __init__(self, parts: Sequence[Part]) -> None:
        self._parts = parts
        self._stamps = np.concatenate([part.timestamp for part in parts])
        self._weights: Floats | None = np.concatenate([part.sample_weight for part in parts])
        classes, told = _weight_classes(self._weights)
        hours = self._stamps // _HOUR_NS
        self._order = None
        if (hours != hours[0]).any() or told.size > 1:
            self._order = np.lexsort((classes, hours))
            hours, classes, self._stamps = (self._turned(each) for each in (hours, classes, self._stamps))
        self._weights = None if (self._weights == 1).all() else self._turned(self._weights)
        begins = np.flatnonzero(np.diff(hours, prepend=-1))
        self._by_hour = _Rows(Groups(begins, hours.size), hours[begins], np.ones(begins.size, np.float32))
        begins = np.flatnonzero((np.diff(hours, prepend=-1) != 0) | (np.diff(classes, prepend=-1) != 0))
        self._by_class = _Rows(Groups(begins, hours.size), hours[begins], told[classes[begins]])

    def features(self) -> Iterator[_Batch]:
        """Of the features: numbers, categories, and what is missing."""
        first = self._parts[0]
        values = self._turned(np.concatenate([part.numeric.values for part in self._parts], axis=1))
        present = None if all(part.numeric.whole for part in self._parts) else ~np.isnan(values)
        for sketch in profile.numbers(values, present, self._by_class.groups, self._weights):
            yield _Batch(first, self._by_class, "feature", "numeric", first.numeric.names, sketch)
        yield self._of_texts("feature", Texts.joined([part.categorical for part in self._parts]), "")
        absent = [missing(part) for part in self._parts]
        names = sorted({name for each in absent for name in each.names})
        if names:
            flags = np.concatenate(
                [_flags(each, names, part.rows) for each, part in zip(absent, self._parts, strict=True)], axis=1
            )
            sketch = profile.marks(self._turned(flags), self._by_hour.groups, self._weights)
            yield _Batch(first, self._by_hour, "feature", "null", names, sketch)

    def outputs(self) -> Iterator[_Batch]:
        """Of the predictions: the value, the scores, and the label."""
        first, value = self._parts[0], pa.concat_arrays([part.value for part in self._parts])
        scores = np.concatenate([part.scores.values for part in self._parts], axis=1)
        known = np.concatenate([~pc.is_null(value).to_numpy(zero_copy_only=False)[None], ~np.isnan(scores)])
        values = self._turned(np.concatenate([value.to_numpy(zero_copy_only=False)[None], scores]))
        names = ["value", *(f"score.{name}" for name in first.scores.names)]
        for sketch in profile.numbers(values, self._turned(known), self._by_class.groups, self._weights):
            yield _Batch(first, self._by_class, "prediction", "numeric", names, sketch)
        labels = Texts.joined([part.label for part in self._parts])
        yield self._of_texts("prediction", labels.without(""), None)

    def themselves(self) -> _Batch:
        """Of the rows: how many, the newest, how many failed (`zero`), and their ids."""
        groups = self._by_hour.groups
        failed = self._turned(Texts.joined([part.error_type for part in self._parts]).without("").codes >= 0)
        every = profile.marks(np.ones((1, groups.rows), np.bool_), groups, self._weights)
        zero = profile.marks(failed, groups, self._weights)
        sums = np.zeros(every.rows.size)
        sums[zero.group] = zero.sums["weight"]
        ids = pa.concat_arrays([part.prediction_id for part in self._parts])
        places = np.arange(groups.rows) if self._order is None else self._order
        sketch = every._replace(
            sums=every.sums | {"zero": sums},
            different=Ragged(places, every.rows),
            counts=np.zeros(places.size, np.int64),
        )
        newest = np.maximum.reduceat(self._stamps, groups.starts)
        return _Batch(self._parts[0], self._by_hour, "model", "rows", [""], sketch, ids, newest)

    def _of_texts(self, source: str, texts: Texts, empty: str | None) -> _Batch:
        place = -1 if empty is None else texts.place(empty)
        codes = self._turned(texts.codes)
        sketch = profile.texts(codes, len(texts.entries), place, self._by_class.groups, self._weights)
        return _Batch(self._parts[0], self._by_class, source, "categorical", texts.names, sketch, texts.entries)

    def _turned(self, cells: npt.NDArray[Any]) -> npt.NDArray[Any]:
        return cells if self._order is None else cells[..., self._order]


def _weight_classes(weights: Floats) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    """The class of each row, and what the classes are: weights to two digits, as the store rounds."""
    if (weights == 1).all():
        return np.zeros(weights.size, np.int64), np.ones(1, np.float32)
    different, which = np.unique(weights, return_inverse=True)
    with np.errstate(over="ignore", invalid="ignore"):
        scale = 10.0 ** (1 - np.floor(np.log10(np.maximum(different, 1e-9))))
        rounded = np.where(
            scale >= 1, np.rint(different * scale) / scale, np.rint(different / (1 / scale)) * (1 / scale)
        )
        classes, back = np.unique(rounded.astype(np.float32), return_inverse=True)
    return back[which], classes


def _flags(absent: Missing, names: Sequence[str], rows: int) -> npt.NDArray[np.bool_]:
    flags = np.zeros((len(names), rows), np.bool_)
    if absent.present is not None:
        flags[[names.index(name) for name in absent.names]] = absent.present
    return flags


def _columns(batches: Sequence[_Batch]) -> dict[str, Column]:
    sizes = [batch.sketch.rows.size for batch in batches]
    sketches = [batch.sketch for batch in batches]
    names = sorted({name for batch in batches for name in batch.names})
    places = {name: place for place, name in enumerate(names)}
    of = [np.array([places[name] for name in batch.names])[batch.sketch.column] for batch in batches]
    hours = [batch.rows.hours[batch.sketch.group] * 3600 for batch in batches]
    classes = [batch.rows.classes[batch.sketch.group] for batch in batches]
    return {
        "model": native.shared([batch.part.model for batch in batches], sizes),
        "version": native.shared([batch.part.version for batch in batches], sizes),
        "source": native.shared([batch.source for batch in batches], sizes),
        "feature": native.low_cardinality(pa.array(names, pa.string()), np.concatenate(of)),
        "kind": native.shared([batch.kind for batch in batches], sizes),
        "hour": native.numbers(np.concatenate(hours).astype(np.uint32), "DateTime('UTC')"),
        "weight_class": native.numbers(np.concatenate(classes), "Float32"),
        "rows": native.numbers(np.concatenate([sketch.rows for sketch in sketches]), "UInt64"),
        **{name: native.numbers(np.concatenate([_sum(each, name) for each in sketches])) for name in profile.SUMS},
        "newest": native.numbers(np.concatenate([_newest(batch) for batch in batches]), "DateTime64(9, 'UTC')"),
        "points": _arrays([sketch.points or _none(sketch) for sketch in sketches]),
        "point_weight": native.numbers(np.concatenate([_point_weight(sketch) for sketch in sketches])),
        **_different(batches),
    }


def _different(batches: Sequence[_Batch]) -> dict[str, Column]:
    """The different values: numbers as they are, texts each with how many rows have it."""
    numbers, lengths, spelt, counts = [], [], [], []
    for batch in batches:
        sketch, kept = batch.sketch, batch.sketch.different or _none(batch.sketch)
        of_texts = sketch.counts is not None
        numbers.append(_none(sketch) if of_texts else kept)
        lengths.append(kept.lengths if of_texts else np.zeros(sketch.rows.size, np.int64))
        if sketch.counts is not None:
            spelt.append(native.chosen(batch.entries, kept.values))
            counts.append(sketch.counts)
    texts = native.joined(spelt) if spelt else Column("String", [])
    every = np.concatenate(lengths)
    return {
        "numbers": _arrays(numbers),
        "texts": native.array(every, texts),
        "counts": native.array(every, Column("UInt64", counts)),
    }


def _arrays(ragged: Sequence[Ragged]) -> Column:
    return native.array(
        np.concatenate([each.lengths for each in ragged]), Column("Float64", [each.values for each in ragged])
    )


def _none(sketch: Sketch) -> Ragged:
    return Ragged(np.zeros(0), np.zeros(sketch.rows.size, np.int64))


def _sum(sketch: Sketch, name: str) -> Floats:
    found = sketch.sums.get(name)
    return np.zeros(sketch.rows.size) if found is None else found


def _newest(batch: _Batch) -> npt.NDArray[np.int64]:
    return np.zeros(batch.sketch.rows.size, np.int64) if batch.newest is None else batch.newest


def _point_weight(sketch: Sketch) -> Floats:
    return np.zeros(sketch.rows.size) if sketch.point_weight is None else sketch.point_weight
