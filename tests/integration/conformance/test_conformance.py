"""Every source × every access × every reader gives the same numbers.

What is sent is in `conformance_data`, what has to be read is computed from it in `conformance_expected`; the three
tables are `SOURCES`, `ACCESSES` and `READERS`, and a new member of one is one line there. A run takes a part of the
product in which every two members of two tables meet once; `MODELSPAN_CONFORMANCE=full` runs all of it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from conformance_access import ACCESSES, Access, Bench, benches
from conformance_doors import NO_DOOR, THROUGH, doors
from conformance_readers import READERS, Cell, Reader, erase, forgotten
from conformance_sources import SOURCES, Source
from conformance_wire import post
from databases import Databases

import modelspan
from modelspan_analyzer.config.settings import MonitorsConfig
from modelspan_analyzer.web.app import build
from modelspan_analyzer.web.owner import Owned
from modelspan_collector.serve import AsgiServer
from modelspan_collector.store.backup import restore
from modelspan_collector.store.connect import Store

pytestmark = pytest.mark.timeout(900)  # of what is sent first, on a machine that has much else to do
FULL = os.environ.get("MODELSPAN_CONFORMANCE") == "full"

UNGATED = "these rows do not pass the collector's gate, so no token, tenant's tag or rule of redaction meets them"
NO_CELL: dict[tuple[str, str, str], str] = {
    ("numpy matrix", "*", "fairness by feature"): "a matrix of floats has no column of groups",
    ("replay", "*", "why"): "a history has no traces",
}
"""Cells that cannot exist, by source, access and reader (`*`: any), and why not."""
PENDING = dict.fromkeys(
    ("pandas", "arrow", "estimator", "pandas over gRPC"),
    "a category of integers is refused at the collector's gate, and all else of the record with it",
)
"""Sources that lose rows until their fault is mended."""
TESTS = Path(__file__).resolve().parents[2]


def reason_against(source: Source, access: Access, reader: Reader) -> str:
    """Why there is no such cell; empty where there is one."""
    if not source.gated and access.name not in ("none", "tenant with a database"):
        return UNGATED
    return next(
        (
            reason
            for key, reason in NO_CELL.items()
            if all(
                wanted in ("*", name) for wanted, name in zip(key, (source.name, access.name, reader.name), strict=True)
            )
        ),
        "",
    )


def cells() -> Iterator[tuple[Source, Access, Reader]]:
    """The cells of this run."""
    for s, source in enumerate(SOURCES):
        open_to = [access for access in ACCESSES if not reason_against(source, access, READERS[0])]
        for r, reader in enumerate(READERS):
            chosen = open_to if FULL else [open_to[(s + r) % len(open_to)]]
            yield from ((source, access, reader) for access in chosen if not reason_against(source, access, reader))


@pytest.fixture(scope="module")
def bench(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """Everything sent, by every source through every access."""
    with pytest.MonkeyPatch.context() as patch, benches(databases, tmp_path_factory.mktemp("conformance")) as running:
        patch.setenv("OTEL_TRACES_EXPORTER", "none")
        patch.setenv("OTEL_METRICS_EXPORTER", "none")
        for source in SOURCES:
            for access in ACCESSES:
                if not reason_against(source, access, READERS[0]):
                    source.send(running, access, _cell(running, source, access).model)
        running.flush()
        yield running
        modelspan.configure(disabled=True)


def _web(bench: Bench) -> Any:
    """The web application of an instance that owns the stores."""
    opened = bench.collectors["open"]
    return build(bench.store, opened, MonitorsConfig(), Owned(bench.store, opened, bench.data, "secret"))


def _cell(bench: Bench, source: Source, access: Access, *others: Callable) -> Cell:
    return Cell(bench, access, source, *(others or (unasked, unasked)))


def unasked(*_: object) -> Any:
    """Stands where a cell needs no copy and erases nothing."""
    raise AssertionError("this cell has no copy, and nothing of it is erased")


@pytest.fixture(scope="module")
def erased(bench: Bench) -> Callable[[], None]:
    """Erases one person of every cell whose reader looks for the rest, once."""
    chosen = [_cell(bench, source, access) for source, access, reader in cells() if reader.check is forgotten]
    return cache(lambda: erase(chosen))


@pytest.fixture(scope="module")
def copies(bench: Bench, databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable]:
    """The two databases, backed up and restored into empty ones."""
    made: dict[str, Store] = {}
    web = AsgiServer(_web(bench), "127.0.0.1", 0, name="web")
    with ExitStack() as stack:
        web.start()
        stack.callback(web.stop)

        def copy(access: Access) -> Store:
            source = bench.reading(access)
            if source.database not in made:
                folder = tmp_path_factory.mktemp("backup") / "whole"
                asked = {"folder": str(folder), "database": source.database}
                headers = {"authorization": "Bearer secret", "Content-Type": "application/json"}
                done = json.loads(post(web.port, "/api/backups", json.dumps(asked).encode(), headers))
                both = {bench.store.database, bench.tenant_store.database}
                assert both <= {source.database, *done["others"]}
                target = stack.enter_context(databases.one())
                restore(target, folder)
                made[source.database] = target
            return made[source.database]

        yield copy


def _parameters(source: Source, access: Access, reader: Reader) -> Any:
    return pytest.param(source, access, reader, id=f"{source.name}-{access.name}-{reader.name}")


@pytest.mark.parametrize(("source", "access", "reader"), [_parameters(*cell) for cell in cells()])
def test_the_same_numbers(
    bench: Bench, copies: Callable, erased: Callable, source: Source, access: Access, reader: Reader
) -> None:
    """What a reader says of a source's rows behind an access is what NumPy says of them."""
    reader.check(_cell(bench, source, access, copies, erased))


def test_every_door_is_in_a_table(bench: Bench) -> None:
    """Each command, route, event, monitor and name of the SDK is gone through here, or it is said why it is no door."""
    found = set(doors(list(_web(bench).routes)))
    named = {*THROUGH, *NO_DOOR}
    assert found - named == set(), "new doors: give them a source or a reader here, or say why they need none"
    assert named - found == set(), "doors that are gone"
    assert set(THROUGH) & set(NO_DOOR) == set()


def test_what_the_tables_name_is_there() -> None:
    """Doors lead through sources and readers that exist, reasons name tests that exist, and no exception is idle."""
    lines = {one.name for table in (SOURCES, ACCESSES, READERS) for one in table}
    assert set(THROUGH.values()) <= lines
    assert {monitor for reader in READERS for monitor in reader.monitors} == {
        door.removeprefix("monitor ") for door in THROUGH if door.startswith("monitor ")
    }
    tests = [reason.split()[-1] for reason in NO_DOOR.values() if reason.endswith(".py")]
    assert [test for test in tests if not (TESTS / test).is_file()] == []
    assert {name for key in NO_CELL for name in key} <= {*lines, "*"}


def test_every_two_members_of_two_tables_meet() -> None:
    """In the part of the product that is run, each source meets each access and reader, and each access each reader."""
    chosen = [tuple(one.name for one in cell) for cell in cells()]
    for first, second in ((0, 1), (0, 2), (1, 2)):
        possible = {
            (names[first], names[second])
            for source in SOURCES
            for access in ACCESSES
            for reader in READERS
            if not reason_against(source, access, reader)
            for names in [(source.name, access.name, reader.name)]
        }
        assert {(cell[first], cell[second]) for cell in chosen} == possible
