"""One type a column over all batches of a capture: first values tell it, and what does not fit later is left out alone.

Numbers are Float64 whichever way they are written, so that `1` of one batch and `1.5` of the next are one column.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from modelspan_analyzer.captures.misfits import Misfits
from modelspan_analyzer.files import times
from modelspan_analyzer.files.cells import cast_or_null, is_number, lost, numbers, trimmed
from modelspan_analyzer.files.rows import FileRows, Remarks, shown
from modelspan_analyzer.files.typed import Notation, notation, with_types

Where = Callable[[int], str]
"""The place of a row in words."""

_VECTOR: Final = pa.list_(pa.float64())
_WORDS: Final = {
    pa.float64(): "hold no number",
    pa.bool_(): "hold no truth value",
    pa.string(): "hold no text",
    times.UTC: "hold no time",
    _VECTOR: "hold no list of numbers",
}


class Kinds:
    """The types of the columns of a capture."""

    def __init__(self, misfits: Misfits, told: Mapping[str, pa.DataType] | None = None) -> None:
        """Begin.

        Args:
            misfits: told of cells that do not fit.
            told: types that need not be told by values.
        """
        self._misfits = misfits
        self._known = dict(told or {})
        self._written: dict[str, Notation] = {}

    def of_texts(self, name: str, texts: pa.Array, where: Where) -> pa.Array:
        """A column of a payload that has no types, such as CSV."""
        kind = self._known.get(name) or self._tell(name, texts)
        if kind is None:
            return pa.nulls(len(texts))
        texts = pc.if_else(pc.equal(texts, ""), pa.scalar(None, pa.string()), texts)
        if kind == pa.string():
            return texts
        if kind == pa.float64():
            try:
                return texts.cast(pa.float64())
            except pa.ArrowInvalid:  # one way to write numbers, and no mark of a missing one, is more than all keep to
                pass
        given = trimmed(texts)
        written = self._written.get(name)
        values = _as_kind(written.plain(given) if written else given, kind)
        self._leave_out(name, kind, given, lost(given, values), where)
        return values

    def plain(self, name: str) -> pa.DataType | None:
        """The type of a column that is known to hold numbers as they are mostly written; None of others."""
        return pa.float64() if self._known.get(name) == pa.float64() and name not in self._written else None

    def of_values(self, name: str, values: Sequence[Any], where: Where) -> pa.Array:
        """A column of values that have types of their own, as JSON has."""
        kind = self._known.get(name)
        if kind is None:
            kind = _most_of(values)
            if kind is None:
                return pa.nulls(len(values))
            self._known[name] = kind
        try:
            return pa.array(values, kind)
        except (pa.ArrowException, TypeError, ValueError, OverflowError):
            fitting = [_fitting(value, kind) for value in values]
        left = np.array([at for at, value in enumerate(values) if value is not None and fitting[at] is None], np.int64)
        if left.size:
            texts = pa.array([str(values[int(at)])[:100] for at in left[:1]], pa.string())
            self._say(name, kind, left.size, f"{where(int(left[0]))}: {shown(texts[0])}")
        return pa.array(fitting, kind)

    def _tell(self, name: str, texts: pa.Array) -> pa.DataType | None:
        """The type that a column of texts shows, as it would in a file; None while it holds nothing."""
        if trimmed(texts).null_count == len(texts):
            return None
        remarks = Remarks()
        kind = with_types(FileRows.of(pa.table({name: texts}), remarks), frozenset()).table.schema.field(0).type
        for sentence in remarks.assumed:
            self._misfits.remarks.assume(sentence)
        if is_number(kind):
            kind = pa.float64()
            if written := notation(trimmed(texts)):
                self._written[name] = written
        self._known[name] = kind if kind in _WORDS else pa.string()
        return self._known[name]

    def _leave_out(self, name: str, kind: pa.DataType, given: pa.Array, left: Any, where: Where) -> None:
        if left.size:
            self._say(name, kind, left.size, f"{where(int(left[0]))}: {shown(given[int(left[0])])}")

    def _say(self, name: str, kind: pa.DataType, count: int, place: str) -> None:
        self._misfits.cell(f"cells of column {name!r} that {_WORDS[kind]}", place, int(count))


def _as_kind(texts: pa.Array, kind: pa.DataType) -> pa.Array:
    if kind == pa.float64():
        return numbers(texts)
    if kind == pa.bool_():
        lower = pc.utf8_lower(texts)
        told = pc.is_in(lower, pa.array(["true", "false"]))
        return pc.if_else(told, pc.equal(lower, "true"), pa.scalar(None, pa.bool_()))
    return cast_or_null(times.parse_texts(texts).values, lambda part: part, times.UTC)


def _most_of(values: Sequence[Any]) -> pa.DataType | None:
    """The type that most values have; None while there is none."""
    found: dict[pa.DataType, int] = {}
    for each, count in Counter(map(type, values)).items():
        if each is not type(None):
            kind = _KINDS.get(each, pa.string())
            found[kind] = found.get(kind, 0) + count
    return max(found, key=lambda kind: found[kind], default=None)


_KINDS: Final = {int: pa.float64(), float: pa.float64(), bool: pa.bool_(), str: pa.string(), list: _VECTOR}


def _fitting(value: Any, kind: pa.DataType) -> Any:
    """A value as its column has it; None where it is of another kind."""
    if kind == pa.string() and isinstance(value, (int, float)):
        return json.dumps(value)  # codes, some of which were written as numbers
    if value is None or _KINDS.get(type(value)) != kind:
        return None
    try:
        return pa.scalar(float(value) if kind == pa.float64() else value, kind).as_py()
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        return None
