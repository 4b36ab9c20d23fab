"""Deletes a subject's rows from every table, physically, and rebuilds the sketches that held them.

A mutation writes new parts without the rows; the old ones are dropped at once instead of after the usual eight minutes.
"""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Final

import pyarrow as pa
from clickhouse_connect.driver.exceptions import Error as DriverError

from modelspan.conventions import TAG_PREFIX
from modelspan_analyzer.governance.subject import Subject, Traces
from modelspan_collector.store.connect import Store, quote_identifier

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
_FINDINGS = ("details", "sentence", "reason")
"""Texts of findings: where they name a prediction the row goes; of a trace only the id does, as traces are examples."""
_REPORTS = ("findings", "why", "title", "comment")
"""Texts of reports on many people, from which only the ids go."""
_EVENT = "text"
"""Part of its table's key, which cannot be changed: the row goes."""
SKETCHES: Final = {"feature_profiles": "hour", "feature_profile_days": "day"}


def erase(store: Store, subject: Subject, found: Traces) -> dict[str, int]:
    """Delete everywhere.

    Returns:
        Rows deleted from each table that held any, or changed where a row is about more than the subject.
    """
    changed, keys = {}, {"tag": subject.tag, "attribute": f"{TAG_PREFIX}{subject.tag}"}
    with _named(store, subject, found) as names:
        for table, columns in tables(store).items():
            if table in SKETCHES:
                continue
            count = sum(_delete(store, table, one, keys) for one in _conditions(columns, subject, names))
            count += sum(_update(store, table, *change) for change in _changes(columns, names))
            if count:
                changed[table] = count
    if found.days:
        _rebuild_sketches(store, found)
    return changed


@contextmanager
def _named(store: Store, subject: Subject, found: Traces) -> Iterator[Callable[..., str]]:
    """The subject's names in a table in memory, as what a mutation says is kept on disk; gives subqueries by kind."""
    table = f"forgotten_{uuid.uuid4().hex}"
    kinds = {"id": found.prediction_ids, "trace": found.trace_ids, "value": {subject.value} if subject.tag else set()}
    rows = [(kind, name) for kind, names in kinds.items() for name in sorted(names)]
    store.command(f"CREATE TABLE {table} (kind String, name String) ENGINE = Memory")
    try:
        store.insert(table, pa.table({"kind": [row[0] for row in rows], "name": [row[1] for row in rows]}))
        yield (
            lambda what, *of: (
                f"(SELECT {what} FROM {quote_identifier(store.database)}.{table} WHERE kind IN ("
                + ", ".join(f"'{kind}'" for kind in of)
                + "))"
            )
        )
    finally:
        store.command(f"DROP TABLE {table} SYNC")


def tables(store: Store) -> dict[str, dict[str, str]]:
    """Every table that keeps rows, with its columns and their types."""
    return {row["table"]: dict(zip(row["names"], row["types"], strict=True)) for row in store.rows(_TABLES)}


def _conditions(columns: Mapping[str, str], subject: Subject, names: Callable[..., str]) -> Iterator[str]:
    """What picks the subject's rows in a table with these columns."""
    if "prediction_id" in columns:
        yield f"prediction_id IN {names('name', 'id')}"
    if "TraceId" in columns:
        yield f"TraceId IN {names('name', 'trace')}"
    if subject.tag and "tags" in columns:
        yield f"tags[{{tag:String}}] IN {names('name', 'value')}"
    for name in _ATTRIBUTES:
        if name in columns:
            yield f"{name}['modelspan.prediction.id'] IN {names('name', 'id')}"
        if subject.tag and name in columns:
            yield f"{name}[{{attribute:String}}] IN {names('name', 'value')}"
    if columns.get("details") == "String":
        yield _mentions("details", names("groupArray(concat('\"', name, '\"'))", "id"))
    for name in (*_FINDINGS, _EVENT):
        if columns.get(name) == "String":
            yield _mentions(name, _long(names, "id", *(["trace"] if name == _EVENT else [])))


def _changes(columns: Mapping[str, str], names: Callable[..., str]) -> Iterator[tuple[str, str]]:
    """`column = value` and which rows, for columns from which only the ids go."""
    for name in (*_FINDINGS, *_REPORTS):
        if columns.get(name) == "String":
            long = _long(names, "id", "trace")
            value = f"arrayFold((text, one) -> replaceAll(text, one, ''), {long}, {name})"
            yield f"{name} = {value}", _mentions(name, long)
    for name, kind in columns.items():
        if kind == "Array(String)" and (name == "traces" or name.endswith(".TraceId")):
            quoted = f"`{name}`"  # from the store's own list of columns
            known = names("groupArray(name)", "trace")
            value = f"arrayMap(one -> if(has({known}, one), '', one), {quoted})"
            yield f"{quoted} = {value}", f"hasAny({quoted}, {known})"


def _mentions(column: str, names: str) -> str:
    return f"arrayExists(one -> position({column}, one) > 0, {names})"


def _long(names: Callable[..., str], *kinds: str) -> str:
    return names(f"groupArrayIf(name, length(name) >= {LONG_ID})", *kinds)


def _delete(store: Store, table: str, condition: str, values: Mapping[str, object] | None = None) -> int:
    name = quote_identifier(table)
    count = int(store.scalar(f"SELECT count() FROM {name} WHERE {condition}", values))
    if count:
        store.command(f"ALTER TABLE {name} DELETE WHERE {condition} SETTINGS mutations_sync = 2", values)
    return count


def _update(store: Store, table: str, change: str, condition: str) -> int:
    name = quote_identifier(table)
    count = int(store.scalar(f"SELECT count() FROM {name} WHERE {condition}"))
    if count:
        store.command(f"ALTER TABLE {name} UPDATE {change} WHERE {condition} SETTINGS mutations_sync = 2")
    return count


def drop_old_parts(store: Store, names: Collection[str], patience: float) -> list[str]:
    """Wait until the parts that still hold deleted rows are off the disk: at once, or up to a minute without the right.

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
        with suppress(DriverError):  # wakes the cleaner; without the right to it, it wakes by itself
            for verb in ("STOP", "START"):
                store.command(f"SYSTEM {verb} CLEANUP {quote_identifier(table)}")
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
