"""Keeps sketches small: every insert adds its own points to an hour's and a day's, and nothing else takes any away."""

from __future__ import annotations

from datetime import datetime, timedelta

from modelspan_collector.store import schema
from modelspan_collector.store.connect import Store

TABLES = ("feature_profiles", "feature_profile_days")
QUIET = timedelta(minutes=10)
"""A sketch that nothing was added to for so long is thinned for good ..."""
KEPT = 400
"""... to so many points: within 1/800 in rank."""
TOO_MANY, KEPT_MEANWHILE = 10_000, 4_000
"""One that still grows is thinned less, as that may happen many times: within 1/8000 each time."""
WORTH = 0.1
"""Share of all points that large sketches have to hold, as the store writes whole parts anew."""

_FULL = "length(points) > {kept:UInt64} AND updated < {quiet:DateTime('UTC')} OR length(points) > {too_many:UInt64}"
_HELD = f"""
SELECT '/*table*/feature_profiles/**/' AS name, countIf({_FULL}) AS full, sumIf(length(points), {_FULL}) AS large,
       sum(length(points)) AS held
FROM /*table*/feature_profiles/**/
"""

_WEIGHT = "arraySum(point -> point.2, points)"
_LEFT = "if(updated < {quiet:DateTime('UTC')}, {kept:UInt64}, {kept_meanwhile:UInt64})"
# The points in order: those stay that pass the middle of one of equal steps of weight, and weigh the steps passed.
_CONDENSE = f"""
ALTER TABLE /*table*/feature_profiles/**/ UPDATE points = arrayFilter(point -> point.2 > 0, arrayMap(
    (point, steps) -> (point.1, steps * {_WEIGHT} / {_LEFT}),
    arraySort(points),
    arrayPopFront(arrayDifference(arrayPushFront(
        arrayMap(passed -> floor(passed / {_WEIGHT} * {_LEFT} + 0.5),
                 arrayCumSum(point -> point.2, arraySort(points))), 0)))))
WHERE {_FULL} SETTINGS mutations_sync = 1
"""


def condense(store: Store, now: datetime) -> int:
    """Thin the sketches that many inserts made large; the columns beside the points stay as they are.

    Returns:
        How many were thinned.
    """
    sizes = {"kept": KEPT, "too_many": TOO_MANY, "kept_meanwhile": KEPT_MEANWHILE, "quiet": now - QUIET}
    held = " UNION ALL ".join(schema.fill(_HELD, {"table": name}) for name in TABLES)
    thinned = 0
    for found in store.rows(held, sizes):
        if found["large"] > WORTH * found["held"]:
            store.command(schema.fill(_CONDENSE, {"table": found["name"]}), sizes)
            thinned += int(found["full"])
    return thinned
