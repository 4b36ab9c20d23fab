"""One scan that counts rows by facets, stratum, truth, prediction and score: all of fairness needs no more."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from modelspan_analyzer.reading.cache import kept_of_rows
from modelspan_analyzer.reading.rows import Rows
from modelspan_analyzer.reading.segments import spelt_facets, spelt_group
from modelspan_analyzer.statistics.fairness.groups import GroupCounts
from modelspan_analyzer.statistics.performance.calibration import BINS
from modelspan_analyzer.statistics.performance.counts import FloatArray, ratios
from modelspan_collector.store.connect import Store
from modelspan_collector.store.segments import NO_GROUP, group_of, value_of

MAX_CELLS: Final = 200_000
"""A facet with a value for nearly every row is no group; the scan stops here and says so."""


def facet_of(name: str, rows: str = "") -> str:
    """SQL: the group of a row by a facet, a tag or a feature of that name; see `value_of`."""
    tag, feature = group_of(f"{rows}tags[{name}]"), value_of("feature.x", name, rows)
    return f"if(mapContains({rows}tags, {name}), {tag}, {feature})"


FACETS: Final = f"""
    arrayMap((name, cuts) -> if(empty(cuts), {facet_of("name")},
                 if(mapContains(numeric_features, name),
                    toString(arrayCount(border -> numeric_features[name] >= border, cuts)), '')),
             {{names:Array(String)}}, {{cuts:Array(Array(Float64))}}) AS facets
"""
_CUBE = """
SELECT any(facets) AS held, sipHash128(facets) AS group, truth_code, predicted, bin, weight, count() AS n,
       sum(if(bin = 65535, 0, toInt64(round(score * {{unit:UInt64}})))) AS units
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
GROUP BY group, truth_code, predicted, bin, weight ORDER BY group, truth_code, predicted, bin, weight
LIMIT {{limit:UInt64}}
"""
_UNIT: Final = 2**32
"""Scores are added up as whole numbers of this part of 1, so that sums do not depend on the order of rows."""


@dataclass(frozen=True, slots=True)
class Cube:
    """The counted cells: arrays of one length, a cell each."""

    facets: tuple[str, ...]
    levels: tuple[tuple[str, ...], ...]
    """The values of each facet."""
    codes: npt.NDArray[np.int64]
    """`(cells, facets)`: the place of the cell's value among the levels; −1 where no cell has the facet."""
    truth: npt.NDArray[np.int64]
    """0, 1, or 2 where it is not known."""
    predicted: npt.NDArray[np.int64]
    bin: npt.NDArray[np.int64]
    """Which of the equal bins of the score; 65535 where there is no score from 0 to 1."""
    weight: FloatArray
    score_sum: FloatArray
    effective: float
    """Effective rows per unit of weight."""
    bins: int
    """Equal bins of the score, a multiple of those of calibration."""

    def groups(self, facets: Sequence[str], condition_on: str = "") -> GroupCounts:
        """Counts of the groups of one facet, or of the crossing of several, split by an attribute if one is given.

        Rows in which a facet is missing are the group `NO_GROUP`; where it is missing in all, there is no group.
        """
        names, known, group = self.split(facets)
        strata = self.codes[known, self.facets.index(condition_on)] if condition_on else np.zeros(known.sum(), int)
        levels, stratum = np.unique(strata, return_inverse=True)
        shape = (len(names), levels.size, 3, 2)
        place = np.ravel_multi_index((group, stratum, self.truth[known], self.predicted[known]), shape)
        cells = np.bincount(place, self.weight[known], math.prod(shape)).astype(np.float64).reshape(shape)
        return GroupCounts(spelt_facets(facets), names, cells[:, :, :2], cells.sum(axis=2), self.effective)

    def split(self, facets: Sequence[str]) -> tuple[tuple[str, ...], npt.NDArray[np.bool_], npt.NDArray[np.int64]]:
        """The groups as results spell them, which cells have one, and the group of those cells."""
        return split_groups(self.facets, self.levels, self.codes, facets)

    def calibration(self, facets: Sequence[str]) -> tuple[tuple[str, ...], FloatArray]:
        """The expected calibration error within each group, from ten bins of the score and the labelled rows."""
        usable = self.only((self.truth < 2) & (self.bin < self.bins))
        names, known, group = usable.split(facets)
        place, weight = group * BINS + usable.bin[known] * BINS // self.bins, usable.weight[known]
        observed, expected, rows = (
            np.bincount(place, part, len(names) * BINS).astype(np.float64).reshape(-1, BINS)
            for part in (weight * usable.truth[known], usable.score_sum[known], weight)
        )
        return names, ratios(np.abs(observed - expected).sum(axis=1), rows.sum(axis=1))

    def only(self, cells: npt.NDArray[np.bool_ | np.int64]) -> Cube:
        """Some of the cells, by a mask or by their places."""
        columns = ("codes", "truth", "predicted", "bin", "weight", "score_sum")
        return replace(self, **{name: getattr(self, name)[cells] for name in columns})


def split_groups(
    known_facets: Sequence[str],
    levels: Sequence[Sequence[str]],
    codes: npt.NDArray[np.int64],
    facets: Sequence[str],
) -> tuple[tuple[str, ...], npt.NDArray[np.bool_], npt.NDArray[np.int64]]:
    """The groups of a facet, or of the crossing of several, as results spell them; which rows have one; and which.

    Args:
        known_facets: what the columns of the codes are of.
        levels: of each of them.
        codes: `(rows, facets)`, of `facet_codes`.
        facets: those that are wanted.
    """
    columns = [known_facets.index(facet) for facet in facets]
    sizes = tuple(max(1, len(levels[column])) for column in columns)
    known = np.asarray((codes[:, columns] >= 0).all(axis=1))
    crossed = np.ravel_multi_index(tuple(codes[known][:, columns].T), sizes)
    seen, group = np.unique(crossed, return_inverse=True)
    places = zip(*np.unravel_index(seen, sizes), strict=True)
    values = ([levels[column][at] for column, at in zip(columns, one, strict=True)] for one in places)
    names = tuple(spelt_group(facets, one) for one in values)
    return names, known, group.astype(np.int64)


@kept_of_rows(64)
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
        bins: equal parts of the score's range, a multiple of those of calibration.

    Raises:
        ValueError: the facets have too many different values to be groups.
    """
    names = {**facet_parameters(facets, cuts), "favourable": favourable}
    limit = MAX_CELLS * max(1, bins // 100)
    sizes = {"threshold": threshold, "inverted": inverted, "bins": bins, "limit": limit, "unit": _UNIT}
    table = store.arrow(_CUBE.format(facets=FACETS, rows=rows.sql), {**rows.parameters, **names, **sizes})
    if table.num_rows >= limit:
        raise ValueError(
            f"{', '.join(facets)} have too many different values together; give `cuts` for numeric facets, or fewer"
        )
    levels, codes = facet_codes(table["held"], facets, cuts, missing=True)
    n, weight = table["n"].to_numpy().astype(float), table["weight"].to_numpy()
    total, squares = float((n * weight).sum()), float((n * weight**2).sum())
    truth, predicted, place = (table[name].to_numpy().astype(np.int64) for name in ("truth_code", "predicted", "bin"))
    return Cube(
        tuple(facets),
        levels,
        codes,
        truth,
        predicted,
        place,
        n * weight,
        table["units"].to_numpy() / _UNIT * weight,
        total / squares if squares else 0.0,
        bins,
    )


def facet_parameters(facets: Sequence[str], cuts: Mapping[str, Sequence[float]] | None) -> dict[str, object]:
    """What `FACETS` binds."""
    return {"names": list(facets), "cuts": [[float(cut) for cut in (cuts or {}).get(facet, ())] for facet in facets]}


def facet_codes(
    values: pa.ChunkedArray,
    facets: Sequence[str],
    cuts: Mapping[str, Sequence[float]] | None,
    *,
    missing: bool = False,
) -> tuple[tuple[tuple[str, ...], ...], npt.NDArray[np.int64]]:
    """The levels of each facet, and `(rows, facets)` the place of each value among them, −1 for a missing one.

    With `missing`, those that name no group are a group themselves, `NO_GROUP`, wherever others name one.
    """
    coded = values.combine_chunks().flatten().dictionary_encode()
    names = np.array(coded.dictionary.to_pylist(), object)
    raw = coded.indices.to_numpy(zero_copy_only=False).reshape(len(values), len(facets))
    levels, codes = [], np.full(raw.shape, -1, np.int64)
    for column, facet in enumerate(facets):
        intervals = _intervals((cuts or {}).get(facet, ()))
        present = [int(at) for at in np.unique(raw[:, column]) if names[at] not in ("", NO_GROUP)]
        present.sort(key=lambda at: int(names[at]) if intervals else names[at])
        place = np.full(len(names), -1)
        place[present] = np.arange(len(present))
        codes[:, column] = place[raw[:, column]]
        found = tuple(intervals[int(names[at])] if intervals else names[at] for at in present)
        if missing and found and (codes[:, column] < 0).any():
            codes[codes[:, column] < 0, column], found = len(found), (*found, NO_GROUP)
        levels.append(found)
    return tuple(levels), codes


def _intervals(borders: Sequence[float]) -> list[str]:
    """What the parts between some borders are called."""
    if not borders:
        return []
    between = [f"{low:g} to {high:g}" for low, high in pairwise(borders)]
    return [f"below {borders[0]:g}", *between, f"{borders[-1]:g} and up"]
