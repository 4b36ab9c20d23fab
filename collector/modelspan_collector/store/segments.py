"""Sketches of configured segments: views like those of all rows, one set a key, made when it is configured."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterator

from modelspan_collector.store import schema
from modelspan_collector.store.connect import Store, quote_identifier

COLUMNS = {"tag": "tags", "feature": "categorical_features"}
"""Where the values of a key such as `tag.country` are."""
_VIEWS = ("numeric", "categorical", "null", "rows")
_FILE = "025_feature_profile_views.sql"
_MADE = f"""
SELECT name FROM system.tables
WHERE database = currentDatabase() AND match(name, '^feature_profiles_({"|".join(_VIEWS)})_[0-9a-f]{{12}}$')
"""
_STORED_HERE = """
SELECT count() FROM system.tables
WHERE database = currentDatabase() AND name = 'predictions' AND engine LIKE '%MergeTree'
"""


def split_key(key: str) -> tuple[str, str]:
    """The column and the name that a key such as `tag.country` or `feature.plan` stands for.

    Raises:
        ValueError: it is neither.
    """
    kind, _, name = key.partition(".")
    if kind not in COLUMNS or not name:
        raise ValueError(f"{key!r} names no segment: write tag.NAME or feature.NAME")
    return COLUMNS[kind], name


def value_of(key: str, name: str, rows: str = "") -> str:
    """SQL: the value of a key in a row of predictions, '' where it has none; the one rule of which rows make a slice.

    Args:
        key: such as `tag.country` or `feature.plan`.
        name: how SQL refers to the key's name, a parameter or a literal.
        rows: the table's alias with its point, where it has one.
    """
    column, _ = split_key(key)
    if column == COLUMNS["tag"]:
        return f"{rows}tags[{name}]"
    return (
        f"multiIf(mapContains({rows}categorical_features, {name}), {rows}categorical_features[{name}], "
        f"mapContains({rows}numeric_features, {name}), toString({rows}numeric_features[{name}]), '')"
    )


def keep_segments(store: Store, keys: Collection[str]) -> None:
    """Sketch the values of these keys from the next insert on, and those of no other key.

    On a cluster nothing is done, and slices are read from rows.
    """
    made = {row["name"] for row in store.rows(_MADE)}
    if not (keys or made) or not store.scalar(_STORED_HERE):
        return
    wanted = {name: ddl for key in keys for name, ddl in _views(key)}
    for name in made - wanted.keys():
        store.command(f"DROP VIEW {quote_identifier(name)}")
    for name in wanted.keys() - made:
        store.command(wanted[name])


def _views(key: str) -> Iterator[tuple[str, str]]:
    """Name and DDL of a key's views: those of all rows, over the rows that have the key."""
    value = value_of(key, _literal(split_key(key)[1]))
    rows = f"(SELECT *, concat({_literal(key + '=')}, {value}) AS segment FROM predictions WHERE {value} != '')"
    suffix = hashlib.sha256(key.encode()).hexdigest()[:12]
    for file, ddl in schema.statements():
        found = re.search(r"CREATE MATERIALIZED VIEW IF NOT EXISTS (feature_profiles_(\w+)) TO", ddl)
        if file == _FILE and found and found[2] in _VIEWS:
            ddl = ddl.replace(found[1], f"{found[1]}_{suffix}", 1)
            ddl = ddl.replace("'' AS segment", "segment").replace("FROM predictions", f"FROM {rows}")
            ddl = ddl.replace("SELECT model, version, toStartOfHour", "SELECT model, version, segment, toStartOfHour")
            yield f"{found[1]}_{suffix}", ddl.replace("GROUP BY model, version", "GROUP BY model, version, segment")


def _literal(text: str) -> str:
    """A string in DDL, which takes no parameters: as digits, so that no character of it is read as SQL."""
    return f"unhex('{text.encode().hex()}')"
