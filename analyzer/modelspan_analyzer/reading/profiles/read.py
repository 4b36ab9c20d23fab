"""The one place that decides how a profile is read: from rows while they are few or asked for, else from sketches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from modelspan_analyzer.reading.baselines import Baseline
from modelspan_analyzer.reading.cache import kept
from modelspan_analyzer.reading.profiles.from_rows import profile_rows, values_in
from modelspan_analyzer.reading.profiles.from_sketches import covers, profile_sketches
from modelspan_analyzer.reading.profiles.parts import MOST_VALUES, Parts, profile_parts
from modelspan_analyzer.reading.profiles.profile import Column, Profile, Support
from modelspan_analyzer.reading.profiles.thinning import at_equal_steps
from modelspan_analyzer.reading.profiles.values import in_parts, layout, load_supports
from modelspan_analyzer.reading.profiles.without_rows import profile_without_rows
from modelspan_analyzer.reading.relation import baseline_relation, window_relation
from modelspan_analyzer.reading.segments import restricted
from modelspan_analyzer.results import Window
from modelspan_collector.store.connect import Store

FEW_ROWS = 2_000
"""Up to so many rows are read exactly; of more that would take longer than merging sketches does."""
KEPT_VALUES = 20_000
"""Values of a baseline's column that are kept as they are; of more, a grid."""
BASELINE_POINTS = 4_000
"""Quantiles of that grid (rank error 1/8000), so that comparing costs the same for any size."""


def window_profile(store: Store, model: str, version: str | None, window: Window, *, exact: bool = False) -> Profile:
    """The profile of a window: from sketches where it holds many rows and whole hours, and `exact` is not asked."""
    return read_profile(store, model, version, window, (), exact=exact)[0]


def read_profile(
    store: Store, model: str, version: str | None, window: Window, keys: Sequence[str], *, exact: bool = False
) -> tuple[Profile, Parts | None]:
    """The same, with the rows that it is of where they are few, which can be taken apart by some keys."""
    relation = window_relation(model, version, window)
    rows, values = values_in(store, relation, FEW_ROWS)
    if rows <= FEW_ROWS and values <= MOST_VALUES:
        return profile_parts(store, relation, keys)
    if not exact and covers(window) and rows > FEW_ROWS:
        sketched = profile_sketches(store, model, version, window)
        if sketched.rows > FEW_ROWS:  # else they are not there yet, as of rows that were just inserted
            return sketched, None
    profile = profile_rows(store, relation)
    return (with_supports(store, profile, condensed=False) if rows <= FEW_ROWS else profile), None


def baseline_profile(store: Store, baseline: Baseline) -> Profile:
    """The profile of a baseline; that of one that is stored, which never changes, is kept in memory."""
    if baseline.stored:
        return _stored_profile(store, baseline)
    if baseline.window is not None:
        return window_profile(store, baseline.model, baseline.read_version, baseline.window)
    return profile_rows(store, baseline_relation(baseline))


@kept(64)
def _stored_profile(store: Store, baseline: Baseline) -> Profile:
    if not baseline.has_rows:
        return profile_without_rows(store, baseline)
    return with_supports(store, profile_rows(store, baseline_relation(baseline)), condensed=True)


def slice_profile(
    store: Store, model: str, version: str, window: Window, key: str, value: str, rows: int
) -> Profile | None:
    """The profile of a window's slice of so many rows from its sketches; None where these do not hold all of it."""
    if rows <= FEW_ROWS or not covers(window):
        return None
    profile = profile_sketches(store, model, version, window, f"{key}={value}")
    return profile if profile.rows == rows else None


@kept(64)
def stored_slice(store: Store, baseline: Baseline, key: str, value: str) -> Profile:
    """The profile of a slice of a stored baseline."""
    relation = restricted(baseline_relation(baseline), key, value)
    return with_supports(store, profile_rows(store, relation), condensed=True)


def supports(
    store: Store, profile: Profile, names: Sequence[str], *, outputs: bool = False
) -> Iterator[Mapping[str, Support]]:
    """The distributions of some numeric columns, a few columns at a time where they are read from rows."""
    columns = profile.outputs if outputs else profile.features
    kept = {name: numbers.support for name in names if (numbers := columns[name].numbers) and numbers.support}
    if len(kept) == len(names):
        yield kept
        return
    found = layout(store, profile.relation, outputs=outputs)
    for part in in_parts(names, profile.rows):
        yield load_supports(store, profile.relation, part, found, outputs=outputs)


def with_supports(store: Store, profile: Profile, *, condensed: bool) -> Profile:
    """The profile with its columns' distributions, of many values a grid of them if condensed."""

    def filled(columns: Mapping[str, Column], outputs: bool) -> dict[str, Column]:
        numeric = [name for name, column in columns.items() if column.numbers]
        found = dict(columns)
        for part in supports(store, profile, numeric, outputs=outputs):
            for name, support in part.items():
                kept = condense(support) if condensed else support
                found[name] = _with_support(found[name], kept)
        return found

    return replace(profile, features=filled(profile.features, False), outputs=filled(profile.outputs, True))


def _with_support(column: Column, support: Support) -> Column:
    if column.numbers is None or support.values.size == 0:
        return column
    return replace(column, numbers=replace(column.numbers, support=support))


def condense(support: Support) -> Support:
    """A support of many points as quantiles at the middle of equal steps of rank."""
    if support.values.size <= KEPT_VALUES:
        return support
    values = at_equal_steps(support.values, support.weights, BASELINE_POINTS)
    return Support(values, None, 1 / (2 * BASELINE_POINTS) + support.rank_error)
