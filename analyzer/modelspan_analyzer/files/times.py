"""Times of any column as UTC nanoseconds: timestamps, dates, numbers since 1970, texts in the formats people use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from modelspan_analyzer.files.cells import cast_or_null, is_number, is_text, lost, numbers, trimmed, utf8, valid
from modelspan_analyzer.files.date_order import (
    DAY_FIRST,
    MONTH_FIRST,
    ORDERS,
    SEPARATORS,
    YEAR_FIRST,
    Order,
    order_of,
)
from modelspan_analyzer.files.rows import FileError, FileRows, Remarks, shown

UTC: Final = pa.timestamp("ns", "UTC")
UNITS: Final = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}
"""Nanoseconds of each unit that `--time-unit` takes."""
_WORDS: Final = {"s": "seconds", "ms": "milliseconds", "us": "microseconds", "ns": "nanoseconds"}
_FIRST, _LAST = -2_208_988_800, 9_223_372_036
"""Seconds of 1900 and of April 2262, between which the store keeps times."""
_PLAUSIBLE = (631_152_000.0, 4_102_444_800.0)
"""Seconds of 1990 and 2100: the unit that brings numbers between them is the unit."""

_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_ZONE = r"\s?(?P<zone>Z|z|UTC|GMT|utc|[+-]\d{2}(?::?\d{2})?)?(?:\s?(?:UTC|\[[^\]]*\]))?$"
_CLOCK = (
    r"(?:[Tt: ,]+(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,](?P<fraction>\d{1,9})\d*)?)?"
    r"\s?(?P<half>[aApP]\.?[mM]\.?)?)?" + _ZONE
)
_CLOCK_AT_ONCE = (
    r"[Tt ]?(?P<hour>\d{2})(?P<minute>\d{2})(?P<second>\d{2})(?:[.,](?P<fraction>\d{1,9})\d*)?(?P<half>)" + _ZONE
)
_NAME = rf"(?P<name>(?i:{'|'.join(_MONTHS)}))[A-Za-z]*"
_WEEKDAY: Final = r"^(?i:mon|tue|wed|thu|fri|sat|sun)[a-z]*,?\s+"
_DATE_AT_ONCE = r"^(?P<year>(?:19|20)\d{2})(?P<month>\d{2})(?P<day>\d{2})"
_YEAR = r"(?P<year>\d{4})"
_YEAR_MAY_BE_SHORT = r"(?P<year>\d{4}|\d{2})"
_IN_ORDER: Final = {
    DAY_FIRST: rf"^(?P<day>\d{{1,2}})SEP(?P<month>\d{{1,2}})SEP{_YEAR_MAY_BE_SHORT}" + _CLOCK,
    MONTH_FIRST: rf"^(?P<month>\d{{1,2}})SEP(?P<day>\d{{1,2}})SEP{_YEAR_MAY_BE_SHORT}" + _CLOCK,
    YEAR_FIRST: r"^(?P<year>\d{2})SEP(?P<month>\d{1,2})SEP(?P<day>\d{1,2})" + _CLOCK,
}
_UNMISTAKABLE: Final = (
    r"^(?P<year>\d{4})[-/.](?P<month>\d{1,2})[-/.](?P<day>\d{1,2})" + _CLOCK,
    _DATE_AT_ONCE + _CLOCK,
    _DATE_AT_ONCE + _CLOCK_AT_ONCE,
    rf"^(?P<day>\d{{1,2}})[ \-/.]+{_NAME}[ \-/.,]+{_YEAR_MAY_BE_SHORT}" + _CLOCK,
    rf"^{_NAME}[ .\-]+(?P<day>\d{{1,2}})(?:st|nd|rd|th)?,?\s+{_YEAR}" + _CLOCK,
    rf"^{_NAME}\s+(?P<day>\d{{1,2}})\s+(?P<hour>\d{{2}}):(?P<minute>\d{{2}}):(?P<second>\d{{2}})"
    rf"(?P<fraction>)(?P<half>)\s(?P<zone>UTC|GMT)?\s?{_YEAR}$",
    r"^(?P<day>\d{1,2})\.(?P<month>\d{1,2})\." + _YEAR + _CLOCK,
)
_SOME_DATE: Final = (
    r"^\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}|^(?:19|20)\d{6}"
    rf"|^(?:[A-Za-z]{{3,9}},?\s+)?(?:\d{{1,2}}[ \-/.]+)?(?i:{'|'.join(_MONTHS)})"
)
_SHORT_YEAR: Final = r"^\d{1,2}[ \-/.]+[A-Za-z]{3,9}[ \-/.,]+\d{2}(?:\D|$)"
_EXCEL_DAYS: Final = (32_874.0, 73_051.0)
"""The days of 1990 and 2100 as spreadsheets count them."""
_EXCEL_1970: Final = 25_569


@dataclass(frozen=True, slots=True)
class Parsed:
    """Times read from texts; null where a text is none."""

    values: pa.Array
    without_zone: int = 0
    orders: tuple[Order, ...] = ()
    """In which order day, month and year were taken to stand, where that had to be chosen."""
    short_years: bool = False
    """Years of two digits stand behind the name of a month."""

    @property
    def untold(self) -> str:
        """A date of which nothing tells where its year stands; '' where there is none."""
        return next((order.example for order in self.orders if not order.name and order.short), "")

    def say(self, name: str, remarks: Remarks) -> None:
        """Say what was assumed."""
        if self.without_zone:
            remarks.assume(f"times of column {name!r} without a zone are UTC")
        for order in self.orders:
            if order.said:
                remarks.assume(
                    f"dates such as {order.example} in column {name!r} are {order.said} (--date-order says otherwise)"
                )
        short = {"first" if order.name == YEAR_FIRST else "last" for order in self.orders if order.name and order.short}
        for where in sorted(short | ({"last"} if self.short_years else set())):
            remarks.assume(f"years of two digits in column {name!r} stand {where} and are those of 1970 to 2069")


def instants(rows: FileRows, name: str, unit: str = "", date_order: str = "") -> pa.Array:
    """A column as UTC nanoseconds, null where there is no time; what cannot be read is named.

    Args:
        rows: the file's rows.
        name: the column.
        unit: of numbers, one of `UNITS`; told from their size if empty.
        date_order: of dates such as 26/01/31, one of `ORDERS`; told from all of them if empty.

    Raises:
        FileError: nothing in the column is a time.
    """
    if unit and unit not in UNITS:
        raise FileError(f"--time-unit is one of {', '.join(UNITS)}, not {unit!r}")
    if date_order and date_order not in ORDERS:
        raise FileError(f"--date-order is one of {', '.join(ORDERS)}, not {date_order!r}")
    column = rows.column(name)
    kind = column.type
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        stamps = _from_timestamps(column, name, rows.remarks)
    elif is_number(kind):
        stamps = _from_numbers(column, name, unit, rows.remarks)
    elif is_text(kind) or pa.types.is_binary(kind):
        stamps = _from_texts(column, name, unit, date_order, rows.remarks)
    else:
        raise FileError(f"column {name!r} holds {kind}, which are no times; name the column of the times with --time")
    missed = lost(trimmed(utf8(column)) if is_text(kind) else column, stamps)
    if len(column) and stamps.null_count == len(column):
        first = shown(column.drop_null()[0]) if column.null_count < len(column) else "nothing"
        raise FileError(f"column {name!r} does not hold times such as 2026-01-31T12:00:00; it holds {first}")
    if missed.size:
        rows.remarks.leave_out(
            f"{missed.size:,} of {len(column):,} times of column {name!r}, which cannot be read or lie beyond 1900 to"
            f" 2262 ({rows.examples(missed, column)})"
        )
    return stamps


def _from_timestamps(column: pa.Array, name: str, remarks: Remarks) -> pa.Array:
    if pa.types.is_date(column.type):
        column = cast_or_null(column, lambda part: part.cast(pa.timestamp("s")), pa.timestamp("s"))
    if not column.type.tz:
        remarks.assume(f"times of column {name!r} without a zone are UTC")
    return _scaled(column.cast(pa.int64()), column.type.unit)


def _from_numbers(column: pa.Array, name: str, unit: str, remarks: Remarks) -> pa.Array:
    values = numbers(column)
    if values.null_count == len(values):
        return pa.nulls(len(values), UTC)
    if not unit:
        if (dates := _compact(column)) is not None:
            remarks.assume(f"numbers of column {name!r} such as {shown(column.drop_null()[0])} are dates")
            return dates
        if _all_between(values, *_EXCEL_DAYS):
            remarks.assume(f"numbers of column {name!r} such as {values.drop_null()[0]} are days as spreadsheets count")
            seconds = pc.multiply(pc.subtract(values, _EXCEL_1970), 86_400.0)
            return _scaled(pc.round(pc.multiply(seconds, 1000.0)).cast(pa.int64()), "ms")
        unit = _unit(values, name)
        remarks.assume(f"column {name!r} counts {_WORDS[unit]} since 1970 (--time-unit says otherwise)")
    if pa.types.is_integer(column.type):
        return _scaled(cast_or_null(column, lambda part: part.cast(pa.int64()), pa.int64()), unit)
    micro = pc.round(pc.multiply(values, UNITS[unit] / 1000))
    bounded = pc.if_else(pc.less(pc.abs(micro), 9.2e15), micro, pa.scalar(None, pa.float64()))
    return _scaled(bounded.cast(pa.int64(), safe=False), "us")


def _all_between(values: pa.Array, least: float, most: float) -> bool:
    return bool(pc.all(pc.and_(pc.greater(values, least), pc.less(values, most))).as_py())


def _scaled(counts: pa.Array, unit: str) -> pa.Array:
    """Whole numbers of a unit since 1970 as times; null beyond what the store keeps."""
    per_second = 10**9 // UNITS[unit]
    inside = pc.and_(pc.greater_equal(counts, _FIRST * per_second), pc.less(counts, _LAST * per_second))
    kept = pc.if_else(inside, counts, pa.scalar(None, pa.int64()))
    return pc.multiply(kept, UNITS[unit]).cast(pa.timestamp("ns")).cast(UTC)


def _unit(values: pa.Array, name: str) -> str:
    typical = float(np.median(np.asarray(values.drop_null())))
    for unit, nanoseconds in UNITS.items():
        if _PLAUSIBLE[0] <= typical * nanoseconds / 1e9 <= _PLAUSIBLE[1]:
            return unit
    raise FileError(
        f"column {name!r} holds numbers such as {values.drop_null()[0]}, which are no times between 1990 and 2100 in"
        f" any unit; say --time-unit {'|'.join(UNITS)} if they count time since 1970, else leave out --time"
    )


def _compact(column: pa.Array) -> pa.Array | None:
    """Numbers such as 20260131 and 20260131120000 as dates, where every one is such."""
    whole = cast_or_null(column, lambda part: part.cast(pa.int64()), pa.int64())
    if whole.null_count != column.null_count or not any(
        _all_between(whole, *(end * size for end in (19_000_101, 21_001_231))) for size in (1, 10**6)
    ):
        return None
    dates = parse_texts(whole.cast(pa.string())).values
    return dates if dates.null_count == column.null_count else None


def _from_texts(column: pa.Array, name: str, unit: str, date_order: str, remarks: Remarks) -> pa.Array:
    texts = trimmed(utf8(column))
    values = numbers(texts)
    if valid(texts).any() and not lost(texts, values).size:
        whole = pc.all(pc.match_substring_regex(texts, r"^[+-]?\d{1,18}$")).as_py()
        return _from_numbers(texts.cast(pa.int64()) if whole else values, name, unit, remarks)
    parsed = parse_texts(texts, date_order, past=True)
    if parsed.untold:
        raise FileError(
            f"nothing tells where day, month and year stand in dates such as {parsed.untold!r} of column {name!r}; say"
            f" --date-order {'|'.join(ORDERS)}"
        )
    parsed.say(name, remarks)
    return parsed.values


def parse_texts(texts: pa.Array, date_order: str = "", *, past: bool = False) -> Parsed:
    """Read texts as times, each in whichever known format it has.

    Args:
        texts: the texts.
        date_order: of dates such as 26/01/31, one of `ORDERS`; told from all of them if empty.
        past: whether they have happened, so that none lies in the future.
    """
    if not pc.any(pc.match_substring_regex(texts, _SOME_DATE)).as_py():
        return Parsed(pa.nulls(len(texts), UTC))
    orders = {mark: order_of(texts, mark, date_order, past=past) for mark in SEPARATORS}
    patterns = [_IN_ORDER[order.name].replace("SEP", "\\" + mark) for mark, order in orders.items() if order.name]
    written = pa.nulls(len(texts), pa.string())
    naive = pa.nulls(len(texts), pa.bool_())
    bare = pc.replace_substring_regex(texts, _WEEKDAY, "")
    for pattern in (*_UNMISTAKABLE, *patterns):
        fields = pc.extract_regex(bare, pattern)
        written = pc.coalesce(written, _as_iso(fields))
        naive = pc.coalesce(naive, pc.equal(pc.struct_field(fields, "zone"), ""))
    values = cast_or_null(written, lambda part: part.cast(UTC), UTC)
    early = pc.less(values.cast(pa.int64()), _FIRST * 10**9)
    values = pc.if_else(early, pa.scalar(None, UTC), values)
    short = pc.any(pc.and_(pc.match_substring_regex(bare, _SHORT_YEAR), values.is_valid())).as_py()
    return Parsed(values, int(pc.sum(naive).as_py() or 0), tuple(orders.values()), bool(short))


def _as_iso(fields: pa.Array) -> pa.Array:
    """Fields of a date as the one format that Arrow reads; null stays null."""

    def part(name: str, width: int, missing: str = "0") -> pa.Array:
        text = pc.struct_field(fields, name)
        return pc.utf8_lpad(pc.if_else(pc.equal(text, ""), missing, text), width, "0")

    hour, half = part("hour", 2), pc.replace_substring(pc.utf8_lower(pc.struct_field(fields, "half")), ".", "")
    twelve = pc.if_else(pc.equal(hour, "12"), "00", hour).cast(pa.int32())
    shifted = pc.utf8_lpad(pc.add(twelve, pc.if_else(pc.equal(half, "pm"), 12, 0)).cast(pa.string()), 2, "0")
    hour = pc.if_else(pc.equal(half, ""), hour, shifted)
    fraction = pc.struct_field(fields, "fraction")
    fraction = pc.utf8_rpad(pc.if_else(pc.equal(fraction, ""), "0", fraction), 9, "0")
    zone = pc.struct_field(fields, "zone")
    zone = pc.if_else(pc.match_substring_regex(zone, r"^[+-]"), zone, "Z")
    year = pc.struct_field(fields, "year")
    year = pc.replace_substring_regex(pc.replace_substring_regex(year, r"^([7-9]\d)$", r"19\1"), r"^(\d{2})$", r"20\1")
    day = pc.binary_join_element_wise(year, _month(fields), part("day", 2), "-")
    clock = pc.binary_join_element_wise(hour, part("minute", 2), part("second", 2), ":")
    return pc.binary_join_element_wise(day, "T", clock, ".", fraction, zone, "")


def _month(fields: pa.Array) -> pa.Array:
    """The month as a number of two digits, whichever way it is written."""
    if fields.type.get_field_index("month") >= 0:
        return pc.utf8_lpad(pc.struct_field(fields, "month"), 2, "0")
    name = pc.utf8_slice_codeunits(pc.utf8_lower(pc.struct_field(fields, "name")), 0, 3)
    return pc.utf8_lpad(pc.add(pc.index_in(name, pa.array(_MONTHS)), 1).cast(pa.string()), 2, "0")
