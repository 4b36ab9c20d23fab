"""Which ids an import has come across, in sixteen bytes an id: those of a hundred million rows fit into memory."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

Mask = np.ndarray[tuple[int], np.dtype[np.bool_]]
Hashes = np.ndarray[tuple[int], np.dtype[np.int64]]


class Seen:
    """Hashes of ids, in order, and beside each what tells its call: a hash of time and version."""

    def __init__(self) -> None:
        self._ids: Hashes = np.empty(0, np.int64)
        self._calls: Hashes = np.empty(0, np.int64)

    def look(self, ids: Sequence[str], times: pa.ChunkedArray, versions: pa.ChunkedArray) -> tuple[Mask, Mask]:
        """Which rows have an id that was not seen, and which have that of another call; the new ones are seen then.

        Args:
            ids: of the rows.
            times: as whole numbers.
            versions: as texts.
        """
        hashes = np.fromiter(map(hash, ids), np.int64, len(ids))
        names = versions.combine_chunks().dictionary_encode()
        words = np.fromiter(map(hash, names.dictionary.to_pylist()), np.int64, len(names.dictionary))
        calls = times.to_numpy() ^ words[names.indices.to_numpy(zero_copy_only=False)]
        known, firsts = np.unique(np.concatenate([self._ids, hashes]), return_index=True)
        every = np.concatenate([self._calls, calls])
        new = np.zeros(len(every), bool)
        new[firsts] = True  # the first of an id counts, and those that were seen come first
        new = new[len(self._ids) :]
        self._ids, self._calls = known, every[firsts]
        other = ~new & (self._calls[np.searchsorted(known, hashes)] != calls)
        return new, other
