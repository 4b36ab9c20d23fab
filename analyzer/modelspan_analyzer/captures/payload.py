"""The rows of many payloads as typed columns, one type and one name a column for all of them."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from itertools import chain
from typing import Any, Final

import pyarrow as pa
import pyarrow.csv as arrow_csv

from modelspan_analyzer.captures.kinds import Kinds, Where
from modelspan_collector.cloudevents.payloads import MisfitError, Payload

_DEEPEST: Final = 5


class Header:
    """The names of columns that come without any: those given, or made ones, which is said."""

    def __init__(self, given: Sequence[str], made: str, single: str = "", *, outcome: bool = False) -> None:
        """Begin.

        Args:
            given: names that the user gave.
            made: of what names are made, such as `feature`.
            single: the name of a lone column.
            outcome: whether the first name given may be that of the outcome, which no payload has.
        """
        self.names = tuple(given)
        self.made = False
        self.outcome = ""
        """The first name, where it turned out to be one too many."""
        self._may_be_outcome = outcome
        self._stem, self._single = made, single

    def fit(self, width: int) -> tuple[str, ...]:
        """The names of so many columns, which the first row decides.

        Raises:
            MisfitError: there are more or fewer than names.
        """
        if not self.names:
            self.made = not (width == 1 and self._single)
            self.names = tuple(f"{self._stem}_{at}" for at in range(1, width + 1)) if self.made else (self._single,)
        if self._may_be_outcome and width == len(self.names) - 1:
            self.outcome, *rest = self.names
            self.names = tuple(rest)
        self._may_be_outcome = False
        if width != len(self.names):
            raise MisfitError(f"payloads of {width} columns, where {len(self.names)} were expected")
        return self.names


def count_rows(payload: Payload, header: Header) -> int:
    """How many rows a payload has, each of as many columns as there are names.

    Raises:
        MisfitError: it has none, or they do not fit.
    """
    if isinstance(payload, str):
        return _count_csv(payload, header)
    if not payload:
        raise MisfitError("payloads without a row")
    for row in payload:
        if isinstance(row, list):
            header.fit(len(row))
        elif not isinstance(row, dict):
            header.fit(1)
    return len(payload)


def _count_csv(text: str, header: Header) -> int:
    if not text:
        raise MisfitError("payloads without a row")
    if '"' in text:
        widths = [len(row) for row in csv.reader(io.StringIO(text, newline=""))]
    elif "\n" in text:
        widths = [line.count(",") + 1 for line in text.split("\n")]
    else:
        header.fit(text.count(",") + 1)
        return 1
    for width in set(widths):
        header.fit(width)
    return len(widths)


def columns(
    payloads: Sequence[Payload], header: Header, kinds: Kinds, prefix: str, where: Where
) -> dict[str, pa.Array]:
    """The rows of payloads, all of them CSV or all of them not, as typed columns.

    Args:
        payloads: whose rows were counted.
        header: names of columns without any.
        kinds: the types of the columns.
        prefix: tells columns of one side from those of the other among the kinds.
        where: the place of a row.
    """
    if payloads and isinstance(payloads[0], str):
        text = "\n".join(payloads)  # type: ignore[arg-type]
        return csv_columns(pa.py_buffer(text.encode()), header, kinds, prefix, where, quoted='"' in text)
    values = _value_columns(list(chain.from_iterable(payloads)), header)
    return {name: kinds.of_values(prefix + name, column, where) for name, column in values.items()}


def csv_columns(
    text: pa.Buffer, header: Header, kinds: Kinds, prefix: str, where: Where, *, quoted: bool
) -> dict[str, pa.Array]:
    """Rows of CSV as typed columns; they were counted before.

    Args:
        text: rows, as many values in each as there are names.
        header: the names.
        kinds: the types of the columns.
        prefix: as `columns` takes it.
        where: the place of a row.
        quoted: whether some values stand in quotes.
    """
    names = list(map(str, range(len(header.names))))
    texts = dict.fromkeys(names, pa.string())
    plain = {at: kinds.plain(prefix + name) or pa.string() for at, name in zip(names, header.names, strict=True)}
    try:
        table = _csv(text, plain, quoted=quoted)
    except pa.ArrowInvalid:  # a cell is not of its column's type, and is to be left out alone
        table, plain = _csv(text, texts, quoted=quoted), texts
    found = {name: table[at].combine_chunks() for at, name in zip(names, header.names, strict=True)}
    return {
        name: values if values.type == pa.float64() else kinds.of_texts(prefix + name, values, where)
        for name, values in found.items()
    }


def _csv(text: pa.Buffer, types: dict[str, pa.DataType], *, quoted: bool) -> pa.Table:
    return arrow_csv.read_csv(
        text,
        arrow_csv.ReadOptions(column_names=list(types), block_size=64 * 2**20),
        arrow_csv.ParseOptions(
            quote_char='"' if quoted else False, newlines_in_values=quoted, ignore_empty_lines=False
        ),
        arrow_csv.ConvertOptions(column_types=types, null_values=[""], strings_can_be_null=True),
    )


def _value_columns(rows: list[Any], header: Header) -> dict[str, list[Any]]:
    if all(isinstance(row, dict) for row in rows):
        return _of_objects(rows)
    if all(isinstance(row, list) for row in rows):
        return dict(zip(header.names, map(list, zip(*rows, strict=True)), strict=True))
    if not any(isinstance(row, (list, dict)) for row in rows):
        return {header.names[0]: rows}
    named = [row if isinstance(row, dict) else _as_object(row, header) for row in rows]
    return _of_objects(named)


def _as_object(row: Any, header: Header) -> dict[str, Any]:
    return dict(zip(header.names, row if isinstance(row, list) else [row], strict=True))


def _of_objects(rows: list[dict[str, Any]]) -> dict[str, list[Any]]:
    names = rows[0].keys()
    if any(row.keys() != names for row in rows):
        names = dict.fromkeys(chain.from_iterable(rows)).keys()
        columns = {name: [row.get(name) for row in rows] for name in names}
    else:
        columns = {name: [row[name] for row in rows] for name in names}
    for _ in range(_DEEPEST):
        nested = [name for name, values in columns.items() if any(isinstance(value, dict) for value in values)]
        for name in nested:
            values = columns.pop(name)
            inner = dict.fromkeys(chain.from_iterable(value for value in values if isinstance(value, dict)))
            for key in inner:
                columns[f"{name}.{key}"] = [value.get(key) if isinstance(value, dict) else None for value in values]
    return {name: [json.dumps(v) if isinstance(v, dict) else v for v in values] for name, values in columns.items()}
