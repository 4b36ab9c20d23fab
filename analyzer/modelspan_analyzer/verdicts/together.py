"""One budget of false alarms for all that is tested of a window, whichever monitor tests it.

Each monitor keeps its own level over its own tests; a model has ten monitors, so that one in a hundred of its windows
would alarm where nothing is wrong. The families of tests are therefore judged together, by Benjamini and Bogomolov
(2014): a monitor counts by the Simes p-value of its tests, the monitors are selected by Benjamini-Hochberg, and the
tests of a selected one keep the share of the level that is selected. So many tests in one monitor do not cost another
its power, and what several monitors see needs no more evidence than it would alone.

What one window cannot know, two of three can: half of the level is for a p-value of this window, half for the larger of
this one and the better of the two windows before, of which without a difference twice the square is as improbable.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass, replace
from typing import Final, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from modelspan_analyzer.results import Judged, Result, Verdict
from modelspan_analyzer.statistics.counts import Floats
from modelspan_analyzer.statistics.multiple_testing import adjusted_p_values

TESTED: Final = (Verdict.OK, Verdict.WARNING, Verdict.ALARM)
Said = TypeVar("Said", Result, Judged)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What one test of a window says."""

    family: str
    """The monitor that it is of."""
    p_value: float
    earlier: Sequence[float] = ()
    """p-values of the same test in the two windows before, as far as they are known."""

    @property
    def lasting(self) -> float:
        """The p-value of this window, or of two of the last three: twice the smaller one, as there are two."""
        both = max(self.p_value, min(self.earlier, default=1.0))
        return min(1.0, 2 * min(self.p_value, 2 * both**2))


class Together(NamedTuple):
    """Of each test, in the order given, shape (tests,) each."""

    sure: NDArray[np.bool_]
    q_values: Floats
    """Adjusted over all tests of the window."""


def judged_together(tests: Sequence[Evidence], alpha: float) -> Together:
    """Which tests are sure at a level that holds over all of them.

    >>> alone = [Evidence("inputs", 1e-3), Evidence("inputs", 0.5), Evidence("outputs", 0.2)]
    >>> judged_together(alone, 0.001).sure.tolist()
    [False, False, False]
    >>> judged_together([Evidence("inputs", 1e-3, earlier=[1e-3, 0.4]), *alone[1:]], 0.001).sure.tolist()
    [True, False, False]
    """
    names = sorted({one.family for one in tests})
    place = np.array([names.index(one.family) for one in tests], dtype=np.intp)
    evidence = np.array([one.lasting for one in tests])
    within = np.ones(len(tests))
    for number in range(len(names)):
        within[place == number] = adjusted_p_values(evidence[place == number])
    simes = np.array([within[place == number].min() for number in range(len(names))])
    selected = adjusted_p_values(simes) <= alpha
    q_values = np.minimum(within * len(names) / max(1, int(selected.sum())), 1.0)
    return Together(selected[place] & (q_values <= alpha), q_values)


def with_doubts(
    families: Sequence[str],
    said: Sequence[Said],
    alpha: float,
    *,
    decided: Set[str] = frozenset(),
    earlier: Sequence[Sequence[float]] = (),
    others: Sequence[Evidence] = (),
) -> list[Said]:
    """What was said of one window's values, in order; an alarm that is not sure over all tests is a warning.

    What has no test, such as a feature that no longer comes or a bound that was given, stays as it was said.

    Args:
        families: the monitor of each.
        said: of each value, by its monitor alone.
        alpha: the level over all of them; 1 leaves each to its monitor.
        decided: monitors whose level or threshold somebody set: that stands.
        earlier: of each, the p-values of the same test in the two windows before, as far as they are known.
        others: what else was tested of the window.

    >>> weak, none = (Judged(one, threshold=0.1, p_value=p) for one, p in ((Verdict.ALARM, 6e-4), (Verdict.OK, 0.5)))
    >>> with_doubts(["inputs", "outputs"], [weak, none], 0.001)[0].verdict.value
    'warning'
    """
    before: Sequence[Sequence[float]] = earlier or [()] * len(said)
    places: list[int] = [at for at, one in enumerate(said) if _tested(one)]
    alarms = {at for at in places if said[at].verdict is Verdict.ALARM and families[at] not in decided}
    if not alarms or alpha >= 1:
        return list(said)
    tests = [*(Evidence(families[at], float(said[at].p_value or 0.0), before[at]) for at in places), *others]
    together = judged_together(tests, alpha)
    q_values = dict(zip(places, together.q_values, strict=False))  # those of the others come after them
    unsure = {at for at, sure in zip(places, together.sure, strict=False) if at in alarms and not sure}
    return [
        _warning(one, float(q_values[at]), len(tests), alpha) if at in unsure else one for at, one in enumerate(said)
    ]


def _tested(said: Result | Judged) -> bool:
    return said.p_value is not None and said.threshold is not None and said.verdict in TESTED


def _warning(said: Said, q_value: float, tests: int, alpha: float) -> Said:
    doubt = f"not sure over all {tests} tests of the window (adjusted p {q_value:.2g}, allowed {alpha:g})"
    reason = "; ".join(part for part in (said.reason, f"{doubt}: it alarms if it lasts") if part)
    details = {**said.details, "alone": Verdict.ALARM.value, "q_window": q_value}
    return replace(said, verdict=Verdict.WARNING, reason=reason, details=details)
