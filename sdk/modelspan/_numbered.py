"""Bytes that begin with a number, of what they share with others: a layout, or an origin."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from itertools import groupby
from operator import itemgetter
from typing import TypeVar

_Bytes = TypeVar("_Bytes", bound=bytes)

NUMBER = struct.Struct("=I")
_number_of = itemgetter(slice(NUMBER.size))


def by_number(rows: Iterable[_Bytes]) -> dict[bytes, list[_Bytes]]:
    """The rows of each number, in their order; the key is the number as it is packed."""
    found: dict[bytes, list[_Bytes]] = {}
    for number, run in groupby(rows, _number_of):
        found.setdefault(number, []).extend(run)
    return found
