"""Features that are new, missing, or came back under another name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from modelspan_analyzer.reading.profiles.binning import count, pin_bins
from modelspan_analyzer.reading.profiles.profile import Column, Kind
from modelspan_analyzer.statistics.jensen_shannon import jensen_shannon_distance

ALIKE = 0.1
"""Jensen-Shannon distance up to which a new feature may be a missing one under another name."""


@dataclass(frozen=True, slots=True)
class SchemaChanges:
    """What changed in the set of features."""

    new: tuple[str, ...]
    missing: tuple[str, ...]
    renamed: Mapping[str, str]
    """Missing feature to the new one that is distributed like it, and like no other."""


def schema_changes(before: Mapping[str, Column], after: Mapping[str, Column]) -> SchemaChanges:
    """Compare the features of the baseline with those of the window; one that is only ever null is there."""
    new = tuple(sorted(set(after) - set(before)))
    missing = tuple(sorted(set(before) - set(after)))
    alike = {name: [other for other in new if _alike(before[name], after[other])] for name in missing}
    claimed = [candidates[0] for candidates in alike.values() if len(candidates) == 1]
    renamed = {
        name: candidates[0]
        for name, candidates in alike.items()
        if len(candidates) == 1 and claimed.count(candidates[0]) == 1
    }
    return SchemaChanges(new, missing, renamed)


def _alike(old: Column, new: Column) -> bool:
    if old.kind is not new.kind or old.kind is Kind.EMPTY or old.uncounted:
        return False
    old_support = old.numbers.support if old.numbers else None
    new_support = new.numbers.support if new.numbers else None
    if old.kind is Kind.NUMERIC and (old_support is None or new_support is None):
        return False
    bins = pin_bins(old, old_support)
    reference, current = count(bins, old, old_support), count(bins, new, new_support)
    return bool(bool(current.sum() > 0) and jensen_shannon_distance(reference, current) <= ALIKE)
