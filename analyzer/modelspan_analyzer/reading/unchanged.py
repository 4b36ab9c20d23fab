"""Keeps what was read of each model until anything is written of it, as the parts of the tables tell.

A part of a MergeTree table never changes: what is inserted, merged or mutated is another part. So what was read stands
as long as the parts do, and of what came since only the models in the new parts are read again.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final, Generic, TypeVar
from weakref import WeakKeyDictionary

from modelspan_analyzer.instants import now
from modelspan_collector.store.connect import Store

Name = tuple[str, str]
"""A model and its version."""
Value = TypeVar("Value")
Read = Callable[[Store, Sequence[str], Hashable], Mapping[Name, Value]]
"""Reads of some models, or of all where none is named; the last argument is whatever else is asked."""

OF_MODELS: Final = "(empty({models:Array(String)}) OR model IN {models:Array(String)})"
"""SQL: the rows of some models, or of all where none is named."""
_PARTS: Final = """
SELECT table, name, partition_id, min_block_number AS first, max_block_number AS last,
       if(data_version = min_block_number, 0, data_version) AS mutation, hash_of_all_files AS content
FROM system.parts
WHERE active AND database = currentDatabase() AND table IN {tables:Array(String)}
"""
_STATES: Final = """
SELECT table, toString(groupBitXor(cityHash64(name, hash_of_all_files))) AS state FROM system.parts
WHERE active AND database = currentDatabase() AND table IN {tables:Array(String)} GROUP BY table
"""
_OWN: Final = """
SELECT count() FROM system.tables
WHERE database = currentDatabase() AND name IN {tables:Array(String)}
  AND engine LIKE '%MergeTree' AND NOT match(engine, '^(Replicated|Shared)')
"""
_MOST_ROWS: Final = 2_000_000
"""Of new parts: in more than that, all models may be."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a table, and the inserts that it holds."""

    table: str
    name: str
    partition_id: str
    first: int
    last: int
    mutation: int
    """The newest one that it has been through; 0 for none."""
    content: str
    """What tells it from one of the same name in a table that was made anew."""

    def within(self, others: Collection[Part]) -> bool:
        """Whether what it held is in one of some other parts, merged or mutated."""
        return any(
            (self.table, self.partition_id) == (one.table, one.partition_id)
            and one.first <= self.first
            and self.last <= one.last
            for one in others
        )


@dataclass(frozen=True, slots=True)
class _Known(Generic[Value]):
    parts: frozenset[Part]
    asked: tuple[date, Hashable]
    answers: Mapping[Name, Value]


class UntilWritten(Generic[Value]):
    """What a function reads of each model, kept for each store; one reader of all models reads, and the others wait.

    All is read again once a day, as rows whose time is over go in merges, unseen. Nothing is kept where the parts are
    not the store's own, as those of a table that is spread over shards.
    """

    def __init__(self, read: Read[Value], *tables: str) -> None:
        """Keep what is read.

        Args:
            read: what is read; it reads the tables, and nothing else that changes.
            tables: which tell by their parts that something was written; each has a column `model`.
        """
        self._read = read
        self._tables = tables
        self._known: WeakKeyDictionary[Store, _Known[Value]] = WeakKeyDictionary()
        self._locks: WeakKeyDictionary[Store, threading.Lock] = WeakKeyDictionary()
        self._lock = threading.Lock()

    def __call__(self, store: Store, model: str = "", asked: Hashable = None) -> Mapping[Name, Value]:
        """Of all models, or of one."""
        if model:
            return self._of_one(store, model, asked)
        with self._lock:
            own = self._locks.setdefault(store, threading.Lock())
        with own:
            parts = self._parts(store)  # before the rows: what comes in between is then read once more
            known, wanted = self._known.get(store), (now().date(), asked)
            if known is None or known.asked != wanted:
                answers = self._read(store, [], asked)
            else:
                answers = self._renewed(store, known, parts, asked)
            if parts:
                self._known[store] = _Known(parts, wanted, answers)
            return answers

    def _of_one(self, store: Store, model: str, asked: Hashable) -> Mapping[Name, Value]:
        known, wanted = self._known.get(store), (now().date(), asked)
        changed = self._changed(store, known.parts, self._parts(store)) if known and known.asked == wanted else None
        if known is None or changed is None or model in changed:
            return self._read(store, [model], asked)
        return {name: value for name, value in known.answers.items() if name[0] == model}

    def _renewed(
        self, store: Store, known: _Known[Value], parts: frozenset[Part], asked: Hashable
    ) -> Mapping[Name, Value]:
        changed = self._changed(store, known.parts, parts)
        if changed is None:
            return self._read(store, [], asked)
        if not changed:
            return known.answers
        kept = {name: value for name, value in known.answers.items() if name[0] not in changed}
        return {**kept, **self._read(store, sorted(changed), asked)}

    def _parts(self, store: Store) -> frozenset[Part]:
        return frozenset(Part(**row) for row in store.rows(_PARTS, {"tables": list(self._tables)}))

    def _changed(self, store: Store, before: frozenset[Part], after: frozenset[Part]) -> set[str] | None:
        """The models that something may have been written of; None where that may be any."""
        new, gone = after - before, before - after
        mutated = max((part.mutation for part in new), default=0) > max((part.mutation for part in before), default=0)
        if not after or mutated or not all(part.within(new) for part in gone):  # a model may have gone with them
            return None
        found: set[str] = set()
        for table in {part.table for part in new}:
            asked: dict[str, Any] = {"parts": [part.name for part in new if part.table == table]}
            if (
                int(store.scalar(f"SELECT count() FROM {table} WHERE _part IN {{parts:Array(String)}}", asked))
                > _MOST_ROWS
            ):
                return None
            (seen,) = store.rows(
                "SELECT groupUniqArray(toString(model)) AS models, uniqExact(_part) AS parts"
                f" FROM {table} WHERE _part IN {{parts:Array(String)}}",
                asked,
            )
            if seen["parts"] < len(asked["parts"]):  # merged since they were listed: their rows are in another part now
                return None
            found |= set(seen["models"])
        return found


class Standing:
    """What was read, or done, once: it stands until a table that it rests on is written to, or until the hour is over.

    One query, of parts, tells of all of them. Nothing stands where the parts are not the store's own: of tables that
    are spread over shards there are none here, and another replica may lag.
    """

    def __init__(self, store: Store, *tables: str) -> None:
        """Nothing stands before the first `look`.

        Args:
            store: where the tables are.
            tables: all that something may rest on.
        """
        self._store = store
        self._tables = tables
        self._own: bool | None = None
        self._states: Mapping[str, str] | None = None
        self._seen: dict[str, tuple[str, datetime]] = {}
        self._kept: dict[str, tuple[Hashable, Any]] = {}
        self._at = datetime.min

    def look(self, at: datetime) -> None:
        """See what was written since the last look, at a moment of the clock by which an hour passes."""
        self._states, asked = None, {"tables": list(self._tables)}
        if self._own is None:
            self._own = int(self._store.scalar(_OWN, asked)) == len(self._tables)
        if not self._own:
            return
        found = {row["table"]: row["state"] for row in self._store.rows(_STATES, asked)}
        for table in self._tables:
            state, known = found.get(table, ""), self._seen.get(table)
            if known is None or known[0] != state:
                self._seen[table] = state, at
        self._states, self._at = found, at

    def still_for(self, *tables: str) -> timedelta:
        """How long ago, by looks, any of some tables changed."""
        return self._at - max(self._seen[table][1] for table in tables) if self._states is not None else timedelta()

    def state(self, *tables: str) -> Hashable:
        """What tells, as of the last look, whether some tables were written to; None where that cannot be told."""
        return None if self._states is None else tuple(self._states.get(table, "") for table in tables)

    def read(self, name: str, read: Callable[[], Value], *tables: str, also: Hashable = None) -> Value:
        """What a function gave when it was last called by this name, where it still stands; else it is called.

        Args:
            name: one for each such function.
            read: the function; what it raises is raised, and nothing then stands.
            tables: those that it rests on.
            also: what else it rests on.
        """
        state = self.state(*tables)
        if state is None:
            return read()
        key = state, self._at.replace(minute=0, second=0, microsecond=0), also
        known = self._kept.pop(name, None)
        value = known[1] if known is not None and known[0] == key else read()
        self._kept[name] = key, value
        return value
