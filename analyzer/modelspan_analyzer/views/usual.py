"""What a prediction was given, beside what is usual: each feature's place in the baseline."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import Final

import numpy as np

from modelspan_analyzer.reading.baselines import Baseline
from modelspan_analyzer.reading.profiles.profile import Column, Support
from modelspan_analyzer.reading.profiles.read import baseline_profile, supports
from modelspan_analyzer.views.veil import REDACTED, Veil
from modelspan_collector.store.connect import Store

RARE: Final = 0.01
"""A value beyond the outermost of the baseline's on a side, or of a category of no larger share, is unusual."""
_EDGES: Final = (0.05, 0.95)


class Usual(str, Enum):
    """How a value lies in the baseline."""

    USUAL = "usual"
    UNUSUAL = "unusual"
    MISSING = "missing"
    """There is no value, though the baseline mostly has one."""
    NEW = "new"
    """A category, a type or a feature that the baseline does not have."""
    NOT_COMPARED = "not_compared"


@dataclass(frozen=True, slots=True)
class Given:
    """One feature."""

    feature: str
    value: str
    number: float | None
    state: Usual
    sentence: str
    rank: float | None = None
    """Share of the baseline's values that are smaller, ties by half; of numbers."""
    share: float | None = None
    """Of the baseline's rows that have the same category, or that lack a value too."""
    low: float | None = None
    """Where the lowest 5 % of the baseline end, and where the highest begin; of numbers."""
    high: float | None = None

    def veiled(self, veil: Veil) -> Given:
        """As it may be shown."""
        shown = str(veil.value(self.feature, self.value))
        if shown == self.value:
            return replace(self, feature=veil.text(self.feature))
        return Given(veil.text(self.feature), shown, None, Usual.NOT_COMPARED, REDACTED)


def given_beside(store: Store, values: Mapping[str, float | str | None], baseline: Baseline | None) -> list[Given]:
    """Each feature's value and its place; what is unusual comes first, None stands for a value that is missing."""
    if baseline is None:
        why = "there is no baseline"
        return [_given(name, value, Usual.NOT_COMPARED, why) for name, value in sorted(values.items())]
    profile = baseline_profile(store, baseline)
    values = {**dict.fromkeys(profile.features), **values}  # what a row does not have is missing in it
    numeric = [name for name, value in values.items() if isinstance(value, float) and _numbers(profile.features, name)]
    found: dict[str, Support] = {}
    for part in supports(store, profile, numeric):
        found |= part
    rows = profile.weight
    made = [_beside(name, value, profile.features.get(name), found.get(name), rows) for name, value in values.items()]
    order = (Usual.MISSING, Usual.NEW, Usual.UNUSUAL, Usual.USUAL, Usual.NOT_COMPARED)
    return sorted(made, key=lambda each: (order.index(each.state), -_distance(each), each.feature))


def _numbers(columns: Mapping[str, Column], name: str) -> bool:
    return name in columns and columns[name].numbers is not None


def _distance(each: Given) -> float:
    return abs(each.rank - 0.5) if each.rank is not None else 0.0


def _given(name: str, value: float | str | None, state: Usual, sentence: str, **more: float | None) -> Given:
    number = value if isinstance(value, float) else None
    text = "missing" if value is None else f"{value:.6g}" if isinstance(value, float) else value
    return Given(name, text, number, state, sentence, **more)


def _beside(name: str, value: float | str | None, column: Column | None, support: Support | None, rows: float) -> Given:
    if column is None:
        return _given(name, value, Usual.NEW, "the baseline has no such feature")
    if value is None:
        share = column.null / rows if rows else 0.0
        state = Usual.MISSING if share < 0.5 else Usual.USUAL
        return _given(name, None, state, f"missing, as in {share:.1%} of the baseline", share=share)
    if isinstance(value, float):
        return _number(name, value, column, support)
    if column.texts is None:
        if column.numbers is not None:
            return _given(name, value, Usual.NEW, "a text, where the baseline has numbers")
        return _given(name, value, Usual.NOT_COMPARED, "the baseline has no value of it")
    share = column.texts.counts.get(value, 0.0) / column.texts.count if column.texts.count else 0.0
    if value not in column.texts.counts and column.texts.other > 0:
        return _given(name, value, Usual.UNUSUAL, "rarer than the baseline's most frequent values, or new", share=None)
    if value not in column.texts.counts:
        return _given(name, value, Usual.NEW, "a category that the baseline does not have", share=0.0)
    state = Usual.UNUSUAL if share < RARE else Usual.USUAL
    return _given(name, value, state, f"as {share:.1%} of the baseline", share=share)


def _number(name: str, value: float, column: Column, support: Support | None) -> Given:
    if column.numbers is None or support is None or not len(support.values):
        return _given(name, value, Usual.NEW, "a number, where the baseline has none")
    if not np.isfinite(value):
        return _given(name, value, Usual.UNUSUAL, "it is not a finite number")
    weights = support.weights if support.weights is not None else np.ones(len(support.values))
    total = float(weights.sum())
    below = float(weights[support.values < value].sum()) / total
    up_to = float(weights[support.values <= value].sum()) / total
    rank = (below + up_to) / 2
    cumulated = np.cumsum(weights) / total
    low, high = (float(support.values[min(int(np.searchsorted(cumulated, q)), len(cumulated) - 1)]) for q in _EDGES)
    odd = min(up_to, 1 - below) < RARE
    sentence = _placed(value, rank, column, odd)
    return _given(name, value, Usual.UNUSUAL if odd else Usual.USUAL, sentence, rank=rank, low=low, high=high)


def _placed(value: float, rank: float, column: Column, odd: bool) -> str:
    numbers = column.numbers
    if numbers is not None and value < numbers.minimum:
        return f"below the baseline's smallest, {numbers.minimum:.6g}"
    if numbers is not None and value > numbers.maximum:
        return f"above the baseline's largest, {numbers.maximum:.6g}"
    if rank >= 0.5:
        return f"above {rank:.1%} of the baseline" if odd else f"above {rank:.0%} of the baseline"
    return f"below {1 - rank:.1%} of the baseline" if odd else f"below {1 - rank:.0%} of the baseline"
