"""SQL expressions of `monitors.yaml`: what a row is worth or cost, which rows make a slice, what many rows are."""

from __future__ import annotations

import re
from typing import Final

from clickhouse_connect.driver.exceptions import Error as DriverError

from modelspan_collector.store.connect import Store
from modelspan_collector.store.expression import OUTCOMES_COLUMN, ROW_COLUMNS, TRUTHS, Compiled, compiled

_COLUMNS: Final = {
    "value": "Nullable(Float64)", "label": "String", "truth": "String", "true_value": "Nullable(Float64)",
    "weight": "Float64", "scores": "Map(String, Float64)", "tags": "Map(String, String)",
    "numeric_features": "Map(String, Float64)", "categorical_features": "Map(String, String)",
    "items": "Array(String)", "outputs": "Map(String, Array(Float64))",
}  # fmt: skip
"""What an expression of labelled rows sees, and of which type."""
_OF_A_COST: Final = (*ROW_COLUMNS, "duration", "items", "outputs")
"""What an expression of a cost sees: what was true makes no prediction dearer."""
_OF_PARTS: Final = re.compile(r"(?<![\w.`])(?:items|outputs)\b")
"""Columns of answers of several parts, which features are called as well."""
_OUTCOMES: Final = "Array(Tuple(String, String, Nullable(Float64), String))"
_TYPED = "SELECT {outer} AS worth FROM (SELECT {columns}) WHERE 0"
_COLUMN = "materialize(CAST(defaultValueOfTypeName('{kind}') AS {kind})) AS {name}"


def check_expression(expression: str) -> str:
    """An SQL expression of one row's value that is safe to put into a query.

    Raises:
        ValueError: it holds something other than the columns, numbers, texts, operators and functions allowed here.
    """
    worth(expression)
    return expression


def worth(expression: str) -> Compiled:
    """An expression of one row's value, such as `outcome('revenue') - 2`.

    Raises:
        ValueError: it holds what is not allowed.
    """
    return compiled(expression, columns=_COLUMNS, features=False, outcomes=True, what="a value expression")


def paid(expression: str) -> Compiled:
    """An expression of what one prediction cost, such as `tag.input_tokens * 0.000002 + duration * 0.00003`.

    Raises:
        ValueError: it holds what is not allowed.
    """
    return compiled(expression, columns=_OF_A_COST, apart=TRUTHS, outcomes=True, what="a cost")


def measure(expression: str) -> Compiled:
    """An expression of one value for many rows, such as `sum(revenue) / count()`.

    Raises:
        ValueError: it holds what is not allowed, or has no aggregate.
    """
    found = compiled(expression, columns=_COLUMNS, aggregates=True, outcomes=True, what="a metric")
    if not found.aggregates:
        raise ValueError(f"{expression!r} has a value for each row: write avg({expression}), or another aggregate")
    return found


def slice_of(expression: str) -> Compiled:
    """An expression that says which rows make a slice, such as `amount > 1000 AND country = 'DE'`.

    Raises:
        ValueError: it holds what is not allowed.
    """
    return compiled(expression, columns=ROW_COLUMNS, apart=TRUTHS, what="a slice")


def understood(store: Store, expression: str, what: str = "value expression") -> str:
    """What keeps the engine from computing an expression, asked of it without any row; '' where it can.

    Args:
        store: any engine.
        expression: what was written.
        what: `value expression`, `cost`, `metric` or `slice`.

    Raises:
        ValueError: the expression may not be asked.
    """
    every = {**_COLUMNS, "duration": "Nullable(Float64)", OUTCOMES_COLUMN: _OUTCOMES}
    columns = ", ".join(_COLUMN.format(name=name, kind=kind) for name, kind in every.items())
    if what == "metric":
        outer = f"toFloat64(ifNull(({measure(expression).sql}), 0))"
    elif what == "slice":
        outer = f"ifNull(({slice_of(expression).sql}), 0) != 0"
    elif what == "cost":
        outer = f"toFloat64(ifNull(({paid(expression).sql}), 0))"
    else:
        found = worth(expression)
        outer = f"toFloat64(ifNull(({found.sql if found.outcomes else expression}), 0))"
    try:
        store.rows(_TYPED.format(outer=outer, columns=columns))
    except DriverError as error:
        meant = _OF_PARTS.search(expression)
        hint = f"; a feature or tag of that name is feature.{meant[0]} or tag.{meant[0]}" if meant else ""
        return f"the engine cannot compute the {what} {expression!r}: {sentence(str(error))}{hint}"
    return ""


def sentence(message: str) -> str:
    """What the engine says, without its frame."""
    text = message.partition("DB::Exception:")[2] or message
    for end in (" (line ", " In scope", ". (", ": While", " (version"):
        text = text.partition(end)[0]
    return " ".join(text.split())[:200].rstrip(": ")
