"""The KLL quantile sketch as Apache DataSketches writes it: items, each of which stands for a power of two of values.

Layout (all numbers little-endian): https://github.com/apache/datasketches-java, `KllPreambleUtil`; of doubles, compact.
Sketch: Karnin, Lang, Liberty, "Optimal Quantile Approximation in Streams", FOCS 2016.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

import numpy as np

from modelspan_analyzer.reading.profiles.profile import Floats

_FAMILY: Final = 15
_EMPTY, _SINGLE = 1, 4
_DOUBLE: Final = 8
_MOST_LEVELS: Final = 60


class SketchError(ValueError):
    """Bytes that are no such sketch, or one of another version."""


@dataclass(frozen=True, slots=True)
class Kll:
    """A distribution as weighted items."""

    n: int
    values: Floats
    """Ascending, shape (k,)."""
    weights: Floats
    """How many values each stands for, shape (k,); they sum to `n`."""
    minimum: float
    """Exact; NaN of nothing, as is `maximum`."""
    maximum: float
    rank_error: float
    """Of its distribution function, at 99 % confidence; 0 where every value is there."""


NOTHING: Final = Kll(0, np.empty(0), np.empty(0), float("nan"), float("nan"), 0.0)


def read_kll(data: bytes) -> Kll:
    """The sketch.

    Raises:
        SketchError: the bytes are none.
    """
    try:
        return _read(data)
    except (struct.error, ValueError) as error:
        raise SketchError(f"no KLL sketch of doubles: {error}") from error


def _read(data: bytes) -> Kll:
    words, family, flags, k = struct.unpack_from("<BxBBH", data)
    if family != _FAMILY:
        raise SketchError(f"its family is {family}, not {_FAMILY}")
    if flags & _EMPTY:
        return NOTHING
    if flags & _SINGLE:
        (value,) = struct.unpack_from("<d", data, 8)
        return Kll(1, np.array([value]), np.ones(1), value, value, 0.0)
    n, least_k, levels = struct.unpack_from("<QHB", data, 8)
    if not 0 < levels <= _MOST_LEVELS:
        raise SketchError(f"it has {levels} levels")
    at = 4 * words  # 24 of older releases, whose doubles are aligned, and 20 of newer ones
    starts = np.frombuffer(data, "<u4", levels, at).astype(np.int64)
    at += 4 * levels
    minimum, maximum = struct.unpack_from("<dd", data, at)
    items = np.frombuffer(data, "<f8", offset=at + 2 * _DOUBLE)
    sizes = np.diff(np.append(starts, starts[0] + items.size))
    if (sizes < 0).any():
        raise SketchError("its levels overlap")
    weights = np.repeat(2.0 ** np.arange(levels), sizes)
    if weights.sum() != n:
        raise SketchError(f"its items stand for {weights.sum():.0f} values, and it is of {n}")
    order = np.argsort(items, kind="stable")
    error = 0.0 if levels == 1 else _rank_error(least_k or k)
    return Kll(n, items[order].astype(np.float64), weights[order], minimum, maximum, error)


def _rank_error(k: int) -> float:
    """Of a rank, at 99 % confidence: what DataSketches has fitted to its implementation (`getNormalizedRankError`)."""
    return float(2.296 / k**0.9723)


def joined(parts: list[Kll]) -> Kll:
    """Sketches of several stretches as one: items are put together, which adds no error."""
    some = [part for part in parts if part.n]
    if len(some) < 2:
        return some[0] if some else NOTHING
    values, weights = (np.concatenate([getattr(part, name) for part in some]) for name in ("values", "weights"))
    order = np.argsort(values, kind="stable")
    return Kll(
        sum(part.n for part in some),
        values[order],
        weights[order],
        min(part.minimum for part in some),
        max(part.maximum for part in some),
        max(part.rank_error for part in some),
    )
