"""A capture: events, each with a request, an answer or both, that become rows with ids, times, inputs and outputs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from modelspan_analyzer.captures.kinds import Kinds, Where
from modelspan_analyzer.captures.misfits import NO_ANSWER, NO_REQUEST, Misfits
from modelspan_analyzer.captures.payload import Header, columns, count_rows, csv_columns
from modelspan_analyzer.captures.plain import Plain, csv_of
from modelspan_analyzer.files import times
from modelspan_analyzer.files.cells import valid
from modelspan_collector.cloudevents.payloads import MisfitError, Payload

ID: Final = "prediction_id"
TIME: Final = "timestamp"
VERSION: Final = "version"
WEIGHT: Final = "sample_weight"
TAKEN: Final = (ID, TIME, VERSION, WEIGHT)
"""Columns that every batch has; one of a payload that is called so too is `input.NAME` or `output.NAME`."""
PREDICTION: Final = "prediction"
LABEL: Final = "label"
DURATION: Final = "duration"
TRACE: Final = "trace_id"
"""Seconds of a call, and its trace: columns where any is known."""
_INPUT, _OUTPUT = "input.", "output."
Counts = np.ndarray[tuple[int], np.dtype[np.int64]]


@dataclass(frozen=True, slots=True)
class Options:
    """What a user says of a capture where it does not tell itself."""

    columns: tuple[str, ...] = ()
    """Names of the inputs, in the order of the payload."""
    outputs: tuple[str, ...] = ()
    """Names of what was answered."""
    kinds: Mapping[str, pa.DataType] = field(default_factory=dict)
    """Types of columns, where the first values need not tell them: Float64 or text."""
    outcome_first: bool = False
    """Whether the first of `columns` may be the outcome, as it is in a baseline that was made of training data."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Some rows of a capture."""

    rows: pa.Table
    """`TAKEN`, then inputs, then outputs."""
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    labels: pa.Table | None = None
    """What was true: `prediction_id`, `timestamp`, `label`."""
    size: int = 0
    """Bytes that were read for it."""
    timed: bool = True
    """Whether the times are the capture's own, and so the same whenever it is read."""


class Event(NamedTuple):
    """One exchange with a model."""

    id: str
    time: Any
    """As it is written; what is no time is missing."""
    at: int
    """Where it stood in its batch."""
    request: Payload | None
    answer: Payload | None
    version: str = ""
    weight: float = 1.0
    seconds: float | None = None
    """How long it took, where that was captured."""
    trace: str = ""
    """The id of its trace, of 32 digits, where that was captured."""
    model: str = ""
    """What the capture calls the model, where it does."""


Reader = Callable[[Sequence[Path], Options, Misfits], Iterator[Batch]]
"""Reads files of one format."""


@dataclass(slots=True)
class Assembler:
    """Events of many batches as tables of the same columns."""

    options: Options
    misfits: Misfits
    position_always: bool = False
    """Whether the id of a lone row ends in its position too."""
    kinds: Kinds = field(init=False)
    inputs: Header = field(init=False)
    outputs: Header = field(init=False)

    def __post_init__(self) -> None:
        """Begin with the names that were given."""
        self.kinds = Kinds(self.misfits, self.options.kinds)
        self.inputs = Header(self.options.columns, "feature", outcome=self.options.outcome_first)
        self.outputs = Header(self.options.outputs, "output", PREDICTION)

    def batch(
        self,
        events: Iterable[Event],
        place: Where,
        size: int = 0,
        labels: pa.Table | None = None,
        *,
        timed: bool = True,
        plain: Plain | None = None,
    ) -> Batch:
        """The rows of some events; an event that does not fit is left out alone.

        Args:
            events: the events.
            place: where the one of a number stood, in words.
            size: bytes that were read for them.
            labels: what came with them.
            timed: whether their times are their own.
            plain: further events, as columns.
        """
        groups: dict[tuple[type, type], tuple[list[Event], list[int]]] = {}
        for event in events:
            try:
                rows = self._rows(event)
            except MisfitError as error:
                self.misfits.line(str(error), place(event.at))
                continue
            for side, absent in ((event.answer, NO_ANSWER), (event.request, NO_REQUEST)):
                self.misfits.one_sided.update([absent] if side is None else [])
            if event.model:
                self.misfits.models[event.model] += 1
            found = groups.setdefault((type(event.request), type(event.answer)), ([], []))
            found[0].append(event)
            found[1].append(rows)
        parts = [] if plain is None else [self._plain(plain, place)]
        parts += [self._table(*group, place) for group in groups.values()]
        inputs = tuple(dict.fromkeys(name for part in parts for name in part.inputs))
        outputs = tuple(dict.fromkeys(name for part in parts for name in part.outputs))
        self._say_made()
        return Batch(_in_order(parts), inputs, outputs, labels, size, timed)

    def _rows(self, event: Event) -> int:
        asked = None if event.request is None else count_rows(event.request, self.inputs)
        answered = None if event.answer is None else count_rows(event.answer, self.outputs)
        if asked is None and answered is None:
            raise MisfitError("events with neither a request nor an answer")
        if asked is not None and answered is not None and asked != answered:
            raise MisfitError("events with more or fewer answers than rows that were asked of")
        return asked or answered or 0

    def _table(self, events: list[Event], rows: list[int], place: Where) -> _Part:
        counts = np.array(rows)
        whose = np.repeat(np.arange(len(events)), counts)
        table = {ID: row_ids([event.id for event in events], counts, always=self.position_always)}
        times_of = instants(written(events), self.misfits, lambda event: place(events[event].at))
        table[TIME] = times_of.take(whose)
        table[VERSION] = pa.array([event.version for event in events], pa.string()).take(whose)
        table[WEIGHT] = pa.array([event.weight for event in events], pa.float64()).take(whose)
        if any(event.seconds is not None for event in events):
            table[DURATION] = pa.array([event.seconds for event in events], pa.float64()).take(whose)
        if any(event.trace for event in events):
            table[TRACE] = pa.array([event.trace for event in events], pa.string()).take(whose)

        def where(row: int) -> str:
            return place(events[int(whose[row])].at)

        asked = [event.request for event in events if event.request is not None]
        answered = [event.answer for event in events if event.answer is not None]
        inputs = columns(asked, self.inputs, self.kinds, "", where) if asked else {}
        outputs = columns(answered, self.outputs, self.kinds, _OUTPUT, where) if answered else {}
        return self._named(np.array([event.at for event in events])[whose], table, inputs, outputs)

    def _plain(self, events: Plain, place: Where) -> _Part:
        at, whose = np.repeat(events.at, events.counts), np.repeat(np.arange(len(events.at)), events.counts)

        def where(row: int) -> str:
            return place(int(at[row]))

        table = {ID: row_ids(events.ids, events.counts, always=self.position_always)}
        times_of = instants(events.times, self.misfits, lambda event: place(int(events.at[event])))
        table[TIME] = times_of if len(at) == len(events.at) else times_of.take(whose)
        table[VERSION], table[WEIGHT] = pa.repeat("", len(at)), pa.repeat(1.0, len(at))
        asked, answered = csv_of(events.asked), csv_of(events.answered)
        inputs = csv_columns(asked, self.inputs, self.kinds, "", where, quoted=False)
        outputs = csv_columns(answered, self.outputs, self.kinds, _OUTPUT, where, quoted=False)
        return self._named(at, table, inputs, outputs)

    def _named(
        self, at: Counts, table: dict[str, pa.Array], inputs: dict[str, pa.Array], outputs: dict[str, pa.Array]
    ) -> _Part:
        """The columns under names that are none of the others'."""
        shown = {_INPUT + name if name in table else name: values for name, values in inputs.items()}
        given = {_OUTPUT + name if name in table or name in shown else name: v for name, v in outputs.items()}
        for name in [*shown, *given]:
            if name.startswith((_INPUT, _OUTPUT)):
                bare = name.partition(".")[2]
                self.misfits.remarks.assume(f"column {bare!r} of the payload is {name!r} here, as {bare!r} is another")
        return _Part(at, pa.table({**table, **shown, **given}), list(shown), list(given))

    def _say_made(self) -> None:
        if self.inputs.outcome:
            self.misfits.remarks.assume(
                f"{self.inputs.outcome!r}, the first of the columns that the file names, is the outcome, as payloads"
                " have one column less (--columns a,b,... says otherwise)"
            )
        for header, option in ((self.inputs, "--columns"), (self.outputs, "--outputs")):
            if header.made:
                names = header.names
                listed = names[0] if len(names) == 1 else f"{names[0]} to {names[-1]}"
                self.misfits.remarks.assume(f"columns without a name are called {listed} ({option} names them)")


class _Part(NamedTuple):
    """Rows that were read in one way."""

    at: Counts
    """Where the event of each stood in its batch."""
    rows: pa.Table
    inputs: list[str]
    outputs: list[str]


def _in_order(parts: list[_Part]) -> pa.Table:
    """The rows of all parts, in the order in which their events came."""
    if not parts:
        return _NOTHING.empty_table()
    whole = pa.concat_tables([part.rows for part in parts], promote_options="permissive")
    return (
        whole if len(parts) == 1 else whole.take(np.argsort(np.concatenate([part.at for part in parts]), kind="stable"))
    )


_NOTHING: Final = pa.schema([(ID, pa.string()), (TIME, times.UTC), (VERSION, pa.string()), (WEIGHT, pa.float64())])


def written(events: Sequence[Event]) -> pa.Array:
    """The times of events as texts; what is none is missing."""
    return pa.array([event.time if isinstance(event.time, str) else None for event in events], pa.string())


def instants(texts: pa.Array, misfits: Misfits, where: Where) -> pa.Array:
    """The times of events as they are written; what is none is missing, and counted."""
    try:
        values = texts.cast(times.UTC)
    except pa.ArrowInvalid:
        parsed = times.parse_texts(texts)
        parsed.say(TIME, misfits.remarks)
        values = parsed.values
    for at in np.flatnonzero(~valid(values)):
        misfits.line("events without a time that can be read", where(int(at)))
    return values


def row_ids(ids: Sequence[str] | pa.Array, counts: Counts, *, always: bool) -> pa.Array:
    """The id of each row: that of its event, with the row's position where the event has several, as `ID_1`.

    Args:
        ids: of the events.
        counts: their rows.
        always: the position stands behind the id of a lone row too.
    """
    texts = ids if isinstance(ids, pa.Array) else pa.array(ids, pa.string())
    if not always and (counts == 1).all():
        return texts
    starts = np.cumsum(counts) - counts
    within = np.arange(counts.sum()) - np.repeat(starts, counts)
    whose = np.repeat(np.arange(len(counts)), counts)
    plain = texts.take(pa.array(whose))
    numbered = pc.binary_join_element_wise(plain, pa.array(within).cast(pa.string()), "_")
    return numbered if always else pc.if_else(pa.array(np.repeat(counts, counts) == 1), plain, numbered)
