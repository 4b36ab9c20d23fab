"""What follows from the results of a run: incidents with their reasons, and alerts."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime

from modelspan_analyzer import incidents
from modelspan_analyzer.alerts import Pusher
from modelspan_analyzer.config.settings import MonitorsConfig
from modelspan_analyzer.incidents.settings import IncidentSettings
from modelspan_analyzer.results import Result
from modelspan_collector.store.connect import Store

log = logging.getLogger(__name__)


class Responder:
    """Called with the results of every run; a failure here is logged, and never takes a run down."""

    def __init__(self, store: Store, config: MonitorsConfig) -> None:
        self._store = store
        self._config = config
        self._pusher = Pusher(config.alerts)

    def __call__(self, results: Sequence[Result], now: datetime) -> None:
        """Open, update and resolve incidents, and tell the Alertmanagers."""
        try:
            changed = incidents.update(self._store, results, now, settings=self._settings)
            if self._config.alerts.alertmanagers:
                still_open = {one.incident_id: one for one in incidents.load_open(self._store)}
                self._pusher.send(list((still_open | {one.incident_id: one for one in changed}).values()), now)
        except Exception:
            log.exception("incidents could not be brought up to date; the next run tries again")

    def _settings(self, model: str, version: str) -> IncidentSettings:
        return self._config.for_model(model, version).incidents
