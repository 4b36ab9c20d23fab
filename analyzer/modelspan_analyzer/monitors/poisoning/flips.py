"""Labels that contradict confident predictions, read from the store with the classes' probabilities."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from modelspan_analyzer.reading.cache import kept_of_rows
from modelspan_analyzer.reading.outcomes.target import Target
from modelspan_analyzer.reading.rows import Rows
from modelspan_analyzer.statistics.counts import Floats
from modelspan_analyzer.statistics.label_flips import LabelFlips, confidence_thresholds, label_flips
from modelspan_collector.store.connect import Store

_LABELLED = """
SELECT prediction_id, toInt64(indexOf({{classes:Array(String)}}, truth)) - 1 AS label,
       arrayMap(class -> multiIf(mapContains(scores, class), scores[class],
                                 class = {{positive:String}}, ifNull(value, nan),
                                 class = {{negative:String}}, 1 - ifNull(value, nan), nan),
                {{classes:Array(String)}}) AS probabilities
FROM ({rows}) WHERE has({{classes:Array(String)}}, truth)
ORDER BY cityHash64(prediction_id), prediction_id LIMIT {{limit:UInt64}}
"""


@dataclass(frozen=True, slots=True)
class Labelled:
    """Rows whose label and probabilities are known, of one length."""

    ids: npt.NDArray[np.object_]
    labels: npt.NDArray[np.int64]
    probabilities: Floats
    """Shape (n, classes)."""


@kept_of_rows(64)
def read_labelled(store: Store, rows: Rows, target: Target, limit: int) -> Labelled:
    """At most `limit` labelled rows, chosen by hash of their id; rows without all probabilities are left out."""
    classes = {"classes": list(target.classes), "positive": target.positive, "negative": target.negative}
    table = store.arrow(_LABELLED.format(rows=rows.sql), {**rows.parameters, **classes, "limit": limit})
    flat = np.asarray(table["probabilities"].combine_chunks().flatten().to_numpy(zero_copy_only=False), np.float64)
    probabilities = flat.reshape(table.num_rows, len(target.classes))
    known = np.all((probabilities >= 0) & (probabilities <= 1), axis=1)
    ids = np.asarray(table["prediction_id"].to_numpy(zero_copy_only=False))
    return Labelled(ids[known], table["label"].to_numpy()[known], probabilities[known])


def find_flips(baseline: Labelled, current: Labelled, examples: int) -> tuple[LabelFlips, LabelFlips, list[str]]:
    """The baseline's contradictions and the window's, by the baseline's bars, and ids of the most confident ones."""
    bars = confidence_thresholds(baseline.labels, baseline.probabilities)
    before, now = (label_flips(side.labels, side.probabilities, bars) for side in (baseline, current))
    surpassing = np.where(current.probabilities >= bars, current.probabilities, -1.0)
    sure = surpassing.max(axis=1, initial=-1.0)
    contradicted = (sure >= 0) & (surpassing.argmax(axis=1) != current.labels)
    order = np.argsort(np.where(contradicted, -sure, np.inf), kind="stable")[: min(examples, int(contradicted.sum()))]
    return before, now, [str(one) for one in current.ids[order]]
