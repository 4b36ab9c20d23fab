"""Keeps what never changes in a store, such as a stored baseline, for as long as the store itself is in use."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar
from weakref import WeakKeyDictionary

Owner = TypeVar("Owner")
Arguments = ParamSpec("Arguments")
Value = TypeVar("Value")
Reading = Callable[Concatenate[Owner, Arguments], Value]


def kept(most: int) -> Callable[[Reading[Owner, Arguments, Value]], Reading[Owner, Arguments, Value]]:
    """A function of a store that answers the same question once: the `most` answers of each store that were asked last.

    They go with the store. Two threads that ask the same at the same moment may both read; neither waits.
    """

    def keep(read: Reading[Owner, Arguments, Value]) -> Reading[Owner, Arguments, Value]:
        answers: WeakKeyDictionary[Owner, OrderedDict[Hashable, Value]] = WeakKeyDictionary()
        lock = threading.Lock()

        @wraps(read)
        def answer(store: Owner, /, *args: Arguments.args, **given: Arguments.kwargs) -> Value:
            asked = (args, tuple(sorted(given.items())))
            with lock:
                known = answers.setdefault(store, OrderedDict())
                if asked in known:
                    known.move_to_end(asked)
                    return known[asked]
            value = read(store, *args, **given)
            with lock:
                known[asked] = value
                while len(known) > most:
                    known.popitem(last=False)
            return value

        return answer

    return keep
