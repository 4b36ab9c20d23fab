"""From calls to the wire: a buffer that a call only appends to, a thread that encodes, a thread that sends.

Nothing on a single prediction's path takes a lock or waits: `deque` and `Event.is_set` suffice. One pipeline belongs to
one process; a forked child gets its own (see `modelspan._runtime`).
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar

from modelspan._failsafe import guard, swallowed
from modelspan._gentle import hurry, let_calls_pass, slices
from modelspan._settings import Settings
from modelspan.delivery.outbox import NO_ROOM, Outbox, Tally
from modelspan.delivery.sender import Sender
from modelspan.records.call import Call, Stream
from modelspan.records.card import Card, Cards
from modelspan.records.encode import encode, encode_packed, pieces
from modelspan.records.encode_batches import encode_batches
from modelspan.records.groups import grouped
from modelspan.records.labels import Label, encode_labels
from modelspan.records.packed import Packer
from modelspan.records.record import Record
from modelspan.records.unpacked import Rows

if TYPE_CHECKING:
    from modelspan.telemetry.metrics import Metrics

_Item = TypeVar("_Item")

WAKE_ROWS = 4096
"""Single rows at which the encoder wakes before its time."""
WAKE_BYTES, WAKE_BATCHES = 2**23, 2048
"""Bytes of batches, and their number, at which it does."""
ENCODE_BYTES, ENCODE_BATCHES = 2**20, 256
"""Bytes of batches that are encoded together, about, and their number at most."""
ENCODE_ROWS = 2048
"""Single rows that are encoded together at most: each step of their way holds the interpreter's lock for so long."""


HEAVY = 2**16
"""Bytes from which on the memory of a single row is counted."""


class Pipeline:
    """The way of records out of one process."""

    def __init__(
        self,
        settings: Settings,
        resource: Mapping[str, object],
        metrics: Metrics,
        on_start: Callable[[], None] = lambda: None,
    ) -> None:
        """Set up; threads start with the first row, after `on_start`. Metrics count all calls, kept or not."""
        self._on_start = on_start
        self.tally = Tally()
        self._lost = 0
        self._settings = settings
        self._wake_rows = min(WAKE_ROWS, settings.max_rows // 4)  # in time, where few may wait
        self._resource = resource
        self._metrics = metrics
        self._cards = Cards()
        self._outbox = Outbox(settings.max_bytes, self.tally)
        self._packer = Packer()
        self._calls: deque[Call | bytes] = deque()
        self._batches: deque[Call] = deque()
        self._batch_bytes = self._heavy_bytes = 0
        self._labels: deque[Label] = deque()
        self._lock = threading.Lock()
        self.working = threading.Lock()
        """Held while rows are encoded, and while the process forks, lest a child inherits half an import."""
        self._wake = threading.Event()
        self._drained = threading.Condition()
        self._asked = self._answered = 0
        self._encoder: threading.Thread | None = None
        self._sender: Sender | None = None
        self.stopping = False
        """Whether the end has come: what is added now is not sent."""

    def add(self, call: Call) -> None:
        """Keep the call of a single row."""
        calls = self._calls
        if len(calls) >= self._settings.max_rows:
            self._drop_oldest()
        packed = self._packer.pack(call)
        if (size := _size(packed)) > HEAVY:
            self._make_room(size)
        calls.append(packed)
        if self._encoder is None:
            self._start()
        if len(calls) >= self._wake_rows and not self._wake.is_set():
            self._wake.set()

    def _drop_oldest(self) -> None:
        try:
            oldest = self._calls.popleft()
        except IndexError:  # the encoder was faster
            return
        self._lighten([oldest])
        self.tally.add("dropped", self._kept(oldest))

    def _make_room(self, size: int) -> None:
        """Count a row of very many values, and drop older ones where such rows hold too much memory."""
        with self._lock:
            self._heavy_bytes += size
        while self._heavy_bytes > self._settings.max_bytes and self._calls:
            self._drop_oldest()
        if self._heavy_bytes >= WAKE_BYTES:
            self._wake.set()

    def _lighten(self, calls: Iterable[Call | bytes]) -> None:
        """Rows wait no longer: those of very many values are not counted any more."""
        if not self._heavy_bytes:
            return
        sizes = [size for size in map(_size, calls) if size > HEAVY]
        with self._lock:
            self._heavy_bytes -= sum(sizes)

    def _kept(self, call: Call | bytes) -> int:
        """How many rows of records a waiting call is."""
        if isinstance(call, bytes):
            return int(self._packer.layout(call).shape.kept)
        return call.rows if call.kept else 0

    def add_batch(self, call: Call) -> None:
        """Keep the call of a batch, dropping older batches where there is no room; one may be larger than the room."""
        dropped = 0
        with self._lock:
            self._batches.append(call)
            self._batch_bytes += call.nbytes
            while len(self._batches) > 1 and self._batch_bytes > self._settings.max_bytes:
                oldest = self._batches.popleft()
                self._batch_bytes -= oldest.nbytes
                dropped += self._kept(oldest)
        if dropped:
            self.tally.add("dropped", dropped)
            swallowed(NO_ROOM)
        self._start()
        if self._batch_bytes >= WAKE_BYTES or len(self._batches) >= WAKE_BATCHES:
            self._wake.set()

    def add_label(self, label: Label) -> None:
        """Keep a label, or a table of labels."""
        if len(self._labels) >= self._settings.max_rows:
            self.tally.add("dropped", self._labels.popleft().rows)
        self._labels.append(label)
        self._start()

    def add_card(self, card: Card) -> None:
        """Send a model card."""
        self._outbox.put(self._cards.add(card))
        self._start()

    def declare(self, card: Card) -> None:
        """Keep a card that an observer knows, to be sent with the signature where the process registers no other."""
        self._cards.declare(card)

    def _learn(self, stream: Stream, features: Iterable[tuple[str, str]]) -> None:
        record = self._cards.learn(stream, features)
        if record is not None:
            self._outbox.put(record)

    def _start(self) -> None:
        if self._encoder is not None or self.stopping:
            return
        with self._lock:
            if self._encoder is None:
                self._on_start()
                sender = Sender(self._settings.records, self._resource, self._outbox)
                encoder = threading.Thread(target=self._run, name="modelspan-encode", daemon=True)
                encoder.start()
                self._encoder, self._sender = encoder, sender
                sender.start()

    def _run(self) -> None:
        while True:
            self._wake.wait(self._settings.flush_interval)
            self._wake.clear()
            asked, stopping = self._asked, self.stopping
            with guard("records could not be encoded"), self.working:
                self._drain()
            with self._drained:
                self._answered = asked
                self._drained.notify_all()
            if stopping:
                return

    def _drain(self) -> None:
        while batches := self._take_batches():
            hurry(self._is_pressed())
            groups = grouped(batches)
            self._metrics.observe_groups(groups)
            for record in encode_batches(groups, self._learn):
                self._put(record)
        # Only what waits now: to follow the calls that are made meanwhile would take many small rounds, in their way.
        waiting = len(self._calls)
        while waiting > 0 and (calls := _take(self._calls)):
            waiting -= len(calls)
            hurry(self._is_pressed())
            self._lighten(calls)
            let_calls_pass(len(calls))
            self._encode(calls)
        while labels := _take(self._labels):
            for record in encode_labels(labels):
                self._put(record)

    def _is_pressed(self) -> bool:
        """Whether somebody waits for a flush, or about half of what may wait does."""
        if self.stopping or self._asked > self._answered or len(self._calls) >= self._settings.max_rows // 2:
            return True
        return len(self._batches) >= 2 * WAKE_BATCHES or self._batch_bytes >= self._settings.max_bytes // 2

    def _take_batches(self) -> list[Call]:
        """The oldest batches."""
        taken: list[Call] = []
        taken_bytes = 0
        with self._lock:
            while self._batches and taken_bytes < ENCODE_BYTES and len(taken) < ENCODE_BATCHES:
                taken.append(self._batches.popleft())
                taken_bytes += taken[-1].nbytes
            self._batch_bytes -= taken_bytes
        return taken

    def _encode(self, waiting: Sequence[Call | bytes]) -> None:
        calls = [call for call in waiting if not isinstance(call, bytes)]
        for part in slices(calls):
            self._metrics.observe(part)
        for record in encode(calls, self._learn):
            self._put(record)
        for layout, group in self._packer.groups(call for call in waiting if isinstance(call, bytes)):
            let_calls_pass(len(group))
            for rows in (Rows(layout, part) for part in pieces(group, layout.size)):
                self._metrics.observe_packed(rows)
                let_calls_pass(rows.rows)
                for record in encode_packed(rows, self._learn):
                    self._put(record)

    def _put(self, record: Record) -> None:
        if record.body:
            self.working.release()  # a process that forks meanwhile need not wait too
            try:
                self._outbox.wait_for_room(record)
            finally:
                self.working.acquire()
            self._outbox.put(record)
        else:  # it could not be encoded
            self.tally.add("failed", record.rows)

    def flush(self, timeout: float) -> bool:
        """Encode and send all that came before; whether the receiver has taken it within so many seconds.

        What was refused or dropped since the last flush is not taken, and is not tried again.
        """
        answered = self._answered_all(timeout)
        lost, self._lost = self._lost, sum(count for outcome, count in self.tally.read().items() if outcome != "sent")
        return answered and self._lost == lost

    def _answered_all(self, timeout: float) -> bool:
        """Encode and send all that came before; whether the receiver has answered within so many seconds."""
        if self._encoder is None or self.stopping:
            return True
        deadline = time.monotonic() + timeout
        self._hurry()  # what cannot be encoded for want of room needs it as well as what is sent last
        with self._drained:
            self._asked += 1
            ticket = self._asked
            self._wake.set()
            if not self._drained.wait_for(lambda: self._answered >= ticket, timeout):
                return False
        self._hurry()
        return self._outbox.wait_empty(deadline)

    def _hurry(self) -> None:
        if self._sender is not None:
            self._sender.hurry()

    def shutdown(self, timeout: float) -> bool:
        """Flush within so many seconds, then stop; what is left is counted as dropped."""
        complete, before = self._answered_all(timeout), self.tally.read()["dropped"]
        self.stopping = True
        self._wake.set()
        if self._encoder is not None and self._sender is not None:
            self._encoder.join(0.5)
            self._sender.stop(0.2)
        for waiting in (*_take(self._calls, None), *_take(self._batches, None)):
            self.tally.add("dropped", self._kept(waiting))
        for label in _take(self._labels, None):
            self.tally.add("dropped", label.rows)
        self._outbox.abandon()
        if lost := self.tally.read()["dropped"] - before:
            swallowed(f"{lost} rows had not been sent when the process ended, or its settings changed")
        return complete


def _size(call: Call | bytes) -> int:
    return len(call) if isinstance(call, bytes) else call.nbytes


def _take(buffer: deque[_Item], most: int | None = ENCODE_ROWS) -> list[_Item]:
    """The oldest items, while others may append and drop; None takes all."""
    taken: list[_Item] = []
    with contextlib.suppress(IndexError):
        while most is None or len(taken) < most:
            taken.append(buffer.popleft())
    return taken
