"""The rows of an insert by the values of a segment key: what the views of a segment make of rows, of columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from modelspan_collector.store.segments import COLUMNS, split_key
from modelspan_collector.write.predictions import Codes, Floats, Part, Texts


class Slices(NamedTuple):
    """Which rows are of which value of a key."""

    codes: Codes
    """The place of each row's value; -1 where it has none."""
    segments: Sequence[str]
    """The segment of each value as the store spells it: `tag.country=DE`; of numbers the same text for all."""
    numbers: Floats | None = None
    """Of numbers each value: the store spells it behind that text, as only it knows how."""


WHOLE = Slices(np.zeros(0, np.int32), [""])
"""All rows, which are of no segment."""


def by(key: str, parts: Sequence[Part]) -> Slices | None:
    """The rows of parts whose features have the same names, one part behind the other; None where no row has a value.

    Args:
        key: `tag.NAME` or `feature.NAME`; a category goes before a number.
        parts: of one model's version.
    """
    column, name = split_key(key)
    if column == COLUMNS["tag"]:
        return _of_texts(key, [_one(part.tags, name, part.rows) for part in parts])
    if name in parts[0].categorical.names:
        return _of_texts(key, [_one(part.categorical, name, part.rows) for part in parts])
    if name in parts[0].numeric.names:
        place = parts[0].numeric.names.index(name)
        return _of_numbers(key, np.concatenate([part.numeric.values[place] for part in parts]))
    return None


def _one(texts: Texts, name: str, rows: int) -> Texts:
    """One of these columns, with a dictionary of what it says and nothing else."""
    if name not in texts.names:
        return Texts([name], pa.nulls(0, pa.large_string()), np.full((1, rows), -1, np.int32))
    used, places = np.unique(texts.codes[texts.names.index(name)], return_inverse=True)
    missing = int(used.size > 0 and used[0] < 0)  # -1 is before all others
    return Texts([name], texts.entries.take(pa.array(used[missing:])), places[None].astype(np.int32) - missing)


def _of_texts(key: str, columns: Sequence[Texts]) -> Slices | None:
    texts = Texts.joined(columns).without("")
    codes = texts.codes[0]
    return Slices(codes, [f"{key}={value}" for value in texts.entries.to_pylist()]) if (codes >= 0).any() else None


def _of_numbers(key: str, values: Floats) -> Slices | None:
    there = ~np.isnan(values)
    different, places = np.unique(values[there].view(np.int64), return_inverse=True)  # of the two zeros each is one
    codes = np.full(values.size, -1, np.int32)
    codes[there] = places
    numbers: npt.NDArray[np.float64] = different.view(np.float64)
    return Slices(codes, [f"{key}="] * different.size, numbers) if different.size else None
