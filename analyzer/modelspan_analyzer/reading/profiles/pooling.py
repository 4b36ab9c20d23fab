"""Columns of several stretches of time put together, and moved to where they are expected."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from modelspan_analyzer.reading.profiles.profile import Column, Floats, Numbers, Support, Texts
from modelspan_analyzer.reading.profiles.read import condense
from modelspan_analyzer.reading.profiles.ways import Way
from modelspan_analyzer.statistics.tilting import tilted


@dataclass(frozen=True, slots=True)
class Level:
    """What tells how high a column is: the mean of its numbers, the share of a category, how much is missing, or how
    far it has gone along a way."""

    category: str | None = None
    missing: bool = False
    way: Way | None = None


MEAN: Final = Level()
MISSING: Final = Level(missing=True)


def pooled(columns: Sequence[Column]) -> Column:
    """The column over all of its stretches; each with its values (`Numbers.support`), at least one."""
    numbers = [column.numbers for column in columns if column.numbers is not None]
    texts = [column.texts for column in columns if column.texts is not None]
    return Column(
        columns[0].name,
        null=sum(column.null for column in columns),
        null_n=sum(column.null_n for column in columns),
        numbers=_numbers(numbers) if numbers else None,
        texts=_texts(texts) if texts else None,
    )


def _numbers(parts: Sequence[Numbers]) -> Numbers:
    support = _support([part for part in parts if part.support is not None and part.support.values.size])
    mean, std = float("nan"), float("nan")
    if support is not None:
        mean = float(np.average(support.values, weights=support.weights))
        std = float(np.average((support.values - mean) ** 2, weights=support.weights) ** 0.5)
    return Numbers(
        n=sum(part.n for part in parts),
        count=sum(part.count for part in parts),
        nan=sum(part.nan for part in parts),
        infinite=sum(part.infinite for part in parts),
        zero=sum(part.zero for part in parts),
        negative=sum(part.negative for part in parts),
        minimum=min(part.minimum for part in parts),
        maximum=max(part.maximum for part in parts),
        mean=mean,
        std=std,
        distinct=max(part.distinct for part in parts),
        support=support,
    )


def _support(parts: Sequence[Numbers]) -> Support | None:
    if not parts:
        return None
    supports = [part.support for part in parts if part.support is not None]
    values = np.concatenate([support.values for support in supports])
    whole = [part.count - part.nan - part.infinite for part in parts]
    weights = np.concatenate([_shares(support) * each for each, support in zip(whole, supports, strict=True)])
    order = np.argsort(values, kind="stable")
    return condense(Support(values[order], weights[order], max(support.rank_error for support in supports)))


def _shares(support: Support) -> Floats:
    weights = np.ones(support.values.size) if support.weights is None else support.weights
    return np.asarray(weights / weights.sum(), np.float64)


def _texts(parts: Sequence[Texts]) -> Texts:
    counts: dict[str, float] = {}
    for part in parts:
        for text, weight in part.counts.items():
            counts[text] = counts.get(text, 0.0) + weight
    return Texts(
        n=sum(part.n for part in parts),
        count=sum(part.count for part in parts),
        distinct=max(max(part.distinct for part in parts), float(len(counts))),
        counts=counts,
    )


def level_of(column: Column, level: Level) -> float:
    """How high a column is; NaN where nothing tells."""
    if level.way is not None:
        return level.way.reached(column)
    if level.missing:
        nan, whole = column.numbers.nan if column.numbers else 0.0, column.null + column.present
        return (column.null + nan) / whole if whole else float("nan")
    if level.category is None:
        return column.numbers.mean if column.numbers else float("nan")
    return column.texts.counts.get(level.category, 0.0) / column.texts.count if column.texts else float("nan")


def moved(column: Column, level: Level, height: float) -> Column:
    """The column at another height, and otherwise as it is; unmoved where its values cannot be that high."""
    if level.way is not None:
        return level.way.led(column, height)
    if level.missing:
        return _with_missing(column, height)
    if level.category is not None:
        return replace(column, texts=_with_share(column.texts, level.category, height)) if column.texts else column
    numbers = column.numbers
    if numbers is None or numbers.support is None:
        return column
    support = numbers.support
    each = np.ones(support.values.size) if support.weights is None else support.weights
    weights = tilted(support.values, each, height)
    if weights is None:
        return column
    spread = float(np.average((support.values - height) ** 2, weights=weights) ** 0.5)
    there = replace(support, values=support.values, weights=weights)
    return replace(column, numbers=replace(numbers, mean=height, std=spread, support=there))


def _with_missing(column: Column, share: float) -> Column:
    """The column of which such a share is missing, of as many values."""
    if not 0 <= share < 1 or not column.present:
        return column
    nan = column.numbers.nan if column.numbers else 0.0
    null = (share * column.present - nan) / (1 - share)
    return replace(column, null=null, null_n=round(null * column.n / column.present)) if null >= 0 else column


def _with_share(texts: Texts, category: str, share: float) -> Texts:
    known = texts.counts.get(category, 0.0) / texts.count
    if not 0 < known < 1 or not 0 <= share < 1:
        return texts
    others = (1 - share) / (1 - known)
    counts: Mapping[str, float] = {
        text: weight * (share / known if text == category else others) for text, weight in texts.counts.items()
    }
    return replace(texts, counts=counts)
