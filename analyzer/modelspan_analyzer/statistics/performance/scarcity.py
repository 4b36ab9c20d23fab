"""Whether there are enough rows of each kind for an interval to hold what it promises."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

LEAST: Final = 10
"""Rows of a class, or answered as one, from which on intervals about it hold (`docs/statistics.md` has the shares)."""


def scarce(kinds: Mapping[str, float], rows: float) -> str:
    """Which kind of rows is too few, and how many rows it takes at this share of them; '' where all are enough.

    Args:
        kinds: effective rows by the kind's name in the plural.
        rows: all effective rows.

    >>> scarce({"positives": 4.0, "negatives": 396.0}, 400.0)
    'too few positives: 4, and 10 are needed, which takes about 1,000 rows'
    """
    name, count = min(kinds.items(), key=lambda kind: kind[1], default=("", float(LEAST)))
    if round(count, 6) >= LEAST:
        return ""
    takes = f", which takes about {math.ceil(LEAST * rows / count):,} rows" if count >= 1 else ""
    return f"too few {name}: {count:.3g}, and {LEAST} are needed{takes}"
