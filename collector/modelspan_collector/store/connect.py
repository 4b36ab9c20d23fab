"""Opens the store by DSN: `chdb:///path` (embedded engine) or `clickhouse://user:password@host:8123`."""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import clickhouse_connect
import pyarrow as pa
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import Error as DriverError

from modelspan_collector.store.errors import StoreUnavailableError

DEFAULT_DATABASE = "modelspan"
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def quote_identifier(name: str) -> str:
    """Quote a database, table or column name for SQL; values are always bound parameters instead.

    Raises:
        ValueError: the name is not a plain identifier.
    """
    if not _IDENTIFIER.fullmatch(name):
        raise ValueError(f"{name!r} is not a plain identifier (letters, digits and underscore)")
    return f"`{name}`"


class Store:
    """One database of one engine or server, safe to share between threads.

    The driver's clients serialise their calls, so every thread gets its own.
    """

    def __init__(self, dsn: str, database: str = DEFAULT_DATABASE) -> None:
        self.dsn = dsn
        self.database = database
        self._local = threading.local()
        self._clients: list[Client] = []
        self._lock = threading.Lock()

    @property
    def embedded(self) -> bool:
        """True where the engine runs in this process."""
        return urlsplit(self.dsn).scheme == "chdb"

    def client(self) -> Client:
        """The calling thread's client, opened on first use.

        Raises:
            StoreUnavailableError: the engine or server cannot be reached.
        """
        client: Client | None = getattr(self._local, "client", None)
        if client is None:
            client = _open(self.dsn, self.database)
            self._local.client = client
            with self._lock:
                self._clients.append(client)
        return client

    def arrow(self, sql: str, parameters: Mapping[str, Any] | None = None) -> pa.Table:
        """Run a query and return its result as an Arrow table."""
        return self.client().query_arrow(sql, parameters=dict(parameters or {}), use_strings=True)

    def rows(self, sql: str, parameters: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        """Run a query of a few rows and return them as dictionaries."""
        result = self.client().query(sql, parameters=dict(parameters or {}))
        return [dict(zip(result.column_names, row, strict=True)) for row in result.result_rows]

    def scalar(self, sql: str, parameters: Mapping[str, Any] | None = None) -> Any:
        """Run a query of one row and one column and return its value."""
        return self.client().query(sql, parameters=dict(parameters or {})).result_rows[0][0]

    def command(self, sql: str, parameters: Mapping[str, Any] | None = None) -> None:
        """Run a statement that returns nothing of interest."""
        self.client().command(sql, parameters=dict(parameters or {}))

    def insert(self, table: str, rows: pa.Table, *, token: str | None = None) -> None:
        """Insert an Arrow table; the same `token` is inserted once, however often it is sent."""
        settings: dict[str, Any] = {}
        if token is not None:
            settings = {"insert_deduplication_token": token, "deduplicate_blocks_in_dependent_materialized_views": 1}
        self.client().insert_arrow(table, rows, settings=settings)

    def close(self) -> None:
        """Close every client that this store opened."""
        with self._lock:
            clients, self._clients = self._clients, []
        for client in clients:
            client.close()
        self._local = threading.local()


def connect(dsn: str, database: str = DEFAULT_DATABASE) -> Store:
    """Open the store, making its database where it does not exist.

    Args:
        dsn: `chdb:///absolute/path`, or `clickhouse://user:password@host:port` (`clickhouses://` for TLS).
        database: the database that holds modelspan's tables.

    Raises:
        StoreUnavailableError: it cannot be opened; the message says why and what to do.
    """
    name = quote_identifier(database)
    bootstrap = _open(dsn, "default")
    try:
        bootstrap.command(f"CREATE DATABASE IF NOT EXISTS {name}")
    finally:
        bootstrap.close()
    return Store(dsn, database)


def _open(dsn: str, database: str) -> Client:
    try:
        return clickhouse_connect.get_client(dsn=dsn, database=database)
    except (DriverError, RuntimeError, OSError) as error:
        raise StoreUnavailableError(f"cannot open the store {_public(dsn)}: {error}") from error


def _public(dsn: str) -> str:
    """The DSN without its password, for messages."""
    parts = urlsplit(dsn)
    if parts.password is None:
        return dsn
    return dsn.replace(f":{parts.password}@", ":***@")


def identifiers(names: Sequence[str]) -> str:
    """A comma-separated list of quoted identifiers."""
    return ", ".join(quote_identifier(name) for name in names)
