"""Deletes a subject's rows from every table, physically, and rebuilds the sketches that held them.

A mutation writes new parts without the rows; the old ones are dropped within a minute instead of the usual eight.
"""

from __future__ import annotations

import re
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Final

from modelspan_analyzer.governance.subject import Subject, Traces
from modelspan_collector.store.connect import Store, quote_identifier

_CHUNK: Final = 2000
LONG_ID: Final = 12
"""An id this long is looked for inside of texts; a shorter one, such as `7`, only as a whole value."""
_HURRY: Final = (
    "old_parts_lifetime = 0, cleanup_delay_period = 1, cleanup_delay_period_random_add = 0, "
    "max_cleanup_delay_period = 1"
)
_HURRY_NAMES: Final = ", ".join(part.split(" = ")[0] for part in _HURRY.split(", "))

_TABLES = """
SELECT table, groupArray(name) AS names, groupArray(type) AS types
FROM system.columns
WHERE database = currentDatabase()
  AND table IN (SELECT name FROM system.tables WHERE database = currentDatabase() AND engine LIKE '%MergeTree')
GROUP BY table ORDER BY table
"""
_VIEWS = """
SELECT name, as_select FROM system.tables
WHERE database = currentDatabase() AND engine = 'MaterializedView'
  AND match(create_table_query, ' TO [^ ]*feature_profiles`? ')
"""
_INACTIVE = """
SELECT count() FROM system.parts WHERE database = currentDatabase() AND table = {table:String} AND NOT active
"""
_ATTRIBUTES = ("SpanAttributes", "LogAttributes", "ResourceAttributes")
SKETCHES: Final = {"feature_profiles": "hour", "feature_profile_days": "day"}


def erase(store: Store, subject: Subject, found: Traces) -> dict[str, int]:
    """Delete everywhere.

    Returns:
        Rows deleted from each table that held any.
    """
    deleted = {}
    for table, columns in tables(store).items():
        if table in SKETCHES:
            continue
        count = sum(
            _delete(store, table, condition, values) for condition, values in _conditions(columns, subject, found)
        )
        if count:
            deleted[table] = count
    if found.days:
        _rebuild_sketches(store, found)
    return deleted


def tables(store: Store) -> dict[str, dict[str, str]]:
    """Every table that keeps rows, with its columns and their types."""
    return {row["table"]: dict(zip(row["names"], row["types"], strict=True)) for row in store.rows(_TABLES)}


def _conditions(columns: dict[str, str], subject: Subject, found: Traces) -> Iterator[tuple[str, dict[str, object]]]:
    """What picks the subject's rows in a table with these columns."""
    for ids in _chunks(sorted(found.prediction_ids)):
        if "prediction_id" in columns:
            yield "has({ids:Array(String)}, prediction_id)", {"ids": ids}
        for name in _ATTRIBUTES:
            if name in columns:
                yield f"has({{ids:Array(String)}}, {name}['modelspan.prediction.id'])", {"ids": ids}
        yield from _mentions(columns, ids)
    for traces in _chunks(sorted(found.trace_ids)):
        if "TraceId" in columns:
            yield "has({traces:Array(String)}, TraceId)", {"traces": traces}
    if subject.tag and "tags" in columns:
        yield "tags[{tag:String}] = {value:String}", {"tag": subject.tag, "value": subject.value}
    for name in _ATTRIBUTES:
        if subject.tag and name in columns:
            key = f"modelspan.tag.{subject.tag}"
            yield f"{name}[{{tag:String}}] = {{value:String}}", {"tag": key, "value": subject.value}


def _mentions(columns: dict[str, str], ids: list[str]) -> Iterator[tuple[str, dict[str, object]]]:
    """Texts that name an id: JSON in which it is a value, and sentences that hold a long one."""
    if columns.get("details") == "String":
        yield "arrayExists(id -> position(details, concat('\"', id, '\"')) > 0, {ids:Array(String)})", {"ids": ids}
    long = [one for one in ids if len(one) >= LONG_ID]
    for name in ("sentence", "reason"):
        if long and columns.get(name) == "String":
            yield f"arrayExists(id -> position({name}, id) > 0, {{ids:Array(String)}})", {"ids": long}


def _chunks(values: Sequence[str]) -> Iterator[list[str]]:
    for start in range(0, len(values), _CHUNK):
        yield list(values[start : start + _CHUNK])


def _delete(store: Store, table: str, condition: str, values: Mapping[str, object]) -> int:
    name = quote_identifier(table)
    count = int(store.scalar(f"SELECT count() FROM {name} WHERE {condition}", values))
    if count:
        store.command(f"ALTER TABLE {name} DELETE WHERE {condition} SETTINGS mutations_sync = 2", values)
    return count


def drop_old_parts(store: Store, names: Collection[str], patience: float) -> list[str]:
    """Wait until the parts that still hold deleted rows are off the disk; the store takes up to a minute.

    Args:
        store: the store.
        names: the tables.
        patience: seconds to wait at most; with 0 the parts go as they would anyway, within about ten minutes.

    Returns:
        Tables that still have old parts, as when a long query holds them.
    """
    deadline = time.monotonic() + patience
    waiting = list(names)
    for table in waiting:
        store.command(f"ALTER TABLE {quote_identifier(table)} MODIFY SETTING {_HURRY}")
    while waiting := [table for table in waiting if store.scalar(_INACTIVE, {"table": table})]:
        if time.monotonic() > deadline:
            break
        time.sleep(0.2)
    for table in names:
        store.command(f"ALTER TABLE {quote_identifier(table)} RESET SETTING {_HURRY_NAMES}")
    return waiting


def _rebuild_sketches(store: Store, found: Traces) -> None:
    """Sketches cannot give a row back: those of the days concerned are made anew from the rows that are left."""
    for model, version, day in sorted(found.days):
        names = {"model": model, "version": version, "day": day}
        for table, column in SKETCHES.items():
            where = f"model = {{model:String}} AND version = {{version:String}} AND toDate({column}) = {{day:Date}}"
            _delete(store, table, where, names)
        for view in store.rows(_VIEWS):
            source = "(SELECT * FROM predictions WHERE model = {model:String} AND version = {version:String}"
            source += " AND toDate(timestamp) = {day:Date})"
            select = re.sub(r"\bFROM\s+(?:`?\w+`?\.)?`?predictions`?(?=\s|\)|$)", f"FROM {source}", view["as_select"])
            store.command(f"INSERT INTO feature_profiles ({_columns(store, view['name'])}) {select}", names)


def _columns(store: Store, view: str) -> str:
    """The columns that a view fills, in its order."""
    sql = (
        "SELECT name FROM system.columns WHERE database = currentDatabase() AND table = {view:String} ORDER BY position"
    )
    return ", ".join(quote_identifier(row["name"]) for row in store.rows(sql, {"view": view}))
