"""Queries with the values of their parameters written out, as their reader can run them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime

from modelspan_collector.store.quote import quote_string

_PARAMETER = re.compile(r"\{(\w+):([^{}]+)\}")


def written_out(sql: str, parameters: Mapping[str, object]) -> str:
    """A query with the values of its parameters in their places; those that are not given stay.

    >>> written_out("SELECT {a:String}, {b:UInt8}", {"a": "x", "b": 5})
    "SELECT 'x', 5"
    """

    def value(found: re.Match[str]) -> str:
        name, kind = found.groups()
        return written(parameters[name], kind) if name in parameters else found[0]

    return _PARAMETER.sub(value, sql).strip()


def written(value: object, kind: str) -> str:
    """A value as SQL of one of ClickHouse's types.

    >>> written(["a", "b"], "Array(String)")
    "['a', 'b']"
    """
    if isinstance(value, datetime):
        return f"CAST({quote_string(f'{value.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}')}, {quote_string(kind)})"
    if isinstance(value, bool | int | float):
        return repr(value)
    if isinstance(value, list | tuple):
        inner = kind.removeprefix("Array(").removesuffix(")")
        return f"[{', '.join(written(each, inner) for each in value)}]"
    return quote_string(str(value))
