"""Two means over classes, taken over the classes that both sides have.

A macro average is over the classes that occur in its own rows: without its worst class a window looks better than its
baseline, and with a new one worse, though the model answers each as before.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from modelspan_analyzer.results import finite
from modelspan_analyzer.statistics.performance.counts import Confusion, Estimate
from modelspan_analyzer.statistics.performance.measures import ConfusionMeasure

UNKNOWN = Estimate(float("nan"), float("nan"), float("nan"))


@dataclass(frozen=True, slots=True)
class MeanOfClasses:
    """What a mean over classes is of, and how it is taken over some of them alone."""

    classes: tuple[str, ...]
    """Those with labelled rows for which it is defined."""
    over: Callable[[Collection[str]], Estimate]


class Beside(NamedTuple):
    """Two estimates that may be compared."""

    now: Estimate
    before: Estimate
    left_out: tuple[str, ...] = ()
    """Classes that one side lacks, each with which side."""

    @property
    def said(self) -> str:
        """That classes are left out of the comparison, and which; '' where none are."""
        if not self.left_out:
            return ""
        named = f"{', '.join(self.left_out[:5])}{' and others' if len(self.left_out) > 5 else ''}"
        if not np.isfinite(self.before.value):
            return f"no class has rows on both sides: {named}"
        return f"compared over the classes that both sides have, without {named}"

    @property
    def details(self) -> dict[str, object]:
        """The same for programs; empty where all classes are compared."""
        if not self.left_out:
            return {}
        sides = {"value": finite(self.now.value), "baseline": finite(self.before.value)}
        return {"over_common_classes": {**sides, "left_out": list(self.left_out)}}


def mean_of_classes(measure: ConfusionMeasure, counts: Confusion) -> MeanOfClasses | None:
    """Of a confusion matrix; None of a measure that is no mean over classes."""
    among, occurs = measure.among, counts.matrix.sum(axis=1) > 0
    if among is None:
        return None
    each = np.eye(len(counts.classes), dtype=bool)
    classes = tuple(
        name
        for name, one, there in zip(counts.classes, each, occurs, strict=True)
        if there and np.isfinite(among(one).value(counts))
    )
    return MeanOfClasses(classes, lambda kept: among(np.isin(counts.classes, list(kept))).estimate(counts))


def beside(
    now: tuple[Estimate, MeanOfClasses | None],
    before: tuple[Estimate, MeanOfClasses | None],
    sides: tuple[str, str] = ("window", "baseline"),
) -> Beside:
    """Both sides' estimates as they may be compared: means over classes over those that both have.

    Args:
        now: the value, and what it is a mean of.
        before: what it is compared with, the same way.
        sides: what the two are called.
    """
    (value, of), (known, of_known) = now, before
    if of is None or of_known is None or set(of.classes) == set(of_known.classes):
        return Beside(value, known)
    both = [name for name in of.classes if name in of_known.classes]
    left_out = (
        *(f"{name} (no rows in the {sides[1]})" for name in of.classes if name not in both),
        *(f"{name} (no rows in the {sides[0]})" for name in of_known.classes if name not in both),
    )
    if not both:
        return Beside(UNKNOWN, UNKNOWN, left_out)
    return Beside(of.over(both), of_known.over(both), left_out)
