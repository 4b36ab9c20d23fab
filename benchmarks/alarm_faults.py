"""Faults of a window, for `alarms_pipeline.py`: what each does to some rows, what should be named, and what an oracle
that knows where to look would test.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from alarm_models import Floats, Stream
from numpy.typing import NDArray
from scipy.special import ndtri

INPUTS = {"data_drift", "data_quality"}
"""Signals that name features of which something arrived otherwise."""
CONSEQUENCES = {"prediction_drift", "performance", "estimation", "concept", "fairness", "attribution", "multivariate"}
"""What may follow from a fault of one input."""
OUTCOMES = {"performance", "concept", "fairness", "poisoning"}
"""Signals that look at labels."""
Moved = Callable[["Rows"], Floats]


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows as they arrive: features, and truths in their order."""

    features: pd.DataFrame
    truth: NDArray[np.generic]
    labelled: bool = True


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault of one window."""

    rows: Rows
    named: frozenset[str]
    """What should be named: features, or a group and its value; nothing where the fault has no place."""
    signals: frozenset[str]
    """Signals that may alarm; where one names a feature, it should be one of `named`."""
    naming: frozenset[str]
    """Signals whose findings say where it is; others say who is hurt."""
    moved: Moved
    """The one number of each row that the fault moves, for the oracle."""


class NotHereError(Exception):
    """A stream on which a fault cannot be."""


def _numeric(stream: Stream, generator: np.random.Generator, least: int = 5) -> str:
    """A column of numbers that vary, at random."""
    values = stream.features.iloc[stream.pool]
    fit = [name for name in stream.numeric if values[name].nunique() >= least]
    if not fit:
        raise NotHereError
    return str(generator.choice(fit))


def _input(rows: Rows, name: str, values: object, moved: Moved, *also: str) -> Fault:
    frame = rows.features.copy()
    frame[name] = values
    signals = frozenset(INPUTS | CONSEQUENCES | {"poisoning"})
    return Fault(
        replace(rows, features=frame), frozenset({name, *also}), signals, frozenset(INPUTS | {"concept"}), moved
    )


def half_sd(stream: Stream, rows: Rows, generator: np.random.Generator) -> Fault:
    """Half a standard deviation is added to a feature."""
    name = _numeric(stream, generator)
    by = 0.5 * float(stream.features[name].iloc[stream.pool].std())
    return _input(rows, name, rows.features[name] + by, lambda r: r.features[name].to_numpy(float))


def times_ten(stream: Stream, rows: Rows, generator: np.random.Generator) -> Fault:
    """A feature comes in another unit."""
    name = _numeric(stream, generator)
    return _input(rows, name, rows.features[name] * 10, lambda r: r.features[name].abs().to_numpy(float))


def nulls(stream: Stream, rows: Rows, generator: np.random.Generator) -> Fault:
    """A fifth of the values is missing."""
    name = _numeric(stream, generator)
    values = rows.features[name].where(generator.random(len(rows.truth)) >= 0.2)
    return _input(rows, name, values, lambda r: r.features[name].isna().to_numpy(float))


def renamed(stream: Stream, rows: Rows, generator: np.random.Generator) -> Fault:
    """A category of at least a tenth of the rows has another name."""
    texts = [name for name in stream.features if name not in stream.numeric]
    shares = {name: stream.features[name].iloc[stream.pool].value_counts(normalize=True) for name in texts}
    fit = [(name, value) for name, share in shares.items() for value in share.index[share >= 0.1]]
    if not fit:
        raise NotHereError
    name, value = fit[generator.integers(len(fit))]
    new = rows.features[name].replace({value: f"{value}-2"})
    return _input(rows, name, new, lambda r: (r.features[name] == value).to_numpy(float))


def swapped(stream: Stream, rows: Rows, generator: np.random.Generator) -> Fault:
    """Two features have each other's values."""
    one = _numeric(stream, generator)
    other = next((name for name in (_numeric(stream, generator) for _ in range(20)) if name != one), None)
    if other is None:
        raise NotHereError
    swap = replace(rows, features=rows.features.assign(**{one: rows.features[other]}))
    values = stream.features.iloc[stream.pool]

    def difference(r: Rows) -> Floats:
        sides = ((r.features[name] - values[name].mean()) / values[name].std() for name in (one, other))
        first, second = sides
        return (first - second).abs().to_numpy(float)

    return _input(swap, other, rows.features[one], difference, one)


def stuck(stream: Stream, rows: Rows, generator: np.random.Generator) -> Fault:
    """A feature has one value."""
    name = _numeric(stream, generator)
    value = float(rows.features[name].iloc[0])
    return _input(rows, name, value, lambda r: (r.features[name] == value).to_numpy(float))


def duplicated(_stream: Stream, rows: Rows, generator: np.random.Generator) -> Fault:
    """A third of the rows are sent again, in place of others."""
    n = len(rows.truth)
    places = generator.permutation(np.concatenate([np.arange(n - n // 3), generator.choice(n - n // 3, n // 3, False)]))
    again = replace(rows, features=rows.features.iloc[places].reset_index(drop=True), truth=rows.truth[places])
    signals = frozenset({"data_quality", "poisoning"})
    return Fault(again, frozenset(), signals, frozenset(), lambda r: r.features.duplicated(keep=False).to_numpy(float))


def flipped(stream: Stream, rows: Rows, generator: np.random.Generator) -> Fault:
    """Two fifths of the labels of the smaller group are the other class."""
    if len(stream.classes) != 2 or not stream.group:
        raise NotHereError
    group = stream.features[stream.group].iloc[stream.pool].value_counts()
    value = str(group.index[group >= 0.15 * group.sum()][-1])
    hit = (rows.features[stream.group] == value).to_numpy() & (generator.random(len(rows.truth)) < 0.4)
    other = np.where(rows.truth == stream.classes[0], stream.classes[1], stream.classes[0])
    wrong = replace(rows, truth=np.where(hit, other, rows.truth))

    def errors(r: Rows) -> Floats:
        within = (r.features[stream.group] == value).to_numpy()
        return np.asarray(stream.answer(r.features[within]).label != r.truth[within], np.float64)

    return Fault(wrong, frozenset({stream.group, value}), frozenset(OUTCOMES), frozenset(OUTCOMES), errors)


def prior(stream: Stream, rows: Rows, generator: np.random.Generator) -> Fault:
    """One class is 15 points more frequent, each class looking as before."""
    if not stream.classes:
        raise NotHereError
    pool = stream.pool
    of = stream.truth[pool] == stream.classes[-1]
    share = of.mean() + (0.15 if of.mean() < 0.8 else -0.15)
    n = len(rows.truth)
    more = generator.random(n) < share
    drawn = np.where(more, generator.choice(pool[of], n), generator.choice(pool[~of], n))
    fresh = Rows(stream.features.iloc[drawn].reset_index(drop=True), stream.truth[drawn])
    signals = frozenset(OUTCOMES | INPUTS | CONSEQUENCES)
    return Fault(
        fresh, frozenset(), signals, frozenset(), lambda r: np.asarray(r.truth == stream.classes[-1], np.float64)
    )


def concept(stream: Stream, rows: Rows, generator: np.random.Generator) -> Fault:
    """Above a feature's median three of ten outcomes are others: the other class, or a standard deviation more."""
    if len(stream.classes) > 2:
        raise NotHereError
    name = _numeric(stream, generator)
    middle = float(stream.features[name].iloc[stream.pool].median())
    hit = (rows.features[name] > middle).to_numpy() & (generator.random(len(rows.truth)) < 0.3)
    if stream.classes:
        other = np.where(rows.truth == stream.classes[0], stream.classes[1], stream.classes[0])
        truth = np.where(hit, other, rows.truth)
    else:
        truth = rows.truth + np.where(hit, 2 * float(np.std(stream.truth[stream.pool])), 0.0)

    def errors(r: Rows) -> Floats:
        within = (r.features[name] > middle).to_numpy()
        said = stream.answer(r.features[within])
        return np.asarray(said.label != r.truth[within] if stream.classes else r.truth[within] - said.value, np.float64)

    same = frozenset(other for other in stream.features if _splits_alike(stream, name, other, middle))
    return Fault(replace(rows, truth=truth), same | {name}, frozenset(OUTCOMES), frozenset({"concept"}), errors)


def _splits_alike(stream: Stream, name: str, other: str, middle: float) -> bool:
    """Whether parts of another feature tell nearly all of which rows are above a feature's middle."""
    frame = stream.features.iloc[stream.pool]
    above, column = (frame[name] > middle).astype(float), frame[other]
    part = pd.qcut(column, 20, duplicates="drop") if other in stream.numeric else column
    within = above.groupby(part.astype(str)).transform("mean")
    return float(within.var()) >= 0.9 * float(above.var())


def late(_stream: Stream, rows: Rows, _generator: np.random.Generator) -> Fault:
    """Labels come later: nothing is wrong, and nothing should alarm."""
    return Fault(replace(rows, labelled=False), frozenset(), frozenset(), frozenset(), lambda r: np.zeros(len(r.truth)))


FAULTS: Mapping[str, Callable[[Stream, Rows, np.random.Generator], Fault]] = {
    "half-sd": half_sd,
    "times-ten": times_ten,
    "nulls": nulls,
    "renamed": renamed,
    "swapped": swapped,
    "stuck": stuck,
    "duplicated": duplicated,
    "late-labels": late,
    "flipped-in-group": flipped,
    "prior": prior,
    "concept": concept,
}


def oracle(fault: Fault, baseline: Rows) -> bool:
    """Whether the mean of the one number that the fault moves differs at 0.001 (Welch's test, by the normal)."""
    before, now = fault.moved(baseline), fault.moved(fault.rows)
    if min(len(before), len(now)) < 2:
        return False
    moved = abs(float(now.mean() - before.mean()))
    return moved > ndtri(1 - 0.0005) * float(np.hypot(before.std() / len(before) ** 0.5, now.std() / len(now) ** 0.5))
