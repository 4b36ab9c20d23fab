"""Adaptive windowing: a change of the mean at an unknown moment, with a bound on false alarms."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from modelspan_analyzer.statistics.counts import Floats


def adwin(
    values: Sequence[float],
    rows: Sequence[float] | None = None,
    *,
    delta: float = 0.002,
    minimum_rows: float = 5.0,
) -> list[int]:
    """Positions at which the mean of a series was found to have changed (Bifet and Gavaldà 2007, ADWIN).

    `values`: means of windows, in a range of about one unit (rates are); `rows`: rows behind each (1 when left out, for
    values that are no means of rows). The series since the last change is cut everywhere; the older part is dropped
    while two parts differ by more than sqrt(2/m · v · ln(2/d)) + 2/(3m) · ln(2/d), m the harmonic size of the parts,
    v the variance over all (at least that of a rate where windows hold many rows), d = `delta` / ln(rows).
    Every cut is looked at, where streaming versions keep exponential buckets.

    >>> adwin([0.0] * 50 + [1.0] * 50)[0] >= 50
    True
    """
    means = np.asarray(values, dtype=np.float64)
    sizes = np.ones_like(means) if rows is None else np.asarray(rows, dtype=np.float64)
    changes: list[int] = []
    start = 0
    for end in range(1, means.size + 1):
        changed = False
        while end - start > 1:
            parted = _parted(means[start:end], sizes[start:end], delta, minimum_rows)
            if not parted.any():
                break
            # Drop the older part up to the last cut that parts the series: what is left has one mean.
            start += int(np.flatnonzero(parted)[-1]) + 1
            changed = True
        if changed:
            changes.append(end - 1)
    return changes


def _parted(means: Floats, sizes: Floats, delta: float, minimum_rows: float) -> NDArray[np.bool_]:
    """At which cuts, after each value but the last, the two parts differ; shape (k - 1,)."""
    total = sizes.sum()
    if total <= np.e:
        return np.zeros(means.size - 1, dtype=np.bool_)
    before, sums = np.cumsum(sizes)[:-1], np.cumsum(means * sizes)
    after = total - before
    difference = np.abs(sums[:-1] / before - (sums[-1] - sums[:-1]) / after)
    mean = sums[-1] / total
    variance = float(np.sum(sizes * (means - mean) ** 2) / total)
    if sizes.max() > 1:  # a mean of rows hides their own spread; that of a rate is the most that a mean in 0 to 1 has
        variance = max(variance, float(mean * (1.0 - mean)))
    harmonic = 1.0 / (1.0 / before + 1.0 / after)
    logarithm = np.log(2.0 * np.log(total) / delta)
    bound = np.sqrt(2.0 / harmonic * variance * logarithm) + 2.0 / (3.0 * harmonic) * logarithm
    return np.asarray((difference > bound) & (np.minimum(before, after) >= minimum_rows))
