"""Sketches of an insert's predictions, made from its columns: what the views of other writers' rows make of rows.

They go into `record_profiles`, from where a view takes them to `feature_profiles` and makes the states that only the
engine can: of how many different values there are, and of the most frequent ones.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from modelspan_collector.write import crowded, native, profile, slices
from modelspan_collector.write.alike import Alike, Ordered
from modelspan_collector.write.predictions import Part, Texts
from modelspan_collector.write.profile import Ragged
from modelspan_collector.write.sketch_columns import Batch, columns

TABLE: Final = "record_profiles"


class Block(NamedTuple):
    """The sketches of an insert."""

    body: bytes
    """In the Native format."""
    columns: Sequence[str]
    crowded: Mapping[str, Counter[str]]
    """By key: the rows, by their model, of which no slice is sketched, as there are too many."""


def block(parts: Sequence[Part], keys: Sequence[str] = ()) -> Block:
    """The sketches of an insert.

    Args:
        parts: its predictions.
        keys: by whose values rows are sketched too, as `tag.country`.
    """
    batches: list[Batch] = []
    left: dict[str, Counter[str]] = {}
    for alike in _alike(parts):
        batches += _of_whole(alike)
        room = dict(crowded.MOST)
        for key in keys:
            found = slices.by(key, alike.parts)
            if found is None:
                continue
            ordered = Ordered(alike, found)
            if _takes(room, alike, ordered):
                batches += _of_rows(alike, ordered)
            else:
                left.setdefault(key, Counter())[alike.first.model] += found.codes.size
    batches = [batch for batch in batches if batch.sketch.rows.size]
    made = columns(batches)
    return Block(native.block(made, sum(batch.sketch.rows.size for batch in batches)), list(made), left)


def _alike(parts: Sequence[Part]) -> list[Alike]:
    """The predictions, those of one model's version whose columns have the same names together."""
    alike: dict[tuple[Any, ...], list[Part]] = {}
    for part in (each for each in parts if each.rows):
        names = (part.numeric.names, part.categorical.names, part.scores.names)
        alike.setdefault((part.model, part.version, *map(tuple, names)), []).append(part)
    return [Alike(each) for each in alike.values()]


def _takes(room: dict[Any, int], alike: Alike, ordered: Ordered) -> bool:
    """Whether there is room for the sketches of all groups, each of which is as large as a feature's; it is taken."""
    groups = ordered.by_class.groups.starts.size
    wanted = {"numeric": groups * len(alike.first.numeric.names), "categorical": groups * len(alike.texts.names)}
    if any(wanted[place] > room[place] for place in wanted):
        return False
    for place, sketches in wanted.items():
        room[place] -= sketches
    return True


def _of_whole(alike: Alike) -> Iterator[Batch]:
    ordered = Ordered(alike)
    yield from _of_rows(alike, ordered)
    yield from _of_outputs(alike, ordered)


def _of_rows(alike: Alike, ordered: Ordered) -> Iterator[Batch]:
    """Of the features: numbers, categories, and what is missing; and of the rows themselves."""
    first, by_class = alike.first, ordered.by_class
    values, present = alike.numbers
    turned = None if present is None else ordered.turned(present)
    for sketch in profile.numbers(ordered.turned(values), turned, by_class.groups, ordered.weights):
        yield Batch(first, ordered.slices, by_class, "feature", "numeric", first.numeric.names, sketch)
    yield _of_texts(alike, ordered, "feature", alike.texts, "")
    names, flags = alike.missing
    if names:
        sketch = profile.marks(ordered.turned(flags), ordered.by_hour.groups, ordered.weights)
        yield Batch(first, ordered.slices, ordered.by_hour, "feature", "null", names, sketch)
    yield _of_themselves(alike, ordered)


def _of_outputs(alike: Alike, ordered: Ordered) -> Iterator[Batch]:
    """Of the predictions: the value, the scores, and the label."""
    first, value = alike.first, pa.concat_arrays([part.value for part in alike.parts])
    scores = np.concatenate([part.scores.values for part in alike.parts], axis=1)
    known = np.concatenate([~pc.is_null(value).to_numpy(zero_copy_only=False)[None], ~np.isnan(scores)])
    values = ordered.turned(np.concatenate([value.to_numpy(zero_copy_only=False)[None], scores]))
    names = ["value", *(f"score.{name}" for name in first.scores.names)]
    for sketch in profile.numbers(values, ordered.turned(known), ordered.by_class.groups, ordered.weights):
        yield Batch(first, ordered.slices, ordered.by_class, "prediction", "numeric", names, sketch)
    labels = Texts.joined([part.label for part in alike.parts])
    yield _of_texts(alike, ordered, "prediction", labels.without(""), None)


def _of_themselves(alike: Alike, ordered: Ordered) -> Batch:
    """Of the rows: how many, the newest, how many failed (`zero`), and their ids."""
    groups = ordered.by_hour.groups
    every = profile.marks(np.ones((1, groups.rows), np.bool_), groups, ordered.weights)
    zero = profile.marks(ordered.turned(alike.failed), groups, ordered.weights)
    sums = np.zeros(every.rows.size)
    sums[zero.group] = zero.sums["weight"]
    places = np.arange(groups.rows) if ordered.order is None else ordered.order
    sketch = every._replace(
        sums=every.sums | {"zero": sums},
        different=Ragged(places, every.rows),
        counts=np.zeros(places.size, np.int64),
    )
    newest = np.maximum.reduceat(ordered.stamps, groups.starts)
    return Batch(alike.first, ordered.slices, ordered.by_hour, "model", "rows", [""], sketch, alike.ids, newest)


def _of_texts(alike: Alike, ordered: Ordered, source: str, texts: Texts, empty: str | None) -> Batch:
    place = -1 if empty is None else texts.place(empty)
    codes, by_class = ordered.turned(texts.codes), ordered.by_class
    sketch = profile.texts(codes, len(texts.entries), place, by_class.groups, ordered.weights)
    names, entries = texts.names, texts.entries
    return Batch(alike.first, ordered.slices, by_class, source, "categorical", names, sketch, entries)
