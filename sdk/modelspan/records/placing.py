"""The features of a record: each column has a place, or is left out alone, with the reason."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from modelspan import conventions
from modelspan._failsafe import swallowed
from modelspan._redact import Redaction

if TYPE_CHECKING:
    import pyarrow as pa

MOST_NAMED = 50
"""Features that are named in the log of a process."""
MOST_REASONS = 1_000
"""Columns that are named with the reason why they are left out."""


def placed(columns: Mapping[str, Any], redaction: Redaction, left_out: dict[str, str]) -> dict[str, Any]:
    """Columns of features as they are sent, with the names of their columns; what has no place is added to the reasons.

    Args:
        columns: Arrow arrays by feature.
        redaction: What may leave the process, and how.
        left_out: Told why columns, or some of their values, are left out, by feature.
    """
    found: dict[str, Any] = {}
    for name, column in columns.items():
        try:
            if not redaction.removes(name) and (sent := _sent(name, column, left_out)) is not None:
                found |= redaction.columns(conventions.COL_FEATURE_PREFIX, {name: sent})
        except BaseException as error:
            left_out[name] = f"{column.type} could not be converted"
            say_left_out(name, f"of {str(column.type)[:80]}: {type(error).__name__}")
    return found


def _sent(name: str, column: pa.Array, left_out: dict[str, str]) -> pa.Array | None:
    """A column of a type that every reader knows."""
    if _is_common(column.type):
        return column
    from modelspan.features import convert

    told = convert(column)
    reason = told.reason or "; ".join(f"{count} values: {why}" for why, count in told.left_out.items())
    if reason:
        left_out[name] = reason
        say_left_out(name, f"of {str(column.type)[:80]}: {reason}")
    return told.column


def say_left_out(name: str, reason: str) -> None:
    """Name a feature that has no place, or some of whose values have none, once; of very many, the first."""
    if name not in _named and len(_named) >= MOST_NAMED:
        swallowed("more features have no place in a record and are left out; the collector's ingest_errors names them")
        return
    _named.add(name)
    swallowed(f"values of {name[:80]!r} have no place in a record and are left out, {reason}")


_named: set[str] = set()


@lru_cache(maxsize=1024)
def _is_common(kind: pa.DataType) -> bool:
    """Whether columns of a type are sent as they are: the reader converts them, in one go with others."""
    import pyarrow as pa

    of = pa.types
    if of.is_dictionary(kind):
        return bool(of.is_string(kind.value_type) or of.is_large_string(kind.value_type))
    if of.is_list(kind) or of.is_fixed_size_list(kind):
        return bool(of.is_floating(kind.value_type) or of.is_integer(kind.value_type))
    tests = (of.is_boolean, of.is_integer, of.is_floating, of.is_temporal, of.is_string, of.is_large_string)
    return any(test(kind) for test in tests) and not of.is_interval(kind)


def metadata(left_out: Mapping[str, str], redaction: Redaction) -> dict[str, str]:
    """What tells the collector of columns that are left out: their names and the reasons, unless a name is private."""
    named = {redaction.cut(name): why for name, why in left_out.items() if not redaction.removes(name)}
    if not named:
        return {}
    kept = dict(list(named.items())[:MOST_REASONS])
    return {conventions.META_LEFT_OUT: json.dumps(kept)}
