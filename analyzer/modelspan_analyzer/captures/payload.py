"""The rows of a payload, in every form that serving systems use: CSV, JSON records, split, instances, v2 tensors.

A payload is decoded by itself, so that one that is broken costs no other; the rows of many become columns together.
Nothing of it is ever executed: what is neither text nor JSON is not read.
"""

from __future__ import annotations

import base64
import binascii
import csv
import io
import json
from collections.abc import Sequence
from itertools import chain
from typing import Any, Final

import orjson
import pyarrow as pa
import pyarrow.csv as arrow_csv

from modelspan_analyzer.captures.kinds import Kinds, Where
from modelspan_analyzer.captures.misfits import MisfitError

Payload = str | list[Any]
"""Rows as CSV text, or as objects, lists or single values."""

_DEEPEST: Final = 5
_ROWS_UNDER: Final = ("dataframe_records", "instances", "predictions", "records", "rows")
_SINGLE: Final = ("features", "input", "inputs", "data")


def decode(data: Any, encoding: str | None, content: str | None) -> Payload:
    """The rows of what was sent or answered.

    Args:
        data: text, or a value that was JSON already.
        encoding: `CSV`, `JSON`, `BASE64` or another of which the content type tells more.
        content: the content type, such as `text/csv; charset=utf-8`.

    Raises:
        MisfitError: it holds no rows, or none in a form that is read.
    """
    content = content or ""
    if encoding == "BASE64":
        try:
            data = base64.b64decode(data, validate=True).decode()
        except (binascii.Error, ValueError, TypeError) as error:
            raise MisfitError("payloads that are no text in base64") from error
        encoding = ""
    if not isinstance(data, str):
        return json_rows(data)
    if encoding == "CSV" or (encoding != "JSON" and "csv" in content):
        return _csv(data)
    if encoding == "JSON" or "json" in content or data[:1] in ("{", "["):
        return _from_text(data)
    if "text/plain" in content or not content:
        return _csv(data)
    raise MisfitError(f"payloads of content type {content[:60]!r}, which is not read")


def _csv(text: str) -> str:
    """CSV as the reader of many payloads takes it: line feeds alone, and quotes as they have to be."""
    text = text.rstrip("\r\n")
    if '"' not in text and "\r" not in text:
        return text
    rewritten = io.StringIO()
    try:
        csv.writer(rewritten, lineterminator="\n").writerows(csv.reader(io.StringIO(text, newline=""), strict=True))
    except csv.Error as error:
        raise MisfitError("payloads that are no CSV") from error
    return rewritten.getvalue().removesuffix("\n")


def _from_text(data: str) -> list[Any]:
    try:
        return json_rows(orjson.loads(data))
    except orjson.JSONDecodeError:
        lines = [line for line in data.splitlines() if line.strip()]
    try:
        rows = [orjson.loads(line) for line in lines]
    except orjson.JSONDecodeError as error:
        raise MisfitError("payloads that are no JSON") from error
    return list(chain.from_iterable(map(json_rows, rows)))


def json_rows(document: Any) -> list[Any]:
    """The rows of a JSON payload: of MLflow's and TensorFlow's protocols, the v2 one, Seldon's, or plain ones.

    Raises:
        MisfitError: it has none.
    """
    if isinstance(document, list):
        return document
    if not isinstance(document, dict):
        return [document]
    if document.keys() >= {"columns", "data"} and isinstance(document["data"], list):
        return _named(document["columns"], document["data"])
    if isinstance(split := document.get("dataframe_split"), dict):
        return _named(split.get("columns"), split.get("data"))
    for name in _ROWS_UNDER:
        if isinstance(rows := document.get(name), list):
            return rows
    for name in ("inputs", "outputs"):
        held = document.get(name)
        if isinstance(held, list):
            return _of_tensors(held) if held and _is_tensor(held[0]) else held
        if isinstance(held, dict):
            return _of_columns(held)
    if isinstance(seldon := document.get("data"), dict) and ("ndarray" in seldon or "tensor" in seldon):
        return _of_seldon(seldon)
    if len(document) == 1 and isinstance(row := next(iter(document.values())), list) and document.keys() & {*_SINGLE}:
        return row if row and isinstance(row[0], (list, dict)) else [row]
    return [document]


def _named(columns: Any, rows: Any) -> list[Any]:
    if not (isinstance(columns, list) and isinstance(rows, list) and all(isinstance(row, list) for row in rows)):
        raise MisfitError("payloads split into columns and data that do not fit")
    if any(len(row) != len(columns) for row in rows):
        raise MisfitError("payloads whose rows have more or fewer values than columns")
    names = list(map(str, columns))
    return [dict(zip(names, row, strict=True)) for row in rows]


def _of_columns(columns: dict[str, Any]) -> list[Any]:
    if not all(isinstance(values, list) for values in columns.values()):
        return [columns]
    if len({len(values) for values in columns.values()}) != 1:
        raise MisfitError("payloads whose columns have different numbers of rows")
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _is_tensor(value: Any) -> bool:
    return isinstance(value, dict) and "name" in value and "shape" in value


def _of_tensors(tensors: list[Any]) -> list[Any]:
    """Tensors of the Open Inference Protocol: the first axis counts rows, a further one makes a list of values."""
    columns: dict[str, Any] = {}
    for tensor in tensors:
        if not _is_tensor(tensor) or not isinstance(tensor.get("data"), list):
            raise MisfitError("payloads whose tensors are not in them (binary data)")
        values = _flat(tensor["data"])
        try:
            count, *rest = map(int, tensor["shape"])
        except (TypeError, ValueError) as error:
            raise MisfitError("payloads with a tensor without a shape") from error
        width = 1
        for size in rest:
            width *= size
        if count < 1 or width < 1 or count * width != len(values):
            raise MisfitError("payloads with a tensor whose data do not fill its shape")
        name = str(tensor["name"])
        columns[name] = values if width == 1 else [values[at * width : (at + 1) * width] for at in range(count)]
    if len(columns) == 1 and isinstance(only := next(iter(columns.values()))[0], list) and only:
        return next(iter(columns.values()))
    return _of_columns(columns)


def _flat(values: list[Any]) -> list[Any]:
    for _ in range(_DEEPEST):
        if not values or not isinstance(values[0], list):
            break
        if not all(isinstance(value, list) for value in values):
            raise MisfitError("payloads with a ragged tensor")
        values = list(chain.from_iterable(values))
    return values


def _of_seldon(data: dict[str, Any]) -> list[Any]:
    rows, names = data.get("ndarray"), data.get("names")
    if rows is None:
        tensor = data["tensor"] if isinstance(data["tensor"], dict) else {}
        return _of_tensors([{"name": "tensor", "data": tensor.get("values"), "shape": tensor.get("shape")}])
    if not isinstance(rows, list):
        raise MisfitError("payloads whose `ndarray` is no list")
    rows = rows if not rows or isinstance(rows[0], list) else [rows]
    return _named(names, rows) if names else rows


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
        texts = _csv_columns("\n".join(payloads), header.names)  # type: ignore[arg-type]
        return {name: kinds.of_texts(prefix + name, texts[name].combine_chunks(), where) for name in header.names}
    values = _value_columns(list(chain.from_iterable(payloads)), header)
    return {name: kinds.of_values(prefix + name, column, where) for name, column in values.items()}


def _csv_columns(text: str, names: Sequence[str]) -> pa.Table:
    """All columns as texts; rows were counted before."""
    return arrow_csv.read_csv(
        pa.py_buffer(text.encode()),
        arrow_csv.ReadOptions(column_names=[str(at) for at in range(len(names))], block_size=64 * 2**20),
        arrow_csv.ParseOptions(newlines_in_values='"' in text, ignore_empty_lines=False),
        arrow_csv.ConvertOptions(column_types=dict.fromkeys(map(str, range(len(names))), pa.string())),
    ).rename_columns(list(names))


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
