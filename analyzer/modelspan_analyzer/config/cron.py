"""Cron lines: minute, hour, day of month, month, day of week, in UTC."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Annotated

from pydantic import AfterValidator

_FIELDS = (("minute", 0, 59), ("hour", 0, 23), ("day", 1, 31), ("month", 1, 12), ("weekday", 0, 7))
_NAMES = {
    **{name: number for number, name in enumerate(("sun", "mon", "tue", "wed", "thu", "fri", "sat"))},
    **{
        name: number
        for number, name in enumerate(
            ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"), start=1
        )
    },
}
LONGEST_GAP = timedelta(days=366 * 8)
"""A line that never comes up in so long (30 February) never will."""


@dataclass(frozen=True, slots=True)
class Cron:
    """The moments that a cron line names."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    either_day: bool
    """Day of month and weekday both restricted: cron then takes a day that fits one of them."""

    def after(self, moment: datetime) -> datetime:
        """The first moment after the given one.

        Raises:
            ValueError: there is none, as for 30 February.
        """
        day, last = moment.date(), moment.date() + LONGEST_GAP
        while day <= last:
            if self._fits(day):
                for candidate in self._times(day):
                    if candidate > moment:
                        return candidate
            day += timedelta(days=1)
        raise ValueError("this cron line names a day that never comes")

    def latest(self, moment: datetime) -> datetime:
        """The last moment at or before the given one.

        Raises:
            ValueError: there is none, as for 30 February.
        """
        day, first = moment.date(), moment.date() - LONGEST_GAP
        while day >= first:
            if self._fits(day) and (found := [one for one in self._times(day) if one <= moment]):
                return found[-1]
            day -= timedelta(days=1)
        raise ValueError("this cron line names a day that never comes")

    def _times(self, day: date) -> Iterator[datetime]:
        for hour in sorted(self.hours):
            for minute in sorted(self.minutes):
                yield datetime(day.year, day.month, day.day, hour, minute, tzinfo=UTC)

    def _fits(self, day: date) -> bool:
        if day.month not in self.months:
            return False
        by_day, by_weekday = day.day in self.days, day.isoweekday() % 7 in self.weekdays
        return (by_day or by_weekday) if self.either_day else (by_day and by_weekday)


def parse_cron(line: str) -> Cron:
    """A cron line of five fields: numbers, names, `*`, ranges, lists and steps.

    Raises:
        ValueError: it is not one; the message names the field.
    """
    parts = line.split()
    if len(parts) != len(_FIELDS):
        raise ValueError(
            f"{line!r} is not a cron line; write five fields, such as '0 * * * *' (every hour) or '30 2 * * mon'"
        )
    sets = [_field(part, *field) for part, field in zip(parts, _FIELDS, strict=True)]
    weekdays = frozenset(day % 7 for day in sets[4])
    either = not parts[2].startswith("*") and not parts[4].startswith("*")
    cron = Cron(sets[0], sets[1], sets[2], sets[3], weekdays, either)
    cron.after(datetime(2000, 1, 1, tzinfo=UTC))
    return cron


def _field(text: str, name: str, lowest: int, highest: int) -> frozenset[int]:
    found: set[int] = set()
    for part in text.lower().split(","):
        span, _, step = part.partition("/")
        first, _, last = span.partition("-")
        try:
            start = lowest if span == "*" else _number(first)
            end = _number(last) if last else highest if span == "*" or step else start
            every = int(step) if step else 1
        except ValueError:
            raise ValueError(f"the {name} {text!r} of the cron line is not a number, a name or a range") from None
        if not (lowest <= start <= end <= highest and every >= 1):
            raise ValueError(f"the {name} {text!r} of the cron line is not within {lowest} to {highest}")
        found.update(range(start, end + 1, every))
    return frozenset(found)


def _number(text: str) -> int:
    return _NAMES[text] if text in _NAMES else int(text)


def check_cron(line: str) -> str:
    """The line itself.

    Raises:
        ValueError: see `parse_cron`.
    """
    parse_cron(line)
    return line


CronLine = Annotated[str, AfterValidator(check_cron)]
"""A cron line as settings name it."""
