"""The counterfactual flip test in the monitor: a bounded sample of a window's rows, its features as numbers.

Fixed bounds judge it; a sample is too small to tell a change from the baseline well.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from modelspan_analyzer.config.outcome_settings import FairnessSettings
from modelspan_analyzer.reading.outcomes.groups import FACETS, facet_codes, facet_parameters
from modelspan_analyzer.reading.outcomes.target import BINARY, Target
from modelspan_analyzer.reading.rows import Rows
from modelspan_analyzer.reading.samples.matrix import MAX_CATEGORIES
from modelspan_analyzer.reading.segments import spelt_group
from modelspan_analyzer.statistics.fairness.flip_test import flips
from modelspan_analyzer.statistics.performance.counts import Estimate, FloatArray
from modelspan_analyzer.statistics.performance.intervals import normal
from modelspan_collector.store.connect import Store

_SAMPLE = """
SELECT ifNull(value, nan) AS value, label, {facets}, CAST(numeric_features, 'Map(String, Float64)') AS numeric,
       CAST(categorical_features, 'Map(String, String)') AS categorical
FROM ({rows}) WHERE cityHash64(prediction_id, 1) % {{keep:UInt64}} = 0
ORDER BY cityHash64(prediction_id), prediction_id LIMIT {{limit:UInt64}}
"""


@dataclass(frozen=True, slots=True)
class Flipped:
    """The flip test of one group against the others."""

    group: str
    """As results spell it."""
    rows: int
    """Members of the group in the sample."""
    estimate: Estimate | None
    """None where the group, or the others, have too few rows in the sample."""


@dataclass(frozen=True, slots=True)
class FlipSample:
    """Rows whose nearest neighbours are looked for."""

    numbers: Mapping[str, FloatArray]
    """The numeric features, NaN where missing."""
    texts: Mapping[str, npt.NDArray[np.int64]]
    """The categorical features as codes, −1 where missing."""
    favourable: npt.NDArray[np.bool_]
    facets: Mapping[str, npt.NDArray[np.object_]]
    """The value of each facet in each row; '' where it is missing."""


def draw(
    store: Store, rows: Rows, count: int, target: Target, favourable: str, threshold: float, settings: FairnessSettings
) -> FlipSample:
    """At most `settings.flip_rows` of `count` rows, the same ones on every call."""
    names = list(dict.fromkeys([*settings.facets, *(name for crossed in settings.intersections for name in crossed)]))
    bounds = {"keep": max(1, count // (2 * settings.flip_rows)), "limit": settings.flip_rows}
    given = {**rows.parameters, **bounds, **facet_parameters(names, settings.cuts)}
    table = store.arrow(_SAMPLE.format(facets=FACETS, rows=rows.sql), given)
    label, value = (table[name].to_numpy(zero_copy_only=False) for name in ("label", "value"))
    inverted = target.task == BINARY and favourable != target.positive
    chosen = np.where(label != "", label == favourable, (value.astype(float) >= threshold) != inverted)
    levels, codes = facet_codes(table["facets"], names, settings.cuts)
    facets = {name: np.array([*levels[at], ""], object)[codes[:, at]] for at, name in enumerate(names)}
    numbers, texts = (_columns(table["numeric"], np.nan), _columns(table["categorical"], -1.0))
    return FlipSample(numbers, {name: column.astype(np.int64) for name, column in texts.items()}, chosen, facets)


def _columns(maps: pa.ChunkedArray, missing: float) -> dict[str, FloatArray]:
    """One column a key of the maps; texts become codes."""
    entries = maps.combine_chunks()
    keys, values = entries.keys.dictionary_encode(), entries.items
    if not pa.types.is_floating(values.type):
        values = values.dictionary_encode().indices
    found = np.full((len(entries), len(keys.dictionary)), missing)
    lengths = np.diff(entries.offsets.to_numpy())
    found[np.repeat(np.arange(len(entries)), lengths), keys.indices.to_numpy()] = values.to_numpy(zero_copy_only=False)
    return dict(zip(keys.dictionary.to_pylist(), found.T, strict=True))


def flip_tests(taken: FlipSample, facets: tuple[str, ...], min_group: int) -> Iterator[Flipped]:
    """The test of every group of a facet, or of the crossing of several; rows without a facet are left out."""
    crossed = list(zip(*(taken.facets[facet] for facet in facets), strict=True))
    named = np.array([all(one) for one in crossed], bool)
    group = np.array([spelt_group(facets, one) for one in crossed], str)[named]
    features = _numbers(taken, named, facets)
    for name in np.unique(group).tolist():
        member = group == name
        rows = int(member.sum())
        enough = features.shape[1] > 0 and min(rows, member.size - rows) >= min_group
        found = flips(features, taken.favourable[named], member) if enough else np.zeros(0)
        estimate = normal(float(found.mean()), float(found.std()) / math.sqrt(found.size)) if found.size else None
        yield Flipped(name, rows, estimate)


def _numbers(taken: FlipSample, rows: npt.NDArray[np.bool_], facets: tuple[str, ...]) -> FloatArray:
    """Columns without the facets: numbers with the median for missing ones, categories as one column a level."""
    columns: list[FloatArray] = []
    for name, numbers in taken.numbers.items():
        known = np.isfinite(numbers[rows])
        if name not in facets and known.any():
            columns.append(np.where(known, numbers[rows], np.median(numbers[rows][known])))
    for name, codes in taken.texts.items():
        levels, counts = np.unique(codes[rows][codes[rows] >= 0], return_counts=True)
        if name not in facets:
            common = levels[np.argsort(-counts, kind="stable")[:MAX_CATEGORIES]]
            columns += [(codes[rows] == level).astype(np.float64) for level in common]
    return np.column_stack(columns) if columns else np.zeros((int(rows.sum()), 0))
