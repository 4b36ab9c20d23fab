"""Which ids an import has come across, in sixteen bytes an id: those of a hundred million rows fit into memory."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

Mask = np.ndarray[tuple[int], np.dtype[np.bool_]]
Hashes = np.ndarray[tuple[int], np.dtype[np.int64]]


class Seen:
    """Hashes of ids, in order, and beside each what tells its call: a hash of time and version.

    They are kept in runs, each at least twice as long as the next, so that of many ids a few are moved at a time.
    """

    def __init__(self) -> None:
        self._runs: list[tuple[Hashes, Hashes]] = []

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
        each, firsts, whose = np.unique(hashes, return_index=True, return_inverse=True)
        first_calls, fresh = calls[firsts], np.ones(len(each), bool)
        for known, known_calls in self._runs:
            at = np.minimum(np.searchsorted(known, each), len(known) - 1)
            found = known[at] == each
            first_calls[found], fresh = known_calls[at[found]], fresh & ~found
        self._keep(each[fresh], first_calls[fresh])
        new = np.zeros(len(hashes), bool)
        new[firsts[fresh]] = True  # the first of an id counts, and those that were seen come first
        return new, ~new & (first_calls[whose] != calls)

    def _keep(self, ids: Hashes, calls: Hashes) -> None:
        while self._runs and len(self._runs[-1][0]) < 2 * len(ids):
            last, last_calls = self._runs.pop()
            ids, calls = np.concatenate([last, ids]), np.concatenate([last_calls, calls])
            order = np.argsort(ids, kind="stable")
            ids, calls = ids[order], calls[order]
        if len(ids):
            self._runs.append((ids, calls))
