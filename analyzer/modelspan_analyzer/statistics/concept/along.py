"""Along which features outcomes changed, which of them first, and which only because they go with that one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from modelspan_analyzer.statistics.concept.gaps import NOTHING, Gap, Residuals, change_of_gaps
from modelspan_analyzer.statistics.concept.matched import Parts
from modelspan_analyzer.statistics.concept.outcomes import Outcomes


class Side(NamedTuple):
    """Labelled rows of the window, or of the baseline."""

    outcomes: Outcomes
    parts: Sequence[Parts]
    """Of each feature, the part of each row."""


class Along(NamedTuple):
    """What changed along each feature, in the order of the features."""

    gaps: Mapping[str, Gap]
    first: str
    """The feature along which it is surest; '' where there are none."""
    besides: Mapping[str, Gap]
    """Of the others, what is left when the change along the first is taken off."""


def along(names: Sequence[str], ordered: Sequence[bool], now: Side, base: Side) -> Along:
    """The change along each feature, and beside the surest one.

    What a feature does to outcomes shows along all features that go with it, often nearly as surely; a change that the
    first explains is gone when what the rows of each of its parts have in common is taken off.

    Args:
        names: of the features.
        ordered: whether parts of each follow on each other, as those of numbers do.
        now: the window.
        base: the baseline.

    Outcomes that are other ones where `a` is high; `b` mostly goes with it:

    >>> from modelspan_analyzer.statistics.concept.outcomes import Numbers
    >>> generator, one = np.random.default_rng(0), np.ones(4000)
    >>> a = generator.integers(1, 3, 4000)
    >>> parts = [a, np.where(generator.random(4000) < 0.8, a, 3 - a)]
    >>> base, now = (Side(Numbers(generator.normal(size=4000) + up * (a == 2), one), parts) for up in (0.0, 0.5))
    >>> found = along(["a", "b"], [True, True], now, base)
    >>> found.first, found.gaps["b"].p_value < 1e-6, found.besides["b"].p_value > 0.01
    ('a', True, True)
    """
    if not names:
        return Along({}, "", {})
    gaps = _each(names, ordered, now, base, None)
    first = min(gaps, key=lambda name: (gaps[name].p_value, -gaps[name].strength))
    besides = _each(names, ordered, now, base, list(names).index(first))
    return Along(gaps, first, {name: gap for name, gap in besides.items() if name != first})


def _each(names: Sequence[str], ordered: Sequence[bool], now: Side, base: Side, given: int | None) -> dict[str, Gap]:
    """The change along each feature; beside that along one where its place is given."""
    kinds = []
    for side in (now, base):
        part = np.zeros_like(side.parts[0]) if given is None else side.parts[given]
        kinds.append(side.outcomes.residuals(part))
    features = zip(names, ordered, now.parts, base.parts, strict=True)
    return {name: _surest(kinds[0], part, kinds[1], other, follows) for name, follows, part, other in features}


def _surest(now: Sequence[Residuals], part: Parts, base: Sequence[Residuals], base_part: Parts, follows: bool) -> Gap:
    """The kind of residual that changed most surely; its p-value counts for all kinds."""
    sides = zip(now, base, strict=True)
    found = [change_of_gaps(one, part, other, base_part, ordered=follows) for one, other in sides]
    best = min(found, key=lambda gap: (gap.p_value, -gap.strength), default=NOTHING)
    return best._replace(p_value=min(1.0, len(found) * best.p_value))
