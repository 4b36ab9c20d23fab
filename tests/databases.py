"""The databases that tests take and give back."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from modelspan_collector.store import schema
from modelspan_collector.store.connect import Store, connect

_WRITTEN = """
SELECT DISTINCT table AS name FROM system.parts WHERE database = currentDatabase() AND table != 'schema_migrations'
"""
"""Tables that were written to: to empty an empty one takes as long."""


class Databases:
    """Databases with the full schema, emptied and used again: making the schema takes longer than most tests."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._folder = Path(dsn.removeprefix("chdb://"))
        self._empty: list[tuple[Store, dict[str, str]]] = []
        self._numbers = itertools.count(1)

    @contextmanager
    def one(self) -> Iterator[Store]:
        """An empty database; dropped in the end where the test changed its tables or settings."""
        opened, made = self._empty.pop() if self._empty else self._make()
        yield opened
        if self._schema(opened) == made:
            for table in opened.rows(_WRITTEN):
                opened.command(f"TRUNCATE TABLE `{table['name']}`")
            self._empty.append((opened, made))
        else:
            opened.command(f"DROP DATABASE IF EXISTS {opened.database}")
            opened.close()

    @contextmanager
    def like(self, prepared: Store) -> Iterator[Store]:
        """A database with the rows of another, which took long to prepare; both share its parts, which never change."""
        with self.one() as opened:
            for table in prepared.rows(_WRITTEN):
                name = f"`{table['name']}`"
                opened.command(f"ALTER TABLE {name} ATTACH PARTITION ALL FROM `{prepared.database}`.{name}")
            yield opened

    def _make(self) -> tuple[Store, dict[str, str]]:
        opened = connect(self._dsn, f"test_{next(self._numbers)}")
        schema.apply(opened)
        return opened, self._schema(opened)

    def _schema(self, opened: Store) -> dict[str, str]:
        """Each table's definition as the engine keeps it: read from its files, for to be told takes 60 ms."""
        [found] = opened.rows(
            "SELECT metadata_path FROM system.databases WHERE name = {name:String}", {"name": opened.database}
        )
        files = (self._folder / str(found["metadata_path"])).glob("*.sql")
        return {file.name: file.read_text() for file in files}
