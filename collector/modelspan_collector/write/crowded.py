"""How many features of one model an insert may name, and which are left out where it names more.

The store keeps a sketch of each, and while one insert is under way a categorical feature's takes some 150 kB: 60,000
names, as where an id is a part of them, took 8 GB and a minute, and everybody's rows waited.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import pyarrow as pa

from modelspan import conventions, features
from modelspan_collector.write.stream import metadata

MOST: Final[Mapping[features.Place, int]] = {"categorical": 4096, "numeric": 65_536, "embedding": 65_536}
"""Features of one model in one insert, by their place."""
COLUMNS: Final = "(features beyond the most)"
"""What is left out is called in `ingest_errors`, all together."""
_FEW: Final = min(MOST.values())
_MOST_AT_ONCE: Final = 2 * _FEW
"""Features of all models in one insert; what has more becomes several."""


class Relieved(NamedTuple):
    """A stream with what an insert takes of it."""

    table: pa.Table
    reasons: Sequence[str]
    """Why features of it are left out, of each place where some are."""


class Crowd:
    """The features that the streams of an insert name so far."""

    def __init__(self) -> None:
        self._names: dict[str, set[str]] = {}

    def add(self, table: pa.Table) -> None:
        """Count a stream's in."""
        self._names.setdefault(metadata(table, conventions.META_MODEL), set()).update(_feature_names(table))

    @property
    def full(self) -> bool:
        """True where the streams are to be inserted before more are taken."""
        return sum(min(len(names), _FEW) for names in self._names.values()) > _MOST_AT_ONCE


def relieved(tables: Sequence[pa.Table]) -> list[Relieved]:
    """The streams of one insert, each without the features that are too many: those that the fewest rows have."""
    crowd: dict[str, set[str]] = {}
    for table in tables:
        crowd.setdefault(metadata(table, conventions.META_MODEL), set()).update(_feature_names(table))
    reasons: dict[str, dict[str, str]] = {}
    for model, names in crowd.items():
        if len(names) > _FEW:
            reasons[model] = _too_many([one for one in tables if metadata(one, conventions.META_MODEL) == model])
    return [_without(table, reasons.get(metadata(table, conventions.META_MODEL), {})) for table in tables]


def _feature_names(table: pa.Table) -> list[str]:
    return [name for name in table.column_names if name.startswith(conventions.COL_FEATURE_PREFIX)]


def _too_many(tables: Sequence[pa.Table]) -> dict[str, str]:
    """The columns of one model's streams that an insert has no room for, each with the reason."""
    rows: dict[features.Place, Counter[str]] = {}
    for table in tables:
        for field in table.schema:
            place = features.place(field).place if field.name.startswith(conventions.COL_FEATURE_PREFIX) else None
            if place is not None:
                rows.setdefault(place, Counter())[field.name] += table.num_rows
    return {
        name: f"more than {MOST[place]:,} {place} features of one model at a time, and the fewest rows have these; is "
        "an id a part of their names?"
        for place, counted in rows.items()
        for name, _ in counted.most_common()[MOST[place] :]
    }


def _without(table: pa.Table, reasons: Mapping[str, str]) -> Relieved:
    if reasons.keys().isdisjoint(table.column_names):
        return Relieved(table, ())
    kept = [index for index, name in enumerate(table.column_names) if name not in reasons]
    told = dict.fromkeys(reasons[name] for name in table.column_names if name in reasons)
    return Relieved(table.select(kept), list(told))
