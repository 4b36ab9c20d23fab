"""What follows from the results of a run: incidents with their reasons, alerts, and events."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from datetime import datetime

from modelspan_analyzer import incidents, instants
from modelspan_analyzer.alerts import Pusher
from modelspan_analyzer.config.incident_settings import IncidentSettings
from modelspan_analyzer.config.settings import MonitorsConfig
from modelspan_analyzer.events import Teller, endpoint
from modelspan_analyzer.monitors.signal import Signals
from modelspan_analyzer.monitors.table import SIGNALS
from modelspan_analyzer.results import Result
from modelspan_collector.background import Background
from modelspan_collector.store.connect import Store

log = logging.getLogger(__name__)


class Responder:
    """Called with the results of every run; a failure here is logged, and never takes a run down.

    Where there are Alertmanagers to push to, open incidents are sent again and again between runs, as they expect it.
    """

    def __init__(self, store: Store, config: MonitorsConfig) -> None:
        self._store = store
        self._config = config
        self._pusher = Pusher(config.alerts, store.database)
        self._lasting = incidents.Lasting(store)
        self._lock = threading.Lock()
        self._teller = Teller(store, endpoint(config.alerts.events), self._settings)
        self._background = Background.every("modelspan-alerts", config.alerts.resend.total_seconds(), self._push_again)

    def __call__(self, results: Sequence[Result], now: datetime, signals: Signals = SIGNALS) -> None:
        """Open, update and resolve incidents, which the signals' records name, and tell the Alertmanagers."""
        try:
            news = self._news(results, now)
            for told, lasts in ((news.held, False), (news.fresh, False), (news.again, True)):
                incidents.update(self._store, told, now, settings=self._settings, signals=signals, lasts=lasts)
            self.push(now)
        except Exception:
            self._lasting = incidents.Lasting(self._store)
            log.exception("incidents could not be brought up to date; the next run tries again")
        try:  # after incidents, whose explanations name the traces that events belong to
            self._teller.note(results, now)
        except Exception:
            log.exception("events of verdicts could not be kept; the next run tries again")

    def _news(self, results: Sequence[Result], now: datetime) -> incidents.News:
        with self._lock:  # models are looked at side by side
            return self._lasting.sorted(results, now)

    def push(self, now: datetime) -> None:
        """Tell the Alertmanagers what they do not know yet."""
        if self._config.alerts.alertmanagers:
            with self._lock:
                self._pusher.send(incidents.load(self._store), now)

    def send_events(self) -> None:
        """Send the events that wait, at once: what the endpoint does not take is left to a later run."""
        self._teller.flush()

    def start(self) -> None:
        """Push between runs and send events, in threads of their own, where there is somebody to tell."""
        self._teller.start()
        if self._config.alerts.alertmanagers:
            self._background.start()

    def stop(self) -> None:
        """Stop pushing; what is firing then ends by itself after some resend intervals."""
        self._background.stop()
        self._teller.stop()

    def _push_again(self) -> None:
        try:
            self.push(instants.now())
        except Exception:
            log.exception("alerts could not be pushed; tried again with the next interval")

    def _settings(self, model: str, version: str) -> IncidentSettings:
        return self._config.for_model(model, version).incidents
