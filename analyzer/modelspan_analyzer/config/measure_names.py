"""The names that `alarm_on` and `bounds` of performance and fairness may hold: another one would judge nothing."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable
from typing import Final

from modelspan_analyzer.statistics.fairness.measures import AGAINST_REST, FLIP_TEST, GROUP_CALIBRATION, OVER_GROUPS
from modelspan_analyzer.statistics.fairness.numbers import NUMBER_MEASURES
from modelspan_analyzer.statistics.performance import measures
from modelspan_analyzer.statistics.performance.ranking import RANKED
from modelspan_analyzer.statistics.performance.several import SEVERAL

BUSINESS_VALUE: Final = "business_value"
PERFORMANCE: Final = (
    *(one.name for one in (*measures.BINARY, *measures.MULTICLASS)),
    *(one.name for one in measures.SCORES),
    *(one.name for one in measures.REGRESSION),
    "roc_auc_macro",
    *RANKED,
    *SEVERAL,
    BUSINESS_VALUE,
)
FAIRNESS: Final = (
    *(one.name for one in (*AGAINST_REST, *OVER_GROUPS)),
    *(one.name for one in NUMBER_MEASURES),
    FLIP_TEST,
    GROUP_CALIBRATION,
)


def need_known(given: Iterable[str], known: Collection[str]) -> None:
    """See that measures are known by their names.

    Raises:
        ValueError: one is not; the message names those that are nearest, else all.
    """
    if unknown := [name for name in given if name not in known]:
        near = difflib.get_close_matches(unknown[0], known, n=3) or sorted(set(known))
        raise ValueError(f"there is no measure {', '.join(unknown)}; choose from {', '.join(near)}")
