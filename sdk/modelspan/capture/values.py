"""One value: which ones may be kept by reference, and what every other becomes.

The predict function's caller may change its objects as soon as the call has returned, and records are encoded later. So
a value is either of a type that cannot change, or it is copied here, once.
"""

from __future__ import annotations

import dataclasses
import datetime
import decimal
import enum
import fractions
import sys
import uuid
from collections.abc import Mapping
from typing import Any

IMMUTABLE: set[type] = {
    bool,
    int,
    float,
    str,
    type(None),
    datetime.datetime,
    datetime.date,
    datetime.time,
    datetime.timedelta,
    decimal.Decimal,
}
"""Types whose values are kept as they are; NumPy's and pandas' scalars join at their first appearance."""


class Uncapturable:
    """Stands for a value that has no place in a record; the encoder names its feature once and leaves it out."""

    __slots__ = ("kind",)

    def __init__(self, kind: type) -> None:
        self.kind = kind


def freeze(value: Any) -> Any:
    """A value that nobody can change any more: itself, a plain scalar, a tuple of floats, or `Uncapturable`.

    Enum members become their value (or their name, where it is no scalar), UUIDs texts, fractions floats, vectors
    (lists, tuples, 1-D arrays of numbers) tuples of floats, 0-D arrays and single-element objects their element.
    """
    kind = type(value)
    if kind in IMMUTABLE:
        return value
    if isinstance(value, enum.Enum):
        return value.value if isinstance(value.value, (bool, int, float, str)) else value.name
    if isinstance(value, (bool, int, float, str)):  # a subclass may carry anything; its plain value cannot
        return next(plain(value) for plain in (bool, int, float, str) if isinstance(value, plain))
    if isinstance(value, (uuid.UUID, datetime.tzinfo)):
        return str(value)
    if isinstance(value, fractions.Fraction):
        return float(value)
    if is_missing(value):
        return None
    pyarrow = sys.modules.get("pyarrow")
    if pyarrow is not None and isinstance(value, pyarrow.Scalar):
        return freeze(value.as_py())
    if _is_immutable_scalar(value):
        IMMUTABLE.add(kind)
        return value
    return _vector(value)


def _is_immutable_scalar(value: Any) -> bool:
    """Whether it is a scalar of NumPy or pandas."""
    numpy, pandas = (sys.modules.get(name) for name in ("numpy", "pandas"))
    return bool(
        (numpy and isinstance(value, numpy.generic) and not isinstance(value, (numpy.void, numpy.complexfloating)))
        or (pandas and isinstance(value, (pandas.Timestamp, pandas.Timedelta, pandas.Period)))
    )


def is_missing(value: Any) -> bool:
    """Whether it is one of pandas' ways to say that nothing is there."""
    pandas = sys.modules.get("pandas")
    return value is None or bool(pandas and (value is pandas.NaT or value is pandas.NA))


def _vector(value: Any) -> Any:
    """An embedding as a tuple of floats; the element of anything that holds exactly one scalar."""
    if isinstance(value, (str, bytes, bytearray, memoryview, Mapping, set, frozenset)):
        return Uncapturable(type(value))
    numpy = sys.modules.get("numpy")
    if numpy is not None and isinstance(value, numpy.ndarray):
        if value.ndim == 0:
            return freeze(value.item())
        value = value.tolist() if value.ndim == 1 and value.dtype.kind in "fiub" else None
    elif hasattr(value, "tolist") and not isinstance(value, (list, tuple)):  # array.array, Series, tensors
        value = value.tolist()
    if isinstance(value, (list, tuple)) and value and all(isinstance(each, (int, float)) for each in value):
        return tuple(map(float, value))
    return Uncapturable(type(value))


def fields(value: Any) -> dict[str, Any] | None:
    """The fields of a dataclass, named tuple, pydantic model or attrs class, one level deep; None for anything else."""
    kind = type(value)
    if dataclasses.is_dataclass(kind):
        return {each.name: getattr(value, each.name) for each in dataclasses.fields(kind)}
    if isinstance(value, tuple) and hasattr(kind, "_fields"):
        return dict(zip(kind._fields, value, strict=True))
    if isinstance(getattr(kind, "model_fields", None), dict):  # pydantic
        return {name: getattr(value, name) for name in kind.model_fields}
    if hasattr(kind, "__attrs_attrs__"):
        return {each.name: getattr(value, each.name) for each in kind.__attrs_attrs__}
    return None


def flatten(row: Mapping[Any, Any], prefix: str = "", depth: int = 4) -> dict[str, Any]:
    """A row whose nested mappings and records are spread out, joined by dots: `{"a": {"b": 1}}` to `{"a.b": 1}`."""
    flat: dict[str, Any] = {}
    for key, value in row.items():
        name = f"{prefix}{key}"
        nested = None if type(value) in IMMUTABLE else value if isinstance(value, Mapping) else fields(value)
        if nested is not None and depth > 0:
            flat.update(flatten(nested, f"{name}.", depth - 1))
        else:
            flat[name] = freeze(value)
    return flat
