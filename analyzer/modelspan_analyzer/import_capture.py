"""Predictions that others captured, into the store through a collector: batch by batch, and what is there adds nothing.

The id of a row is that of its event with the row's position, so it is the same whenever it is imported: an import that
was broken off goes on where it was, and one of files that grew adds what is new.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from modelspan import conventions as names
from modelspan_analyzer.captures.capture import DURATION, ID, LABEL, PREDICTION, TIME, TRACE, VERSION, WEIGHT, Batch
from modelspan_analyzer.captures.class_scores import are_scores, with_class
from modelspan_analyzer.captures.misfits import Misfits
from modelspan_analyzer.captures.seen import Seen
from modelspan_analyzer.captures.whole import told_roles
from modelspan_analyzer.files import labels as label_files
from modelspan_analyzer.files.outcomes import REGRESSION
from modelspan_analyzer.files.roles import Hints, Roles, Settled, settle
from modelspan_analyzer.files.rows import FileRows, Remarks
from modelspan_analyzer.instants import utc
from modelspan_analyzer.reading.cards import told_task
from modelspan_analyzer.reading.stored import stored_ids
from modelspan_analyzer.replay import records
from modelspan_analyzer.replay.run import rows_a_send
from modelspan_analyzer.replay.send import send
from modelspan_analyzer.results import Window
from modelspan_collector.store.connect import Store

SERVICE = "modelspan-import"
_OTHER_CALL = "rows whose id another row has, of another time or version (each call needs an id of its own)"
_EVER = Window(datetime(1970, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC))


@dataclass(frozen=True, slots=True)
class Target:
    """Where rows go."""

    store: Store
    """To ask what is there already."""
    url: str
    """Of a collector that fills it, OTLP over HTTP."""
    model: str
    version: str | None
    """None for the version that each row tells."""
    context: ssl.SSLContext | None = None
    """Whom to trust where it is reached over TLS."""

    def send(self, event: str, rows: pa.Table, shared: Mapping[str, str]) -> None:
        """Send rows there.

        Raises:
            SendError: they were not taken.
        """
        send(self.url, event, rows, shared, SERVICE, self.context)


@dataclass(slots=True)
class Imported:
    """What came of an import."""

    added: int = 0
    known: int = 0
    """Rows that were in the store."""
    repeated: int = 0
    """Rows that came twice."""
    labels: int = 0
    task: str = ""


def import_batches(
    target: Target, batches: Iterable[Batch], roles: Roles, hints: Hints, misfits: Misfits, tell: Callable[[int], None]
) -> Imported:
    """Import the batches of a capture.

    Args:
        target: where to.
        batches: in any order.
        roles: what the user said of the columns.
        hints: how to read them.
        misfits: told of what is left out.
        tell: called with the bytes that are done.

    Raises:
        FileError: nothing tells which output is the prediction, or a column that was named is not there.
        SendError: the collector refused rows.
    """
    done, labels, size = Imported(), [], 0
    task = hints.task or told_task(target.store, target.model)
    way = _Way(target, roles, replace(hints, task=task), misfits.remarks)
    for batch in batches:
        size += batch.size
        if batch.labels is not None:
            labels.append(batch.labels)
        rows = batch.rows.filter(batch.rows[TIME].is_valid())
        once = way.once(rows, misfits, timed=batch.timed)
        fresh = way.fresh(once, timed=batch.timed)
        done.repeated += rows.num_rows - once.num_rows
        done.known += once.num_rows - fresh.num_rows
        if fresh.num_rows:
            done.added += way.take(replace(batch, rows=fresh))
        tell(size)
    done.task = way.first.guess.task if way.first else task
    for part in labels:
        done.labels += _send_labels(target, part, replace(hints, task=done.task), misfits.remarks)
    return done


@dataclass(slots=True)
class _Way:
    """What batches of one import share: their roles, the guess of the first one, and the ids that were seen."""

    target: Target
    roles: Roles
    hints: Hints
    remarks: Remarks
    first: Settled | None = None
    classes: tuple[str, ...] = ()
    """Outputs that are the scores of classes, as the first answers show."""
    _seen: Seen = field(default_factory=Seen)
    _of_all_times: pa.Array | None = None

    def once(self, rows: pa.Table, misfits: Misfits, *, timed: bool) -> pa.Table:
        """The rows whose ids this import has not seen; another call of such an id is told from the same one again.

        Args:
            rows: of a batch, each with a time.
            misfits: told of other calls, which are left out, as one id is one prediction.
            timed: whether the times tell calls apart.
        """
        if not rows.num_rows:
            return rows
        new, other = self._seen.look(rows[ID].to_pylist(), rows[TIME].cast(pa.int64()), rows[VERSION])
        for row in np.flatnonzero(other) if timed else ():
            misfits.line(_OTHER_CALL, f"id {rows[ID][int(row)].as_py()[:60]!r}")
        return rows.filter(pa.array(new))

    def fresh(self, rows: pa.Table, *, timed: bool) -> pa.Table:
        """The rows that the store has not seen.

        Args:
            rows: of a batch.
            timed: whether a row has the same time in the store; else all of the model's ids are asked for.
        """
        there = self._stored(rows, timed=timed) if rows.num_rows else pa.array([], pa.string())
        return rows.filter(pc.invert(pc.is_in(rows[ID], there))) if len(there) else rows

    def _stored(self, rows: pa.Table, *, timed: bool) -> pa.Array:
        if not timed:
            if self._of_all_times is None:
                self._of_all_times = stored_ids(self.target.store, self.target.model, self.target.version, _EVER)
            return self._of_all_times
        ends = pc.min_max(rows[TIME].cast(pa.timestamp("us", "UTC"), safe=False)).as_py()
        window = Window(utc(ends["min"]), utc(ends["max"]) + timedelta(microseconds=1))
        return stored_ids(self.target.store, self.target.model, self.target.version, window)

    def take(self, batch: Batch) -> int:
        """Send the rows of a batch; returns how many."""
        batch = self._with_class(batch)
        rows = FileRows.of(batch.rows, self.remarks)
        told = told_roles(batch.inputs, batch.outputs, self.roles, self.remarks)
        others = tuple(set(batch.rows.column_names) - {*told.named()})
        settled = settle(rows, replace(told, not_features=others), self.hints, like=self.first)
        if self.first is None and told.prediction:
            self._begin(settled)
        versions = settled.rows.table[VERSION]
        for version in [self.target.version] if self.target.version is not None else pc.unique(versions).to_pylist():
            chosen = settled.rows.table
            if self.target.version is None:
                chosen = chosen.filter(pc.equal(versions, version))
            self._send(chosen, settled.roles, version or "")
        return int(settled.rows.table.num_rows)

    def _with_class(self, batch: Batch) -> Batch:
        """The batch with the class that its scores say, where a column a class is all that was answered."""
        told = self.roles.prediction or self.roles.score
        if self.first is None and not told and are_scores(batch.rows, batch.outputs):
            self.classes = batch.outputs
        if not self.classes or not {*self.classes} <= {*batch.outputs}:
            return batch
        rows = with_class(batch.rows, self.classes, self.remarks)
        return replace(batch, rows=rows, outputs=(PREDICTION,))

    def _begin(self, settled: Settled) -> None:
        """What the first answers tell of the model's task stands for all, and is kept where nothing was."""
        self.first, task = settled, settled.guess.task
        if task == REGRESSION and not self.hints.task:
            self.remarks.assume("the answers are amounts (--task classification takes them for classes or scores)")
        if task and not told_task(self.target.store, self.target.model):
            shared = {names.META_MODEL: self.target.model, names.META_VERSION: self.target.version or ""}
            self.target.send(names.EVENT_MODEL, records.card(task), shared)

    def _send(self, rows: pa.Table, roles: Roles, version: str) -> None:
        shared = {names.META_MODEL: self.target.model, names.META_VERSION: version}
        for part in _parts(rows, rows_a_send(len(roles.features))):
            told = records.predictions(part, roles, part[roles.id], part[roles.time])
            told = told.append_column(names.COL_SAMPLE_WEIGHT, part[WEIGHT])
            if len(self.classes) == 2:
                told = told.append_column(names.COL_VALUE, part[self.classes[1]])
            for each in self.classes:
                told = told.append_column(names.COL_SCORE_PREFIX + each, part[each])
            for ours, column in ((DURATION, names.COL_DURATION), (TRACE, names.COL_TRACE_ID)):
                if ours in part.column_names and ours not in roles.named():
                    told = told.append_column(column, _bytes(part[ours]) if ours == TRACE else part[ours])
            self.target.send(names.EVENT_PREDICTIONS, told, shared)


def _bytes(traces: pa.ChunkedArray) -> pa.Array:
    """Traces as records have them: 16 bytes each, nothing where there is none."""
    return pa.array([bytes.fromhex(each) if each else None for each in traces.to_pylist()], pa.binary(16))


def _parts(rows: pa.Table, size: int) -> Iterator[pa.Table]:
    for start in range(0, rows.num_rows, size):
        yield rows.slice(start, size)


def _send_labels(target: Target, given: pa.Table, hints: Hints, remarks: Remarks) -> int:
    """Send what was true; a label that was sent before replaces itself."""
    found = label_files.label_rows(FileRows.of(given, remarks), ID, LABEL, TIME, hints).table
    numbers = found[label_files.VALUE].null_count < found.num_rows
    column = label_files.VALUE if numbers else label_files.LABEL
    shared = {names.META_MODEL: target.model, names.META_VERSION: target.version or ""}
    for part in _parts(found, rows_a_send(1)):
        told = records.labels(part, column, part[label_files.ID], part[label_files.TIME])
        target.send(names.EVENT_LABELS, told, shared)
    return int(found.num_rows)
