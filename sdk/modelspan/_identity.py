"""Prediction ids: time-ordered UUIDs (RFC 9562, version 7) that cost a number now and a text later.

A call keeps its time and a 62-bit number; the text is a pure function of both, made when somebody asks for it or
when the record is encoded. The number walks from a random start in steps of the golden ratio, so two processes
meet only if both their random starts and their clocks do.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

_MASK = (1 << 62) - 1
_STEP = 0x278DDE6E5FD29E45 & _MASK  # 2^62 / golden ratio, odd: no number repeats before 2^62 calls


def numbers() -> Callable[[], int]:
    """A source of numbers for one process, safe to call from any thread."""
    seed = int.from_bytes(os.urandom(8), "big")
    take = itertools.count().__next__
    return lambda: (seed + take() * _STEP) & _MASK


def text(time_ns: int, number: int, row: int = 0) -> str:
    """The id of a row of a call, from the call's time (ns since 1970) and number."""
    milliseconds, rest = divmod(time_ns, 1_000_000)
    high = (milliseconds & 0xFFFF_FFFF_FFFF) << 16 | 0x7000 | rest * 4096 // 1_000_000
    digits = f"{high:016x}{1 << 63 | (number + row) & _MASK:016x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def column(times_ns: Sequence[int] | np.ndarray, ids: Sequence[int] | np.ndarray) -> pa.Array:
    """The ids of many calls as one Arrow string column (equal to `text` of each)."""
    import numpy as np

    times = np.asarray(times_ns, dtype=np.int64)
    return _format(times, np.asarray(ids, dtype=np.uint64))


def batch_column(time_ns: int, number: int, first: int, rows: int) -> pa.Array:
    """The ids of the rows `first` to `first + rows` of one batch call (equal to `text` of each)."""
    import numpy as np

    ids = np.arange(first, first + rows, dtype=np.uint64) + np.uint64(number) & np.uint64(_MASK)
    return _format(np.full(1, time_ns, dtype=np.int64), ids)


def column_of_calls(times_ns: Sequence[int], ids: Sequence[int], rows: Sequence[int]) -> pa.Array:
    """The ids of the rows of several calls, so many each (equal to `text` of each)."""
    import numpy as np

    counts: np.ndarray = np.array(rows)
    places = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    first = np.repeat(np.array(ids, dtype=np.uint64), counts)
    return column(np.repeat(times_ns, counts), first + places.astype(np.uint64) & np.uint64(_MASK))


def completed(own: pa.Array, time_ns: int, number: int) -> pa.Array:
    """The caller's ids of the rows of a batch; generated ones in place of those that are missing or empty."""
    import pyarrow.compute as pc

    given = pc.fill_null(pc.not_equal(own, ""), False)
    return own if pc.all(given).as_py() else pc.if_else(given, own, batch_column(time_ns, number, 0, len(own)))


def _format(times: np.ndarray, ids: np.ndarray) -> pa.Array:
    """Write 36 characters an id, two digits with one table look-up; a single time stands for all rows."""
    import numpy as np
    import pyarrow as pa

    rows = len(ids)
    milliseconds, rest = np.divmod(times, 1_000_000)
    fraction = (rest * 4096 // 1_000_000).astype(np.uint64)
    high = (milliseconds.astype(np.uint64) << np.uint64(16)) | np.uint64(0x7000) | fraction
    characters = np.full((rows, 36), ord("-"), dtype=np.uint8)
    left, right = _digits(high), _digits(ids | np.uint64(1 << 63))
    characters[:, 0:8], characters[:, 9:13], characters[:, 14:18] = left[:, 0:8], left[:, 8:12], left[:, 12:16]
    characters[:, 19:23], characters[:, 24:36] = right[:, 0:4], right[:, 4:16]
    offsets = np.arange(0, 36 * (rows + 1), 36, dtype=np.int32)
    return pa.StringArray.from_buffers(rows, pa.py_buffer(offsets), pa.py_buffer(characters))


def _digits(words: np.ndarray) -> np.ndarray:
    """Sixteen hexadecimal digits, as characters, of each 64-bit word."""
    import numpy as np

    pairs = np.frombuffer(_PAIRS, dtype=np.uint16)
    return pairs[words.astype(">u8").view(np.uint8)].view(np.uint8).reshape(len(words), 16)


_PAIRS = bytes(range(256)).hex().encode()
