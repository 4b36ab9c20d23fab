"""Tells an OTLP endpoint what changes, one event a change, whoever restarts and however long the endpoint is away."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any, Final

from modelspan_analyzer import incidents, instants
from modelspan_analyzer.config.incident_settings import IncidentSettings
from modelspan_analyzer.events import ledger
from modelspan_analyzer.events.change import BAD, NOT_MEASURED, Change, candidates, changes
from modelspan_analyzer.events.example import example_of
from modelspan_analyzer.events.request import request
from modelspan_analyzer.results import Result, Verdict, Window
from modelspan_analyzer.runner.claims import Claim, claim, new_owner
from modelspan_collector.background import Background
from modelspan_collector.forward.destination import Destination
from modelspan_collector.forward.send import Outcome, Sender, open_sender
from modelspan_collector.otlp.signals import LOGS
from modelspan_collector.store.connect import Store

log = logging.getLogger(__name__)

LOOK: Final = timedelta(minutes=1)
"""How often what others left is looked for, and what failed is tried again."""
TURN: Final = timedelta(minutes=5)
"""Of any number of analyzers of a store one sends, for so long."""
MARGIN: Final = timedelta(seconds=30)
"""Nothing is begun to be sent so shortly before a turn ends: it may take a while to fail."""
INCIDENTS: Final = 200
"""Incidents of a model that are looked through for a finding, the newest."""

_RESULT: Final = """
SELECT value, threshold, direction, toString(verdict) AS verdict, n, baseline_id, reason, details
FROM monitor_results FINAL
WHERE model = {model:String} AND window_start = {start:DateTime64(9, 'UTC')} AND window_end = {end:DateTime64(9, 'UTC')}
  AND (version, signal, metric, feature, segment, monitor) = ({version:String}, {signal:String}, {metric:String},
      {feature:String}, {segment:String}, {monitor:String})
"""

SettingsOf = Callable[[str, str], IncidentSettings]


class Teller:
    """Keeps what changes in the store, and sends it in a thread of its own: runs never wait for the endpoint."""

    def __init__(
        self,
        store: Store,
        destination: Destination | None,
        settings: SettingsOf,
        clock: Callable[[], datetime] = instants.now,
    ) -> None:
        """Begin with nothing running; without a destination nothing is kept either.

        Args:
            store: where results are, and what was told of them.
            destination: the OTLP endpoint; None for none.
            settings: of a model and version: when a finding is over.
            clock: the time.
        """
        self._store = store
        self._destination = destination
        self._settings = settings
        self._clock = clock
        self._owner = new_owner()
        self._turn: Claim | None = None
        self._next = instants.EPOCH
        self._failing = False
        self._lock = threading.Lock()
        self._background = Background.every("modelspan-events", 1.0, self._look)

    def note(self, results: Sequence[Result], now: datetime) -> None:
        """Keep what the results of a run change, to be told."""
        if self._destination is None:
            return
        found: list[Change] = []
        for (model, version, _), members in groupby(sorted(results, key=_place), key=_place):
            window = list(members)
            told = ledger.told(self._store, model, version)
            asked = candidates(window, told)
            since = min((told[key].window_end for key in asked if key in told), default=window[0].window.end)
            histories = ledger.histories(self._store, model, version, asked, min(since, window[0].window.end))
            new = changes(window, told, histories, self._settings(model, version), now)
            ledger.add(self._store, new)
            found += new
        if found and not self._failing:
            self._next = now

    def start(self) -> None:
        """Send from now on, where there is an endpoint: first what an earlier process left."""
        if self._destination is not None:
            self._background.start()

    def stop(self) -> None:
        """Send no more; what waits is sent by the next that starts."""
        self._background.stop()

    def flush(self) -> int:
        """Send what waits, until all is told or the endpoint fails; how many it took."""
        if self._destination is None:
            return 0
        with self._lock:
            sender = open_sender(self._destination)
            try:
                return self._send_all(sender, self._destination.name)
            finally:
                sender.close()

    def _look(self) -> None:
        now = self._clock()
        if now >= self._next:
            self._next = now + LOOK
            self.flush()

    def _send_all(self, sender: Sender, name: str) -> int:
        sent = 0
        while waiting := ledger.waiting(self._store):
            for change in waiting:
                if self._background.stopping.is_set() or not self._has_turn():
                    return sent
                body = self._body(change)
                outcome = sender.send(LOGS, body).outcome if body else None
                if outcome is Outcome.RETRY:
                    self._say_failing(name)
                    return sent
                if outcome is Outcome.REFUSED:
                    log.error("%s refused an event for good: %s %s", name, change.model, " ".join(change.key))
                sent += outcome is Outcome.SENT
                said = {None: ledger.GONE, Outcome.SENT: ledger.SENT, Outcome.REFUSED: ledger.REFUSED}[outcome]
                ledger.add(self._store, [change], said)
                self._failing = False
        return sent

    def _say_failing(self, name: str) -> None:
        if not self._failing:
            log.warning("%s does not take events; they wait in the store and are tried again", name)
        self._failing = True

    def _has_turn(self) -> bool:
        """Whether it is its turn: the analyzers of a server claim stretches of time as they do windows."""
        if self._store.embedded:
            return True
        now = self._clock()
        start = instants.EPOCH + (now - instants.EPOCH) // TURN * TURN
        stretch = Window(start, start + TURN)
        if self._turn is None or self._turn.window != stretch:
            self._turn = claim(self._store, "", "events", stretch, self._owner, now, stretch.end - now)
        return self._turn is not None and now < stretch.end - MARGIN

    def _body(self, change: Change) -> bytes:
        """What is sent; nothing where the result was erased since."""
        result = self._result(change)
        if result is None and change.verdict != NOT_MEASURED:
            return b""
        bad = result if change.verdict in BAD else None
        example = example_of(self._store, bad) if bad is not None else None
        incident = self._incident(change)
        return request(change, result, example, incident, self._store.database).SerializeToString()

    def _result(self, change: Change) -> Result | None:
        version, signal, metric, feature, segment, monitor = change.key
        named = {"feature": feature, "segment": segment, "monitor": monitor}
        asked = {"model": change.model, "version": version, "signal": signal, "metric": metric, **named}
        rows: list[dict[str, Any]] = self._store.rows(
            _RESULT, {**asked, "start": change.window.start, "end": change.window.end}
        )
        for row in rows:
            value, verdict = row.pop("value"), Verdict(row.pop("verdict"))
            row |= {**named, "details": json.loads(row["details"] or "{}")}
            return Result(change.model, version, change.window, signal, metric, value, verdict, **row)
        return None

    def _incident(self, change: Change) -> str:
        known = incidents.load(self._store, model=change.model, limit=INCIDENTS)
        of_it = [one for one in known if any(member.key == change.key for member in one.findings)]
        return max(of_it, key=lambda one: one.opened_at).incident_id if of_it else ""


def _place(result: Result) -> tuple[str, str, datetime]:
    return result.model, result.version, result.window.end
