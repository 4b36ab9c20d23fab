"""Predictions of stores that were made when every week of event time had a partition of its own.

A history of ten years in random order then met five hundred of them with every insert, each of which got a part. Now
rows that come late go to a partition a year, and the rows that are there move, some weeks at a time, into a table that
is split so. What is interrupted is taken up at the next start.
"""

from __future__ import annotations

import logging
from collections.abc import Collection
from typing import Final

from modelspan_collector.store.connect import Store
from modelspan_collector.store.quote import quote_identifier, quote_string

_LOG = logging.getLogger(__name__)

BY_WEEK: Final = "toMonday(timestamp)"
BY_AGE: Final = "if(toDate(timestamp) + 30 >= toDate(received_at), toMonday(timestamp), toStartOfYear(timestamp))"
_OLD, _NEW = "predictions_by_week", "predictions_by_age"
"""The table as it was, and as it becomes."""
_COPYING, _COPIED = "predictions_copying", "predictions_copied"
"""Rows of some weeks on their way: not all of them yet, and all of them."""
_ROWS_AT_ONCE: Final = 5_000_000
_TABLES: Final = """
SELECT name, partition_key, engine_full FROM system.tables
WHERE database = currentDatabase() AND engine = 'MergeTree' AND name LIKE 'predictions%'
"""
_READERS: Final = """
SELECT name, create_table_query AS ddl FROM system.tables
WHERE database = currentDatabase() AND name IN (
    SELECT arrayJoin(dependencies_table) FROM system.tables WHERE database = currentDatabase() AND name = 'predictions')
"""
_PARTITIONS: Final = """
SELECT partition_id AS id, sum(rows) AS n FROM system.parts
WHERE database = currentDatabase() AND table = {table:String} AND active GROUP BY id ORDER BY id
"""
_WEEKS: Final = f"SELECT DISTINCT formatDateTime(toMonday(timestamp), '%Y%m%d') AS week FROM {_COPIED}"


def by_age(store: Store) -> None:
    """Split predictions by how late they came; safe to call at every start, before the tables are written to."""
    tables = {row["name"]: row for row in store.rows(_TABLES)}
    if tables.get("predictions", {}).get("partition_key") == BY_WEEK:
        _put_in_place(store, str(tables["predictions"]["engine_full"]))
        tables[_OLD] = tables["predictions"]
    if _OLD in tables:
        _move(store, tables)


def _put_in_place(store: Store, engine: str) -> None:
    """An empty table where the old one was, alike in all but partitions; views would hold on to the old: made anew."""
    readers = store.rows(_READERS)
    store.command(f"DROP TABLE IF EXISTS {_NEW}")
    store.command(f"CREATE TABLE {_NEW} AS predictions ENGINE = {engine.replace(BY_WEEK, BY_AGE, 1)}")
    for reader in readers:
        store.command(f"DROP VIEW {quote_identifier(reader['name'])}")
    store.command(f"RENAME TABLE predictions TO {_OLD}, {_NEW} TO predictions")
    for reader in readers:
        store.command(reader["ddl"])


def _move(store: Store, tables: Collection[str]) -> None:
    """Bring the rows over, some weeks at a time: what is copied is dropped where it was, and then moved as it lies."""
    if _COPIED in tables:
        _arrive(store)
    for weeks in _batches(store):
        _LOG.info("moving %d weeks of predictions into partitions by age", len(weeks))
        store.command(f"DROP TABLE IF EXISTS {_COPYING}")  # an earlier copy may not be whole
        store.command(f"CREATE TABLE {_COPYING} AS predictions")
        store.command(
            f"INSERT INTO {_COPYING} SELECT * FROM {_OLD} WHERE _partition_id IN {{weeks:Array(String)}} "
            "SETTINGS insert_deduplicate = 0, max_partitions_per_insert_block = 0",
            {"weeks": weeks},
        )
        store.command(f"RENAME TABLE {_COPYING} TO {_COPIED}")
        _arrive(store)
    store.command(f"DROP TABLE {_OLD}")


def _arrive(store: Store) -> None:
    """Let whole copies take the place of their rows: none is moved before all are dropped where they were."""
    for row in store.rows(_WEEKS):
        store.command(f"ALTER TABLE {_OLD} DROP PARTITION ID {quote_string(row['week'])}")
    for partition in _partitions(store, _COPIED):
        store.command(f"ALTER TABLE {_COPIED} MOVE PARTITION ID {quote_string(partition)} TO TABLE predictions")
    store.command(f"DROP TABLE {_COPIED}")


def _batches(store: Store) -> list[list[str]]:
    batches: list[list[str]] = []
    room = 0
    for week, rows in _partitions(store, _OLD).items():
        if rows > room:
            batches.append([])
            room = _ROWS_AT_ONCE
        batches[-1].append(week)
        room -= rows
    return batches


def _partitions(store: Store, table: str) -> dict[str, int]:
    """The partitions of a table, and how many rows each has."""
    return {str(row["id"]): int(row["n"]) for row in store.rows(_PARTITIONS, {"table": table})}
