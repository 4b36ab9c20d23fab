"""Opens the store by DSN: `chdb:///path` (embedded engine) or `clickhouse://user:password@host:8123`."""

from __future__ import annotations

import fcntl
import re
import threading
import weakref
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import clickhouse_connect
import pyarrow as pa
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import Error as DriverError

from modelspan_collector.address import public, scrubbed
from modelspan_collector.store import aside, definitions
from modelspan_collector.store.errors import StoreFullError, StoreUnavailableError
from modelspan_collector.store.quote import quote_identifier, quote_name, quote_string

DEFAULT_DATABASE = "modelspan"
MINIMUM_VERSION = (25, 3)
"""The oldest ClickHouse that is supported: a long-term support release."""
CONNECT_TIMEOUT_SECONDS = 10
ANSWER_TIMEOUT_SECONDS = 300
READING = {"optimize_move_to_prewhere_if_final": 1, "use_skip_indexes_on_data_read": 0}
"""Conditions on a table's key hold before its newest rows are picked, which are then few; the engine moves no others.
And all parts are asked by their indexes before any is read: a trace among ten million spans takes a third of the time.

A server's administrator sets these in a profile: users who may only read may not.
"""
_TLS_SCHEMES = ("clickhouses", "https")
_SCHEMES = ("chdb", "clickhouse", "http", *_TLS_SCHEMES)
_LOCKED = "Cannot lock file"
"""As the engine says that another process has its folder, with `Code: 76`."""
_WITH_SIGNS = "percent-encode signs in the user or password (/ is %2F, @ is %40)"


class Store:
    """One database of one engine or server, safe to share between threads.

    The driver's clients serialise their calls, so every thread gets its own; it goes with its thread.
    """

    def __init__(
        self,
        dsn: str,
        database: str = DEFAULT_DATABASE,
        *,
        anchor: Client | None = None,
        only: Mapping[str, str] | None = None,
    ) -> None:
        """Describe the store; `connect` opens one.

        Args:
            dsn: see `connect`.
            database: the database that holds modelspan's tables.
            anchor: a client to keep open. The embedded engine ends with its last client, and starting it again for
                every query would be slow, and leaves threads behind each time (seen with chDB 26.9).
            only: a condition by table that each row has to meet to be read, whatever the query: in views, joins and
                subqueries too. What is written is not looked at.
        """
        self.dsn = dsn
        self.database = database
        self._anchor = anchor
        self._settings = _conditions(database, only) if only else {}
        self._local = threading.local()
        self._clients: weakref.WeakSet[Client] = weakref.WeakSet()
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
            client = _open(self.dsn, self.database, self._settings)
            self._local.client = client
            with self._lock:
                self._clients.add(client)
        return client

    def knows(self, setting: str) -> bool:
        """Whether the engine or server has a setting of this name."""
        return setting in self.client().server_settings

    @contextmanager
    def _asking(self) -> Iterator[Client]:
        """The calling thread's client, for one query.

        Of a query that fails when it has begun to answer, as one does whose time is over, the embedded engine keeps
        what was written, and puts it before the next answer (seen with chDB 26.9): another query takes it away.
        """
        client = self.client()
        try:
            yield client
        except DriverError:
            if self.embedded:
                with suppress(DriverError):
                    client.raw_query("SELECT 1")
            raise

    def arrow(self, sql: str, parameters: Mapping[str, Any] | None = None) -> pa.Table:
        """Run a query and return its result as an Arrow table."""
        with self._asking() as client:
            return client.query_arrow(sql, parameters=dict(parameters or {}), use_strings=True)

    def blocks(self, sql: str, parameters: Mapping[str, Any] | None = None) -> Iterator[Sequence[Any]]:
        """Run a query and yield its result a block at a time, a sequence of values a column; read it to its end."""
        with (
            self._asking() as client,
            client.query_column_block_stream(sql, parameters=dict(parameters or {})) as stream,
        ):
            yield from stream

    def rows(self, sql: str, parameters: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        """Run a query of a few rows and return them as dictionaries."""
        with self._asking() as client:
            result = client.query(sql, parameters=dict(parameters or {}))
        return [dict(zip(result.column_names, row, strict=True)) for row in result.result_rows]

    def scalar(self, sql: str, parameters: Mapping[str, Any] | None = None) -> Any:
        """Run a query of one row and one column and return its value."""
        with self._asking() as client:
            return client.query(sql, parameters=dict(parameters or {})).result_rows[0][0]

    def command(self, sql: str, parameters: Mapping[str, Any] | None = None) -> None:
        """Run a statement that returns nothing of interest.

        Raises:
            StoreFullError: it writes the definition of a table, and the disk of the embedded store has no room.
        """
        if self.embedded:
            definitions.need_room(Path(urlsplit(self.dsn).path), sql)
        with self._asking() as client:
            client.command(sql, parameters=dict(parameters or {}))

    def insert(
        self, table: str, rows: pa.Table, *, token: str | None = None, settings: Mapping[str, Any] | None = None
    ) -> None:
        """Insert an Arrow table; the same `token` is inserted once, however often it is sent."""
        given = dict(settings or {})
        if token is not None:
            given |= {"insert_deduplication_token": token, "deduplicate_blocks_in_dependent_materialized_views": 1}
        if self.embedded:
            sink = pa.BufferOutputStream()
            with pa.RecordBatchFileWriter(sink, rows.schema) as writer:
                writer.write(rows)
            self.insert_bytes(table, sink.getvalue(), "Arrow", settings=given, columns=rows.column_names)
        else:
            self.client().insert_arrow(table, rows, settings=given)

    def insert_bytes(
        self,
        table: str,
        body: bytes | pa.Buffer | Generator[bytes, None, None],
        format_name: str,
        *,
        settings: Mapping[str, Any],
        columns: Sequence[str] = (),
    ) -> None:
        """Insert rows that are written in one of the engine's formats.

        The embedded engine reads them from a file. The driver would make it in the machine's folder of temporary files,
        in which a process that is killed leaves people's rows.
        """
        client = self.client()
        if not self.embedded:
            client.raw_insert(table, list(columns) or None, body, dict(settings), format_name)
            return
        named = f" ({', '.join(map(quote_name, columns))})" if columns else ""
        told = ", ".join(f"{name} = {quote_string(str(value))}" for name, value in settings.items())
        with aside.passing(urlsplit(self.dsn).path) as file:
            file.writelines(body if isinstance(body, Generator) else [body])
            file.flush()
            source = f"INFILE {quote_string(file.name)} COMPRESSION 'none'{' SETTINGS ' if told else ''}{told}"
            client.raw_query(f"INSERT INTO {table}{named} FROM {source} FORMAT {format_name}")

    def close(self) -> None:
        """Close every client that this store opened."""
        with self._lock:
            clients, self._clients = list(self._clients), weakref.WeakSet()
            if self._anchor is not None:
                clients.append(self._anchor)
                self._anchor = None
        for client in clients:
            client.close()
        self._local = threading.local()


def connect(dsn: str, database: str = DEFAULT_DATABASE) -> Store:
    """Open the store, making its database where it does not exist.

    Args:
        dsn: `chdb:///absolute/path`, or `clickhouse://user:password@host:port` (`clickhouses://` for TLS). Further
            options of the driver may follow as a query: `?ca_cert=/path&connect_timeout=5`.
        database: the database that holds modelspan's tables.

    Raises:
        StoreUnavailableError: it cannot be opened; the message says why and what to do.
        StoreFullError: the database is to be made, and the disk has no room.
    """
    if dsn.startswith("chdb:///"):  # the engine makes what others may read, and it holds features of people
        _prepare(Path(urlsplit(dsn).path))
    first = _open(dsn, "default")
    try:
        check_version(first.server_version or "")
        _make_database(first, dsn, database)
    except DriverError as error:
        first.close()
        raise StoreUnavailableError(
            f"cannot make the database {database} in {public(dsn)}: {scrubbed(str(error), dsn)}"
        ) from None
    except (StoreUnavailableError, StoreFullError):
        first.close()
        raise
    if dsn.startswith("chdb:///"):
        aside.clear(urlsplit(dsn).path)
    return Store(dsn, database, anchor=first)


def _prepare(folder: Path) -> None:
    """Make the folder of an embedded store its owner's alone, and whole."""
    with suppress(OSError):  # which the engine then says in its own words
        aside.own(folder)
    try:
        if not _owner(folder / "status"):
            definitions.mend(folder)
    except OSError as error:
        raise StoreUnavailableError(f"the definitions in {folder} cannot be put back: {error.strerror}") from error


def _make_database(client: Client, dsn: str, database: str) -> None:
    create = f"CREATE DATABASE IF NOT EXISTS {quote_identifier(database)}"
    if dsn.startswith("chdb:///") and not client.command(f"EXISTS DATABASE {quote_identifier(database)}"):
        definitions.need_room(Path(urlsplit(dsn).path), create)
    client.command(create)


def check_version(version: str) -> None:
    """Refuse a server that is older than what the schema needs.

    Raises:
        StoreUnavailableError: it is.
    """
    numbers = tuple(int(part) for part in re.findall(r"\d+", version)[:2])
    if numbers < MINIMUM_VERSION:
        oldest = ".".join(map(str, MINIMUM_VERSION))
        raise StoreUnavailableError(
            f"the server is ClickHouse {version}, and modelspan needs {oldest} or newer: upgrade it, or use the "
            "embedded store (chdb:///path)"
        )


def _conditions(database: str, only: Mapping[str, str]) -> dict[str, str]:
    """The engine's setting that adds conditions to tables, whoever reads them."""
    named = (f"{quote_string(f'{database}.{table}')}: {quote_string(told)}" for table, told in only.items())
    return {"additional_table_filters": f"{{{', '.join(named)}}}"}


def _open(dsn: str, database: str, settings: Mapping[str, str] | None = None) -> Client:
    try:
        scheme, _ = urlsplit(dsn).scheme, urlsplit(dsn).port
    except ValueError:  # not quoted, as it may hold a part of the password
        raise StoreUnavailableError(f"the address {public(dsn)} of the store cannot be read: {_WITH_SIGNS}") from None
    if scheme not in _SCHEMES or "://" not in dsn:
        raise StoreUnavailableError(
            f"{public(dsn)!r} is not the address of a store: expected chdb:///absolute/path, or "
            "clickhouse://user:password@host:8123 (clickhouses:// for TLS)"
        )
    options: dict[str, Any] = {"settings": {**READING, **(settings or {})}} if scheme == "chdb" else {}
    if scheme != "chdb":
        given = parse_qs(urlsplit(dsn).query)
        defaults = {"connect_timeout": CONNECT_TIMEOUT_SECONDS, "send_receive_timeout": ANSWER_TIMEOUT_SECONDS}
        options = {name: value for name, value in defaults.items() if name not in given}
        options |= {"secure": True} if scheme in _TLS_SCHEMES else {}
        options |= {"settings": dict(settings)} if settings else {}
    try:
        return clickhouse_connect.get_client(dsn=dsn, database=database, **options)
    except (DriverError, RuntimeError, OSError) as error:
        raise StoreUnavailableError(_why(dsn, error)) from error
    except (TypeError, ValueError) as error:
        raise StoreUnavailableError(
            f"the options of {public(dsn)} are not understood: {scrubbed(str(error), dsn)}"
        ) from None


def _why(dsn: str, error: Exception) -> str:
    """What keeps the store from opening, and what to do."""
    message = scrubbed(str(error).strip(), dsn)
    if urlsplit(dsn).scheme == "chdb" and (owner := _owner(Path(urlsplit(dsn).path, "status"))):
        return (
            f"another process ({owner}) has the store {public(dsn)} open, and only one may: "
            "query it through that process (its SQL port, or `modelspan sql`), or stop it first"
        )
    if urlsplit(dsn).scheme == "chdb" and _LOCKED in message:  # and was let go of since
        return f"another process had the store {public(dsn)} open just now, as one that starts or stops: try again"
    if "Connection refused" in message or "Failed to establish" in message or "timed out" in message:
        return f"no ClickHouse answers at {public(dsn)}: is it running, and is this its HTTP port (8123, TLS 8443)?"
    if "AUTHENTICATION_FAILED" in message or "code: 516" in message:
        return f"{public(dsn)} refuses the user or the password"
    return f"cannot open the store {public(dsn)}: {message}"


def _owner(note: Path) -> str:
    """Who holds the lock on the note that the engine keeps in its folder; '' where nobody does."""
    try:
        with note.open() as file:
            found = re.search(r"PID: (\d+)", file.read())
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return f"number {found[1]}" if found else "its number is not known"
    except OSError:
        return ""
    return ""
