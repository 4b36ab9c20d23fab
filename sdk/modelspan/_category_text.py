"""A category as text, whatever its values are: one spelling a value, however it was encoded on its way.

Integers are `1`, flags `true` and `false`, floats their shortest form (`0.1`, and `1` for 1.0), times ISO 8601 in UTC,
UUIDs their usual form, pandas' intervals `(0.5, 1]` and its periods as pandas writes them (`2026-01`, `2026Q1`).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

BOOL8: Final = "arrow.bool8"
UUID: Final = "arrow.uuid"
INTERVAL: Final = "pandas.interval"
PERIOD: Final = "pandas.period"

_PER_SECOND: Final = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
_YEAR_1, _YEAR_10000 = -62_135_596_800, 253_402_300_800
"""Seconds since 1970 between which ISO 8601 writes a year in four digits."""
_DAY = 86_400


def texts(values: pa.Array, extension: str = "", parameters: bytes = b"") -> pa.Array:
    """Values of any type that a category may have, as strings; null where one has no text (NaN, a year of 20000).

    Args:
        values: the values as they are stored.
        extension: the name of the extension type that they are of; '' for a plain type.
        parameters: what the extension type says of itself, in its own encoding.
    """
    if extension in _EXTENSIONS:
        return _EXTENSIONS[extension](values, parameters)
    kind = values.type
    if pa.types.is_string(kind):
        return values
    if pa.types.is_null(kind):
        return pa.nulls(len(values), pa.string())
    if pa.types.is_boolean(kind):
        return pc.if_else(values, "true", "false")
    if pa.types.is_floating(kind):
        return pc.if_else(pc.is_nan(values), None, values.cast(pa.string()))
    if pa.types.is_temporal(kind):
        return _of_time(values)
    return values.cast(pa.string(), safe=False)


def _of_time(values: pa.Array) -> pa.Array:
    kind = values.type
    if pa.types.is_date(kind):
        return _within(values.cast(pa.date32(), safe=False), pa.int32(), _DAY).cast(pa.string())
    per_second = _PER_SECOND[kind.unit]
    if pa.types.is_duration(kind):
        return pc.divide(values.cast(pa.int64()).cast(pa.float64(), safe=False), float(per_second)).cast(pa.string())
    if pa.types.is_time(kind):
        whole = values.cast(pa.int32() if pa.types.is_time32(kind) else pa.int64())
        inside = pc.and_(pc.greater_equal(whole, 0), pc.less(whole, _DAY * per_second))
        return _without_zeros(pc.if_else(inside, values, None).cast(pa.string()))
    plain = _within(values.cast(pa.int64()).cast(pa.timestamp(kind.unit)), pa.int64(), per_second=per_second)
    written = pc.replace_substring(plain.cast(pa.string()), " ", "T", max_replacements=1)
    return pc.binary_join_element_wise(_without_zeros(written), "Z", "")


def _within(values: pa.Array, whole: pa.DataType, seconds: int = 1, per_second: int = 1) -> pa.Array:
    """Instants in years of four digits, null elsewhere; each unit is `seconds / per_second` long."""
    units = values.cast(whole).cast(pa.int64())
    first, end = (pa.scalar(edge * per_second // seconds) if abs(edge) * per_second < 2**63 else None
                  for edge in (_YEAR_1, _YEAR_10000))  # fmt: skip
    if first is None or end is None:  # nanoseconds in 64 bits end in 2262
        return values
    return pc.if_else(pc.and_(pc.greater_equal(units, first), pc.less(units, end)), values, None)


def _without_zeros(written: pa.Array) -> pa.Array:
    """Times without the zeros at the end of their fraction: the same instant reads the same in every unit."""
    return pc.replace_substring_regex(written, r"(\.\d*[1-9])?(?:\.?0*)$", r"\1") if _has_fraction(written) else written


def _has_fraction(written: pa.Array) -> bool:
    return bool(pc.any(pc.match_substring(written, ".")).as_py())


def _of_uuid(values: pa.Array, _parameters: bytes) -> pa.Array:
    filled = values.fill_null(bytes(16))
    raw = np.frombuffer(filled.buffers()[1], np.uint8)[filled.offset * 16 : (filled.offset + len(values)) * 16]
    digits = np.frombuffer(raw.tobytes().hex().encode(), np.uint8).reshape(-1, 32)
    written = np.insert(digits, [8, 12, 16, 20], ord("-"), axis=1)
    ends = np.arange(0, (len(values) + 1) * 36, 36, dtype=np.int32)
    every = pa.StringArray.from_buffers(len(values), pa.py_buffer(ends), pa.py_buffer(written.tobytes()))
    return pc.if_else(values.is_valid(), every, None)


def _of_interval(values: pa.Array, parameters: bytes) -> pa.Array:
    closed = _told(parameters, "closed")
    left, right = (texts(pc.struct_field(values, side)) for side in ("left", "right"))
    opening, closing = ("[" if closed in ("left", "both") else "("), ("]" if closed in ("right", "both") else ")")
    within = pc.binary_join_element_wise(left, right, ", ")
    written = pc.binary_join_element_wise(opening, within, closing, "")
    return pc.if_else(values.is_valid(), written, None)


def _of_period(values: pa.Array, parameters: bytes) -> pa.Array:
    return _PERIODS[period_frequency(parameters)](values)


def period_frequency(parameters: bytes) -> str:
    """The frequency of a period type, a key of `_PERIODS`; '' where it is another.

    Multiples count the same periods, and years and quarters are those of their own year, whichever month it ends in.
    """
    frequency = _told(parameters, "freq").lstrip("0123456789")
    if frequency.startswith(("Y-", "Q-")):
        frequency = frequency[:1]
    return frequency if frequency in _PERIODS else ""


def _told(parameters: bytes, name: str) -> str:
    """What the parameters of one of pandas' types say; '' where they say nothing, whoever wrote them."""
    try:
        return str(json.loads(parameters)[name])
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""


def _years(values: pa.Array) -> pa.Array:
    return pc.add(values, 1970).cast(pa.string())


def _parts_of_year(parts: int, mark: str) -> Callable[[pa.Array], pa.Array]:
    def written(values: pa.Array) -> pa.Array:
        years = pc.cast(pc.floor(pc.divide(pc.cast(values, pa.float64()), float(parts))), pa.int64())
        part = pc.add(pc.subtract(values, pc.multiply(years, parts)), 1).cast(pa.string())
        width = len(str(parts))
        return pc.binary_join_element_wise(_years(years), pc.utf8_lpad(part, width, "0"), mark)

    return written


def _instants(unit: str, seconds: int, length: int) -> Callable[[pa.Array], pa.Array]:
    def written(values: pa.Array) -> pa.Array:
        instants = _within(pc.multiply(values, seconds).cast(pa.timestamp(unit)), pa.int64(), 1, _PER_SECOND[unit])
        return pc.utf8_slice_codeunits(instants.cast(pa.string()), 0, length)

    return written


def _weeks(days: int) -> Callable[[pa.Array], pa.Array]:
    """Weeks by their first and last day; the last one of week 0 is so many days after that of 1970-01-01."""

    def written(values: pa.Array) -> pa.Array:
        last = pc.add(pc.multiply(values, 7), days)
        first, end = (_PERIODS["D"](day) for day in (pc.subtract(last, 6), last))
        return pc.binary_join_element_wise(first, end, "/")

    return written


_PERIODS: Final[dict[str, Callable[[pa.Array], pa.Array]]] = {
    "Y": _years,
    "Q": _parts_of_year(4, "Q"),
    "M": _parts_of_year(12, "-"),
    **{f"W-{day}": _weeks(days) for days, day in enumerate(("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"), -4)},
    "D": _instants("s", _DAY, 10),
    "h": _instants("s", 3600, 16),
    "min": _instants("s", 60, 16),
    "s": _instants("s", 1, 19),
    "ms": _instants("ms", 1, 23),
    "us": _instants("us", 1, 26),
    "ns": _instants("ns", 1, 29),
}
"""The periods that are written as pandas does; their values count periods since 1970."""

_EXTENSIONS: Final[dict[str, Callable[[Any, bytes], Any]]] = {
    BOOL8: lambda values, _parameters: texts(values.cast(pa.bool_())),
    UUID: _of_uuid,
    INTERVAL: _of_interval,
    PERIOD: _of_period,
}
