"""Predictions that are sketched together, and their rows in order: those of one group behind each other."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from modelspan_collector.write.native import Flags
from modelspan_collector.write.predictions import Floats, Missing, Part, Texts, missing
from modelspan_collector.write.profile import Groups
from modelspan_collector.write.slices import WHOLE, Slices

Integers = npt.NDArray[np.int64]
_HOUR_NS: Final = 3600 * 10**9


class Rows(NamedTuple):
    """Groups of rows, and what the rows of each have in common."""

    groups: Groups
    values: npt.NDArray[Any]
    """The place of their value among those of a key."""
    hours: Integers
    """Since 1970."""
    classes: npt.NDArray[np.float32]
    """The weight to two digits; 1 where rows of all weights share a group."""


class Alike:
    """Parts of one model's version whose columns have the same names as one, each behind the one before."""

    def __init__(self, parts: Sequence[Part]) -> None:
        self.parts = parts
        self.first = parts[0]
        self.stamps = np.concatenate([part.timestamp for part in parts])
        self.hours: Integers = self.stamps // _HOUR_NS
        self.weights: Floats = np.concatenate([part.sample_weight for part in parts])
        self.classes, self.told = _weight_classes(self.weights)
        """The class of each row, and what the classes are."""

    @cached_property
    def numbers(self) -> tuple[Floats, Flags | None]:
        """The features that are numbers, of shape (names, rows), and which are there; None where all are."""
        values = np.concatenate([part.numeric.values for part in self.parts], axis=1)
        return values, None if all(part.numeric.whole for part in self.parts) else ~np.isnan(values)

    @cached_property
    def texts(self) -> Texts:
        """The features that are categories."""
        return Texts.joined([part.categorical for part in self.parts])

    @cached_property
    def missing(self) -> tuple[Sequence[str], Flags]:
        """The features that some rows lack, and which rows do."""
        absent = [missing(part) for part in self.parts]
        names = sorted({name for each in absent for name in each.names})
        flags = [_flags(each, names, part.rows) for each, part in zip(absent, self.parts, strict=True)]
        return names, np.concatenate(flags, axis=1)

    @cached_property
    def failed(self) -> Flags:
        """Which calls failed."""
        flags: Flags = Texts.joined([part.error_type for part in self.parts]).without("").codes >= 0
        return flags

    @cached_property
    def ids(self) -> pa.Array:
        """The ids of the predictions."""
        return pa.concat_arrays([part.prediction_id for part in self.parts])


class Ordered:
    """The rows of each group behind each other: of one value, hour and class of weights."""

    def __init__(self, alike: Alike, slices: Slices = WHOLE) -> None:
        self.slices = slices
        self.order = None if slices is WHOLE else np.flatnonzero(slices.codes >= 0)
        """The place of each row; None where they stand as they came."""
        values = np.zeros(alike.hours.size, np.int8) if slices is WHOLE else slices.codes
        keys = [self.turned(each) for each in (values, alike.hours, alike.classes)]
        if (places := _sorted(keys)) is not None:
            self.order = places if self.order is None else self.order[places]
        values, hours, classes = (self.turned(each) for each in (values, alike.hours, alike.classes))
        self.stamps: Integers = self.turned(alike.stamps)
        self.weights: Floats | None = None if (alike.weights == 1).all() else self.turned(alike.weights)
        begins = _begins([values, hours])
        self.by_hour = Rows(Groups(begins, hours.size), values[begins], hours[begins], np.ones(begins.size, np.float32))
        begins = _begins([values, hours, classes])
        told = alike.told[classes[begins]]
        self.by_class = Rows(Groups(begins, hours.size), values[begins], hours[begins], told)

    def turned(self, cells: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Cells whose last axis is the rows as they came, in this order."""
        return cells if self.order is None else np.take(cells, self.order, axis=-1)


def _sorted(keys: Sequence[npt.NDArray[Any]]) -> Integers | None:
    """The order of rows by these integers, the first of them first; None where all are alike."""
    told = [key for key in keys if (key != key[0]).any()]
    if not told:
        return None
    if len(told) == 1 and told[0].min() >= 0 and told[0].max() < 1 << 16:
        return told[0].astype(np.uint16).argsort(kind="stable")  # of so narrow ones, without comparing any
    return np.lexsort(told[::-1])


def _begins(keys: Sequence[npt.NDArray[Any]]) -> Integers:
    """Where another group begins, in rows that are in order."""
    fresh = np.zeros(keys[0].size, np.bool_)
    fresh[0] = True
    for key in keys:
        fresh[1:] |= key[1:] != key[:-1]
    return np.flatnonzero(fresh)


def _weight_classes(weights: Floats) -> tuple[Integers, npt.NDArray[np.float32]]:
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


def _flags(absent: Missing, names: Sequence[str], rows: int) -> Flags:
    flags = np.zeros((len(names), rows), np.bool_)
    if absent.present is not None:
        flags[[names.index(name) for name in absent.names]] = absent.present
    return flags
