"""Endpoints on the session's engine: a read-only one, and one that exporters may write through.

One database a test file, with two of the tables: most tests here only read, and the whole schema takes a second.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import httpx
import pytest

from modelspan_collector.sqlhttp.server import SqlServer
from modelspan_collector.store import schema
from modelspan_collector.store.connect import Store, connect

_databases = itertools.count(1)


@pytest.fixture(scope="module")
def sql_store(engine_dsn: str) -> Iterator[Store]:
    """A database with the tables `models` and `labels`."""
    name = f"sqlhttp_{next(_databases)}"
    opened = connect(engine_dsn, name)
    for file, statement in schema.statements():
        if file in ("011_labels.sql", "013_models.sql"):
            opened.command(statement)
    yield opened
    opened.command(f"DROP DATABASE {name}")
    opened.close()


@pytest.fixture(scope="module")
def sql_server(sql_store: Store) -> Iterator[SqlServer]:
    """A read-only endpoint."""
    server = SqlServer(sql_store, port=0)
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def writable_server(sql_store: Store) -> Iterator[SqlServer]:
    """A writable endpoint on the same database."""
    server = SqlServer(sql_store, port=0, writable=True)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def sql(sql_server: SqlServer) -> Iterator[httpx.Client]:
    """A plain HTTP client of the read-only endpoint."""
    with httpx.Client(base_url=f"http://127.0.0.1:{sql_server.port}", timeout=60) as client:
        yield client


@pytest.fixture
def writable_sql(writable_server: SqlServer) -> Iterator[httpx.Client]:
    """A plain HTTP client of the writable endpoint."""
    with httpx.Client(base_url=f"http://127.0.0.1:{writable_server.port}", timeout=60) as client:
        yield client
