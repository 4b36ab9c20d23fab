"""Which of day, month and year comes first in dates of numbers such as 26/01/31: told by the whole column or not.

A number beyond twelve is no month, one beyond 31 no day; what has happened does not lie in the future; and rows that
follow each other in time do so in one order alone. Where none of it tells where the year stands, nobody can.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

DAY_FIRST: Final = "dmy"
MONTH_FIRST: Final = "mdy"
YEAR_FIRST: Final = "ymd"
ORDERS: Final = (DAY_FIRST, MONTH_FIRST, YEAR_FIRST)
"""What `--date-order` takes."""
WORDS: Final = {DAY_FIRST: "day first", MONTH_FIRST: "month first", YEAR_FIRST: "year first"}
SEPARATORS: Final = ("/", "-", ".")
_PARTS: Final = {
    DAY_FIRST: ("three", "two", "one"),
    MONTH_FIRST: ("three", "one", "two"),
    YEAR_FIRST: ("one", "two", "three"),
}
"""Where year, month and day stand."""
_NUMBERS: Final = r"^(?P<one>\d{1,2})SEP(?P<two>\d{1,2})SEP(?P<three>\d{4}|\d{2})(?:\D|$)"
SHORT_DATE: Final = r"^\d{1,2}[/.-]\d{1,2}[/.-]\d{2}(?:\D|$)"
"""A date of numbers whose year has two digits."""
_FEW: Final = 8
"""Fewer different days than this may follow each other by chance."""
_AHEAD: Final = datetime.timedelta(days=2)
"""By how much a clock may be ahead."""

Ints = npt.NDArray[np.int64]


class Order(NamedTuple):
    """In which order the numbers of a column's dates stand."""

    name: str = ""
    """One of `ORDERS`; '' where there are no such dates, or nothing tells."""
    said: str = ""
    """What has to be said of it."""
    example: str = ""
    """A date of the column."""
    short: bool = False
    """Whether years have two digits."""


def order_of(texts: pa.Array, separator: str, told: str = "", *, past: bool = False) -> Order:
    """The order of day, month and year in the dates of numbers with a separator.

    Args:
        texts: any texts, dates among them.
        separator: one of `SEPARATORS`.
        told: what the user said, one of `ORDERS`.
        past: whether they have happened, so that none lies in the future.
    """
    known = _NUMBERS if told or separator != "." else _NUMBERS.replace("{1,2}", "{2}")  # 1.2.26 may be a version
    fields = pc.extract_regex(texts, known.replace("SEP", "\\" + separator))
    held = fields.is_valid()
    if not pc.any(held).as_py():
        return Order()
    example = str(texts.filter(held)[0])
    fields = fields.filter(held)
    parts = {name: pc.struct_field(fields, name) for name in ("one", "two", "three")}
    numbers = {name: np.asarray(part.cast(pa.int64())) for name, part in parts.items()}
    long = pc.utf8_length(parts["three"]).to_numpy() == 4
    fixed = not long.any() and pc.all(pc.equal(pc.utf8_length(parts["one"]), 2)).as_py()
    short = not long.all()
    possible = [name for name in ORDERS if name != YEAR_FIRST or fixed]
    if told in possible:
        return Order(told, "", example, short)
    if separator == "-" and short:
        return Order(example=example)  # as dates are written nowhere: somebody has to say that they are
    if separator == ".":
        possible.remove(MONTH_FIRST)
    days = {name: _days(numbers, name) for name in possible}
    valid = {name: int((each > 0).sum()) for name, each in days.items()}
    best = [name for name in possible if valid[name] == max(valid.values())]
    if len(best) == 1 and valid[best[0]]:
        return Order(best[0], WORDS[best[0]], example, short)
    name, why = _settled({name: days[name] for name in best}, past=past)
    if name:
        return Order(name, f"taken as {WORDS[name]}, {why}", example, short)
    if YEAR_FIRST in best:
        return Order(example=example, short=short)
    usual = MONTH_FIRST if separator == "/" else DAY_FIRST
    return Order(usual, f"taken as {WORDS[usual]}, which they do not tell", example, short)


def _days(numbers: Mapping[str, Ints], order: str) -> Ints:
    """A number that rises with the day, of each date; 0 where the numbers are none in this order."""
    year, month, day = (numbers[part] for part in _PARTS[order])
    full = np.where(year >= 100, year, np.where(year < 70, 2000 + year, 1900 + year))
    fits = (month >= 1) & (month <= 12) & (day >= 1) & (day <= 31)
    return np.where(fits, (full * 12 + month - 1) * 31 + day, 0)


def _settled(days: Mapping[str, Ints], *, past: bool) -> tuple[str, str]:
    """The one order in which dates have happened, or follow each other, and why; nothing where none is."""
    if past:
        latest = datetime.datetime.now(datetime.UTC) + _AHEAD
        today = (latest.year * 12 + latest.month - 1) * 31 + latest.day
        here = {name: each for name, each in days.items() if not (each > today).any()}
        if len(here) == 1:
            return next(iter(here)), "as they would lie in the future otherwise"
        days = here or days
    rising = [name for name, each in days.items() if _follow(each)]
    return (rising[0], "as they follow each other so") if len(rising) == 1 else ("", "")


def _follow(days: Ints) -> bool:
    """Whether days rise, or fall, row by row."""
    steps = np.diff(days[days > 0])
    return np.unique(days).size >= _FEW and bool((steps >= 0).all() or (steps <= 0).all())
