"""The rows of a payload, in every form that serving systems use: CSV, JSON records, split, instances, v2 tensors.

A payload is decoded by itself, so that one that is broken costs no other.
Nothing of it is ever executed: what is neither text nor JSON is not read.
"""

from __future__ import annotations

import base64
import binascii
import csv
import io
from itertools import chain
from typing import Any, Final

import orjson

Payload = str | list[Any]
"""Rows as CSV text, or as objects, lists or single values."""

_DEEPEST: Final = 5
_ROWS_UNDER: Final = ("dataframe_records", "instances", "predictions", "records", "rows")
_SINGLE: Final = ("features", "input", "inputs", "data")


class MisfitError(ValueError):
    """A line, a payload or a half that is of no use; the message is the reason, alike for all that have it."""


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


def version_of(answer: Any) -> str:
    """The `model_version` that an answer of the Open Inference Protocol tells; '' where it tells none.

    Args:
        answer: its text, its bytes, or what they hold as JSON.
    """
    if isinstance(answer, str):
        answer = answer.encode(errors="replace")
    if isinstance(answer, bytes):
        if b"model_version" not in answer:
            return ""
        try:
            answer = orjson.loads(answer)
        except orjson.JSONDecodeError:
            return ""
    told = answer.get("model_version") if isinstance(answer, dict) and "outputs" in answer else None
    return str(told) if isinstance(told, (str, int)) else ""


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
