"""The slices of a window that are looked at, with their rows on both sides: read once for all monitors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from modelspan_analyzer.reading.baselines import Baseline
from modelspan_analyzer.reading.profiles.from_rows import profile_rows
from modelspan_analyzer.reading.profiles.parts import Parts, baseline_parts, few, read_parts
from modelspan_analyzer.reading.profiles.profile import Column, Profile
from modelspan_analyzer.reading.profiles.read import slice_profile, stored_slice, with_supports
from modelspan_analyzer.reading.relation import baseline_relation, window_relation
from modelspan_analyzer.reading.segments import restricted, slice_rows, slice_values, spelt, telling
from modelspan_analyzer.results import Window
from modelspan_collector.store.connect import Store

Columns = Mapping[str, Column]


@dataclass(frozen=True, slots=True)
class Slice:
    """One value of a key, and the rows of it on both sides."""

    key: str
    value: str
    rows: int
    rows_baseline: int

    @property
    def name(self) -> str:
        """As results name it: `tag.country=DE`."""
        return spelt(self.key, self.value)


@dataclass(frozen=True, slots=True)
class Slices:
    """The slices of one window of a version."""

    store: Store
    model: str
    version: str
    window: Window
    baseline: Baseline | None
    """None where there is none, or one without rows."""
    sizes: Mapping[str, Mapping[str, int]]
    """Of each key how many rows its values have, of those that are looked at."""
    each: tuple[Slice, ...]
    least: int
    """Rows that each of them has, at the least."""
    read: tuple[Parts, Parts] | None
    """The rows of the baseline and of the window, where they are few."""

    def columns(self, one: Slice) -> tuple[Columns, Columns]:
        """The features of a slice in the baseline and in the window, with their values."""
        assert self.baseline is not None
        if self.read is not None:
            before, after = (side.part(one.key, one.value) for side in self.read)
            return tuple(
                {name: column.among(part.rows, part.weight) for name, column in part.columns.items()}
                for part in (before, after)
            )  # type: ignore[return-value]
        return self._before(self.baseline, one).features, self._after(one).features

    def _before(self, baseline: Baseline, one: Slice) -> Profile:
        if baseline.stored:
            return stored_slice(self.store, baseline, one.key, one.value)
        relation = restricted(baseline_relation(baseline), one.key, one.value)
        return with_supports(self.store, profile_rows(self.store, relation), condensed=True)

    def _after(self, one: Slice) -> Profile:
        asked = (self.store, self.model, self.version, self.window, one.key, one.value, one.rows)
        if (sketched := slice_profile(*asked)) is not None:
            return sketched
        relation = restricted(window_relation(self.model, self.version, self.window), one.key, one.value)
        return with_supports(self.store, profile_rows(self.store, relation), condensed=True)


def slices_of(
    store: Store,
    model: str,
    version: str,
    window: Window,
    baseline: Baseline | None,
    current: Profile,
    parts: Parts | None,
    keys: tuple[str, ...],
    least: int,
) -> Slices:
    """Find the slices of some keys that have enough rows in a window.

    Args:
        store: the store.
        model: the model's name.
        version: its version.
        window: the stretch of event time.
        baseline: with rows; None where there is none.
        current: the whole of the window.
        parts: its rows, where they are few.
        keys: of the slices.
        least: rows that a slice needs.
    """
    relation = window_relation(model, version, window)
    read = None
    if keys and baseline is not None and current.rows and few(current, baseline):
        now = parts or read_parts(store, relation, keys)
        before = baseline_parts(store, baseline, keys) if baseline.stored else None
        read = before or read_parts(store, baseline_relation(baseline), keys), now
    sizes: dict[str, Mapping[str, int]] = {}
    each: list[Slice] = []
    for key in keys:
        if not current.rows:
            taken, known = {}, dict[str, int]()
        elif read is not None:
            taken, known = telling(key, read[1].sizes(key), least), read[0].sizes(key)
        else:
            taken = slice_values(store, relation, key, least)
            known = slice_rows(store, baseline_relation(baseline), key, list(taken)) if baseline else {}
        sizes[key] = taken
        each += [Slice(key, value, rows, known.get(value, 0)) for value, rows in taken.items()]
    return Slices(store, model, version, window, baseline, sizes, tuple(each), least, read)
