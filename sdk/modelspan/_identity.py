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


def column(times_ns: Sequence[int], ids: Sequence[int]) -> pa.Array:
    """The ids of many calls as one Arrow string column (equal to `text` of each)."""
    import numpy as np

    times = np.asarray(times_ns, dtype=np.int64)
    return _format(times, np.asarray(ids, dtype=np.uint64))


def batch_column(time_ns: int, number: int, first: int, rows: int) -> pa.Array:
    """The ids of the rows `first` to `first + rows` of one batch call (equal to `text` of each)."""
    import numpy as np

    mask = np.uint64(_MASK)
    return _format(
        np.full(rows, time_ns, dtype=np.int64),
        np.arange(first, first + rows, dtype=np.uint64) + np.uint64(number) & mask,
    )


def _format(times: np.ndarray, ids: np.ndarray) -> pa.Array:
    """Write 36 characters an id with one table look-up a byte."""
    import numpy as np
    import pyarrow as pa

    rows = len(times)
    milliseconds, rest = np.divmod(times, 1_000_000)
    words = np.empty((rows, 2), dtype=">u8")
    words[:, 0] = (
        (milliseconds.astype(np.uint64) << np.uint64(16))
        | np.uint64(0x7000)
        | (rest * 4096 // 1_000_000).astype(np.uint64)
    )
    words[:, 1] = ids | np.uint64(1 << 63)
    digits = _HEX()[words.view(np.uint8)].reshape(rows, 32)
    characters = np.full((rows, 36), ord("-"), dtype=np.uint8)
    for start, end, at in ((0, 8, 0), (8, 12, 9), (12, 16, 14), (16, 20, 19), (20, 32, 24)):
        characters[:, at : at + end - start] = digits[:, start:end]
    offsets = np.arange(0, 36 * (rows + 1), 36, dtype=np.int32)
    return pa.StringArray.from_buffers(rows, pa.py_buffer(offsets), pa.py_buffer(characters))


def _HEX() -> np.ndarray:  # noqa: N802 - a constant that waits for NumPy
    global _hex
    if _hex is None:
        import numpy as np

        _hex = np.frombuffer("".join(f"{byte:02x}" for byte in range(256)).encode(), dtype=np.uint8).reshape(256, 2)
    return _hex


_hex: np.ndarray | None = None
