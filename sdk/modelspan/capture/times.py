"""Instants, however they are given: as nanoseconds since 1970, which 64 bits hold from 1677 to 2262."""

from __future__ import annotations

import datetime
import time
from typing import TYPE_CHECKING, Any

from modelspan._failsafe import swallowed
from modelspan.capture import values
from modelspan.capture.columns import column_of

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

_LEAST, _MOST = -(2**63) + 1, 2**63 - 1
_UNITS = ((1e11, 10**9, "seconds"), (1e14, 10**6, "milliseconds"), (1e17, 10**3, "microseconds"))
"""Numbers up to which since 1970 is counted in a unit; of these magnitudes, each unit means years around now."""
_PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
_DAY = 86_400 * 10**9


def instant(value: Any) -> int | None:
    """One instant; None where it is missing or cannot be told.

    Dates are their beginning, texts are ISO 8601, numbers count since 1970 in the unit that their size suggests. What
    has no time zone is UTC.
    """
    value = values.freeze(value)
    if hasattr(value, "dtype"):  # NumPy's
        value = value.astype("datetime64[us]").item() if value.dtype.kind == "M" else value.item()
    if isinstance(value, str):
        value = _parsed(value)
    if isinstance(value, datetime.datetime):
        return _within(_of_datetime(value) + getattr(value, "nanosecond", 0))
    if isinstance(value, datetime.date):
        return _within(value.toordinal() * _DAY - _EPOCH * _DAY)
    if isinstance(value, (int, float)) and not isinstance(value, bool) and value == value:  # no NaN
        return _within(int(value * _factor(abs(value))))
    return None


_EPOCH = datetime.date(1970, 1, 1).toordinal()


def _of_datetime(value: datetime.datetime) -> int:
    aware = value if value.tzinfo is not None else value.replace(tzinfo=datetime.UTC)
    since = aware - datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
    return (since.days * 86_400 + since.seconds) * 10**9 + since.microseconds * 1000


def _within(nanoseconds: int) -> int | None:
    return nanoseconds if _LEAST <= nanoseconds <= _MOST else None


def _parsed(text: str) -> datetime.datetime | None:
    plain = text.strip()
    for ending in ("Z", "z", " UTC", "UTC"):
        plain = f"{plain.removesuffix(ending)}+00:00" if plain.endswith(ending) else plain
    try:
        return datetime.datetime.fromisoformat(plain)
    except ValueError:
        return None


def _factor(size: float) -> int:
    factor, unit = next(((factor, unit) for most, factor, unit in _UNITS if size < most), (1, "nanoseconds"))
    swallowed(f"instants given as numbers are read as {unit} since 1970; datetimes are read as they are")
    return factor


def instants(column: Any) -> pa.Array:
    """A column of instants, null where one is missing or cannot be told."""
    import numpy as np
    import pyarrow as pa

    found = column_of(column)
    if not isinstance(found, list):
        if pa.types.is_dictionary(found.type):
            found = found.dictionary_decode()
        kind = found.type
        if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
            return _scaled(found)
        if pa.types.is_integer(kind) or pa.types.is_floating(kind):
            numbers = found.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
            return _multiplied(np.nan_to_num(numbers), ~np.isnan(numbers), _factor(float(np.nanmax(np.abs(numbers)))))
        found = found.to_pylist()
    return pa.array([instant(value) for value in found], pa.int64()).view(pa.timestamp("ns", "UTC"))


def _scaled(column: pa.Array) -> pa.Array:
    import pyarrow as pa

    if pa.types.is_date(column.type):
        days = pa.types.is_date32(column.type)
        whole, factor = column.cast(pa.int32() if days else pa.int64()).cast(pa.int64()), _DAY if days else 10**6
    else:
        whole, factor = column.cast(pa.int64()), 10**9 // _PER_SECOND[column.type.unit]
    known = whole.is_valid().to_numpy(zero_copy_only=False)
    return _multiplied(whole.fill_null(0).to_numpy(), known, factor)


def _multiplied(numbers: np.ndarray, known: np.ndarray, factor: int) -> pa.Array:
    """Numbers as nanoseconds; those that 64 bits do not hold are null."""
    import numpy as np
    import pyarrow as pa

    held = known & (np.abs(numbers) <= _MOST // factor)
    return pa.array((np.where(held, numbers, 0) * factor).astype(np.int64), mask=~held).view(pa.timestamp("ns", "UTC"))


def or_now(column: pa.Array, what: str) -> pa.Array:
    """Instants, now in place of those that are missing or cannot be told, which is said once."""
    import pyarrow as pa

    if not column.null_count:
        return column
    swallowed(f"instants of {what} that are missing, or that cannot be read, are taken as now")
    return column.fill_null(pa.scalar(time.time_ns(), pa.timestamp("ns", "UTC")))
