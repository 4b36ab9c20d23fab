"""A running collector on free ports, in front of an empty store."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from modelspan_collector.config import CollectorConfig
from modelspan_collector.service import Collector
from modelspan_collector.store import schema
from modelspan_collector.store.connect import Store, connect


@pytest.fixture(scope="module")
def database(engine_dsn: str) -> Iterator[Store]:
    """One database a file of tests: making the schema takes longer than most of them."""
    opened = connect(engine_dsn, f"collector_{uuid.uuid4().hex[:8]}")
    schema.apply(opened)
    yield opened
    opened.command(f"DROP DATABASE {opened.database}")
    opened.close()


@pytest.fixture
def store(database: Store) -> Store:
    """The file's database, emptied."""
    filled = "SELECT name FROM system.tables WHERE database = {name:String} AND total_rows > 0"
    for table in database.rows(filled, {"name": database.database}):
        if not table["name"].startswith("schema_"):
            database.command(f"TRUNCATE TABLE {table['name']}")
    return database


@pytest.fixture
def start(store: Store, tmp_path: Path) -> Iterator[Callable[..., Collector]]:
    """Start collectors with settings of the test's own; they are stopped in the end."""
    running: list[Collector] = []

    def begin(**settings: Any) -> Collector:
        defaults: dict[str, Any] = {"data": tmp_path / "data", "grpc_port": 0, "http_port": 0, "segment_seconds": 0.2}
        collector = Collector(store, CollectorConfig(**{**defaults, **settings}))
        collector.start()
        running.append(collector)
        return collector

    yield begin
    for collector in running:
        collector.stop()


@pytest.fixture
def collector(start: Callable[..., Collector]) -> Collector:
    """A collector with the defaults."""
    return start()
