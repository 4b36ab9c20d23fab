"""Background work in slices, so that no call waits long for the interpreter's lock.

A thread that computes in Python keeps the lock for 5 ms (`sys.getswitchinterval`) while a call waits for it: a hundred
times what a small model takes. A thread that sleeps gives the lock away. A sleep of zero does not do: the lock would be
taken again before the waiting thread has woken up. Nor do slices that are too small: each costs a call the time of
waking up, about a tenth of a millisecond, and where calls never let go of the lock themselves, 5 ms of waiting here.

A call lets go of the lock often, in NumPy and at any input and output, and may meet a slice each time. So slices are as
far apart as such a call is long, as long as nobody waits for the work.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import TypeVar

_Item = TypeVar("_Item")

SLICE = 512
"""Items whose work, some tenths of a microsecond each, is done in one go."""
BATCHES_AT_ONCE = 4
"""Small batches, of some 100 µs each, whose columns are made in one go."""
READ_AT_ONCE = 16
"""Tables of a few rows, of some 30 µs each, that are looked at in one go."""
_MOMENT, _LONG_MOMENT = 5e-5, 1e-3


class _Pace:
    """How long the encoder of this process rests between two slices."""

    rest = _LONG_MOMENT


def hurry(needed: bool) -> None:
    """Rest for a moment only where somebody waits for the work, or much of it does."""
    _Pace.rest = _MOMENT if needed else _LONG_MOMENT


def let_calls_pass(items: int = SLICE) -> None:
    """Give the lock away for a moment, after work on so many items; on few, there is no need."""
    if items >= SLICE:
        time.sleep(_Pace.rest)


def columns_at_once(rows: int) -> int:
    """Columns of so many rows whose work is done in one go."""
    return max(1, 8 * SLICE // rows)


def slices(items: Sequence[_Item], size: int = SLICE) -> Iterator[Sequence[_Item]]:
    """The items in slices, between which calls pass."""
    for first in range(0, len(items), size):
        if first:
            let_calls_pass()
        yield items[first : first + size]


def gently(items: Sequence[_Item], size: int = SLICE) -> Iterator[_Item]:
    """The items one by one; after each slice of them, calls pass."""
    for part in slices(items, size):
        yield from part
