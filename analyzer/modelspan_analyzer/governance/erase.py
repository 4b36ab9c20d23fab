"""Deletes a subject's rows from every table of a database, physically, and rebuilds the sketches that held them.

A mutation writes new parts without the rows; the old ones are dropped at once instead of after the usual eight minutes.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from typing import Final

from clickhouse_connect.driver.exceptions import Error as DriverError

from modelspan_analyzer.governance.holds import JSON_TEXT, SKETCHES, Held, parameters, tables
from modelspan_analyzer.governance.names import CHANGED, DAY, ID, IN_TEXT, QUOTED, TRACE, Names
from modelspan_analyzer.governance.subject import Subject
from modelspan_collector.store.connect import Store
from modelspan_collector.store.quote import quote_identifier

_HURRY: Final = (
    "old_parts_lifetime = 0, cleanup_delay_period = 1, cleanup_delay_period_random_add = 0, "
    "max_cleanup_delay_period = 1"
)
_HURRY_NAMES: Final = ", ".join(part.split(" = ")[0] for part in _HURRY.split(", "))

_VIEWS = """
SELECT name, as_select FROM system.tables
WHERE database = currentDatabase() AND engine = 'MaterializedView'
  AND match(create_table_query, ' TO [^ ]*feature_profiles`? ')
"""
_FROM_ROWS: Final = re.compile(r"\bFROM\s+(?:`?\w+`?\.)?`?(?:unsketched_)?predictions`?(?=\s|\)|$)")
"""Where a view takes rows: those on their way to it, or all."""
_INACTIVE = """
SELECT count() FROM system.parts WHERE database = currentDatabase() AND table = {table:String} AND NOT active
"""
_FINDINGS: Final = {"monitor_results": (JSON_TEXT, "reason"), "explanations": (JSON_TEXT, "sentence")}
"""Texts of findings: where they name a prediction the row goes; of a trace only the id does, as traces are examples."""
_REPORTS: Final[Mapping[str, tuple[str, ...]]] = {
    **_FINDINGS,
    "incidents": ("title", "why", "cause", "findings"),
    "incident_feedback": ("comment",),
    "model_decisions": ("reason",),
    "audit_log": ("details",),
    "baselines": ("source", "details"),
    "monitor_runs": ("error",),
    "models": ("hyperparameters", "signature", "training_data"),
}
"""Texts on many people or on none, from which only the ids go."""


def erase(store: Store, subject: Subject, names: Names) -> dict[str, int]:
    """Delete in all tables of a database.

    Returns:
        Rows deleted from each table that held any, or changed where a row is about more than the subject.
    """
    changed = {}
    bound = parameters(subject)
    for table in tables(store):
        if table.name in SKETCHES:
            continue
        count = sum(_delete(store, table.name, one) for one in _findings(table, names))
        for change, condition in _mended(table, names):
            count += _update(store, table, change, table.of_tenant(condition, subject), bound)
        count += sum(_delete(store, table.name, one, bound) for one in table.conditions(subject, names))
        if count:
            changed[table.name] = count
            names.add(CHANGED, {json.dumps([store.database, table.name])})
    return changed


def _findings(table: Held, names: Names) -> Iterator[str]:
    """What picks findings that name a prediction."""
    for column in _FINDINGS.get(table.name, ()):
        kinds = (QUOTED, IN_TEXT[ID]) if column == JSON_TEXT else (IN_TEXT[ID],)
        yield from (f"multiSearchAny({column}, {piece})" for piece in names.pieces(*kinds))


def _mended(table: Held, names: Names) -> Iterator[tuple[str, str]]:
    """`column = value` and which rows, for columns from which only the ids go."""
    for column in _REPORTS.get(table.name, ()):
        for piece in names.pieces(*IN_TEXT.values()):
            pattern = f"(SELECT arrayStringConcat(arrayMap(one -> regexpQuoteMeta(one), {piece}), '|'))"
            yield f"{column} = replaceRegexpAll({column}, {pattern}, '')", f"multiSearchAny({column}, {piece})"
    for column, kind in table.columns.items():
        if kind == "Array(String)" and (column == "traces" or column.endswith(".TraceId")):
            quoted, known = f"`{column}`", names.chosen(TRACE)  # from the store's own list of columns
            value = f"arrayMap(one -> if(one IN {known}, '', one), {quoted})"
            yield f"{quoted} = {value}", f"arrayExists(one -> one IN {known}, {quoted})"


def _delete(store: Store, table: str, condition: str, values: Mapping[str, object] | None = None) -> int:
    name = quote_identifier(table)
    count = int(store.scalar(f"SELECT count() FROM {name} WHERE {condition}", values))
    if count:
        store.command(f"ALTER TABLE {name} DELETE WHERE {condition} SETTINGS mutations_sync = 2", values)
    return count


def _update(store: Store, table: Held, change: str, condition: str, values: Mapping[str, object]) -> int:
    count = int(store.scalar(f"SELECT count() FROM {table.quoted} WHERE {condition}", values))
    if count:
        sql = f"ALTER TABLE {table.quoted} UPDATE {change} WHERE {condition} SETTINGS mutations_sync = 2"
        store.command(sql, values)
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


def rebuild_sketches(store: Store, names: Names) -> int:
    """Sketches cannot give a row back: those of the days concerned are made anew from the rows that are left.

    Returns:
        Days of a model's version that were made anew in this database.
    """
    days = names.of_database(DAY, store.database)
    names.add(CHANGED, {json.dumps([store.database, table]) for table in (SKETCHES if days else ())})
    for table, column in SKETCHES.items() if days else ():
        _delete(store, table, f"(model, version, toString(toDate({column}))) IN {names.days(store.database)}")
    views = [(_columns(store, view["name"]), view["as_select"]) for view in store.rows(_VIEWS)] if days else []
    for model, version, day in days:  # one at a time, as a day of a large model takes memory enough
        bound = {"model": model, "version": version, "day": day}
        source = "(SELECT * FROM predictions WHERE model = {model:String} AND version = {version:String}"
        source += " AND toDate(timestamp) = {day:Date})"
        for columns, select in views:
            made = _FROM_ROWS.sub(f"FROM {source}", select)
            store.command(f"INSERT INTO feature_profiles ({columns}) {made}", bound)
    return len(days)


def _columns(store: Store, view: str) -> str:
    """The columns that a view fills, in its order."""
    sql = (
        "SELECT name FROM system.columns WHERE database = currentDatabase() AND table = {view:String} ORDER BY position"
    )
    return ", ".join(quote_identifier(row["name"]) for row in store.rows(sql, {"view": view}))
