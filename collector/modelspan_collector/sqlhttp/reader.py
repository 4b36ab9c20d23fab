"""One read-only query at a time for a person: vetted as the SQL endpoint vets, on the embedded engine or on a server.

On a server it is the server's own formatter and its own lists of functions by which a statement is vetted, and
`readonly = 1` is its own lock underneath. What its user may read is for the server's administrator to say.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any, Final
from urllib.parse import urlsplit

import orjson
from clickhouse_connect.driver.exceptions import Error as DriverError

from modelspan_collector.sqlhttp import allowed, errors, statement
from modelspan_collector.sqlhttp.engine import (
    DATABASES_SQL,
    FORMATS_SQL,
    FUNCTIONS_SQL,
    TABLE_FUNCTIONS_SQL,
    Engine,
    Question,
)
from modelspan_collector.sqlhttp.settings import Limits, effective
from modelspan_collector.sqlhttp.statement import READING, Forbidden, Statement
from modelspan_collector.store.connect import Store

MOST_ROWS: Final = 10_000
"""Rows that one answer has; what is beyond them is not read."""
MOST_BYTES: Final = 32 * 1024**2
SECONDS: Final = 20.0
_LIMITS: Final = Limits(
    execution_seconds=SECONDS,
    result_bytes=MOST_BYTES,
    memory_bytes=1024**3,
    statement_bytes=64 * 1024,
    spill_bytes=1024**3,
)
_OF_SERVERS: Final = replace(_LIMITS, spill_bytes=0)
"""A server has its own place to put what does not fit into memory, and its own bound for it."""
_AT_ONCE: Final = 2
_PATIENCE: Final = 3.0
"""Seconds that a query waits for others: each holds a thread, which health and metrics need too."""
_WAITING: Final = frozenset({"sleep", "sleepeachrow"})
"""Functions, in lower case, that do nothing else."""
_FORMAT: Final = "JSONCompact"
"""Which has every type, and is as large as what it holds: packed formats would unfold to anything."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a query answered."""

    names: tuple[str, ...]
    types: tuple[str, ...]
    """Of the columns, as ClickHouse calls them."""
    rows: tuple[tuple[Any, ...], ...]
    """Times with their zone, maps as dictionaries, all else as JSON has it."""
    more: bool
    """Whether there were more than are here."""


class SqlReader:
    """Runs queries for people; a few at one time, each within its limits."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._slots = threading.BoundedSemaphore(_AT_ONCE)
        self._forbidden: Forbidden | None = None

    def ask(self, sql: str, check: Callable[[Statement], None] | None = None) -> Answer:
        """Run one query.

        Args:
            sql: of one statement.
            check: what else a vetted statement has to pass; it raises what it refuses.

        Raises:
            ClickHouseError: it is no query, may not be asked, fails, takes too long, or too many run already.
        """
        if len(sql.encode("utf-8", "surrogatepass")) > _LIMITS.statement_bytes:
            raise errors.ClickHouseError(
                1, "QUERY_IS_TOO_LARGE", f"a query may have {_LIMITS.statement_bytes:,} bytes at most"
            )
        if not self._slots.acquire(timeout=_PATIENCE):
            raise errors.ClickHouseError(202, "TOO_MANY_SIMULTANEOUS_QUERIES", "others are asking: try again")
        try:
            passes = partial(_checked, check)
            return _answer(self._of_engine(sql, passes) if self._store.embedded else self._of_server(sql, passes))
        finally:
            self._slots.release()

    def _of_engine(self, sql: str, passes: Callable[[Statement], None]) -> bytes:
        engine = Engine(urlsplit(self._store.dsn).path, self._store.database, _LIMITS, writable=False)
        try:
            return _read(engine, sql, self._store.database, passes)
        finally:
            engine.close()

    def _of_server(self, sql: str, passes: Callable[[Statement], None]) -> bytes:
        client = self._store.client()
        try:
            canonical = str(self._store.scalar("SELECT formatQuery({sql:String})", {"sql": sql}))
            vetted = statement.vet(canonical, self._names(), writable=False)
            passes(vetted)
            asked = {**effective({**_settings(), **vetted.settings}, _OF_SERVERS), "readonly": "1"}
            found = client.raw_query(vetted.body, settings=self._settable(asked), fmt=_FORMAT)
        except DriverError as error:
            raise errors.from_engine(error) from error
        return _whole(bytes(found))

    def _settable(self, asked: dict[str, str]) -> dict[str, str]:
        """The settings that the server lets its user change; the lock has to be among them, or to be on already."""
        known = self._store.client().server_settings
        free = {name: value for name, value in asked.items() if name in known and not known[name].readonly}
        if "readonly" not in free and int(self._store.scalar("SELECT getSetting('readonly')")) == 0:
            raise errors.readonly("the server does not let its user lock a query against writing: none is asked")
        return free

    def _names(self) -> Forbidden:
        if self._forbidden is None:
            self._forbidden = Forbidden(
                self._names_of(TABLE_FUNCTIONS_SQL, statement.TABLE_FUNCTIONS),
                self._names_of(FUNCTIONS_SQL, statement.OUTWARD_FUNCTIONS + statement.OUTWARD_CATEGORIES),
                self._names_of(FORMATS_SQL, tuple(allowed.INPUT_FORMATS)),
                self._names_of(DATABASES_SQL, statement.DATABASE_ENGINES),
            )
        return self._forbidden

    def _names_of(self, sql: str, names: tuple[str, ...]) -> frozenset[str]:
        return frozenset(str(next(iter(row.values()))) for row in self._store.rows(sql, {"names": list(names)}))


def _read(engine: Engine, sql: str, database: str, passes: Callable[[Statement], None]) -> bytes:
    run = engine.open(Question(sql, {}, _settings(), database, _FORMAT), may_write=False)
    try:
        passes(run.statement)
        run.start()
        pieces, size = [], 0
        while (piece := run.read()) and size <= MOST_BYTES:
            pieces.append(piece)
            size += len(piece)
    finally:
        run.close()
    return _whole(b"".join(pieces))


def _checked(check: Callable[[Statement], None] | None, vetted: Statement) -> None:
    need_reading(vetted)
    if check is not None:
        check(vetted)


def need_plain(vetted: Statement) -> None:
    """Refuse what a query that runs again and again, by nobody's hand, is not to do: wait, or set the engine.

    Raises:
        ClickHouseError: it does.
    """
    if vetted.settings:
        raise errors.bad_request("leave SETTINGS away: it runs within the limits and meaning that all of these have")
    if waiting := sorted(_WAITING & vetted.called):
        raise errors.readonly(f"{waiting[0]} waits, and all that is due waits with it")


def need_reading(vetted: Statement) -> None:
    """Refuse what answers no rows, and what asks for a format of its own.

    Raises:
        ClickHouseError: it does.
    """
    if vetted.verb not in READING:
        raise errors.readonly(f"{vetted.verb} answers no rows: ask a SELECT")
    if vetted.format is not None:
        raise errors.bad_request("leave FORMAT away: the answer is shown, and there as JSON and CSV")


def _settings() -> dict[str, str]:
    return {
        "limit": str(MOST_ROWS + 1),
        "date_time_output_format": "iso",
        "output_format_json_validate_utf8": "1",
        "output_format_json_quote_64bit_integers": "0",
    }


def _whole(stream: bytes) -> bytes:
    if len(stream) > MOST_BYTES:
        raise errors.ClickHouseError(
            396,
            "TOO_MANY_ROWS_OR_BYTES",
            f"the answer is larger than {MOST_BYTES:,} bytes: ask for less, as with LIMIT",
        )
    return stream


def _answer(stream: bytes) -> Answer:
    if not stream:
        return Answer((), (), (), more=False)
    given = orjson.loads(stream)
    names, types = (tuple(column[key] for column in given["meta"]) for key in ("name", "type"))
    times = [place for place, kind in enumerate(types) if kind.removeprefix("Nullable(").startswith("DateTime")]
    for row in given["data"][:MOST_ROWS]:
        for place in times:
            row[place] = row[place] and datetime.fromisoformat(row[place])
    rows = tuple(map(tuple, given["data"][:MOST_ROWS]))
    return Answer(names, types, rows, more=len(given["data"]) > MOST_ROWS)
