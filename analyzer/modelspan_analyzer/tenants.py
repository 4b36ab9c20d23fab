"""The monitors of tenants' own databases: of those that the file of tokens names, and that it comes to name."""

from __future__ import annotations

import logging
from typing import Final

from clickhouse_connect.driver.exceptions import Error as DriverError

from modelspan_analyzer.config.settings import MonitorsConfig
from modelspan_analyzer.reports.reporter import Reporter
from modelspan_analyzer.respond import Responder
from modelspan_analyzer.runner.runner import Runner
from modelspan_collector.access.rules import NO_RULES, Redaction
from modelspan_collector.access.tokens import Tokens
from modelspan_collector.background import Background
from modelspan_collector.store import schema
from modelspan_collector.store.connect import connect
from modelspan_collector.store.errors import StoreError

LOOK_SECONDS: Final = 2.0
_LOG = logging.getLogger(__name__)


class _Watch:
    """The monitors of one database, running."""

    def __init__(self, dsn: str, database: str, monitors: MonitorsConfig, rules: Redaction) -> None:
        self._store = connect(dsn, database)
        schema.apply(self._store)
        self._responder = Responder(self._store, monitors)
        self._runner = Runner(self._store, monitors, respond=self._responder)
        self._reporter = Reporter(self._store, monitors, rules=rules)
        self._runner.start()
        self._responder.start()
        self._reporter.start()

    def stop(self) -> None:
        self._runner.stop()
        self._responder.stop()
        self._reporter.stop()
        self._store.close()


class Tenants:
    """Watches every database that a tenant has of its own; one whose last token goes keeps its rows, and its watch."""

    def __init__(self, dsn: str, tokens: Tokens, monitors: MonitorsConfig, rules: Redaction = NO_RULES) -> None:
        self._dsn = dsn
        self._tokens = tokens
        self._monitors = monitors
        self._rules = rules
        self._watched: dict[str, _Watch] = {}
        self._failed: set[str] = set()
        self._looking = Background.every("modelspan-tenants", LOOK_SECONDS, self._look)

    def start(self) -> None:
        """Watch those that are named, and look for others from now on."""
        self._look()
        if self._tokens.required:
            self._looking.start()

    def stop(self) -> None:
        """End them all."""
        self._looking.stop()
        for watch in self._watched.values():
            watch.stop()

    def _look(self) -> None:
        for database in sorted(self._tokens.databases() - self._watched.keys()):
            try:
                self._watched[database] = _Watch(self._dsn, database, self._monitors, self._rules)
                self._failed.discard(database)
            except (StoreError, DriverError) as error:  # tried again; said once
                if database not in self._failed:
                    _LOG.error("the tenant's database %s cannot be watched: %s", database, str(error).splitlines()[0])
                self._failed.add(database)
