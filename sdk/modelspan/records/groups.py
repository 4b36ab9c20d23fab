"""Calls that were given tables, put together: small ones that are alike are counted and encoded as one.

What that saves is all that a table costs beside its rows. What each call's record would say is the same.
"""

from __future__ import annotations

import itertools
from collections.abc import Hashable, Sequence
from functools import cached_property
from typing import Any

from modelspan._failsafe import attempt, guard
from modelspan._gentle import READ_AT_ONCE, gently
from modelspan.capture import batches
from modelspan.capture.batches import Outputs
from modelspan.capture.held import SMALL_TABLE
from modelspan.capture.output_columns import stacked
from modelspan.records.call import Call


class Group:
    """Calls of one function and one stream whose tables, if they are several, are alike."""

    def __init__(self, parts: Sequence[Sequence[Call]]) -> None:
        """Put calls together, those whose outputs are alike beside each other."""
        self._parts = parts
        self.calls = list(itertools.chain.from_iterable(parts))
        self.rows = sum(call.rows for call in self.calls)
        self.first = self.calls[0]

    def alone(self) -> list[Group]:
        """Each call by itself."""
        return [Group([[call]]) for call in self.calls]

    def features(self) -> tuple[dict[str, Any], dict[str, str]]:
        """Columns of the tables, as those of a `Table`, and why columns are left out.

        Raises:
            Exception: Several tables cannot be read as one.
        """
        tables = [call.table for call in self.calls if call.table is not None]
        if len(tables) > 1:
            left_out: dict[str, str] = {}
            found = tables[0].held.read([table.held.value for table in tables], left_out)
            if any(len(column) != self.rows for column in found.values()):
                raise ValueError("the columns of several tables do not have their rows")
            return found, left_out
        with guard(f"the features of a table of model {self.first.stream.model!r} could not be read"):
            return tables[0].columns(), tables[0].left_out
        return {}, tables[0].left_out  # its rows arrive all the same

    @cached_property
    def predicted(self) -> Outputs:
        """What the calls returned, as columns of as many values as the tables have rows."""
        return stacked([told for calls in self._parts for told in _predicted(calls)])


def _predicted(calls: Sequence[Call]) -> list[tuple[Outputs, int]]:
    """Outputs that are alike, and of how many rows; where they cannot be read as one, each by itself."""
    if len(calls) > 1:
        rows = sum(call.rows for call in calls)
        with attempt():
            told = batches.together([call.outputs for call in calls if call.outputs], calls[0].observer.told)
            if told is not None and told.fits(rows):
                return [(told, rows)]
    return [(call.predicted(), call.rows) for call in gently(calls, READ_AT_ONCE)]


def grouped(calls: Sequence[Call]) -> list[Group]:
    """Calls with tables in groups that are read together; those of large tables alone."""
    groups: dict[Hashable, dict[Hashable, list[Call]]] = {}
    for call in gently(calls, READ_AT_ONCE):
        alike, outputs_alike = _alike(call) or (call, None)
        groups.setdefault(alike, {}).setdefault(outputs_alike or call, []).append(call)
    return [Group(list(parts.values())) for parts in groups.values()]


def _alike(call: Call) -> tuple[Hashable, Hashable] | None:
    """What calls share that are read together, and those of them whose outputs are, too; None where one stays alone."""
    table = call.table
    assert table is not None
    if not 0 < table.rows <= SMALL_TABLE or table.held.alike is None or table.left_out or call.times is not None:
        return None
    with attempt():
        names_and_types = table.held.alike(table.held.value)
        shared = (call.observer, call.stream, call.kept, call.error_type, call.ids is None, table.held.read)
        key = (shared, names_and_types)
        hash(key)
        return None if names_and_types is None else (key, batches.alike(call.outputs))
    return None
