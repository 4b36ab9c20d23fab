"""Slices of rows: those with one value of a tag or of a categorical feature, such as `tag.country=DE`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from modelspan_analyzer.reading.profiles.vocabulary import Relation
from modelspan_collector.store.connect import Store
from modelspan_collector.store.segments import COLUMNS, split_key, value_of

MOST_SLICES = 20
"""Values of one key that are looked at, the most frequent first."""

_NEXT = re.compile(r"(?:,| & )(?=\s*(?:tag|feature)\.[^=,]+=)")
"""Between two slices; a comma within a value stays in it."""

_VALUES = """
SELECT value, count() AS n FROM (SELECT {value} AS value FROM {table} WHERE {condition})
WHERE value != '' GROUP BY value HAVING n >= {{least:UInt64}} ORDER BY n DESC, value LIMIT {{most:UInt32}}
"""

_ROWS = """
SELECT value, count() AS n FROM (SELECT {value} AS value FROM {table} WHERE {condition})
WHERE value IN {{values:Array(String)}} GROUP BY value
"""


def slice_values(store: Store, relation: Relation, key: str, least: int) -> dict[str, int]:
    """The most frequent values of a key that have enough rows, each with how many."""
    name = split_key(key)[1]
    sql = _VALUES.format(value=value_of(key, "{key:String}"), table=relation.table, condition=relation.condition)
    rows = store.rows(sql, {**relation.parameters, "key": name, "least": least, "most": MOST_SLICES})
    return {str(row["value"]): int(row["n"]) for row in rows}


def slice_rows(store: Store, relation: Relation, key: str, values: Sequence[str]) -> dict[str, int]:
    """How many rows of a relation have each of these values of a key; values without any are absent."""
    name = split_key(key)[1]
    sql = _ROWS.format(value=value_of(key, "{key:String}"), table=relation.table, condition=relation.condition)
    rows = store.rows(sql, {**relation.parameters, "key": name, "values": list(values)})
    return {str(row["value"]): int(row["n"]) for row in rows}


def restricted(relation: Relation, key: str, value: str) -> Relation:
    """The rows of a relation that belong to one slice."""
    condition, parameters = where([(key, value)])
    return replace(
        relation, condition=f"({relation.condition}) AND {condition}", parameters={**relation.parameters, **parameters}
    )


def where(slices: Sequence[tuple[str, str]], rows: str = "") -> tuple[str, dict[str, str]]:
    """SQL and its parameters: the rows that belong to every one of some slices; see `value_of` for `rows`."""
    conditions = ["true"]
    parameters: dict[str, str] = {}
    for index, (key, value) in enumerate(slices):
        named = value_of(key, f"{{slice_key_{index}:String}}", rows)
        conditions.append(f"{named} = {{slice_value_{index}:String}}")
        parameters |= {f"slice_key_{index}": split_key(key)[1], f"slice_value_{index}": value}
    return " AND ".join(conditions), parameters


def parse(text: str) -> list[tuple[str, str]]:
    """Read a slice as people and results spell it: `tag.country=DE`, several joined by ` & ` or commas; none of ''.

    Raises:
        ValueError: a part of it is spelt otherwise.
    """
    parts = [part.strip() for part in _NEXT.split(text)] if text else []
    slices = [(key.strip(), value) for key, _, value in (part.partition("=") for part in parts)]
    for part, (key, value) in zip(parts, slices, strict=True):
        if not value or key.partition(".")[0] not in COLUMNS or not key.partition(".")[2]:
            raise ValueError(f"{part!r} is no segment: write tag.NAME=VALUE or feature.NAME=VALUE")
    return slices
