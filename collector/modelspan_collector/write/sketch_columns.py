"""The columns of `record_profiles`: sketches of every kind, one behind the other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from modelspan_collector.write import native, profile
from modelspan_collector.write.alike import Rows
from modelspan_collector.write.native import Column
from modelspan_collector.write.predictions import Floats, Part
from modelspan_collector.write.profile import Ragged, Sketch
from modelspan_collector.write.slices import WHOLE, Slices


class Batch(NamedTuple):
    """Sketches of one kind, with what they are told apart by."""

    part: Part
    slices: Slices
    rows: Rows
    source: str
    kind: str
    names: Sequence[str]
    sketch: Sketch
    entries: pa.Array = pa.nulls(0, pa.string())  # of `pa.array`, the first loads pandas
    """The dictionary of the different texts."""
    newest: npt.NDArray[np.int64] | None = None


def columns(batches: Sequence[Batch]) -> dict[str, Column]:
    """The columns of these sketches, each of at least one row; those of segments only where there are any."""
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
        **(_segments(batches) if any(batch.slices is not WHOLE for batch in batches) else {}),
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


def _segments(batches: Sequence[Batch]) -> dict[str, Column]:
    """What the sketches are of: the segment's text, and the number that the store spells behind it."""
    names = sorted({segment for batch in batches for segment in batch.slices.segments})
    places = {name: place for place, name in enumerate(names)}
    of, numbers = [], []
    for batch in batches:
        values = batch.rows.values[batch.sketch.group]
        of.append(np.array([places[name] for name in batch.slices.segments])[values])
        told = batch.slices.numbers
        numbers.append(np.full(values.size, np.nan) if told is None else told[values])
    spelt = np.concatenate(numbers)
    return {
        "segment": native.low_cardinality(pa.array(names, pa.string()), np.concatenate(of)),
        "segment_number": native.nullable(spelt, np.isnan(spelt)),
    }


def _different(batches: Sequence[Batch]) -> dict[str, Column]:
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


def _newest(batch: Batch) -> npt.NDArray[np.int64]:
    return np.zeros(batch.sketch.rows.size, np.int64) if batch.newest is None else batch.newest


def _point_weight(sketch: Sketch) -> Floats:
    return np.zeros(sketch.rows.size) if sketch.point_weight is None else sketch.point_weight
