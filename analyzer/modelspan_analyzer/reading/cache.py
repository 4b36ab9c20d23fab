"""Keeps what never changes in a store, such as a stored baseline, for as long as the store itself is in use."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime
from enum import Enum
from functools import wraps
from typing import Any, Concatenate, Final, ParamSpec, Protocol, TypeVar
from weakref import WeakKeyDictionary

import numpy as np

Owner = TypeVar("Owner")
Arguments = ParamSpec("Arguments")
Value = TypeVar("Value")
Reading = Callable[Concatenate[Owner, Arguments], Value]


ROOM: Final = 32_000_000
"""Bytes of memory that one function's answers may take where they are many."""
_OTHER: Final = 1_000_000
"""Bytes that an object is taken for which does not tell."""


def bytes_of(value: object) -> int:
    """About how much memory a value takes.

    >>> bytes_of({"a": np.zeros(1000), "b": (1.0, None, "text")}) // 1000
    8
    """
    if isinstance(value, np.ndarray):
        return int(value.nbytes) + (50 * value.size if value.dtype == object else 0)
    if value is None or isinstance(value, (int, float, str, datetime, Enum)):
        return 50
    if isinstance(value, Mapping):
        return sum(100 + bytes_of(one) for one in value.values())
    if isinstance(value, (list, tuple, set, frozenset)):
        return sum(map(bytes_of, value)) + 50
    if is_dataclass(value):
        return sum(bytes_of(getattr(value, part.name)) for part in fields(value)) + 50
    return _OTHER


def _frozen(asked: Any) -> Any:
    """What may be part of a key: lists and mappings as tuples."""
    if isinstance(asked, list):
        return tuple(map(_frozen, asked))
    return tuple(sorted((key, _frozen(one)) for key, one in asked.items())) if isinstance(asked, dict) else asked


def kept(most: int, room: int = ROOM) -> Callable[[Reading[Owner, Arguments, Value]], Reading[Owner, Arguments, Value]]:
    """A function of a store that answers the same question once: the `most` answers of each store that were asked last.

    Small answers are kept beyond that, as long as all of them together take no more than `room`: a fleet has many
    small baselines, and each is asked of in turn. They go with the store. Two threads that ask the same at the same
    moment may both read; neither waits.
    """

    def keep(read: Reading[Owner, Arguments, Value]) -> Reading[Owner, Arguments, Value]:
        answers: WeakKeyDictionary[Owner, OrderedDict[Hashable, Value]] = WeakKeyDictionary()
        taken: WeakKeyDictionary[Owner, int] = WeakKeyDictionary()
        lock = threading.Lock()

        @wraps(read)
        def answer(store: Owner, /, *args: Arguments.args, **given: Arguments.kwargs) -> Value:
            asked = (tuple(map(_frozen, args)), tuple(sorted((name, _frozen(one)) for name, one in given.items())))
            with lock:
                known = answers.setdefault(store, OrderedDict())
                if asked in known:
                    known.move_to_end(asked)
                    return known[asked]
            value = read(store, *args, **given)
            with lock:
                known[asked] = value
                taken[store] = taken.get(store, 0) + bytes_of(value)
                while len(known) > most and taken[store] > room:
                    taken[store] -= bytes_of(known.popitem(last=False)[1])
            return value

        return answer

    return keep


class Stamped(Protocol):
    """Rows that say what tells them from what they were before; '' where nothing does."""

    @property
    def stamp(self) -> str:
        """Equal while they are the same."""
        ...


Which = TypeVar("Which", bound=Stamped)
OfRows = Callable[Concatenate[Owner, Which, Arguments], Value]


def kept_of_rows(
    most: int,
) -> Callable[[OfRows[Owner, Which, Arguments, Value]], OfRows[Owner, Which, Arguments, Value]]:
    """The same of a function of a store and of rows in it, for rows with a stamp; of others it reads each time."""

    def keep(read: OfRows[Owner, Which, Arguments, Value]) -> OfRows[Owner, Which, Arguments, Value]:
        known = kept(most)(read)

        @wraps(read)
        def answer(store: Owner, rows: Which, /, *args: Arguments.args, **given: Arguments.kwargs) -> Value:
            return (known if rows.stamp else read)(store, rows, *args, **given)

        return answer

    return keep
