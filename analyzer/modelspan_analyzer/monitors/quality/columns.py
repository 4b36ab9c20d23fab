"""What can be wrong with one column, as rates: missing, of the wrong type, out of range, unknown, vanished, stuck."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from modelspan_analyzer.config.data_settings import DataQualitySettings
from modelspan_analyzer.reading.profiles.profile import Column, Kind, Numbers, Support, Texts
from modelspan_analyzer.verdicts.rates import Rate

SHOWN = 10
"""Categories that a result names."""


def column_rates(
    reference: Column, current: Column, settings: DataQualitySettings, usual: Column | None = None
) -> Iterator[Rate]:
    """All rates of one column that both sides have; how much is missing beside what is usual, where that is given."""
    n, like = current.n + current.null_n, usual or reference
    if n == 0:
        return
    yield Rate(
        "null_rate",
        reference.name,
        faulty=_missing(current),
        n=n,
        faulty_baseline=_missing(like),
        n_baseline=like.n + like.null_n,
        what="are missing",
        allowed=settings.max_null_rate.get(reference.name),
        beside="in the baseline" if usual is None else "are usual for the time",
    )
    if current.n == 0 or reference.kind is Kind.EMPTY:
        return
    yield Rate(
        "type_error_rate",
        reference.name,
        _of_other_kind(current, reference.kind),
        current.n,
        _of_other_kind(reference, reference.kind),
        reference.n,
        f"are not {'numbers' if reference.kind is Kind.NUMERIC else 'text'}",
    )
    if reference.kind is Kind.NUMERIC:
        yield from _numeric_rates(reference, current, settings)
    elif reference.texts and current.texts and not reference.uncounted:
        yield from _category_rates(reference.name, reference.texts, current.texts, settings.alpha)


def _missing(column: Column) -> float:
    """Rows without a value; NaN counts, as everywhere."""
    nan = column.numbers.nan * (column.numbers.n / column.numbers.count) if column.numbers and column.numbers.n else 0.0
    return column.null_n + nan


def _of_other_kind(column: Column, kind: Kind) -> float:
    other = column.texts if kind is Kind.NUMERIC else column.numbers
    return float(other.n) if other else 0.0


def _numeric_rates(reference: Column, current: Column, settings: DataQualitySettings) -> Iterator[Rate]:
    before, after = reference.numbers, current.numbers
    if before is None or after is None or after.count <= after.nan:
        return
    declared = settings.bounds.get(reference.name)
    low, high = declared or (before.minimum, before.maximum)
    share = _share_outside(after, low, high)
    # The bounds were taken from n values; of as many new ones about two lie outside them without any change.
    expected, allowed = (0.0, 0.0) if declared else (2.0, None)
    yield Rate(
        "out_of_range_rate",
        reference.name,
        faulty=share * after.n,
        n=after.n,
        faulty_baseline=expected,
        n_baseline=max(before.n, 2),
        what=f"lie outside {low:.6g} to {high:.6g}",
        allowed=allowed,
        details={"minimum": after.minimum, "maximum": after.maximum},
    )
    if after.minimum == after.maximum and before.maximum > before.minimum:
        usual = share_equal(before.support, after.minimum)
        yield Rate(
            "constant",
            reference.name,
            faulty=after.n,
            n=after.n,
            faulty_baseline=usual * before.n,
            n_baseline=before.n,
            what=f"are {after.minimum:.6g}: the feature is stuck",
        )


def _share_outside(numbers: Numbers, low: float, high: float) -> float:
    if numbers.minimum >= low and numbers.maximum <= high and numbers.infinite == 0:
        return 0.0
    infinite = numbers.infinite / numbers.count
    if numbers.support is None or numbers.support.values.size == 0:
        return infinite
    values, weights = numbers.support.values, numbers.support.weights
    outside = (values < low) | (values > high)
    finite = float(outside.mean()) if weights is None else float(weights[outside].sum() / weights.sum())
    return infinite + finite * (1 - infinite)


def share_equal(support: Support | None, value: float) -> float:
    """The share of a distribution that is exactly this value."""
    if support is None or support.values.size == 0:
        return 0.0
    equal = support.values == value
    weights = np.ones(equal.size) if support.weights is None else support.weights
    return float(weights[equal].sum() / weights.sum())


def _category_rates(name: str, before: Texts, after: Texts, alpha: float) -> Iterator[Rate]:
    rows, rows_baseline = after.n / max(after.count, 1e-300), before.n / max(before.count, 1e-300)
    if before.other < 0.5:  # every category of the baseline is known
        unseen = {value: count for value, count in after.counts.items() if value not in before.counts}
        # Categories seen once tell how many more there are to see (Good 1953).
        singletons = sum(1 for count in before.counts.values() if count * rows_baseline < 1.5)
        yield Rate(
            "unseen_category_rate",
            name,
            faulty=sum(unseen.values()) * rows,
            n=after.n,
            faulty_baseline=singletons,
            n_baseline=before.n,
            what="are categories that the baseline does not have",
            details={"categories": _largest(unseen)} if unseen else {},
        )
    vanished = _vanished(before, after, alpha)
    share = sum(vanished.values()) / before.count
    yield Rate(
        "vanished_category_rate",
        name,
        faulty=share * before.n,
        n=before.n,
        faulty_baseline=0.0,
        n_baseline=after.n,
        what="of the baseline are categories that no longer come",
        details={"categories": _largest(vanished)} if vanished else {},
    )
    if len(after.counts) == 1 and len(before.counts) > 1:
        value = next(iter(after.counts))
        yield Rate(
            "constant",
            name,
            faulty=after.n,
            n=after.n,
            faulty_baseline=before.counts.get(value, 0.0) * rows_baseline,
            n_baseline=before.n,
            what=f"are {value!r}: the feature is stuck",
        )


def _vanished(before: Texts, after: Texts, alpha: float) -> dict[str, float]:
    """Categories of the baseline that do not come any more; what a sketch cannot tell apart is not counted.

    Of many rare categories some are always missing, so each has to be missed beyond chance by itself: that all rows of
    it fall into the baseline has a probability of (n / (n + m)) ** rows, over as many tests as there are categories.
    """
    known = min(after.counts.values(), default=0.0) if after.other >= 0.5 else 0.0
    in_baseline = np.log(before.n / (before.n + after.n))
    rows = before.n / max(before.count, 1e-300)
    return {
        value: count
        for value, count in before.counts.items()
        if value not in after.counts
        and count / before.count * after.count > 2 * known
        and count * rows * in_baseline <= np.log(alpha / len(before.counts))
    }


def _largest(counts: Mapping[str, float]) -> list[str]:
    return sorted(counts, key=lambda value: (-counts[value], value))[:SHOWN]


def expected_distinct(texts: Texts, n: int) -> float:
    """How many categories n rows of the baseline would show (rarefaction, Hurlbert 1971, with replacement)."""
    shares = np.array(list(texts.counts.values())) / max(texts.count, 1e-300)
    beyond = max(0.0, texts.distinct - shares.size)
    rare = texts.other / max(texts.count, 1e-300) / beyond if beyond else 0.0
    return float(np.sum(1 - (1 - np.minimum(shares, 1.0)) ** n) + beyond * (1 - (1 - min(rare, 1.0)) ** n))
