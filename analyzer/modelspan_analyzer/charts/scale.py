"""From values to places, and back to words: any float has a place and a name."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

_STEPS: Final = (1, 2, 5, 10)
_DAY: Final = 86_400
_TIMES: Final = (1, 5, 15, 30, 60, 300, 900, 1800, 3600, 10_800, 21_600, 43_200, _DAY, 2 * _DAY, 7 * _DAY, 14 * _DAY)
"""Seconds between the ticks of a time axis; beyond them months and years."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Scale:
    """A straight line from `low` … `high` to `start` … `end`; what lies beyond is put on the edge."""

    low: float
    high: float
    start: float
    end: float

    def at(self, value: float) -> float:
        """Where a value is drawn. Divided first, as a difference of the largest floats overflows."""
        size = max(abs(self.low), abs(self.high))
        share = (value / size - self.low / size) / (self.high / size - self.low / size)
        return self.start + min(max(share, 0.0), 1.0) * (self.end - self.start)

    def ticks(self, most: int = 5) -> list[float]:
        """Round numbers within the scale, about as many as asked for."""
        span = self.high - self.low
        if not math.isfinite(span):
            return [self.low, 0.0, self.high]
        rough = span / most
        power = 10.0 ** math.floor(math.log10(rough)) if rough > 1e-300 else 0.0
        step = next((power * each for each in _STEPS if power * each >= rough), 0.0)
        first = math.ceil(self.low / step) if step else 0
        found = [(first + place) * step for place in range(2 * most + 1)] if step else []
        within = [value for value in found if self.low <= value <= self.high]
        return within if len(set(within)) > 1 else [self.low, self.high]


def scale(values: Iterable[float | None], start: float, end: float, *, zero: bool = False) -> Scale:
    """The scale that holds all finite values, with some air; of one value, or none, something around it.

    `zero`: whether it has to hold 0, as lengths of bars do.
    """
    known = [float(value) for value in values if value is not None and math.isfinite(value)]
    known += [0.0] if zero or not known else []
    low, high = min(known), max(known)
    if low == high == 0:
        return Scale(0.0, 1.0, start, end)  # counts and shares of nothing: none of them is below it
    if low == high or (high / 2 - low / 2) < 1e-12 * max(abs(low), abs(high)):
        air = abs(low) * 0.1 or 1.0
    else:
        air = (high / 2 - low / 2) * 0.1
    largest = 1.7e308
    return Scale(
        low if zero and low == 0 else max(low - max(air, 1e-300), -largest),
        min(high + max(air, 1e-300), largest),
        start,
        end,
    )


def time_scale(moments: Iterable[datetime], start: float, end: float) -> Scale:
    """The scale of seconds from the first moment to the last; of a single one, half an hour around it."""
    known = [seconds(each) for each in moments] or [0.0]
    low, high = min(known), max(known)
    if high - low < 1:
        first, last = seconds(datetime.min), seconds(datetime.max)
        low, high = max(low - 1800, first), min(high + 1800, last)
    return Scale(low, high, start, end)


def number(value: float | None) -> str:
    """A number for people: four digits where they say enough, thousands apart, "–" for none.

    >>> [number(each) for each in (None, 0.123456, 12345678, 1e300, 1234.5)]
    ['–', '0.1235', '12,345,678', '1e+300', '1,234']
    """
    if value is None or math.isnan(value):
        return "–"
    if math.isfinite(value) and 1000 <= abs(value) < 1e15:
        return f"{value:,.0f}"
    return f"{value:.4g}"


def percent(share: float | None) -> str:
    """A share in per cent; what is there but rounds to nothing is not called nothing.

    >>> [percent(each) for each in (None, 0.0, 0.1234, 0.00001, 1.0)]
    ['–', '0 %', '12.3 %', '<0.1 %', '100 %']
    """
    if share is None or not math.isfinite(share):
        return number(share)
    if 0 < share < 0.0005:
        return "<0.1 %"
    return f"{100 * share:.1f}".removesuffix(".0") + " %"


def seconds(moment: datetime) -> float:
    """A moment as seconds since 1970; one without a zone is in UTC."""
    return ((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - _EPOCH).total_seconds()


def moment(value: datetime) -> str:
    """A moment for people, in UTC.

    >>> moment(datetime(2026, 3, 1, 12, 30, tzinfo=UTC))
    '2026-03-01 12:30 UTC'
    """
    at = _EPOCH + timedelta(seconds=seconds(value))
    return f"{at:%Y-%m-%d %H:%M}{f':{at:%S}' if at.second else ''} UTC"


def time_ticks(low: float, high: float, most: int = 6) -> list[tuple[float, str]]:
    """Round moments between two, with their names; the first names its day."""
    step = next((each for each in _TIMES if (high - low) / each <= most), 0)
    if not step:
        return _calendar_ticks(low, high, most)
    first = math.ceil(low / step) * step
    places = [first + place * step for place in range(most + 1) if first + place * step <= high]
    found = []
    for place in places:
        at = _EPOCH + timedelta(seconds=place)
        clock = f"{at:%H:%M}" if step >= 60 else f"{at:%H:%M:%S}"
        day = f"{at.day} {at:%b}"
        new_day = place == places[0] or place % _DAY == 0
        found.append((float(place), day if step >= _DAY else f"{day} {clock}" if new_day else clock))
    return found


def _calendar_ticks(low: float, high: float, most: int) -> list[tuple[float, str]]:
    begin, end = (_EPOCH + timedelta(seconds=each) for each in (low, high))
    months = (end.year - begin.year) * 12 + end.month - begin.month
    step = next(
        each for each in (1, 2, 3, 6, 12, 24, 60, 120, 600, 1200, 6000, 12000, 120_000) if months / each <= most
    )
    first = -(-(begin.year * 12 + begin.month) // step) * step
    found = []
    for month in range(first, end.year * 12 + end.month, step):
        at = datetime(month // 12, month % 12 + 1, 1, tzinfo=UTC)
        found.append((seconds(at), f"{at.year}" if step >= 12 else f"{at:%b} {at.year}"))
    return [each for each in found if low <= each[0] <= high]
