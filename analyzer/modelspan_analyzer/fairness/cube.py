"""One scan that counts rows by facets, stratum, truth, prediction and score: all of fairness needs no more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from modelspan_analyzer.fairness.groups import GroupCounts
from modelspan_analyzer.performance.calibration import BINS
from modelspan_analyzer.performance.counts import FloatArray, ratios
from modelspan_analyzer.performance.rows import Rows
from modelspan_collector.store.connect import Store

MAX_CELLS: Final = 200_000
"""A facet with a value for nearly every row is no group; the scan stops here and says so."""

_TEXT = (
    "multiIf(mapContains(tags, name), tags[name], mapContains(categorical_features, name), categorical_features[name],"
    " mapContains(numeric_features, name), toString(numeric_features[name]), '')"
)
_FACETS = f"""
    arrayMap((name, cuts) -> if(empty(cuts), {_TEXT},
                 if(mapContains(numeric_features, name),
                    toString(arrayCount(border -> numeric_features[name] >= border, cuts)), '')),
             {{names:Array(String)}}, {{cuts:Array(Array(Float64))}}) AS facets
"""
_CUBE = """
SELECT facets, truth_code, predicted, bin, weight, count() AS n, sum(score) AS score_sum
FROM (
    SELECT {facets},
           multiIf(truth = '', 2, truth = {{favourable:String}}, 1, 0) AS truth_code,
           if(label != '', label = {{favourable:String}},
              (ifNull(value, 0) >= {{threshold:Float64}}) != {{inverted:Bool}}) AS predicted,
           multiIf(mapContains(scores, {{favourable:String}}), scores[{{favourable:String}}], isNull(value), -1,
                   {{inverted:Bool}}, 1 - assumeNotNull(value), assumeNotNull(value)) AS score,
           if(score >= 0 AND score <= 1, least(toUInt16(score * {{bins:UInt16}}), {{bins:UInt16}} - 1), 65535) AS bin,
           weight
    FROM ({rows})
)
GROUP BY facets, truth_code, predicted, bin, weight ORDER BY ALL LIMIT {{limit:UInt64}}
"""


@dataclass(frozen=True, slots=True)
class Cube:
    """The counted cells: arrays of one length, a cell each."""

    facets: tuple[str, ...]
    values: npt.NDArray[np.str_]
    """`(cells, facets)`."""
    truth: npt.NDArray[np.int64]
    """0, 1, or 2 where it is not known."""
    predicted: npt.NDArray[np.int64]
    bin: npt.NDArray[np.int64]
    """Which of the equal bins of the score; 65535 where there is no score from 0 to 1."""
    weight: FloatArray
    score_sum: FloatArray
    effective: float
    """Effective rows per unit of weight."""

    def groups(self, facets: Sequence[str], condition_on: str = "") -> GroupCounts:
        """Counts of the groups of one facet, or of the crossing of several, split by an attribute if one is given.

        Rows in which a facet is missing belong to no group and are left out.
        """
        names, known, group = self.split(facets)
        strata = self.values[known, self.facets.index(condition_on)] if condition_on else np.zeros(known.sum(), str)
        levels, stratum = np.unique(strata, return_inverse=True)
        cells = np.zeros((len(names), levels.size, 3, 2))
        np.add.at(cells, (group, stratum, self.truth[known], self.predicted[known]), self.weight[known])
        return GroupCounts(" × ".join(facets), names, cells[:, :, :2], cells.sum(axis=2), self.effective)

    def split(self, facets: Sequence[str]) -> tuple[tuple[str, ...], npt.NDArray[np.bool_], npt.NDArray[np.int64]]:
        """Names of the groups, which cells have one, and the group of those cells."""
        columns = [self.facets.index(facet) for facet in facets]
        known = (self.values[:, columns] != "").all(axis=1)
        names, group = _combine(self.values[known][:, columns])
        return names, known, group

    def calibration(self, facets: Sequence[str]) -> tuple[tuple[str, ...], FloatArray]:
        """The expected calibration error within each group, from ten bins of the score and the labelled rows."""
        columns = [self.facets.index(facet) for facet in facets]
        usable = (self.values[:, columns] != "").all(axis=1) & (self.truth < 2) & (self.bin < BINS)
        names, group = _combine(self.values[usable][:, columns])
        observed, expected, rows = (np.zeros((len(names), BINS)) for _ in range(3))
        place = (group, self.bin[usable])
        np.add.at(observed, place, self.weight[usable] * self.truth[usable])
        np.add.at(expected, place, self.score_sum[usable])
        np.add.at(rows, place, self.weight[usable])
        return names, np.round(ratios(np.abs(observed - expected).sum(axis=1), rows.sum(axis=1)), 12)


def _combine(values: npt.NDArray[np.str_]) -> tuple[tuple[str, ...], npt.NDArray[np.int64]]:
    rows = [" × ".join(row) for row in values.tolist()]
    names, group = np.unique(np.array(rows, str), return_inverse=True)
    return tuple(names.tolist()), group.astype(np.int64)


def count_cube(
    store: Store,
    rows: Rows,
    facets: Sequence[str],
    favourable: str,
    *,
    cuts: Mapping[str, Sequence[float]] | None = None,
    threshold: float = 0.5,
    inverted: bool = False,
    bins: int = BINS,
) -> Cube:
    """Count labelled predictions by every facet at once.

    Args:
        store: the store.
        rows: the predictions.
        facets: tags, categorical features or numeric features, in that order of precedence.
        favourable: the class that people want.
        cuts: ascending borders for numeric facets, which become groups such as `25 to 40`.
        threshold: score from which a row without a predicted class counts as the positive class.
        inverted: the favourable class is not the positive one, which a value without its class speaks of.
        bins: equal parts of the score's range.

    Raises:
        ValueError: the facets have too many different values to be groups.
    """
    borders = _borders(facets, cuts)
    names = {"names": list(facets), "cuts": borders, "favourable": favourable}
    limit = MAX_CELLS * max(1, bins // 100)
    sizes = {"threshold": threshold, "inverted": inverted, "bins": bins, "limit": limit}
    table = store.arrow(_CUBE.format(facets=_FACETS, rows=rows.sql), {**rows.parameters, **names, **sizes})
    if table.num_rows >= limit:
        raise ValueError(
            f"{', '.join(facets)} have too many different values together; give `cuts` for numeric facets, or fewer"
        )
    values = _facet_values(table, borders)
    n, weight = table["n"].to_numpy().astype(float), table["weight"].to_numpy()
    total, squares = float((n * weight).sum()), float((n * weight**2).sum())
    truth, predicted, place = (table[name].to_numpy().astype(np.int64) for name in ("truth_code", "predicted", "bin"))
    scored = table["score_sum"].to_numpy() * weight
    return Cube(tuple(facets), values, truth, predicted, place, n * weight, scored, total / squares if squares else 0.0)


def groups_of(store: Store, rows: Rows, facets: Sequence[str], cuts: Mapping[str, Sequence[float]]) -> dict[str, str]:
    """The group of each of a few rows by its prediction id; '' where a facet is missing."""
    borders = _borders(facets, cuts)
    sql = f"SELECT prediction_id, {_FACETS} FROM ({rows.sql})"
    table = store.arrow(sql, {**rows.parameters, "names": list(facets), "cuts": borders})
    values = _facet_values(table, borders).tolist()
    named = [" × ".join(row) if all(row) else "" for row in values]
    return dict(zip(table["prediction_id"].to_pylist(), named, strict=True))


def _borders(facets: Sequence[str], cuts: Mapping[str, Sequence[float]] | None) -> list[list[float]]:
    return [[float(cut) for cut in (cuts or {}).get(facet, ())] for facet in facets]


def _facet_values(table: pa.Table, borders: Sequence[Sequence[float]]) -> npt.NDArray[np.str_]:
    """`(rows, facets)`."""
    flat = table["facets"].combine_chunks().flatten().to_numpy(zero_copy_only=False).astype(str)
    values: npt.NDArray[np.str_] = flat.reshape(table.num_rows, len(borders))
    for column, border in enumerate(borders):
        if border:
            values = _name_intervals(values, column, border)
    return values


def _name_intervals(values: npt.NDArray[np.str_], column: int, borders: Sequence[float]) -> npt.NDArray[np.str_]:
    between = [f"{low:g} to {high:g}" for low, high in pairwise(borders)]
    names = [f"below {borders[0]:g}", *between, f"{borders[-1]:g} and up"]
    parts = values.astype(object)
    parts[:, column] = [names[int(place)] if place else "" for place in values[:, column]]
    return parts.astype(str)
