"""One value: which ones may be kept by reference, and what every other becomes.

The predict function's caller may change its objects as soon as the call has returned, and records are encoded later. So
a value is either of a type that cannot change, or it is copied here, once.
"""

from __future__ import annotations

import array
import dataclasses
import datetime
import decimal
import enum
import fractions
import itertools
import os
import uuid
from collections.abc import Mapping
from typing import Any, NamedTuple

from modelspan._failsafe import swallowed
from modelspan._interrupts import pass_on
from modelspan._loaded import loaded
from modelspan.capture import arrays

MOST_FEATURES = 65_536
"""Features of a row; what is beyond is left out."""
BEYOND = f"(beyond {MOST_FEATURES:,})"
"""Stands for the features beyond them, where they are said to be left out."""
LARGEST_EXACT = 2**53
"""Integers beyond it are rounded by doubles."""
MOST_CHARACTERS = 4096
"""Characters of a predicted class that are kept until it is encoded."""
MOST_NESTED = 16_384
"""Values looked at in mappings inside a row, however they hold each other."""

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


class UnfitError(ValueError):
    """What was given does not fit; the message says why, without any of the data, so that it may be logged."""


class Uncapturable:
    """Stands for a value that has no place in a record; the encoder names its feature once and leaves it out."""

    __slots__ = ("what",)

    def __init__(self, kind: type, what: str = "") -> None:
        self.what = what or f"values of type {kind.__name__}"
        """In words."""


def clean(text: str) -> str:
    """A text that UTF-8 can hold: a lone surrogate becomes a question mark."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def bounded(mapping: Mapping[Any, Any], most: int) -> Mapping[Any, Any]:
    """A mapping that can be walked: one of another type than a dict may say what it likes of its length."""
    return mapping if type(mapping) is dict else dict(itertools.islice(mapping.items(), most + 1))


def freeze(value: Any) -> Any:
    """A value that nobody can change any more: itself, a plain scalar, an array of floats, or `Uncapturable`.

    Enum members become a category: the text of their value, or their name where it is no scalar (members of `IntEnum`
    are integers, since tables cannot tell them apart). UUIDs and paths become texts, fractions floats, vectors (lists,
    tuples, 1-D arrays of numbers) arrays of floats, 0-D arrays their element.
    """
    kind = type(value)
    if kind in IMMUTABLE:
        return value
    if isinstance(value, enum.Enum) and not isinstance(value, (int, float)):
        plain = value.value
        return (
            plain if isinstance(plain, (bool, str)) else str(plain if isinstance(plain, (int, float)) else value.name)
        )
    if isinstance(value, (bool, int, float, str)):  # a subclass may carry anything; its plain value cannot
        return next(plain(value) for plain in (bool, int, float, str) if isinstance(value, plain))
    if isinstance(value, (uuid.UUID, datetime.tzinfo, os.PathLike)):
        return str(value)
    if isinstance(value, fractions.Fraction):
        return float(value)
    if is_missing(value):
        return None
    pyarrow = loaded("pyarrow")
    if pyarrow is not None and isinstance(value, pyarrow.Scalar):
        return freeze(value.as_py())
    pandas = loaded("pandas")
    if pandas is not None and isinstance(value, pandas.Interval):
        return _interval(pandas, value)
    if _is_immutable_scalar(value):
        IMMUTABLE.add(kind)
        return value
    return _vector(value)


def is_plain(value: Any) -> bool:
    """Whether it is one value, and no list, mapping or set of several."""
    return isinstance(value, (str, bytes)) or not hasattr(value, "__len__")


def safely(value: Any) -> Any:
    """A value, as `freeze`; one that fails when it is looked at has no place, and what is frozen stays so."""
    if type(value) is Uncapturable or (type(value) is array.array and value.typecode == "f"):
        return value
    try:
        return freeze(value)
    except BaseException as error:
        pass_on(error)
        return Uncapturable(type(value))


def _interval(pandas: Any, value: Any) -> str:
    """An interval as a column of them writes it."""
    import pyarrow as pa

    from modelspan.features import convert

    return str(convert(pa.array(pandas.Series([value]))).column[0])  # type: ignore[index]


def _is_immutable_scalar(value: Any) -> bool:
    """Whether it is a scalar of NumPy or pandas."""
    numpy, pandas = (loaded(name) for name in ("numpy", "pandas"))
    return bool(
        (numpy and isinstance(value, numpy.generic) and value.dtype.kind not in "VSc")
        or (pandas and isinstance(value, (pandas.Timestamp, pandas.Timedelta, pandas.Period)))
    )


def is_long(value: Any) -> bool:
    """Whether it is an integer that 64 bits hold, and a double not for sure."""
    return type(value) is int and LARGEST_EXACT < abs(value) < 2**64


def is_missing(value: Any) -> bool:
    """Whether it is one of pandas' ways to say that nothing is there."""
    pandas = loaded("pandas")
    return value is None or bool(pandas and (value is pandas.NaT or value is pandas.NA))


def is_missing_type(kind: type) -> bool:
    """Whether values of a type are all missing."""
    pandas = loaded("pandas")
    return bool(pandas and kind in (type(pandas.NaT), type(pandas.NA)))


def _vector(value: Any) -> Any:
    """An embedding as an array of floats, of bounded length; the element of an array that holds one scalar."""
    if isinstance(value, _NO_VECTORS):
        return Uncapturable(type(value))
    shape = arrays.shape_of(value)
    if shape == ():
        return freeze(arrays.numpy_of(value).item())
    if shape is not None:
        return _of_array(value, shape)
    if hasattr(value, "tolist") and hasattr(value, "__len__") and len(value) <= arrays.MOST_DIMENSIONS:
        value = value.tolist()  # array.array, Series
    if not isinstance(value, (list, tuple)) or not value:
        return Uncapturable(type(value))
    if len(value) > arrays.MOST_DIMENSIONS:
        return Uncapturable(type(value), _TOO_LONG)
    try:
        return array.array("f", value)
    except (TypeError, ValueError, OverflowError):
        return Uncapturable(type(value))


_NO_VECTORS = (str, bytes, bytearray, memoryview, Mapping, set, frozenset)
_TOO_LONG = f"vectors of more than {arrays.MOST_DIMENSIONS:,} numbers"


def _of_array(value: Any, shape: tuple[int, ...]) -> Any:
    if len(shape) != 1 or not shape[0]:
        return Uncapturable(type(value))
    if shape[0] > arrays.MOST_DIMENSIONS:
        return Uncapturable(type(value), _TOO_LONG)
    found = arrays.numpy_of(value)
    if found.dtype.kind not in "fiub":
        return Uncapturable(type(value))
    return array.array("f", found.astype("float32").tobytes())


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


def flatten(row: Mapping[Any, Any], left_out: dict[str, str]) -> dict[str, Any]:
    """A row whose nested mappings and records are spread out, joined by dots: `{"a": {"b": 1}}` to `{"a.b": 1}`.

    Rows may hold themselves: what is deeper than four levels has no place, and of very many values the first count.
    What is left out is added to the reasons, by feature.
    """
    flat: dict[str, Any] = {}
    _spread(row, "", _DEPTH, _Spread(flat, itertools.count(), left_out))
    return flat


class _Spread(NamedTuple):
    """What the walk through a row has found so far."""

    flat: dict[str, Any]
    visits: itertools.count[int]
    left_out: dict[str, str]


_DEPTH = 4


def _spread(row: Mapping[Any, Any], prefix: str, depth: int, found: _Spread) -> None:
    flat = found.flat
    for key, value in row.items():
        if len(flat) >= MOST_FEATURES or (prefix and next(found.visits) >= MOST_NESTED):
            too_many(found.left_out)
            return
        name = f"{prefix}{key}"
        nested = None if type(value) in IMMUTABLE else _nested(value)
        if nested is None or depth <= 0:
            if name in flat:
                say_twice(name, found.left_out)
            else:
                flat[name] = safely(value)
            continue
        try:
            _spread(nested, f"{name}.", depth - 1, found)
        except BaseException as error:  # a mapping that fails costs no other value
            pass_on(error)
            flat[name] = Uncapturable(type(value))


def _nested(value: Any) -> Mapping[Any, Any] | None:
    """What a mapping or a record holds; None for anything else, and for one that cannot be read."""
    try:
        return value if isinstance(value, Mapping) else fields(value)
    except BaseException as error:
        pass_on(error)
        return None


def say_twice(name: str, left_out: dict[str, str]) -> None:
    """Say that of two features, or columns, with the same name one is left out, and add it to the reasons."""
    left_out[name] = "of columns with the same name, the first is recorded"
    swallowed(f"of columns with the same name, {name[:80]!r}, the first is recorded")


def too_many(left_out: dict[str, str], count: int | None = None) -> None:
    """Say that features of a row are left out, and how many, if that is known; and add it to the reasons."""
    others = "the others" if count is None else f"{count:,} others"
    left_out.setdefault(BEYOND, f"of more than {MOST_FEATURES:,} features, {others} are left out")
    swallowed(f"rows with more than {MOST_FEATURES:,} features are recorded without the others")
