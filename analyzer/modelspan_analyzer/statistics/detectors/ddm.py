"""Drift detection method: a rise of the error rate."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple


class DdmChanges(NamedTuple):
    """Positions in the series at which the error rate gave a warning, and at which it had drifted."""

    warnings: list[int]
    drifts: list[int]


def ddm(
    errors: Sequence[float],
    rows: Sequence[float] | None = None,
    *,
    minimum_rows: int = 30,
    warning: float = 2.0,
    drift: float = 3.0,
) -> DdmChanges:
    """Positions at which the error rate has risen above its own lowest level (Gama et al. 2004).

    `errors`: wrong predictions in each window (0 or 1 where a window is one row), `rows`: predictions in each (1 when
    left out). With p the error rate since the last drift and s = sqrt(p·(1 - p)/n), the lowest p + s is kept; a warning
    is `warning`, a drift `drift` of its s above its p. A drift starts all anew. Only rises are found.

    >>> ddm([0.0, 1.0] * 20 + [1.0] * 20).drifts[0] >= 40
    True
    """
    found = DdmChanges([], [])
    wrong = total = 0.0
    lowest, lowest_rate, lowest_error = math.inf, 0.0, 0.0
    sizes = [1.0] * len(errors) if rows is None else rows
    for position, (new_wrong, new_rows) in enumerate(zip(errors, sizes, strict=True)):
        wrong, total = wrong + new_wrong, total + new_rows
        if total <= minimum_rows:
            continue
        rate = wrong / total
        error = math.sqrt(rate * (1.0 - rate) / total)
        if rate + error <= lowest:
            lowest, lowest_rate, lowest_error = rate + error, rate, error
        if rate + error > lowest_rate + drift * lowest_error:
            found.drifts.append(position)
            wrong = total = 0.0
            lowest = math.inf
        elif rate + error > lowest_rate + warning * lowest_error:
            found.warnings.append(position)
    return found
