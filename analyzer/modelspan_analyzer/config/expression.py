"""SQL expressions of what one row is worth: only what is safe to put into a query, and what the engine understands.

An expression sees the columns `value`, `label`, `truth`, `true_value`, `weight`, `scores`, `tags`, `numeric_features`
and `categorical_features`. Only numbers, texts, operators and a list of plain functions pass, so that it cannot be a
statement, a comment, or a call that reaches outside the rows.
"""

from __future__ import annotations

import re
from typing import Final

from clickhouse_connect.driver.exceptions import Error as DriverError

from modelspan_collector.store.connect import Store

_COLUMNS: Final = {
    "value": "Nullable(Float64)", "label": "String", "truth": "String", "true_value": "Nullable(Float64)",
    "weight": "Float64", "scores": "Map(String, Float64)", "tags": "Map(String, String)",
    "numeric_features": "Map(String, Float64)", "categorical_features": "Map(String, String)",
}  # fmt: skip
"""What an expression sees, and of which type."""
_FUNCTIONS: Final = (
    "if", "multiIf", "abs", "least", "greatest", "round", "floor", "ceil", "exp", "log", "log1p", "sqrt", "pow", "sign",
    "coalesce", "ifNull", "isNull", "isNotNull", "toFloat64", "toFloat64OrZero", "toString", "mapContains", "in", "not",
    "and", "or", "is", "null", "between", "true", "false", "lower", "upper", "case", "when", "then", "else", "end",
)  # fmt: skip
_TOKEN = re.compile(
    r"\s*(?:'(?:[^'\\]|\\.)*'|[0-9]+(?:\.[0-9]*)?(?:[eE][-+]?[0-9]+)?|[A-Za-z_]\w*|(?!--|/\*)[-+*/%(),<>=!\[\]])"
)
_TYPED = "SELECT toFloat64(ifNull(({expression}), 0)) AS worth FROM (SELECT {columns}) WHERE 0"
_COLUMN = "materialize(CAST(defaultValueOfTypeName('{kind}') AS {kind})) AS {name}"


def check_expression(expression: str) -> str:
    """An SQL expression of one row's value that is safe to put into a query.

    Raises:
        ValueError: it holds something other than the columns, numbers, texts, operators and functions allowed here.
    """
    at, depth = 0, 0
    while at < len(expression.rstrip()):
        found = _TOKEN.match(expression, at)
        if found is None:
            raise ValueError(f"cannot use {expression[at:].strip()[:20]!r} in a value expression; {_ALLOWED}")
        token = found.group().strip()
        if token[0].isalpha() or token[0] == "_":
            _check_name(token)
        depth += {"(": 1, ")": -1}.get(token, 0)
        if depth < 0:
            raise ValueError(f"the value expression {expression!r} closes a bracket that it did not open")
        at = found.end()
    if depth or not expression.strip():
        raise ValueError(f"the value expression {expression!r} is not complete; {_ALLOWED}")
    return expression


_ALLOWED = (
    f"write numbers, texts, operators, the columns {', '.join(_COLUMNS)} and the functions {', '.join(_FUNCTIONS)}"
)


def _check_name(name: str) -> None:
    if name not in _COLUMNS and name not in _FUNCTIONS and name.lower() not in _FUNCTIONS:
        raise ValueError(f"a value expression cannot use {name!r}; {_ALLOWED}")


def understood(store: Store, expression: str) -> str:
    """What keeps the engine from computing an expression, asked of it without any row; '' where it can.

    Raises:
        ValueError: see `check_expression`.
    """
    columns = ", ".join(_COLUMN.format(name=name, kind=kind) for name, kind in _COLUMNS.items())
    try:
        store.rows(_TYPED.format(expression=check_expression(expression), columns=columns))
    except DriverError as error:
        return f"the engine cannot compute the value expression {expression!r}: {_sentence(str(error))}"
    return ""


def _sentence(message: str) -> str:
    """What the engine says, without its frame."""
    text = message.partition("DB::Exception:")[2] or message
    for end in (" (line ", " In scope", ". (", ": While", " (version"):
        text = text.partition(end)[0]
    return " ".join(text.split())[:200].rstrip(": ")
