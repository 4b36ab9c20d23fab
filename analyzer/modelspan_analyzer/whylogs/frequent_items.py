"""The frequent-items sketch of texts as Apache DataSketches writes it: texts with counts, of which it misses few.

Layout (little-endian): https://github.com/apache/datasketches-java, `frequencies/PreambleUtil`; after it the counts,
and then each text with its length before it. Sketch: Anderson et al., "A High-Performance Algorithm for Identifying
Frequent Items in Data Streams", IMC 2017.
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from modelspan_analyzer.whylogs.kll import SketchError

_FAMILY: Final = 10
_EMPTY: Final = 5
"""Either of two bits says that nothing is in it."""


@dataclass(frozen=True, slots=True)
class FrequentItems:
    """Texts with how often each came at the least."""

    total: int = 0
    """All that was counted."""
    offset: int = 0
    """How much higher a true count may be at the most; 0 where all texts are there with their exact counts."""
    counts: Mapping[str, int] = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        """Whether every text is there, with its exact count."""
        return self.offset == 0 and sum(self.counts.values()) == self.total


def read_frequent_items(data: bytes) -> FrequentItems:
    """The sketch.

    Raises:
        SketchError: the bytes are none.
    """
    try:
        return _read(data)
    except (struct.error, UnicodeDecodeError) as error:
        raise SketchError(f"no sketch of frequent texts: {error}") from error


def _read(data: bytes) -> FrequentItems:
    longs, family, flags = struct.unpack_from("<BxBxxB", data)
    if family != _FAMILY:
        raise SketchError(f"no sketch of frequent texts: its family is {family}, not {_FAMILY}")
    if flags & _EMPTY or longs == 1:
        return FrequentItems()
    number, total, offset = struct.unpack_from("<I4xQQ", data, 8)
    if 32 + 12 * number > len(data):
        raise SketchError(f"no sketch of frequent texts: {number:,} of them do not fit into {len(data):,} bytes")
    weights = struct.unpack_from(f"<{number}Q", data, 32)
    at, counts = 32 + 8 * number, Counter[str]()
    for weight in weights:
        (size,) = struct.unpack_from("<I", data, at)
        if at + 4 + size > len(data):
            raise SketchError("no sketch of frequent texts: one ends beyond it")
        counts[data[at + 4 : at + 4 + size].decode("utf-8", "replace")] += weight
        at += 4 + size
    return FrequentItems(total, offset, dict(counts))


def summed(parts: Iterable[FrequentItems]) -> FrequentItems:
    """Sketches of several stretches as one: counts add up, and so does what each may lack."""
    total, offset, counts = 0, 0, Counter[str]()
    for part in parts:
        total, offset = total + part.total, offset + part.offset
        counts.update(part.counts)
    return FrequentItems(total, offset, dict(counts))
