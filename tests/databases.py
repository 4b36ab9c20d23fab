"""The databases that tests take and give back."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager

from modelspan_collector.store import schema
from modelspan_collector.store.connect import Store, connect


class Databases:
    """Databases with the full schema, emptied and used again: making the schema takes longer than most tests."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._empty: list[tuple[Store, object]] = []
        self._numbers = itertools.count(1)

    @contextmanager
    def one(self) -> Iterator[Store]:
        """An empty database; dropped in the end where the test changed its tables or settings."""
        opened, made = self._empty.pop() if self._empty else self._make()
        yield opened
        if self._schema(opened) == made:
            for table in opened.rows(
                "SELECT name FROM system.tables WHERE database = currentDatabase() AND name != 'schema_migrations'"
                " AND engine LIKE '%MergeTree'"
            ):
                opened.command(f"TRUNCATE TABLE `{table['name']}`")
            self._empty.append((opened, made))
        else:
            opened.command(f"DROP DATABASE IF EXISTS {opened.database}")
            opened.close()

    def _make(self) -> tuple[Store, object]:
        opened = connect(self._dsn, f"test_{next(self._numbers)}")
        schema.apply(opened)
        return opened, self._schema(opened)

    def _schema(self, opened: Store) -> object:
        return opened.rows(
            "SELECT name, create_table_query FROM system.tables WHERE database = {name:String} ORDER BY name",
            {"name": opened.database},
        )
