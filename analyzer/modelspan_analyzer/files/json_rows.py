"""JSON as columns: an object a line, or one array of objects; nested objects become columns named by their path."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.json as arrow_json

from modelspan_analyzer.files.bounds import check_shape
from modelspan_analyzer.files.cells import is_text
from modelspan_analyzer.files.rows import SHOWN, FileError, FileRows, Remarks
from modelspan_analyzer.files.typed import with_types

_BLOCK: Final = 64 * 2**20
_DEEPEST: Final = 5
_EXACT: Final = 2.0**53


def read_json(
    text: bytes, remarks: Remarks, texts: frozenset[str], *, date_order: str = "", trusted: bool = True
) -> FileRows:
    """The objects as rows, columns in the order in which they first appear.

    Raises:
        FileError: there is no row of JSON in it.
    """
    if text.startswith(b"["):
        return _by_hand(_elements(text), remarks, texts, "row", date_order)
    if (rows := _one_document(text, remarks)) is not None:
        return _by_hand(rows, remarks, texts, "row", date_order)
    if not trusted:  # a new name in every line is a table of rows times rows, which is seen only line by line
        return _by_hand(_lines(text), remarks, texts, "line", date_order)
    try:
        table = arrow_json.read_json(pa.BufferReader(text), read_options=arrow_json.ReadOptions(block_size=_BLOCK))
    except pa.ArrowException:  # one type a column is more than people's files keep to
        return _by_hand(_lines(text), remarks, texts, "line", date_order)
    table = _flattened(table, remarks)
    if any(name in texts and not is_text(table.schema.field(name).type) for name in table.column_names):
        return _by_hand(_lines(text), remarks, texts, "line", date_order)  # an id is as it is written
    return FileRows.of(table, remarks)


def _one_document(text: bytes, remarks: Remarks) -> Iterator[tuple[int, Any]] | None:
    """The rows of what programs write as one object for all of them; None where the object is a row, or one of many."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):  # more lines follow
        return None
    parts = list(document.values())
    lists = [part for part in parts if isinstance(part, list)]
    columns, data = document.get("columns"), document.get("data")
    if isinstance(columns, list) and isinstance(data, list) and all(isinstance(row, list) for row in data):
        rows: Iterator[Any] = (dict(zip(map(str, columns), row, strict=False)) for row in data)
        form = "one object with columns and data"
    elif len(lists) == 1 and all(isinstance(row, dict) for row in lists[0]) and not _tells_of_a_row(parts):
        name = next(name for name, part in document.items() if part is lists[0])
        rows, form = iter(lists[0]), f"one object whose rows are in {name!r}"
    elif len(parts) > 1 and len(lists) == len(parts) and len({len(part) for part in lists}) == 1:
        rows, form = (dict(zip(document, row, strict=True)) for row in zip(*lists, strict=True)), "one object by column"
    elif len(parts) > 1 and all(isinstance(part, dict) and part.keys() == parts[0].keys() for part in parts):
        rows = ({name: part[key] for name, part in document.items()} for key in parts[0])
        form = "one object by column"
        if not parts[0] or not all(key.lstrip("-").isdigit() for key in parts[0]):
            return None  # a row with two objects of the same fields
    else:
        return None
    remarks.assume(f"the file is {form}")
    return enumerate(rows, start=1)


def _tells_of_a_row(parts: list[Any]) -> bool:
    """Texts and flags beside a list make an object a row, where counts and schemas may tell of the list."""
    return any(isinstance(part, (str, bool)) for part in parts)


def _flattened(table: pa.Table, remarks: Remarks) -> pa.Table:
    for _ in range(_DEEPEST):
        nested = [field.name for field in table.schema if pa.types.is_struct(field.type)]
        if not nested:
            break
        _say_flattened(nested, remarks)
        table = table.flatten()
    return table


def _say_flattened(nested: list[str], remarks: Remarks) -> None:
    for name in nested:
        remarks.assume(f"the fields of the nested {name!r} are columns of their own, such as '{name}.field'")


def _elements(text: bytes) -> Iterator[tuple[int, Any]]:
    try:
        elements = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise FileError(f"cannot be read as a JSON array: {error}") from error
    return enumerate(elements, start=1)


def _lines(text: bytes) -> Iterator[tuple[int, Any]]:
    for number, line in enumerate(io.BytesIO(text), start=1):
        if line.strip():
            try:
                yield number, json.loads(line)
            except (ValueError, RecursionError):
                yield number, None


def _by_hand(
    objects: Iterator[tuple[int, Any]], remarks: Remarks, texts: frozenset[str], unit: str, date_order: str
) -> FileRows:
    """Row by row, for what the fast reader refuses: columns of several types, broken lines, numbers that are ids."""
    columns: dict[str, list[Any]] = {}
    held: dict[str, list[int]] = {}
    places: list[int] = []
    broken: list[int] = []
    nested: dict[str, None] = {}
    for number, each in objects:
        if not isinstance(each, dict):
            broken.append(number)
            continue
        for name, value in _fields(each, "", nested, _DEEPEST):
            columns.setdefault(name, []).append(value)
            held.setdefault(name, []).append(len(places))
        places.append(number)
        check_shape(len(places), len(columns))
    if broken and not places:
        raise FileError(f"no {unit} of it is a JSON object; expected one with the same names a line")
    if broken:
        more = f" and {len(broken) - SHOWN:,} more" if len(broken) > SHOWN else ""
        some = ", ".join(f"{unit} {number}" for number in broken[:SHOWN])
        remarks.leave_out(f"{len(broken):,} of {len(broken) + len(places):,} rows, which are no JSON: {some}{more}")
    _say_flattened(list(nested), remarks)
    arrays = {
        name: _spread(_column(name, values, name in texts, remarks), held[name], len(places))
        for name, values in columns.items()
    }
    rows = FileRows(pa.table(arrays), remarks, np.array(places, np.int64), unit)
    mixed = {name for name, values in columns.items() if not _of_one_kind(values)}
    return with_types(rows, texts | (set(columns) - mixed), date_order)


def _spread(values: pa.Array, held: list[int], rows: int) -> pa.Array:
    """Values at the rows that hold them, null elsewhere; of a name that stands twice in a row, the last."""
    if len(values) == rows and held == list(range(rows)):
        return values
    places = np.full(rows, -1, np.int64)
    places[held] = np.arange(len(values))
    return values.take(pa.array(places, mask=places < 0))


def _fields(given: dict[str, Any], path: str, nested: dict[str, None], depth: int) -> Iterator[tuple[str, Any]]:
    for name, value in given.items():
        if isinstance(value, dict) and value and depth:
            nested[path + name] = None
            yield from _fields(value, f"{path}{name}.", nested, depth - 1)
        else:
            yield path + name, value


def _of_one_kind(values: list[Any]) -> bool:
    kinds = {type(value) for value in values} - {type(None)}
    return len(kinds) < 2 or kinds == {int, float}


def _column(name: str, values: list[Any], as_text: bool, remarks: Remarks) -> pa.Array:
    if _of_one_kind(values) and not as_text:
        try:
            return pa.array(values)
        except (pa.ArrowException, ValueError, OverflowError, TypeError):
            if any(isinstance(value, (list, dict)) for value in values):
                remarks.leave_out(f"column {name!r}, whose lists hold more than numbers")
                return pa.nulls(len(values), pa.string())
            if all(isinstance(value, (int, float, type(None))) for value in values):
                return pa.array([None if value is None else float(value) for value in values], pa.float64())
    return pa.array([_text(value) for value in values], pa.string())


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value if value is None else value.encode("utf-8", "replace").decode()
    if isinstance(value, float) and value.is_integer() and abs(value) < _EXACT:
        return str(int(value))
    return json.dumps(value)
