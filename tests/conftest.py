"""Shared fixtures: one embedded engine for the whole test process, one database a test."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from databases import Databases
from environments import installed, of_the_run
from hypothesis import settings
from support import missing
from whylogs_profiles import PACKAGES

from modelspan_collector.store.connect import Store

SHARED_DATA = Path(__file__).resolve().parent.parent.parent / "shared" / "data"
# Functions of SHAP run as they are written: to compile them takes ten seconds of each process, and tests ask little.
os.environ.setdefault("NUMBA_DISABLE_JIT", "1")
# As commands have it (see `modelspan_cli.main`): before NumPy is loaded.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
# Timings are never asserted: a busy machine must not fail a property.
settings.register_profile("modelspan", deadline=None)
settings.load_profile("modelspan")


@pytest.fixture(autouse=True)
def logs_of_one_test_alone() -> Iterator[None]:
    """A command that sends the process's logs to stderr does so for its own test: that stream is closed after it."""
    root = logging.getLogger()
    level = root.level
    yield
    root.setLevel(level)
    for handler in [each for each in root.handlers if type(each) is logging.StreamHandler]:
        root.removeHandler(handler)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data sets and reference results."""
    if not SHARED_DATA.is_dir():
        missing("the folder of shared data is not beside the checkout")
    return SHARED_DATA


@pytest.fixture(scope="session")
def engine_dsn(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The DSN of the one embedded engine that this process may open."""
    return f"chdb://{tmp_path_factory.mktemp('engine')}"


@pytest.fixture(scope="session")
def databases(engine_dsn: str) -> Databases:
    """The databases that tests take and give back."""
    return Databases(engine_dsn)


@pytest.fixture
def store(databases: Databases) -> Iterator[Store]:
    """An empty modelspan database with the full schema."""
    with databases.one() as opened:
        yield opened


@pytest.fixture(scope="session")
def whylogs_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment that has whylogs, which the project's own cannot have."""
    return installed(PACKAGES, of_the_run(tmp_path_factory))
