"""Runs one vetted statement on a connection of its own, its result streaming through a pipe.

The engine writes any output format into a pipe (`INTO OUTFILE '/dev/fd/N'`), so large results flow with flat memory and
a slow reader slows the query down. Closing a connection does not stop a query; killing it by its mark does.
"""

from __future__ import annotations

import fcntl
import logging
import os
import threading
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import IO, Any

from modelspan_collector.sqlhttp import allowed, errors, statement
from modelspan_collector.sqlhttp.forms import ExternalTable
from modelspan_collector.sqlhttp.settings import Limits, clause, effective
from modelspan_collector.sqlhttp.statement import Statement
from modelspan_collector.store import aside
from modelspan_collector.store.connect import READING
from modelspan_collector.store.quote import quote_name

log = logging.getLogger(__name__)

PIPE_BYTES = 1024**2
_SYSTEM_SETTINGS = "\nFROM system.settings"
TABLE_FUNCTIONS_SQL = "SELECT lower(name) FROM system.table_functions WHERE NOT has({names:Array(String)}, name)"
FUNCTIONS_SQL = """SELECT DISTINCT lower(name) FROM system.functions
WHERE has({names:Array(String)}, name) OR has({names:Array(String)}, categories)"""
FORMATS_SQL = "SELECT lower(name) FROM system.formats WHERE NOT has({names:Array(String)}, name)"
DATABASES_SQL = "SELECT name FROM system.databases WHERE NOT has({names:Array(String)}, engine)"
_TEXT_ESCAPES = str.maketrans(
    {"\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r", "\0": "\\0"}
    | {chr(0xDC00 + byte): f"\\x{byte:02x}" for byte in range(0x80, 0x100)}
)
"""The escaped text form of a bound parameter; bytes that are not UTF-8 arrive as surrogates."""


@dataclass(frozen=True, slots=True)
class Question:
    """What a client wants to run, before it is vetted."""

    sql: str
    parameters: Mapping[str, str]
    """Bound parameters by bare name, in ClickHouse's escaped text form."""
    settings: Mapping[str, str]
    database: str
    default_format: str
    external: tuple[ExternalTable, ...] = ()


class Engine:
    """The embedded engine as the endpoint sees it."""

    def __init__(self, path: str, database: str, limits: Limits, *, writable: bool) -> None:
        self._path = path
        self._database = database
        self._limits = limits
        self.writable = writable
        self._anchor = _connect(path)  # the engine ends with its last connection, and each start leaves threads behind
        answer = self._anchor.query("SELECT timezone(), hostName(), version()", "TSV").bytes().decode()
        self._learning = threading.Lock()
        self._learnt: statement.Forbidden | None = None
        if database in _names(self._anchor, DATABASES_SQL, statement.DATABASE_ENGINES):
            self._anchor.close()
            raise ValueError(f"the database {database} of an embedded store shows the machine's files: choose another")
        self.timezone, self.host_name, self.version = answer.rstrip("\n").split("\t")

    @property
    def _forbidden(self) -> statement.Forbidden:
        """What the engine has that no statement may name; asked for with the first one, as the answer takes 50 MB."""
        with self._learning:
            if self._learnt is None:
                self._learnt = statement.Forbidden(
                    _names(self._anchor, TABLE_FUNCTIONS_SQL, statement.TABLE_FUNCTIONS),
                    _names(self._anchor, FUNCTIONS_SQL, statement.OUTWARD_FUNCTIONS + statement.OUTWARD_CATEGORIES),
                    _names(self._anchor, FORMATS_SQL, tuple(allowed.INPUT_FORMATS)),
                    _names(self._anchor, DATABASES_SQL, statement.DATABASE_ENGINES),
                )
            return self._learnt

    def open(self, question: Question, *, may_write: bool, kept: Any = None) -> Run:
        """Vet the statement and prepare a connection for it.

        Args:
            question: what the client wants.
            may_write: whether it came in a request that may change anything.
            kept: a session's connection with its temporary tables; such a one is never locked, so only a statement
                that may write is run on it.

        Raises:
            ClickHouseError: the statement is not valid, or not allowed.
        """
        connection = kept if kept is not None and self.writable and may_write else _connect(self._path)
        try:
            return self._prepare(connection, question, self.writable and may_write)
        except Exception as error:
            if connection is not kept:
                connection.close()
            if isinstance(error, errors.ClickHouseError):
                raise
            raise errors.from_engine(error) from error

    def scratch(self) -> IO[bytes]:
        """A file for rows on their way into the engine."""
        return aside.passing(self._path)

    def close(self) -> None:
        """Let go of the engine."""
        self._anchor.close()

    def _prepare(self, connection: Any, question: Question, writable: bool) -> Run:
        connection.query(f"SET max_query_size = {4 * self._limits.statement_bytes}")
        vetted = statement.vet(self._canonical(connection, question.sql), self._forbidden, writable=writable)
        for name in vetted.identifier_parameters:
            self._forbidden.check_identifier(question.parameters.get(name, ""))
            self._forbidden.check_database(question.parameters.get(name, ""))
        asked = effective({**question.settings, **vetted.settings}, self._limits)
        settings = {**{name: str(value) for name, value in READING.items()}, **asked, "log_comment": uuid.uuid4().hex}
        elsewhere = question.database in self._forbidden.databases  # drivers name `default` unless told otherwise
        connection.query(f"USE {quote_name(self._database if elsewhere else question.database)}")
        _apply(connection, settings)
        for table in question.external:
            self._receive(connection, table)
        if not writable:
            connection.query(f"SET readonly = {_lock(vetted)}")
        return Run(connection, vetted, question, settings, self._kill)

    def _receive(self, connection: Any, table: ExternalTable) -> None:
        """Make an external table: a temporary one of this connection."""
        ddl = f"CREATE TEMPORARY TABLE {table.name} ({table.structure}) ENGINE = Memory"
        vetted = statement.vet(self._canonical(connection, ddl), self._forbidden, writable=True)
        plain = vetted.makes_temporary and vetted.body.endswith("\n)\nENGINE = Memory")
        if not plain or not allowed.may_read(table.format):
            raise errors.bad_request(
                f"the external table {table.name} is not described as columns and a format that is offered"
            )
        connection.query(vetted.body.encode("utf-8", "surrogateescape"))
        with self.scratch() as file:
            file.write(table.data)
            file.flush()
            connection.query(
                f"INSERT INTO {table.name} FROM INFILE '{file.name}' COMPRESSION 'none' FORMAT {table.format}"
            )

    def _canonical(self, connection: Any, sql: str) -> str:
        """The engine's own reading of one statement."""
        text: bytes = connection.query(
            "SELECT formatQuery({sql:String})", "RawBLOB", params={"sql": sql.translate(_TEXT_ESCAPES)}
        ).bytes()
        return text.decode("utf-8", "surrogateescape")

    def _kill(self, mark: str) -> None:
        connection = _connect(self._path)
        try:
            connection.query(
                "KILL QUERY WHERE Settings['log_comment'] = {mark:String} ASYNC", "Null", params={"mark": mark}
            )
        finally:
            connection.close()


def _connect(path: str) -> Any:
    import chdb  # 200 MB, which readers of a server do without

    return chdb.connect(path)  # type: ignore[no-untyped-call]


def _names(connection: Any, sql: str, names: tuple[str, ...]) -> frozenset[str]:
    text = connection.query(sql, "TSV", params={"names": str(list(names))}).bytes().decode()
    return frozenset(text.split())


def _lock(vetted: Statement) -> int:
    """1, the engine's strict lock; 2 for clients that ask which settings they may send, as 1 answers `none`."""
    head, found, rest = vetted.body.partition(_SYSTEM_SETTINGS)
    selects = head.startswith(("SELECT ", "SELECT\n"))
    ends = not rest or rest.startswith(("\nWHERE ", "\nORDER BY ", "\nLIMIT "))
    other_tables = any(word in head + rest for word in ("(", "FROM", "JOIN"))
    return 2 if found and selects and ends and not other_tables else 1


def _unknown_format(name: str) -> errors.ClickHouseError:
    return errors.ClickHouseError(
        73, "UNKNOWN_FORMAT", f"Unknown format {name[:100]!r}, or one that is not offered here"
    )


def _apply(connection: Any, applied: Mapping[str, str]) -> None:
    """Apply settings; a value that the engine does not take is the client's mistake."""
    try:
        connection.query(f"SET {clause(applied)}")
    except (RuntimeError, ValueError) as error:
        found = errors.from_engine(error)
        raise errors.bad_request(f"a setting cannot have that value: {found.message}") from error


class Run:
    """One statement in flight."""

    def __init__(
        self, connection: Any, vetted: Statement, question: Question, applied: Mapping[str, str], kill: Any
    ) -> None:
        self.statement = vetted
        self.format = vetted.format or question.default_format
        self.summary: dict[str, str] = {}
        self.connection = connection
        self._applied = applied
        self._parameters = dict(question.parameters)
        self._mark = applied["log_comment"]
        self._kill = kill
        self._error: errors.ClickHouseError | None = None
        self._reader, self._writer = os.pipe()
        if hasattr(fcntl, "F_SETPIPE_SZ"):
            fcntl.fcntl(self._writer, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Run the statement; its result is then read with `read`."""
        if not allowed.may_answer(self.format):
            raise _unknown_format(self.format)
        self._thread = threading.Thread(target=self._run, name="modelspan-sql", daemon=True)
        self._thread.start()

    def read(self) -> bytes:
        """The next bytes of the result, waiting for them; b'' at its end.

        Raises:
            ClickHouseError: the statement failed.
        """
        data = os.read(self._reader, PIPE_BYTES)
        if not data and self._error is not None:
            raise self._error
        return data

    def insert(self, path: str) -> None:
        """Run an INSERT on the rows in a file.

        Raises:
            ClickHouseError: the table or its columns are not there, or the rows do not fit.
        """
        if not allowed.may_read(self.format):
            raise _unknown_format(self.format)
        source = path.replace("\\", "\\\\").replace("'", "\\'")
        sql = f"{self.statement.body} FROM INFILE '{source}' COMPRESSION 'none' FORMAT {self.format}"
        try:
            result = self.connection.query(sql.encode("utf-8", "surrogateescape"), "Null", params=self._parameters)
        except (RuntimeError, ValueError) as error:
            raise errors.from_engine(error) from error
        self.summary = _summary(result, written=True)

    def close(self, *, keep: bool = False) -> None:
        """Stop the statement where it still runs, and free what it held; not while another thread reads.

        Args:
            keep: leave the connection open, with its settings as they were.
        """
        os.close(self._reader)
        if self._thread is None:
            os.close(self._writer)
        else:
            self.cancel()
        if keep:
            self.connection.query(f"SET {', '.join(f'{name} = DEFAULT' for name in self._applied)}")
        else:
            self.connection.close()

    def cancel(self) -> None:
        """Stop the statement and wait until it has; a pending `read` then ends."""
        while self._thread is not None and self._thread.is_alive():
            self._kill(self._mark)  # again, as the first may come before the engine lists the statement
            self._thread.join(timeout=0.2)

    def _run(self) -> None:
        sql = self.statement.body
        shows = self.statement.verb == "SHOW"  # the engine runs most of these as another query, without its OUTFILE
        if self.statement.returns_rows and not shows:
            sql += f"\nINTO OUTFILE '/dev/fd/{self._writer}' TRUNCATE FORMAT {self.format}"
        try:
            encoded = sql.encode("utf-8", "surrogateescape")
            result = self.connection.query(encoded, self.format if shows else "Null", params=self._parameters)
            self.summary = _summary(result, written=False)
            if shows:
                with open(self._writer, "wb", closefd=False) as pipe:
                    pipe.write(result.bytes())
        except Exception as error:
            self._error = errors.from_engine(error)
        finally:
            os.close(self._writer)


def _summary(result: Any, *, written: bool) -> dict[str, str]:
    """ClickHouse's summary of a statement; an insert has read what it wrote."""
    rows, size = result.rows_read(), result.bytes_read()
    return {
        "read_rows": str(rows if written else result.storage_rows_read()),
        "read_bytes": str(size if written else result.storage_bytes_read()),
        "written_rows": str(rows if written else 0),
        "written_bytes": str(size if written else 0),
        "total_rows_to_read": "0",
        "result_rows": str(rows),
        "result_bytes": str(size),
        "elapsed_ns": str(int(result.elapsed() * 1e9)),
    }
