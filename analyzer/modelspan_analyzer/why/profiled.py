"""What a baseline without rows tells of a column, as a sample: each value as often as its share of the rows."""

from __future__ import annotations

from typing import Any

import numpy as np

from modelspan_analyzer.reading.baselines import listing
from modelspan_analyzer.reading.profiles.profile import Column, Profile
from modelspan_analyzer.reading.profiles.read import baseline_profile
from modelspan_analyzer.reading.profiles.thinning import at_equal_steps
from modelspan_collector.store.connect import Store


def profiled_sample(store: Store, model: str, baseline_id: str, feature: str, rows: int, *, numeric: bool) -> Any:
    """About so many values of a feature, or of the answer where none is named; empty where the baseline has rows.

    Args:
        store: the store.
        model: whose baseline it is.
        baseline_id: which.
        feature: its name; '' is the answer.
        rows: how many values there are to be, missing ones too.
        numeric: whether numbers are wanted, with NaN for a missing one, or texts, with '' for it.
    """
    found = next((one for one in listing(store, model) if one.baseline_id == baseline_id and not one.has_rows), None)
    column = _column(baseline_profile(store, found), feature, numeric=numeric) if found else None
    if column is None:
        return np.empty(0)
    whole = max(column.n + column.null_n, 1)
    if numeric:
        support = column.numbers.support if column.numbers else None
        if support is None or not support.values.size:
            return np.empty(0)
        present = max(1, round(rows * column.n / whole))
        return np.append(at_equal_steps(support.values, support.weights, present), np.full(rows - present, np.nan))
    counts = column.texts.counts if column.texts else {}
    shares = {**counts, "": float(column.null_n)}
    return np.repeat(list(shares), [round(rows * count / whole) for count in shares.values()])


def _column(profile: Profile, feature: str, *, numeric: bool) -> Column | None:
    if feature:
        return profile.features.get(feature)
    return profile.outputs.get("value" if numeric else "label")
