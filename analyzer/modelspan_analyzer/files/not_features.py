"""Columns that name rows instead of describing them: with every window they hold what no baseline has."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from modelspan_analyzer.files.cells import is_text

FEWEST_ROWS: Final = 100
"""Below, every column may well hold each value once."""
_INDEX: Final = re.compile(r"|unnamed: ?\d+|__index_level_\d+__|level_\d+|\.\.\.\d+", re.IGNORECASE)
"""What pandas and R call an index without a name."""
_NAMES_ROWS: Final = re.compile(r"id|uuid|guid|key|index|idx|row|rowid|rownum|number|nr|no|seq|sequence", re.IGNORECASE)
_YEAR: Final = re.compile(r"year|yr|yyyy", re.IGNORECASE)
_MANY: Final = 10
"""Different values that a column has to take, one after the other, to count time by another name than a year."""
_UUID: Final = r"^(?i:[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12})$"


class NamedAs(NamedTuple):
    """What a column's name says that it holds."""

    what: str
    option: str
    """By which it is taken so; '' where there is none."""


_ROLES: Final = (
    (re.compile(r"(sample|case|row|obs)?_?weights?", re.IGNORECASE), NamedAs("a weight of rows is", "")),
    (re.compile(r"(y|label)_?(true|actual)|ground_?truth|true_?(label|value|class)|actual", re.IGNORECASE),
     NamedAs("a label is", "--label")),
    (re.compile(r"y_?(hat|pred|predicted)|predictions?|predicted(_?(label|value|class))?", re.IGNORECASE),
     NamedAs("a prediction is", "--prediction")),
    (re.compile(r"(y_?)?(prob|proba|probability|probabilities|scores?)(_\w{1,20})?", re.IGNORECASE),
     NamedAs("a score is", "--score")),
)  # fmt: skip
"""Names that the tools of the field give to what is beside the features."""


def named_as(name: str) -> NamedAs | None:
    """What a column that was taken for a feature is named as, if that is something else.

    >>> named_as("prob_1").option
    '--score'
    >>> named_as("age")
    """
    return next((role for pattern, role in _ROLES if pattern.fullmatch(name.strip())), None)


def reason_against(name: str, column: pa.Array) -> str | None:
    """Why a column is no feature; None where it may be one. Each reason is one that its name or all of its rows give.

    Args:
        name: of the column.
        column: all rows, in the order of the file.
    """
    if _INDEX.fullmatch(name.strip()):
        return "named as an index without a name is"
    if len(column) < FEWEST_ROWS or column.null_count or not _countable(column.type):
        return None
    if pc.count_distinct(column).as_py() < len(column):
        return None
    if is_text(column.type) and pc.all(pc.match_substring_regex(column, _UUID)).as_py():
        return "UUIDs"
    if pa.types.is_integer(column.type) or is_text(column.type):
        if _rises(column):
            return "another value in every row, in order"
        if any(_NAMES_ROWS.fullmatch(word) for word in _words(name)):
            return "another value in every row, and named as an id is"
    elif _rises(column):
        return "times that rise with every row"
    return None


def named_as_row(name: str) -> bool:
    """Whether a column's name says that it names rows.

    >>> named_as_row("customer_id"), named_as_row("age")
    (True, False)
    """
    return bool(_INDEX.fullmatch(name.strip())) or any(_NAMES_ROWS.fullmatch(word) for word in _words(name))


ANSWERS: Final = (
    "answers of several parts, which a baseline of rows does not keep: answers are not compared with it. A past window "
    "(--start and --end) keeps them whole"
)


def of_answers(table: pa.Table) -> frozenset[str]:
    """Columns that hold answers of several parts, as the store's `shape`, `items` and `outputs` do.

    >>> rows = pa.table({"age": [1.0], "shape": ["ranking"], "items": [["a", "b"]]})
    >>> sorted(of_answers(rows))
    ['items', 'shape']
    """
    there = {field.name: field.type for field in table.schema if field.name in ("shape", "items", "outputs")}
    items, outputs = there.get("items"), there.get("outputs")
    lists = items is not None and pa.types.is_list(items) and is_text(items.value_type)
    maps = outputs is not None and pa.types.is_map(outputs) and pa.types.is_list(outputs.item_type)
    return frozenset(there) if lists or maps else frozenset()


def counts_time(name: str, column: pa.Array, times: pa.Array) -> str | None:
    """Why a column is no feature as it only rises with time, as years and running numbers do; None where it may be one.

    Args:
        name: of the column.
        column: all rows.
        times: of these rows, UTC nanoseconds.
    """
    kind = column.type
    whole = pa.types.is_integer(kind) or pa.types.is_timestamp(kind) or pa.types.is_date(kind)
    if not (whole or is_text(kind)) or column.null_count or len(column) < FEWEST_ROWS:
        return None
    least = 2 if any(_YEAR.fullmatch(word) for word in _words(name)) else _MANY
    if pc.count_distinct(column).as_py() < (least if whole else len(column)):
        return None  # texts are numbers of rows, such as A0001, where each has its own
    table = pa.table({"time": times, "value": column}).sort_by([("time", "ascending"), ("value", "ascending")])
    values = table["value"].combine_chunks()
    return "it only rises with time" if pc.all(pc.less_equal(values[:-1], values[1:])).as_py() else None


def _countable(kind: pa.DataType) -> bool:
    """Fractional numbers differ in every row by their nature, and lists are never ids."""
    types = pa.types
    return bool(is_text(kind) or types.is_integer(kind) or types.is_timestamp(kind) or types.is_date(kind))


def _rises(column: pa.Array) -> bool:
    before, after = column[:-1], column[1:]
    return bool(pc.all(pc.less(before, after)).as_py() or pc.all(pc.greater(before, after)).as_py())


def _words(name: str) -> list[str]:
    """The words of a name such as `customer_id` or `customerId`."""
    return re.sub(r"([a-z])([A-Z])", r"\1 \2", re.sub(r"[^0-9A-Za-z]", " ", name)).split()
