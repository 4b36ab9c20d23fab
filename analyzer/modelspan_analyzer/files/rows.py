"""The rows of a file, and what has to be said of them: what was assumed, and what was left out.

A file is never refused for one cell. What cannot be used is left out alone (a cell, a row, a column), counted and named
by its line; what cannot be told for sure is guessed, and the guess is said with the option that settles it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

SHOWN = 3
"""Examples named of what is left out; the rest is counted."""
MOST_REMARKS = 1000
"""Sentences that are kept."""
_LONGEST = 60


class FileError(ValueError):
    """A file, or a column of it, that is of no use; the message names it and says what to do."""


@dataclass(slots=True)
class Remarks:
    """What a reader says beside the rows: sentences for a person, each once."""

    assumed: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)

    def assume(self, sentence: str) -> None:
        """Say what was guessed."""
        _add(self.assumed, sentence)

    def leave_out(self, sentence: str) -> None:
        """Say what was left out, and why."""
        _add(self.left_out, sentence)

    def lines(self) -> list[str]:
        """All of it, for a terminal."""
        return [*(f"assumed: {each}" for each in self.assumed), *(f"left out: {each}" for each in self.left_out)]


def _add(sentences: list[str], sentence: str) -> None:
    """Each sentence once, and of very many only that there are more."""
    if len(sentences) < MOST_REMARKS and sentence not in sentences:
        sentences.append(
            sentence if len(sentences) < MOST_REMARKS - 1 else "and more of the kind, which are not listed"
        )


@dataclass(frozen=True, slots=True)
class FileRows:
    """A table of plain columns, each row still knowing where it stood in the file."""

    table: pa.Table
    remarks: Remarks
    places: np.ndarray[tuple[int], np.dtype[np.int64]]
    """The number of each row, as a person finds it in the file."""
    unit: str = "row"
    """What the numbers count: `line`s of a text, `row`s of anything else."""
    percents: frozenset[str] = frozenset()
    """Columns whose cells were marked as per cent, and are shares of one since."""

    @classmethod
    def of(cls, table: pa.Table, remarks: Remarks | None = None) -> FileRows:
        """The rows of a table, numbered from 1."""
        return cls(table, remarks or Remarks(), np.arange(1, table.num_rows + 1))

    def where(self, row: int) -> str:
        """A row in words: `line 7`."""
        return f"{self.unit} {self.places[row]}"

    def only(self, kept: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> FileRows:
        """Some of the rows, by a mask."""
        return replace(self, table=self.table.filter(pa.array(kept)), places=self.places[kept])

    def column(self, name: str) -> pa.Array:
        """One column in one piece, of plain values: a dictionary is what it stands for."""
        values = self.table[name].unify_dictionaries().combine_chunks()
        values = pa.concat_arrays(values.chunks) if isinstance(values, pa.ChunkedArray) else values
        if pa.types.is_run_end_encoded(values.type):
            values = pc.run_end_decode(values)
        if pa.types.is_dictionary(values.type):
            entries = _without_views(values.dictionary)
            values = pa.DictionaryArray.from_arrays(values.indices, entries).dictionary_decode()
        return _without_views(values.storage if isinstance(values.type, pa.BaseExtensionType) else values)

    def set(self, name: str, values: pa.Array) -> FileRows:
        """The same rows with one column replaced."""
        return self.set_all({name: values})

    def set_all(self, columns: Mapping[str, pa.Array]) -> FileRows:
        """The same rows with some columns replaced, together: each alone takes a pass over all columns' names."""
        schema, arrays = self.table.schema, list(self.table.columns)
        fields: list[pa.Field] = list(schema)
        for at, name in enumerate(schema.names):
            if (values := columns.get(name)) is not None:
                fields[at], arrays[at] = pa.field(name, values.type), values
        return replace(self, table=pa.Table.from_arrays(arrays, schema=pa.schema(fields, schema.metadata)))

    def examples(self, rows: Sequence[int] | np.ndarray[tuple[int], np.dtype[np.int64]], values: pa.Array) -> str:
        """The first of some rows with what they hold: `line 7: 'n/a', line 9: 'x' and 3 more`."""
        some = ", ".join(f"{self.where(row)}: {shown(values[int(row)])}" for row in rows[:SHOWN])
        return some + (f" and {len(rows) - SHOWN:,} more" if len(rows) > SHOWN else "")


def _without_views(values: pa.Array) -> pa.Array:
    """String and binary views as plain strings and bytes, which every function takes."""
    if pa.types.is_string_view(values.type):
        return values.cast(pa.string())
    return values.cast(pa.binary()) if pa.types.is_binary_view(values.type) else values


def shown(value: pa.Scalar) -> str:
    """A value as a message quotes it, cut to a length."""
    try:
        text = repr(value.as_py())
    except (ValueError, OverflowError, pa.ArrowException):
        text = "what cannot be shown"
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "…"


def require(rows: FileRows, names: Sequence[str]) -> None:
    """Ask for columns by name.

    Raises:
        FileError: one is missing; the message lists those that there are, nearest spelling first.
    """
    have = rows.table.column_names
    there = set(have)
    missing = [name for name in names if name not in there]
    if not missing:
        return
    meant = {each.strip().casefold() for each in missing}
    listed = sorted(have, key=lambda name: name.strip().casefold() not in meant)
    some = ", ".join(listed[:30]) + (f" and {len(listed) - 30:,} more" if len(listed) > 30 else "")
    bare = all(name.replace(".", "", 1).lstrip("+-").isdigit() for name in have)
    hint = "; its first line holds only numbers: is the header missing?" if bare else ""
    gone = [said for said in rows.remarks.left_out if said.startswith(tuple(f"column {name!r}:" for name in missing))]
    why = f" that can be used ({'; '.join(gone)})" if gone else ""
    raise FileError(f"the file has no column {', '.join(map(repr, missing))}{why}; it has {some}{hint}")
