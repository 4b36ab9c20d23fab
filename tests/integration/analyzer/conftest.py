"""One store for a module's tests, which keep apart by model, and predictions to fill it with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest
from databases import Databases

from modelspan_analyzer.reading.features import feature_maps
from modelspan_cli.main import main
from modelspan_collector.store import schema
from modelspan_collector.store.connect import DEFAULT_DATABASE, Store, connect

Predict = Callable[..., None]
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def default_database(engine_dsn: str) -> Iterator[Store]:
    """The commands' own database, empty; gone with the module."""
    opened = connect(engine_dsn, DEFAULT_DATABASE)
    schema.apply(opened)
    yield opened
    opened.command(f"DROP DATABASE {DEFAULT_DATABASE}")
    opened.close()


@pytest.fixture
def command_line(engine_dsn: str, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command on the engine; its exit status, output and messages."""

    def run(*arguments: str) -> tuple[int, str, str]:
        status = main([*arguments, "--store", engine_dsn])
        printed = capsys.readouterr()
        return status, printed.out, printed.err

    return run


@pytest.fixture(scope="module")
def shared_store(databases: Databases) -> Iterator[Store]:
    """A database that the tests of one module share."""
    with databases.one() as opened:
        yield opened


@pytest.fixture(scope="module")
def predict(shared_store: Store) -> Predict:
    """Stores rows as predictions of a model, evenly over some hours."""

    def insert(model: str, features: pa.Table, start: datetime, hours: float = 1, **extra: object) -> None:
        rows = features.num_rows
        step = timedelta(hours=hours) / timedelta(microseconds=1) * 1000 / max(rows, 1)
        stamps = int(start.replace(tzinfo=UTC).timestamp()) * 10**9 + (np.arange(rows) * step).astype(np.int64)
        whole = {
            "model": [model] * rows,
            "version": ["1"] * rows,
            "timestamp": pa.array(stamps).cast(pa.timestamp("ns", "UTC")),
            "prediction_id": [f"{model}-{start.timestamp()}-{row}" for row in range(rows)],
            **feature_maps(features),
            **extra,
        }
        shared_store.insert("predictions", pa.table(whole))

    return insert
