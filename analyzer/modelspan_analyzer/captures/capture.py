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
from modelspan_analyzer.captures.payload import Header, columns, count_rows
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
    ) -> Batch:
        """The rows of some events; an event that does not fit is left out alone.

        Args:
            events: the events.
            place: where the one of a number stood, in words.
            size: bytes that were read for them.
            labels: what came with them.
            timed: whether their times are their own.
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
        parts = [self._table(*group, place) for group in groups.values()]
        whole = (
            pa.concat_tables([part[0] for part in parts], promote_options="permissive")
            if parts
            else _NOTHING.empty_table()
        )
        inputs = tuple(dict.fromkeys(name for part in parts for name in part[1]))
        outputs = tuple(dict.fromkeys(name for part in parts for name in part[2]))
        self._say_made()
        return Batch(whole, inputs, outputs, labels, size, timed)

    def _rows(self, event: Event) -> int:
        asked = None if event.request is None else count_rows(event.request, self.inputs)
        answered = None if event.answer is None else count_rows(event.answer, self.outputs)
        if asked is None and answered is None:
            raise MisfitError("events with neither a request nor an answer")
        if asked is not None and answered is not None and asked != answered:
            raise MisfitError("events with more or fewer answers than rows that were asked of")
        return asked or answered or 0

    def _table(self, events: list[Event], rows: list[int], place: Where) -> tuple[pa.Table, list[str], list[str]]:
        counts = np.array(rows)
        whose = np.repeat(np.arange(len(events)), counts)
        table = {ID: row_ids([event.id for event in events], counts, always=self.position_always)}
        table[TIME] = instants(events, self.misfits, place).take(whose)
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
        shown = {_INPUT + name if name in table else name: values for name, values in inputs.items()}
        given = {_OUTPUT + name if name in table or name in shown else name: v for name, v in outputs.items()}
        for name in [*shown, *given]:
            if name.startswith((_INPUT, _OUTPUT)):
                bare = name.partition(".")[2]
                self.misfits.remarks.assume(f"column {bare!r} of the payload is {name!r} here, as {bare!r} is another")
        return pa.table({**table, **shown, **given}), list(shown), list(given)

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


_NOTHING: Final = pa.schema([(ID, pa.string()), (TIME, times.UTC), (VERSION, pa.string()), (WEIGHT, pa.float64())])


class Truths:
    """Labels of many batches, one type for all of them."""

    def __init__(self, misfits: Misfits) -> None:
        self._misfits, self._kinds, self._header = misfits, Kinds(misfits), Header((LABEL,), LABEL)

    def table(self, events: Sequence[Event], place: Where) -> pa.Table | None:
        """What the answers of some events say was true, as `prediction_id`, `timestamp` and `label`; None of none."""
        parts = []
        for form in (str, list):
            kept: list[Event] = []
            rows: list[int] = []
            for event in events:
                if isinstance(event.answer, form) and (count := self._count(event, place)):
                    kept.append(event)
                    rows.append(count)
            if kept:
                parts.append(self._part(kept, np.array(rows), place))
        return pa.concat_tables(parts, promote_options="permissive") if parts else None

    def _count(self, event: Event, place: Where) -> int:
        try:
            return count_rows(event.answer or [], self._header)
        except MisfitError as error:
            self._misfits.line(str(error), place(event.at))
            return 0

    def _part(self, events: list[Event], counts: Counts, place: Where) -> pa.Table:
        whose = np.repeat(np.arange(len(events)), counts)
        answers = [event.answer for event in events if event.answer is not None]
        values = columns(answers, self._header, self._kinds, "", lambda row: place(events[int(whose[row])].at))
        ids = row_ids([event.id for event in events], counts, always=False)
        return pa.table({ID: ids, TIME: instants(events, self._misfits, place).take(whose), LABEL: values[LABEL]})


def instants(events: Sequence[Event], misfits: Misfits, place: Where) -> pa.Array:
    """The times of events; what is none is missing, and counted."""
    given = [event.time if isinstance(event.time, str) else None for event in events]
    texts = pa.array(given, pa.string())
    try:
        values = texts.cast(times.UTC)
    except pa.ArrowInvalid:
        parsed = times.parse_texts(texts)
        parsed.say(TIME, misfits.remarks)
        values = parsed.values
    absent = np.flatnonzero(~valid(values))
    for at in absent:
        misfits.line("events without a time that can be read", place(events[int(at)].at))
    return values


def row_ids(ids: Sequence[str], counts: Counts, *, always: bool) -> pa.Array:
    """The id of each row: that of its event, with the row's position where the event has several, as `ID_1`.

    Args:
        ids: of the events.
        counts: their rows.
        always: the position stands behind the id of a lone row too.
    """
    texts = pa.array(ids, pa.string())
    if not always and (counts == 1).all():
        return texts
    starts = np.cumsum(counts) - counts
    within = np.arange(counts.sum()) - np.repeat(starts, counts)
    whose = np.repeat(np.arange(len(counts)), counts)
    plain = texts.take(pa.array(whose))
    numbered = pc.binary_join_element_wise(plain, pa.array(within).cast(pa.string()), "_")
    return numbered if always else pc.if_else(pa.array(np.repeat(counts, counts) == 1), plain, numbered)
