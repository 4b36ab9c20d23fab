"""One call of a predict function, from its start to its record and its counts."""

from __future__ import annotations

import array
from collections.abc import Mapping
from typing import Any, NamedTuple

from modelspan import _identity
from modelspan._failsafe import guard, swallowed
from modelspan.capture.batches import NOTHING, Outputs, Snapshot
from modelspan.capture.tables import Table


class Stream(NamedTuple):
    """What all rows of an Arrow stream share."""

    model: str
    version: str
    role: str


_NOTHING: Mapping[str, str] = {}


class Call:
    """What is known of one call. Filled in place while the call runs, then read by what counts and what encodes it."""

    __slots__ = (
        "_predicted",
        "attributions",
        "context",
        "duration",
        "error_type",
        "first_item",
        "floats",
        "ids",
        "kept",
        "left_out",
        "names",
        "number",
        "observer",
        "outputs",
        "result",
        "span",
        "started",
        "stream",
        "table",
        "tags",
        "time_ns",
        "times",
        "token",
        "values",
    )

    observer: Any
    """Whose function it is: classes, redaction."""
    stream: Stream
    time_ns: int
    """When it began, in nanoseconds since 1970."""
    times: Any
    """The event time of each row of a batch, where the caller gave them."""
    number: int
    """With `time_ns`, the generated prediction id (see `modelspan._identity`)."""
    ids: Any
    """The caller's prediction id (of a batch: the column of ids); None where they are generated."""
    names: tuple[str, ...]
    """Names of the features of a single row."""
    values: tuple[Any, ...]
    """Their values."""
    floats: bool
    """Whether all values are plain floats."""
    left_out: Mapping[str, str]
    """Why features of a single row are left out, by their names."""
    table: Table | None
    """The rows of a batch; None for a single row."""
    result: Any
    """What a single row's call returned: a plain float, or an `Output`."""
    outputs: Snapshot | None
    """What a batch returned."""
    attributions: Mapping[str, float] | None
    duration: float | None
    """Seconds that it took."""
    error_type: str | None
    first_item: float | None
    """Seconds to the first item of a stream."""
    context: Any
    """The span's context: trace id and span id."""
    tags: Mapping[str, str]
    kept: bool
    """Whether its record is kept (sampling); metrics count all."""
    span: Any
    token: Any
    started: float

    def __init__(self, observer: Any, stream: Stream, time_ns: int, number: int) -> None:
        self.observer = observer
        self.stream = stream
        self.time_ns = time_ns
        self.number = number
        self.names = ()
        self.values = ()
        self.floats = False
        self.left_out = _NOTHING
        self._predicted: Outputs | None = None
        self.ids = self.times = self.table = self.result = self.outputs = self.attributions = None
        self.duration = self.first_item = self.error_type = self.context = self.span = self.token = None

    @property
    def rows(self) -> int:
        """How many predictions the call made."""
        return 1 if self.table is None else self.table.rows

    @property
    def nbytes(self) -> int:
        """Memory of what it holds: of a batch, its snapshots; of a single row, about that of its values."""
        if self.table is None:
            return 64 * len(self.names) + sum(4 * len(each) for each in self.values if type(each) is array.array)
        return self.table.nbytes + (self.outputs.nbytes if self.outputs else 0)

    def predicted(self) -> Outputs:
        """What a batch returned, as columns that are as long as its table; they are made once."""
        if self._predicted is None:
            self._predicted = self._columns()
        return self._predicted

    def _columns(self) -> Outputs:
        with guard(f"the output of model {self.stream.model!r} could not be read"):
            told = self.outputs.columns() if self.outputs is not None else NOTHING
            if told.fits(self.rows):
                return told
            swallowed(f"an output of model {self.stream.model!r} has another number of rows than its table")
        return NOTHING

    def prediction_id(self, row: int = 0) -> str:
        """The id of one of its predictions."""
        if self.ids is None:
            return _identity.text(self.time_ns, self.number, row)
        return self.ids if self.table is None else str(self.ids[row])

    def keep_ids(self) -> None:
        """Hold the generated ids as they are: they are made of a time that is to change, and somebody may have one."""
        if self.ids is None:
            made = _identity.batch_column(self.time_ns, self.number, 0, self.rows)
            self.ids = self.prediction_id() if self.table is None else made
