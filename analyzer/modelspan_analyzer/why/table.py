"""Facts as a matrix: durations, numbers and repeats become yes/no at the threshold that parts best."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from modelspan_analyzer.why.contrast import Weights, contrast
from modelspan_analyzer.why.facts import NUMERIC, Fact, Key

MOST_REPEATS = 5


@dataclass(frozen=True, slots=True)
class FactTable:
    """The facts and the matrix of which trace shows which, one row a fact."""

    keys: tuple[Key, ...]
    matrix: npt.NDArray[np.float32]
    trials: npt.NDArray[np.int64]
    """Thresholds tried a fact: its p-value is multiplied by them (Bonferroni)."""


def tabulate(facts: Sequence[Fact], weights: Weights, support: int) -> FactTable:
    """One row a fact that `support` traces show."""
    n = len(weights.flagged)
    plain = [fact for fact in facts if fact.key.kind not in NUMERIC]
    every = [*plain, *_repeats(plain, n, weights), *_numbers(facts, n, weights), *_absent(plain, n)]
    rows = [
        (fact, shown)
        for fact, shown in ((fact, _row(fact, n)) for fact in every)
        if support <= shown.sum() <= n - support
    ]
    matrix = np.stack([shown for _, shown in rows]) if rows else np.zeros((0, n), np.float32)
    return FactTable(tuple(fact.key for fact, _ in rows), matrix, np.array([fact.trials for fact, _ in rows], np.int64))


def _row(fact: Fact, n: int) -> npt.NDArray[np.float32]:
    row = np.zeros(n, np.float32)
    row[fact.traces] = 1
    return row


def _absent(facts: Iterable[Fact], n: int) -> Iterator[Fact]:
    for fact in facts:
        if fact.key.kind == "span":
            yield Fact(replace(fact.key, kind="absent"), np.nonzero(np.bincount(fact.traces, minlength=n) == 0)[0])


def _repeats(facts: Iterable[Fact], n: int, weights: Weights) -> Iterator[Fact]:
    for fact in facts:
        if fact.key.kind == "span":
            counts = np.bincount(fact.traces, minlength=n).astype(float)
            thresholds = np.arange(2, min(MOST_REPEATS, int(counts.max(initial=0))) + 1).astype(float)
            best = _best(replace(fact.key, kind="repeat"), counts, thresholds, weights, both=False)
            if best:
                yield best


def _numbers(facts: Iterable[Fact], n: int, weights: Weights) -> Iterator[Fact]:
    groups: dict[Key, list[Fact]] = defaultdict(list)
    for fact in facts:
        if fact.key.kind in NUMERIC:
            groups[replace(fact.key, value="")].append(fact)
    for key, members in groups.items():
        values = np.full(n, -np.inf)
        for fact in members:
            np.maximum.at(values, fact.traces, float(fact.key.value))
        steps = np.unique(values[np.isfinite(values)])
        if key.kind == "offset":
            yield from _clock(key, values)
        else:
            best = _best(key, values, steps[1:], weights, both=True)
            if best:
                yield best


def _clock(key: Key, values: npt.NDArray[np.float64]) -> Iterator[Fact]:
    """Clocks that are ahead, and clocks that are behind; `values` are milliseconds."""
    for late in (True, False):
        shows = np.isfinite(values) & ((values > 0) == late)
        if shows.any():
            typical = float(np.median(values[shows]))
            yield Fact(replace(key, kind="clock", value=repr(typical), above=late), np.nonzero(shows)[0])


def _best(
    key: Key, values: npt.NDArray[np.float64], thresholds: npt.NDArray[np.float64], weights: Weights, *, both: bool
) -> Fact | None:
    """The threshold at which the flagged part best from the others."""
    if not len(thresholds):
        return None
    above = values[None, :] >= thresholds[:, None]
    sides = np.concatenate((above, np.isfinite(values) & ~above)) if both else above
    scores = contrast(sides.astype(np.float32), weights).phi
    index = int(np.argmax(scores))
    threshold = float(thresholds[index % len(thresholds)])
    return Fact(
        replace(key, value=repr(threshold), above=index < len(thresholds)),
        np.nonzero(sides[index])[0],
        trials=len(sides),
    )
