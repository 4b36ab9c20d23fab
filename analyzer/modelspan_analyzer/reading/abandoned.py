"""Rows of baselines that were never set to their end, as by a process that was killed: nobody reads them."""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from modelspan_collector.store.connect import Store

_MARK: Final = "7"
"""Where a random id has a 4: the id begins with the time at which it was made, as a UUID of version 7 does."""
_AGE_SECONDS: Final = 6 * 3600.0
"""On a server another process may be setting a baseline: for so long its rows are left alone."""
_LOGGER = logging.getLogger(__name__)
_lock = threading.Lock()
_under_way: set[str] = set()

_TABLES: Final = ("reference_predictions", "reference_profiles")
_ORPHANS: Final = """
SELECT baseline_id, count() AS rows FROM {table}
WHERE baseline_id NOT IN (SELECT baseline_id FROM baselines) GROUP BY baseline_id
"""
_HERE: Final = """
SELECT count() FROM system.tables
WHERE database = currentDatabase() AND name = {table:String} AND engine LIKE '%MergeTree'
"""
_CLEAR: Final = """
ALTER TABLE {table} DELETE WHERE has({{ids:Array(String)}}, baseline_id) SETTINGS mutations_sync = 1
"""


@contextmanager
def setting() -> Iterator[str]:
    """The id of a baseline that is being set; until it is, nobody takes its rows for abandoned ones."""
    baseline_id = f"{time.time_ns() // 1_000_000:012x}{_MARK}{secrets.token_hex(10)[1:]}"
    with _lock:
        _under_way.add(baseline_id)
    try:
        yield baseline_id
    finally:
        with _lock:
            _under_way.discard(baseline_id)


def clear(store: Store) -> int:
    """Delete the rows of baselines that were never set to their end; returns how many.

    Not on a cluster, whose tables one node cannot change.
    """
    return sum(_clear(store, table) for table in _TABLES)


def _clear(store: Store, table: str) -> int:
    orphans = store.rows(_ORPHANS.format(table=table))
    rows = {row["baseline_id"]: int(row["rows"]) for row in orphans if _is_abandoned(store, row)}
    if not rows or not store.scalar(_HERE, {"table": table}):
        return 0
    store.command(_CLEAR.format(table=table), {"ids": sorted(rows)})
    _LOGGER.warning("%d rows of %d baselines that were not set to their end are deleted", sum(rows.values()), len(rows))
    return sum(rows.values())


def _is_abandoned(store: Store, row: dict[str, object]) -> bool:
    """An embedded store has one process: what it does not do itself, nobody does any more."""
    name = str(row["baseline_id"])
    if name in _under_way:
        return False
    dated = len(name) == 32 and name[12] == _MARK
    return store.embedded or not dated or time.time() - int(name[:12], 16) / 1000 > _AGE_SECONDS
