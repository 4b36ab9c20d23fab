"""One scan of a regression's answers and truths with their facets: all of its fairness needs no more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from modelspan_analyzer.reading.cache import kept_of_rows
from modelspan_analyzer.reading.outcomes.groups import FACETS, facet_codes, facet_parameters, split_groups
from modelspan_analyzer.reading.outcomes.read import KEPT, bounded
from modelspan_analyzer.reading.rows import Rows
from modelspan_analyzer.reading.segments import spelt_facets
from modelspan_analyzer.statistics.fairness.numbers import NumberGroups, Numbers
from modelspan_collector.store.connect import Store

_ROWS: Final = """
SELECT {facets}, assumeNotNull(value) AS prediction,
       if(isFinite(ifNull(true_value, nan)), assumeNotNull(true_value), nan) AS actual, weight, count() AS n
FROM ({rows}) WHERE isNotNull(value) AND isFinite(value) AND weight > 0 AND {kept} GROUP BY ALL ORDER BY ALL
"""
_COUNTED: Final = """
SELECT count() AS n, countIf(isNotNull(value) AND isFinite(value) AND weight > 0) AS numbers FROM ({rows})
"""


@dataclass(frozen=True, slots=True)
class NumberRows:
    """Rows of a regression with the values of their facets."""

    facets: tuple[str, ...]
    levels: tuple[tuple[str, ...], ...]
    """The values of each facet."""
    codes: npt.NDArray[np.int64]
    """`(rows, facets)`: the place of a row's value among the levels; −1 where no row has the facet."""
    numbers: Numbers
    count: int
    """All rows that were asked for."""
    left_out: int
    """Of them, those whose answer is no finite number."""

    def groups(self, facets: Sequence[str]) -> NumberGroups:
        """The groups of one facet, or of the crossing of several; rows without one are left out."""
        names, known, group = split_groups(self.facets, self.levels, self.codes, facets)
        return NumberGroups(spelt_facets(facets), names, group, self.numbers.only(known))


@kept_of_rows(16)
def number_rows(
    store: Store, rows: Rows, facets: Sequence[str], cuts: Mapping[str, Sequence[float]] | None = None
) -> NumberRows:
    """Read answers and truths by every facet at once, of at most two million different rows (`bounded`).

    Args:
        store: the store.
        rows: the predictions; their answers are numbers.
        facets: tags, categorical features or numeric features, in that order of precedence.
        cuts: ascending borders for numeric facets, which become groups such as `25 to 40`.
    """
    asked = {**rows.parameters, **facet_parameters(facets, cuts)}
    table = bounded(store, _ROWS.format(facets=FACETS, rows=rows.sql, kept=KEPT), asked)
    counted = store.rows(_COUNTED.format(rows=rows.sql), rows.parameters)[0]
    levels, codes = facet_codes(table["facets"], facets, cuts, missing=True)
    n, weight, prediction, actual = (
        table[name].to_numpy().astype(np.float64) for name in ("n", "weight", "prediction", "actual")
    )
    order = np.argsort(prediction, kind="stable")
    numbers = Numbers(prediction[order], actual[order], (n * weight)[order], (n * weight**2)[order])
    count, usable = int(counted["n"]), int(counted["numbers"])
    return NumberRows(tuple(facets), levels, codes[order], numbers, count, count - usable)
