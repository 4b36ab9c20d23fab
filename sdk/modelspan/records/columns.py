"""Plain Python values of one feature as an Arrow column, by the conventions' table of types."""

from __future__ import annotations

import array
import datetime
import decimal
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from modelspan._failsafe import attempt
from modelspan.capture import values
from modelspan.records.placing import say_left_out

if TYPE_CHECKING:
    import pyarrow as pa

_NONE = type(None)


def _kind(kind: type) -> str:
    """The kind of a type of value: its place in a record."""
    found = _kinds.get(kind)
    if found is None:
        found = _kinds[kind] = _find_kind(kind)
    return found


_kinds: dict[type, str] = {
    float: "number",
    int: "number",
    bool: "flag",
    str: "text",
    _NONE: "missing",
    array.array: "vector",
    decimal.Decimal: "number",
    datetime.datetime: "time",
    datetime.date: "date",
    datetime.timedelta: "span",
    datetime.time: "clock",
    values.Uncapturable: "missing",
}


def _find_kind(kind: type) -> str:
    for known, name in _kinds.items():
        if issubclass(kind, known):
            return name
    names = {
        "b": "flag",
        "i": "number",
        "u": "number",
        "f": "number",
        "M": "time",
        "m": "span",
        "U": "text",
        "S": "text",
    }
    dtype = getattr(kind(), "dtype", None) if kind.__module__ == "numpy" else None
    return names.get(dtype.kind, "text") if dtype is not None else "text"


def split(columns: Sequence[Sequence[Any]]) -> list[list[int]] | None:
    """Row numbers by group, such that within a group no column mixes kinds; None where one group holds all.

    A feature that is a number here and a text there is a fault worth seeing, and an Arrow column has one type. Integers
    that a double does not hold stay apart from fractions: rules of redaction are to meet them as they are.
    """
    mixed = [column for column in columns if _is_mixed(column)]
    if not mixed:
        return None
    groups: dict[tuple[str, ...], list[int]] = {}
    for row, each in enumerate(zip(*mixed, strict=True)):
        groups.setdefault(tuple(map(_kind_of, each)), []).append(row)
    return list(groups.values())


def _is_mixed(column: Sequence[Any]) -> bool:
    types = set(map(type, column))
    if len({_kind(each) for each in types} - {"missing"}) > 1:
        return True
    return int in types and bool(types - {int, _NONE}) and any(map(values.is_long, column))


def _kind_of(value: Any) -> str:
    return "long" if values.is_long(value) else _kind(type(value))


def column(name: str, raw: Sequence[Any], left_out: dict[str, str] | None = None) -> pa.Array | None:
    """Values of one kind, or missing, as an Arrow array; None where not one of them can be captured.

    Args:
        name: The feature, for the warning.
        raw: Its values.
        left_out: Told why values are left out, by the feature.
    """
    import pyarrow as pa

    kinds = set(map(type, raw))
    if kinds == {float}:
        return pa.array(raw, pa.float64())
    told = left_out if left_out is not None else {}
    if values.Uncapturable in kinds:
        unfit = next(value.what for value in raw if type(value) is values.Uncapturable)
        told[name] = f"{unfit} have no place"
        say_left_out(name, unfit)
        raw = [None if type(value) is values.Uncapturable else value for value in raw]
    kind = next((found for found in map(_kind, kinds) if found != "missing"), "missing")
    if kind == "missing" and values.Uncapturable in kinds:
        return None
    build = _BUILDERS[kind]
    with attempt() as whole:
        return build(raw)
    say_left_out(name, f"which cannot be converted: {whole.failed and whole.failed.__name__}")
    kept = [value if _converts(build, value) else None for value in raw]
    told[name] = f"{sum(map(_is_lost, raw, kept))} values cannot be converted"
    return build(kept)


def _is_lost(value: Any, kept: Any) -> bool:
    return kept is None and value is not None


def _converts(build: Callable[[Sequence[Any]], Any], value: Any) -> bool:
    with attempt():
        build([value])
        return True
    return False


def _numbers(raw: Sequence[Any]) -> pa.Array:
    import pyarrow as pa

    if set(map(type, raw)) <= {int, _NONE}:
        for kind in (pa.int64(), pa.uint64()):
            try:
                return pa.array(raw, kind)
            except (OverflowError, pa.ArrowInvalid):
                continue  # beyond 64 bits: the nearest double
    return pa.array([None if value is None else float(value) for value in raw], pa.float64())


def _missing(raw: Sequence[Any]) -> pa.Array:
    import pyarrow as pa

    return pa.nulls(len(raw), pa.float64())


def _flags(raw: Sequence[Any]) -> pa.Array:
    import pyarrow as pa

    return pa.array([None if value is None else bool(value) for value in raw], pa.bool_())


def texts(raw: Sequence[Any]) -> pa.Array:
    """Texts; of lone surrogates, which UTF-8 does not have, question marks."""
    import pyarrow as pa

    plain = raw if set(map(type, raw)) <= {str, _NONE} else [None if value is None else str(value) for value in raw]
    try:
        return pa.array(plain, pa.string())
    except UnicodeEncodeError:  # a lone surrogate
        clean = [None if value is None else value.encode("utf-8", "replace").decode() for value in plain]
        return pa.array(clean, pa.string())


def _times(raw: Sequence[Any]) -> pa.Array:
    """Instants; those without a time zone are taken as UTC."""
    import pyarrow as pa

    utc = datetime.UTC
    aware = [value.replace(tzinfo=utc) if getattr(value, "tzinfo", utc) is None else value for value in map(_item, raw)]
    return pa.array(aware, pa.timestamp("us", "UTC"), from_pandas=True)


def _spans(raw: Sequence[Any]) -> pa.Array:
    import pyarrow as pa

    return pa.array([_item(value) for value in raw], pa.duration("us"), from_pandas=True)


def _dates(raw: Sequence[Any]) -> pa.Array:
    import pyarrow as pa

    return pa.array(raw, pa.date32())


def _clocks(raw: Sequence[Any]) -> pa.Array:
    import pyarrow as pa

    return pa.array(raw, pa.time64("us"))


def _vectors(raw: Sequence[Any]) -> pa.Array:
    """Arrays of floats, put together as bytes."""
    import numpy as np
    import pyarrow as pa

    lengths = [0 if value is None else len(value) for value in raw]
    offsets = np.zeros(len(raw) + 1, dtype=np.int32)
    np.cumsum(lengths, out=offsets[1:])
    numbers = pa.Array.from_buffers(pa.float32(), int(offsets[-1]), [None, pa.py_buffer(b"".join(filter(None, raw)))])
    missing: np.ndarray = np.array([value is None for value in raw])
    return pa.ListArray.from_arrays(pa.array(offsets), numbers, mask=pa.array(missing))


def _item(value: Any) -> Any:
    """NumPy's instants and spans as the standard library's."""
    return value.astype(f"{value.dtype.str[1:2]}8[us]").item() if hasattr(value, "astype") else value


_BUILDERS: dict[str, Callable[[Sequence[Any]], Any]] = {
    "number": _numbers,
    "flag": _flags,
    "text": texts,
    "time": _times,
    "date": _dates,
    "span": _spans,
    "clock": _clocks,
    "vector": _vectors,
    "missing": _missing,
}
