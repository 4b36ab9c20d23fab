"""The counterfactual flip test in the monitor: a bounded sample of a window's rows, its features as numbers.

Fixed bounds judge it; a sample is too small to tell a change from the baseline well.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from modelspan_analyzer.config.outcome_settings import FairnessSettings
from modelspan_analyzer.fairness.cube import groups_of
from modelspan_analyzer.fairness.flip_test import flips
from modelspan_analyzer.performance.counts import Estimate, FloatArray
from modelspan_analyzer.performance.intervals import normal
from modelspan_analyzer.performance.matrix import Encoding, find_encoding, sample
from modelspan_analyzer.performance.rows import Rows
from modelspan_analyzer.performance.target import BINARY, Target
from modelspan_collector.store.connect import Store


@dataclass(frozen=True, slots=True)
class Flipped:
    """The flip test of one group against the others."""

    group: str
    rows: int
    """Members of the group in the sample."""
    estimate: Estimate | None
    """None where the group, or the others, have too few rows in the sample."""


@dataclass(frozen=True, slots=True)
class FlipSample:
    """Rows whose nearest neighbours are looked for."""

    encoding: Encoding
    features: FloatArray
    favourable: npt.NDArray[np.bool_]
    facets: Mapping[str, npt.NDArray[np.object_]]
    """The value of each facet in each row; '' where it is missing."""


def draw(
    store: Store, rows: Rows, count: int, target: Target, favourable: str, threshold: float, settings: FairnessSettings
) -> FlipSample:
    """At most `settings.flip_rows` of `count` rows, the same ones on every call."""
    keep = max(1, count // (2 * settings.flip_rows))
    thinned = f"SELECT * FROM ({rows.sql}) WHERE cityHash64(prediction_id, 1) % {{flip_keep:UInt64}} = 0"
    few = Rows(thinned, {**rows.parameters, "flip_keep": keep})
    encoding = find_encoding(store, few)
    drawn = sample(store, few, encoding, settings.flip_rows)
    names = list(dict.fromkeys([*settings.facets, *(name for crossed in settings.intersections for name in crossed)]))
    known = groups_of(store, few, names, settings.cuts)
    missing = ("",) * len(names)
    values = np.array([known.get(one, missing) for one in drawn.ids], object).reshape(len(drawn.ids), len(names))
    inverted = target.task == BINARY and favourable != target.positive
    by_value = (drawn.value >= threshold) != inverted
    chosen = np.where(drawn.label != "", drawn.label == favourable, by_value)
    return FlipSample(encoding, drawn.features, chosen, dict(zip(names, values.T, strict=True)))


def flip_tests(taken: FlipSample, facets: tuple[str, ...], min_group: int) -> Iterator[Flipped]:
    """The test of every group of a facet, or of the crossing of several; rows without a facet are left out."""
    crossed = list(zip(*(taken.facets[facet] for facet in facets), strict=True))
    named = np.array([all(one) for one in crossed], bool)
    group = np.array([" × ".join(one) for one in crossed], str)[named]
    features = _numbers(taken.features[named], taken.encoding, facets)
    for name in np.unique(group).tolist():
        member = group == name
        rows = int(member.sum())
        enough = features.shape[1] > 0 and min(rows, member.size - rows) >= min_group
        found = flips(features, taken.favourable[named], member) if enough else np.zeros(0)
        estimate = normal(float(found.mean()), float(found.std()) / math.sqrt(found.size)) if found.size else None
        yield Flipped(name, rows, estimate)


def _numbers(features: FloatArray, encoding: Encoding, facets: tuple[str, ...]) -> FloatArray:
    """Columns without the facets: numbers with the median for missing ones, categories as one column a level."""
    columns: list[FloatArray] = []
    for at, name in enumerate(encoding.names):
        column = features[:, at]
        known = np.isfinite(column)
        if name in facets or not known.any():
            continue
        if encoding.is_categorical[at]:
            columns += [(column == level).astype(np.float64) for level in np.unique(column[known])]
        else:
            columns.append(np.where(known, column, np.median(column[known])))
    return np.column_stack(columns) if columns else np.zeros((len(features), 0))
