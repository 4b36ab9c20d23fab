"""Packed calls as Arrow columns, without a look at single rows."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from modelspan import _identity, conventions
from modelspan._gentle import columns_at_once, gently
from modelspan.capture.batches import Outputs
from modelspan.capture.values import clean
from modelspan.records.packed import Layout

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

_DTYPES = {"d": "f8", "q": "i8", "?": "?", "I": "u4"}


class Rows:
    """Packed calls of one layout; what is read of them is read once."""

    def __init__(self, layout: Layout, packed: Sequence[bytes]) -> None:
        self.layout, self.rows = layout, len(packed)
        self._packed = packed

    @cached_property
    def _kind(self) -> np.dtype:
        """The part of a row that has the same size in all."""
        import numpy as np

        identity = [("layout", "u4"), ("time", "i8"), ("number", "u8"), ("trace", "V16"), ("span", "V8")]
        cells = [(code, _DTYPES[code], (len(places),)) for code, places in self.layout.places.items()]
        return np.dtype([*identity, ("duration", "f8"), ("mask", "u1", (self.layout.mask_bytes,)), *cells])

    @cached_property
    def _found(self) -> np.ndarray:
        import numpy as np

        size = self._kind.itemsize
        heads = [row[:size] for row in self._packed] if self._has_texts else self._packed
        return np.frombuffer(b"".join(heads), self._kind)

    @property
    def _has_texts(self) -> bool:
        return bool(self.layout.places["I"])

    @property
    def duration(self) -> np.ndarray:
        """Seconds that each call took."""
        found: np.ndarray = self._found["duration"]
        return found

    @property
    def time_ns(self) -> int:
        """When the first began."""
        return int(self._found["time"][0])

    def identity(self) -> dict[str, pa.Array]:
        """Time, ids and duration."""
        import pyarrow as pa

        found = self._found
        return {
            conventions.COL_TIMESTAMP: self._column("time").view(pa.timestamp("ns", "UTC")),
            conventions.COL_PREDICTION_ID: _identity.column(found["time"], found["number"]),
            conventions.COL_TRACE_ID: self._ids("trace", 16),
            conventions.COL_SPAN_ID: self._ids("span", 8),
            conventions.COL_DURATION: self._column("duration"),
            conventions.COL_ERROR_TYPE: pa.nulls(self.rows, pa.string()),
        }

    def features(self) -> dict[str, pa.Array]:
        """A column for each feature."""
        places = gently(range(len(self.layout.shape.names)), 4 * columns_at_once(self.rows))
        return {clean(str(self.layout.shape.names[at])): self._cell(at) for at in places}

    @cached_property
    def outputs(self) -> Outputs:
        """What was predicted."""
        import pyarrow as pa

        first, shape = len(self.layout.shape.names), self.layout.shape
        scores = {name: self._cell(first + 2 + at) for at, name in enumerate(shape.scores)}
        label = self._cell(first + 1)
        return Outputs(self._cell(first), label if label.type == pa.string() else None, scores)

    def tags(self) -> dict[str, pa.Array]:
        """A column for each tag."""
        first = len(self.layout.shape.names) + 2 + len(self.layout.shape.scores)
        return {name: self._cell(first + at) for at, name in enumerate(self.layout.shape.tags)}

    def _column(self, name: str) -> pa.Array:
        import numpy as np
        import pyarrow as pa

        return pa.array(np.ascontiguousarray(self._found[name]))

    def _ids(self, name: str, width: int) -> pa.Array:
        import pyarrow as pa

        kind = pa.binary(width)
        if not self.layout.shape.traced:
            return pa.nulls(self.rows, kind)
        return pa.Array.from_buffers(kind, self.rows, [None, pa.py_buffer(self._found[name].tobytes())])

    def _cell(self, at: int) -> pa.Array:
        """The column of a cell; one that is missing in all rows counts as a number."""
        import numpy as np
        import pyarrow as pa

        code, place = self.layout.place_of.get(at, ("", 0))
        if not code:
            return pa.nulls(self.rows, pa.float64())
        missing = (self._found["mask"][:, at // 8] >> (at % 8) & 1).astype(bool)
        if code == "I":
            return self._text(place, missing)
        return pa.array(np.ascontiguousarray(self._found[code][:, place]), mask=missing if missing.any() else None)

    @cached_property
    def _texts(self) -> pa.Array:
        """The texts of all rows, one after another."""
        import numpy as np
        import pyarrow as pa

        tails = [row[self._kind.itemsize :] for row in self._packed]
        lengths = self._found["I"].ravel()
        offsets = np.zeros(len(lengths) + 1, dtype=np.int64)
        np.cumsum(lengths, out=offsets[1:])
        return pa.LargeStringArray.from_buffers(len(lengths), pa.py_buffer(offsets), pa.py_buffer(b"".join(tails)))

    def _text(self, place: int, missing: np.ndarray) -> pa.Array:
        import numpy as np
        import pyarrow as pa

        width = len(self.layout.places["I"])
        rows: Any = np.arange(place, width * self.rows, width)
        return self._texts.take(pa.array(rows, mask=missing)).cast(pa.string())
