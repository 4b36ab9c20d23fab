"""What a subject is called: kept in a table of the store from the first look until nothing holds any of it.

Mutations read the names from here, as what they say themselves is kept on disk; and a run that was killed, or whose
proof failed, is taken up where it ended although the rows that led to the names are gone by then.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Final

import pyarrow as pa

from modelspan_analyzer.governance.subject import Subject
from modelspan_collector.store.connect import Store
from modelspan_collector.store.quote import quote_identifier, quote_string

ID: Final = "id"
TRACE: Final = "trace"
VALUE: Final = "value"
DAY: Final = "day"
"""(database, model, version, day), as JSON, whose sketches hold the subject."""
CHANGED: Final = "changed"
"""(database, table), as JSON, whose old parts may still be on the disk."""
IN_TEXT: Final = {ID: "id in text", TRACE: "trace in text"}
"""A long name, and how JSON spells it, looked for inside of texts."""
QUOTED: Final = "quoted id"
"""How JSON spells an id as a whole value."""
LONG_ID: Final = 12
"""An id this long is looked for inside of texts; a shorter one, such as `7`, only as a whole value."""
_OTHERS: Final = """
SELECT count() FROM system.tables
WHERE database = currentDatabase() AND startsWith(name, {prefix:String}) AND name != {own:String}
"""
PIECE: Final = 250
"""Names that one search looks for: the engine takes 255, and the work of a search stays that of its rows."""
_TABLE: Final = "forgetting_"


class Names:
    """The names of one subject in all databases of a store."""

    def __init__(self, store: Store, subject: Subject) -> None:
        self._store = store
        self._plain = f"{_TABLE}{subject.digest[:16]}"
        self.table: Final = f"{quote_identifier(store.database)}.{quote_identifier(self._plain)}"
        store.command(
            f"CREATE TABLE IF NOT EXISTS {self.table} (kind String, name String) ENGINE = MergeTree ORDER BY kind"
        )
        kept = store.rows(f"SELECT kind, name FROM {self.table}")
        self._known: set[tuple[str, str]] = {(row["kind"], row["name"]) for row in kept}
        self._new = not self._known
        self.add(ID, subject.prediction_ids)
        self.add(VALUE, {subject.value} if subject.tag else ())

    def add(self, kind: str, names: Iterable[str]) -> int:
        """Note names, with how texts spell them; returns how many are new."""
        fresh = {(kind, name) for name in names} - self._known
        rows = sorted(fresh | {spelling for one in fresh for spelling in _spellings(*one)})
        if rows:
            self._store.insert(
                self._plain, pa.table({"kind": [row[0] for row in rows], "name": [row[1] for row in rows]})
            )
        self._known.update(rows)
        return len(fresh)

    def of(self, kind: str) -> frozenset[str]:
        """The names of a kind."""
        return frozenset(name for known, name in self._known if known == kind)

    def of_database(self, kind: str, database: str) -> list[list[str]]:
        """What was noted of a database, as days and changed tables are."""
        return sorted(rest for first, *rest in map(json.loads, self.of(kind)) if first == database)

    def chosen(self, kind: str) -> str:
        """SQL: the names of a kind, for `IN`."""
        return f"(SELECT name FROM {self.table} WHERE kind = '{kind}')"

    def days(self, database: str) -> str:
        """SQL: (model, version, day as text) of a database's sketches that hold the subject, for `IN`."""
        parts = ", ".join(f"JSONExtractString(name, {place})" for place in (2, 3, 4))
        own = f"JSONExtractString(name, 1) = {quote_string(database)}"
        return f"(SELECT {parts} FROM {self.table} WHERE kind = '{DAY}' AND {own})"

    def pieces(self, *kinds: str) -> Iterator[str]:
        """SQL: arrays of at most `PIECE` names each, the longest first, as a name may begin with another."""
        listed = ", ".join(f"'{kind}'" for kind in kinds)
        for offset in range(0, sum(len(self.of(kind)) for kind in kinds), PIECE):
            yield (
                f"(SELECT groupArray(name) FROM (SELECT DISTINCT name FROM {self.table} WHERE kind IN ({listed}) "
                f"ORDER BY length(name) DESC, name LIMIT {PIECE} OFFSET {offset}))"
            )

    def drop(self) -> None:
        """Forget the names too, once nothing else holds them."""
        self._store.command(f"DROP TABLE {self.table} SYNC")

    def drop_if_new(self) -> None:
        """Forget the names of a subject whose erasure did not begin."""
        if self._new:
            self.drop()

    def others(self) -> int:
        """Subjects beside this one whose erasure has not been proved yet."""
        return int(self._store.scalar(_OTHERS, {"prefix": _TABLE, "own": self._plain}))


def spellings(name: str) -> set[str]:
    """A name as it is, and as JSON texts spell it, without the quotes."""
    return {name, json.dumps(name)[1:-1], json.dumps(name, ensure_ascii=False)[1:-1]}


def _spellings(kind: str, name: str) -> Iterator[tuple[str, str]]:
    if kind == ID:
        yield from ((QUOTED, f'"{one}"') for one in spellings(name))
    if kind in IN_TEXT and len(name) >= LONG_ID:
        yield from ((IN_TEXT[kind], one) for one in spellings(name))
