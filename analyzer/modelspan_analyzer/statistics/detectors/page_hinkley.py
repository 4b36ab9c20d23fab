"""Page-Hinkley test for a change of the mean."""

from __future__ import annotations

from collections.abc import Sequence


def page_hinkley(
    values: Sequence[float],
    *,
    delta: float = 0.005,
    threshold: float = 50.0,
    minimum: int = 30,
    forgetting: float = 0.9999,
) -> list[int]:
    """Positions at which the mean of a series has risen or fallen (Page 1954; Mouss et al. 2004).

    Sums each value's deviation from the mean so far, less (for a rise) or plus (for a fall) the tolerated `delta`; a
    change is found when the sum is more than `threshold` from its extreme. `forgetting` fades old deviations, `minimum`
    values are awaited first; after a change all starts anew. `delta` and `threshold` are in the unit of the values.

    >>> page_hinkley([0.0] * 40 + [10.0] * 10)
    [45]
    """
    changes: list[int] = []
    start = 0
    mean = risen = fallen = 0.0
    lowest, highest = float("inf"), -float("inf")
    for position, value in enumerate(values):
        seen = position - start + 1
        mean += (value - mean) / seen
        risen = forgetting * risen + value - mean - delta
        fallen = forgetting * fallen + value - mean + delta
        lowest, highest = min(lowest, risen), max(highest, fallen)
        if seen >= minimum and max(risen - lowest, highest - fallen) > threshold:
            changes.append(position)
            start = position + 1
            mean = risen = fallen = 0.0
            lowest, highest = float("inf"), -float("inf")
    return changes
