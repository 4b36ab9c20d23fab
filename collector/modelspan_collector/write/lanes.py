"""The logs of a collector: one a signal and database, and where each of them leads."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path

from clickhouse_connect.driver.exceptions import Error as DriverError

from modelspan_collector.address import scrubbed
from modelspan_collector.metrics import Metrics
from modelspan_collector.otlp.signals import SIGNALS, Signal
from modelspan_collector.store import schema
from modelspan_collector.store.aside import own
from modelspan_collector.store.connect import Store, connect
from modelspan_collector.store.errors import StoreError, StoreUnavailableError
from modelspan_collector.wal.journal import Log, LogOptions

SealedQueue = queue.Queue[Log]
"""Logs that have sealed segments, each as often as it has."""


class Lanes:
    """Opens the logs of a database when a tenant of it first sends, or when an earlier process left some."""

    def __init__(self, store: Store, folder: Path, options: LogOptions, metrics: Metrics) -> None:
        self.sealed: SealedQueue = queue.Queue()
        self._store = store
        self._folder = folder
        self._options = options
        self._metrics = metrics
        self._lock = threading.Lock()
        self._opening: dict[str, Future[None]] = {}
        """Databases that are being opened: who sends to one waits for that attempt, and nobody else does."""
        self._stores: dict[str, Store] = {}
        self._logs: dict[tuple[str, str], Log] = {}

    def start(self) -> None:
        """Open the logs of the collector's own database, and replay whatever lies in the folder."""
        own(self._folder)
        left = {path.name for path in self._folder.iterdir() if path.is_dir()}
        for database in sorted({self._store.database, *left}):
            self._open(database)

    def log(self, database: str, signal: Signal) -> Log:
        """The log of a signal; '' is the collector's own database.

        Raises:
            StoreError: the tenant's database cannot be made.
        """
        name = database or self._store.database
        if (name, signal.name) not in self._logs:
            self._open_once(name)
        return self._logs[name, signal.name]

    def store(self, database: str) -> Store:
        """The store of a database; '' is the collector's own.

        Raises:
            StoreError: the tenant's database cannot be made.
        """
        return self.target(self.log(database, SIGNALS[0]))[0]

    def target(self, log: Log) -> tuple[Store, Signal]:
        """The store and the signal of a log."""
        return self._stores[log.folder.parent.name], next(s for s in SIGNALS if s.name == log.folder.name)

    def all(self) -> list[Log]:
        """Every log that is open."""
        return list(self._logs.values())

    def stop(self) -> None:
        """Seal all logs and end their threads."""
        for log in self.all():
            log.stop()

    def close(self) -> None:
        """Close the stores of tenants' databases."""
        for store in self._stores.values():
            if store is not self._store:
                store.close()

    def _open_once(self, database: str) -> None:
        """Open the logs of a database, or wait for who does so already; what fails fails for all of them."""
        with self._lock:
            if all((database, signal.name) in self._logs for signal in SIGNALS):
                return
            attempt, ours = self._opening.get(database), Future[None]()
            if attempt is None:
                self._opening[database] = ours
        if attempt is not None:
            attempt.result()
            return
        try:
            self._open(database)
            ours.set_result(None)
        except BaseException as error:
            ours.set_exception(error)
            raise
        finally:
            with self._lock:
                del self._opening[database]

    def _open(self, database: str) -> None:
        if database not in self._stores:
            self._stores[database] = self._store if database == self._store.database else self._made(database)
        for signal in (each for each in SIGNALS if (database, each.name) not in self._logs):
            log = Log(self._folder / database / signal.name, self._options, self.sealed.put)
            log.start()
            self._metrics.torn_bytes.labels(signal.name).inc(log.replay.torn_bytes)
            self._metrics.replayed.labels(signal.name).inc(log.replay.records)
            self._metrics.log_bytes.labels(signal.name).set_function(self._sum(signal, lambda each: each.waiting_bytes))
            self._metrics.broken_bytes.labels(signal.name).set_function(
                self._sum(signal, lambda each: each.broken_bytes)
            )
            self._metrics.lag_seconds.labels(signal.name).set_function(
                self._most(signal, lambda each: each.backlog.lag())
            )
            self._logs[database, signal.name] = log

    def _made(self, database: str) -> Store:
        store = connect(self._store.dsn, database)
        try:
            schema.apply(store)
        except DriverError as error:
            store.close()
            told = scrubbed(str(error), store.dsn)
            raise StoreUnavailableError(f"the tables of the database {database} cannot be made: {told}") from None
        except StoreError:
            store.close()
            raise
        return store

    def _sum(self, signal: Signal, value: Callable[[Log], float]) -> Callable[[], float]:
        return lambda: sum(value(log) for (_, name), log in list(self._logs.items()) if name == signal.name)

    def _most(self, signal: Signal, value: Callable[[Log], float]) -> Callable[[], float]:
        return lambda: max(value(log) for (_, name), log in list(self._logs.items()) if name == signal.name)
