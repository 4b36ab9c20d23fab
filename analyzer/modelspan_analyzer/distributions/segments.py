"""Slices of rows: those with one value of a tag or of a categorical feature, such as `tag.country=DE`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from modelspan_analyzer.distributions.vocabulary import Relation
from modelspan_collector.store.connect import Store
from modelspan_collector.store.segments import split_key

MOST_SLICES = 20
"""Values of one key that are looked at, the most frequent first."""

_VALUES = """
SELECT value, count() AS n FROM (SELECT {column}[{{key:String}}] AS value FROM {table} WHERE {condition})
WHERE value != '' GROUP BY value HAVING n >= {{least:UInt64}} ORDER BY n DESC, value LIMIT {{most:UInt32}}
"""

_ROWS = """
SELECT value, count() AS n FROM (SELECT {column}[{{key:String}}] AS value FROM {table} WHERE {condition})
WHERE value IN {{values:Array(String)}} GROUP BY value
"""


def slice_values(store: Store, relation: Relation, key: str, least: int) -> dict[str, int]:
    """The most frequent values of a key that have enough rows, each with how many."""
    column, name = split_key(key)
    sql = _VALUES.format(column=column, table=relation.table, condition=relation.condition)
    rows = store.rows(sql, {**relation.parameters, "key": name, "least": least, "most": MOST_SLICES})
    return {str(row["value"]): int(row["n"]) for row in rows}


def slice_rows(store: Store, relation: Relation, key: str, values: Sequence[str]) -> dict[str, int]:
    """How many rows of a relation have each of these values of a key; values without any are absent."""
    column, name = split_key(key)
    sql = _ROWS.format(column=column, table=relation.table, condition=relation.condition)
    rows = store.rows(sql, {**relation.parameters, "key": name, "values": list(values)})
    return {str(row["value"]): int(row["n"]) for row in rows}


def restricted(relation: Relation, key: str, value: str) -> Relation:
    """The rows of a relation that belong to one slice."""
    column, name = split_key(key)
    condition = f"({relation.condition}) AND {column}[{{slice_key:String}}] = {{slice_value:String}}"
    parameters = {**relation.parameters, "slice_key": name, "slice_value": value}
    return replace(relation, condition=condition, parameters=parameters)
