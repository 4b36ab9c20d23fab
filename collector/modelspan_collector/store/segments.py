"""Keys by which rows are sliced, and sketches of configured ones.

A key is configured by its views, which are those of all rows, over the rows that have the key: so collectors find which
there are (`sketched_keys`). Views sketch what came without sketches; collectors sketch the records that they insert.

A key is `tag.country` or `feature.plan`, whose values make a slice each, or a slice of its own by an expression,
`slice.big=amount > 1000`: its one value is the expression, so that whatever names a slice says which rows it is of.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterator

from modelspan_collector.store import schema
from modelspan_collector.store.connect import Store
from modelspan_collector.store.expression import compiled, literal
from modelspan_collector.store.quote import quote_identifier, quote_string

COLUMNS = {"tag": "tags", "feature": "categorical_features"}
"""Where the values of a key such as `tag.country` are."""
SLICE = "slice"
"""The kind of a key that is an expression."""
KINDS = (*COLUMNS, SLICE)
NO_GROUP = "(missing)"
"""The group of the rows that name none: the tag or feature is absent, empty, or nothing but white space."""
_FILE = "025_feature_profile_views.sql"
_VIEW = re.compile(r"CREATE MATERIALIZED VIEW IF NOT EXISTS (\w+)/\*suffix\*/")
"""A view that can be of a segment, too: its name has a place for what follows it."""
_MADE = """
SELECT name, comment FROM system.tables
WHERE database = currentDatabase() AND match(name, '^feature_profiles_(numeric|categorical|null|rows)_[0-9a-f]{12}$')
"""
_SKETCHED_KEYS = """
SELECT comment FROM system.tables
WHERE database = currentDatabase() AND name LIKE 'feature_profiles_rows_%' AND comment != '' ORDER BY comment
"""
_STORED_HERE = """
SELECT count() FROM system.tables
WHERE database = currentDatabase() AND name = 'predictions' AND engine LIKE '%MergeTree'
"""


def split_key(key: str) -> tuple[str, str]:
    """The column and the name that a key such as `tag.country` or `feature.plan` stands for.

    Raises:
        ValueError: it is neither, nor a slice by an expression that can be used.
    """
    kind, _, name = key.partition(".")
    if kind == SLICE:
        name, expression = split_slice(key)
        compiled(expression, what=f"the slice {name!r}")
        return SLICE, name
    if kind not in COLUMNS or not name:
        raise ValueError(f"{key!r} names no segment: write tag.NAME or feature.NAME")
    return COLUMNS[kind], name


def split_slice(key: str) -> tuple[str, str]:
    """The name and the expression of a key such as `slice.big=amount > 1000`.

    Raises:
        ValueError: it has not both.
    """
    name, _, expression = key.removeprefix(f"{SLICE}.").partition("=")
    if not name or not expression:
        raise ValueError(f"{key!r} is no slice: write slice.NAME=EXPRESSION, such as slice.big=amount > 1000")
    return name, expression


def names_in(key: str) -> tuple[str, ...]:
    """The tags and features that a key is of."""
    if key.startswith(f"{SLICE}."):
        return compiled(split_slice(key)[1]).names
    return (split_key(key)[1],)


def group_of(value: str) -> str:
    """SQL: the group that a value names, `NO_GROUP` where it names none; the one rule of which rows make a slice."""
    return f"if(empty(trim(BOTH ' \\t\\r\\n' FROM {value})), '{NO_GROUP}', {value})"


def value_of(key: str, name: str, rows: str = "") -> str:
    """SQL: the group of a row of predictions, by a key; `NO_GROUP` where the row has none.

    Args:
        key: such as `tag.country` or `feature.plan`.
        name: how SQL refers to the key's name, a parameter or a literal.
        rows: the table's alias with its point, where it has one.
    """
    return group_of(_value_of(key, name, rows))


def _value_of(key: str, name: str, rows: str = "") -> str:
    """SQL: the value of a key in a row as it stands, '' where it has none."""
    column, _ = split_key(key)
    if column == SLICE:
        expression = split_slice(key)[1]
        return f"if({belongs(expression, rows)}, {literal(expression)}, '')"
    if column == COLUMNS["tag"]:
        return f"{rows}tags[{name}]"
    return (
        f"multiIf(mapContains({rows}categorical_features, {name}), {rows}categorical_features[{name}], "
        f"mapContains({rows}numeric_features, {name}), toString({rows}numeric_features[{name}]), '')"
    )


def belongs(expression: str, rows: str = "") -> str:
    """SQL: whether a row is of a slice by an expression; one of which that cannot be told is not.

    Raises:
        ValueError: the expression cannot be used.
    """
    return f"(ifNull(({compiled(expression, rows=rows).sql}), 0) != 0)"


def keep_segments(store: Store, keys: Collection[str]) -> None:
    """Sketch the values of these keys from the next insert on, and those of no other key.

    Slices by an expression are read from rows; on a cluster nothing is done, and all slices are.
    """
    made = {row["name"]: row["comment"] for row in store.rows(_MADE)}
    if not (keys or made) or not store.scalar(_STORED_HERE):
        return
    wanted = {name: ddl for key in keys if split_key(key)[0] != SLICE for name, ddl in _views(key)}
    # Views of earlier versions, without a comment, sketch records too: they go before collectors are told to.
    kept = {name for name, comment in made.items() if comment and name in wanted}
    # The view of rows is made last and dropped first: where it has all rows of a slice, the others have, too.
    for name in sorted(made.keys() - kept, key=_counts_rows, reverse=True):
        store.command(f"DROP VIEW {quote_identifier(name)}")
    for name in sorted(wanted.keys() - kept, key=_counts_rows):
        store.command(wanted[name])


def _counts_rows(view: str) -> bool:
    return view.startswith("feature_profiles_rows_")


def sketched_keys(store: Store) -> list[str]:
    """The keys by whose values records are to be sketched when they are inserted."""
    return [str(row["comment"]) for row in store.rows(_SKETCHED_KEYS)]


def _views(key: str) -> Iterator[tuple[str, str]]:
    """Name and DDL of a key's views: those of all rows, over the rows that have the key."""
    value = _value_of(key, quote_string(split_key(key)[1]))
    suffix = f"_{hashlib.sha256(key.encode()).hexdigest()[:12]}"
    named = f"concat({quote_string(key + '=')}, {value}) AS segment"
    places = {
        "suffix": suffix,
        "to": " TO ",
        "local": "",
        "segment": "segment",
        "key": ", segment",
        "rows": f"(SELECT *, {named} FROM unsketched_predictions WHERE {value} != '')",
    }
    for template in schema.templates(_FILE):
        if found := _VIEW.search(template):
            yield f"{found[1]}{suffix}", f"{schema.fill(template, places)}\nCOMMENT {quote_string(key)}"
