"""What answers and labels some rows hold, as far as it tells what a model predicts."""

from __future__ import annotations

from typing import NamedTuple

from modelspan_analyzer.reading.cache import kept
from modelspan_analyzer.reading.outcomes import confidence
from modelspan_analyzer.reading.rows import Rows
from modelspan_collector.store.connect import Store

_SEEN = """
SELECT arraySort(groupUniqArray(101)(label)) AS predicted, arraySort(groupUniqArray(101)(truth)) AS truths,
       arraySort(groupUniqArrayArray(101)(mapKeys(scores))) AS scored, min(value) AS lowest, max(value) AS highest,
       countIf(label = '' AND notEmpty(scores)) AS scored_alone, countIf(label = '' AND isNotNull(value)) AS numbers,
       {ranges}, groupUniqArray(1000)(tags['tenant']) AS tenants,
       count() AS n, countIf(truth != '') AS labelled, countIf(notEmpty(attributions)) AS attributed,
       toString(max(labelled_at)) AS labels_until, groupUniqArray(8)(shape) AS shapes,
       countIf(isNotNull(value) AND value != round(value)) = 0 AS whole,
       countIf(isNotNull(value) AND abs(value) != 1) = 0 AND ifNull(min(value), 0) = -1 AS signs
FROM ({rows})
"""


class Seen(NamedTuple):
    """The answers and truths of some rows, at most 101 different ones of each."""

    predicted: frozenset[str]
    """Predicted classes, and those that scores are of."""
    truths: frozenset[str]
    bounded: bool
    """No value lies outside 0 to 1."""
    scored_alone: bool
    """Some answers are scores of classes and name none."""
    numbers: bool
    """Some answers are numbers and name no class."""
    tenants: frozenset[str]
    """Whose rows they are, of those that name a tenant."""
    of_values: confidence.Classes | None
    """Of which of two classes values are the scores; None where nothing tells."""
    rows: int
    labelled: int
    """Of how many the truth is known."""
    attributed: int
    """How many came with attributions."""
    labels_until: str
    """When the newest of the labels came."""
    shapes: frozenset[str] = frozenset()
    """Of answers that are more than one number or class."""
    whole: bool = False
    """All numbers that were answered are whole."""
    signs: bool = False
    """All are -1 or 1, and some are -1."""


def look(store: Store, rows: Rows) -> Seen:
    """What answers and truths some rows hold, in one scan."""
    seen = store.rows(_SEEN.format(rows=rows.sql, ranges=confidence.RANGES), rows.parameters)[0]
    n, labelled, attributed = (int(seen[name]) for name in ("n", "labelled", "attributed"))
    return Seen(
        frozenset(name for name in [*seen["predicted"], *seen["scored"]] if name),
        frozenset(name for name in seen["truths"] if name),
        seen["lowest"] is None or (seen["lowest"] >= 0 and seen["highest"] <= 1),
        bool(seen["scored_alone"]),
        bool(seen["numbers"]),
        frozenset(name for name in seen["tenants"] if name),
        confidence.classes_of_values(seen),
        n,
        labelled,
        attributed,
        str(seen["labels_until"]),
        frozenset(name for name in seen["shapes"] if name),
        bool(seen["whole"]),
        bool(seen["signs"]),
    )


kept_look = kept(64)(look)
"""The same of rows that never change, labels included."""
