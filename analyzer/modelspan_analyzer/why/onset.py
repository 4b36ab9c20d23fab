"""When a finding began: the stretch of time whose rate stands out most."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
MINIMUM_GAIN = 12.0
"""Log-likelihood gain below which a rate counts as steady (about p = 1e-4 after the search over all stretches)."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Buckets `first <= i < last` in which the rate is higher than elsewhere."""

    first: int
    last: int
    gain: float


def scan(flagged: Floats, total: Floats) -> Stretch | None:
    """The interval of buckets with the highest likelihood ratio, or None where the rate is steady.

    Kulldorff's one-dimensional scan statistic (Commun. Stat. 26, 1997) in its Bernoulli form; weights may be fractions.

    Args:
        flagged: flagged predictions a bucket, shape (k,).
        total: all predictions a bucket, shape (k,).
    """
    k = len(total)
    hits, rows = np.concatenate(([0.0], np.cumsum(flagged))), np.concatenate(([0.0], np.cumsum(total)))
    if k < 4 or hits[-1] <= 0 or hits[-1] >= rows[-1]:
        return None
    inside_hits = hits[None, :] - hits[:, None]
    inside_rows = rows[None, :] - rows[:, None]
    outside_hits, outside_rows = hits[-1] - inside_hits, rows[-1] - inside_rows
    gain = (
        _likelihood(inside_hits, inside_rows)
        + _likelihood(outside_hits, outside_rows)
        - _likelihood(hits[-1], rows[-1])
    )
    higher = inside_hits * np.maximum(outside_rows, 1e-12) > outside_hits * np.maximum(inside_rows, 1e-12)
    gain = np.where(np.triu(higher, 1) & (outside_rows > 0) & (inside_rows > 0), gain, 0.0)
    first, last = np.unravel_index(int(np.argmax(gain)), gain.shape)
    best = float(gain[first, last])
    if best < MINIMUM_GAIN:
        return None
    seen = first + np.flatnonzero(total[first:last])  # a pause beside the stretch is not part of it
    return Stretch(int(seen[0]), int(seen[-1]) + 1, best)


def _likelihood(hits: Floats | float, rows: Floats | float) -> Floats:
    """Bernoulli log-likelihood at its own rate."""
    hits, rows = np.asarray(hits, float), np.asarray(rows, float)
    rate = np.clip(
        np.divide(hits, rows, out=np.full(np.broadcast(hits, rows).shape, 0.5), where=rows > 0), 1e-12, 1 - 1e-12
    )
    return np.asarray(hits * np.log(rate) + (rows - hits) * np.log1p(-rate))
