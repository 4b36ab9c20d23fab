"""Which rows of a window have inputs as the baseline has them: only of these do other outcomes tell of another concept.

A feature that is missing, scaled or stuck changes what the model says, and with it the residuals along every feature
that goes with that one. Rows in parts of a changed feature's range that hold far more of the window than of the
baseline are left out; where the others still differ from the baseline, nothing can be told (coarsened exact matching:
Iacus, King and Porro 2012).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from modelspan_analyzer.statistics.chi_squared import chi_squared_of_tables
from modelspan_analyzer.statistics.total_variation import total_variation_of_shares

Parts = npt.NDArray[np.int64]
LEAST: Final = 0.1
"""Total variation distance from which inputs are called changed: about that of a PSI of 0.1."""
_TIMES: Final = 2.0
"""A part that holds so many times the share that it has of the baseline is not the baseline's any more."""


class Matched(NamedTuple):
    """What of a window can be compared."""

    changed: tuple[int, ...]
    """Places of the features whose inputs changed, the most first; none where all rows can be compared."""
    now: npt.NDArray[np.bool_]
    """Rows of the window that are like the baseline's; none where what is left of them still is not."""
    base: npt.NDArray[np.bool_]
    """Rows of the baseline beside them."""


def matched(now: Sequence[Parts], base: Sequence[Parts], alpha: float) -> Matched:
    """Rows of both sides over which outcomes can be compared.

    Args:
        now: of each feature, the part of each row of the window (`gaps.parts_of`).
        base: the same of the baseline.
        alpha: largest p-value of a changed feature, over all features.

    Four in ten lose a value that the baseline always has: they are left out.

    >>> whole = np.tile(np.arange(1, 11), 100)
    >>> found = matched([np.where(np.arange(1000) // 10 % 5 < 2, 0, whole)], [whole], 0.001)
    >>> found.changed, int(found.now.sum()), int(found.base.sum())
    ((0,), 600, 1000)
    """
    pairs = list(zip(now, base, strict=True))
    every = np.ones(now[0].size if now else 0, bool), np.ones(base[0].size if base else 0, bool)
    changed = _changed(pairs, *every, alpha)
    kept = every
    for place in changed:
        shares = [np.bincount(side, minlength=_size(*pairs[place])) / max(side.size, 1) for side in pairs[place]]
        usual = shares[0] <= _TIMES * shares[1]
        kept = kept[0] & usual[pairs[place][0]], kept[1] & usual[pairs[place][1]]
    if changed and _changed(pairs, *kept, alpha):
        kept = np.zeros_like(kept[0]), np.zeros_like(kept[1])
    return Matched(changed, *kept)


def _changed(
    pairs: Sequence[tuple[Parts, Parts]], now: npt.NDArray[np.bool_], base: npt.NDArray[np.bool_], alpha: float
) -> tuple[int, ...]:
    """Places of features that lie differently in these rows of the two sides, the most different first."""
    if not (now.any() and base.any()):
        return ()
    found = {}
    for place, (one, other) in enumerate(pairs):
        size = _size(one, other)
        counts = np.stack([np.bincount(side, minlength=size) for side in (one[now], other[base])]).astype(np.float64)
        distance = float(total_variation_of_shares(*(counts / counts.sum(axis=1, keepdims=True))))
        if distance >= LEAST and chi_squared_of_tables(counts).single().p_value < alpha / len(pairs):
            found[place] = distance
    return tuple(sorted(found, key=lambda place: -found[place]))


def _size(one: Parts, other: Parts) -> int:
    return int(max(one.max(initial=0), other.max(initial=0))) + 1
