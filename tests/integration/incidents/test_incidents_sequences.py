"""Two faults in a row are two incidents, each with its own cause: systems of services, window by window."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
import why
from why_causes import Truth
from why_systems import SECOND, START, System, build

from modelspan_analyzer.incidents import load, load_open, update
from modelspan_analyzer.incidents.incident import RESOLVED
from modelspan_analyzer.results import Result, Verdict, Window
from modelspan_collector.store import schema
from modelspan_collector.store.connect import connect

PREDICTIONS = 5_000
LENGTH = timedelta(minutes=20)
BEGAN = datetime.fromtimestamp(START / SECOND, UTC)
BOUND = 0.08
MISSING = ("income", "balance", "txn_count_7d", "country")


@dataclass(frozen=True)
class Fault:
    """A service of which calls fail in some windows, and the features that are then missing."""

    role: str
    features: tuple[str, ...]
    first: int
    last: int


ORDERS = {
    "one ends before the next": (
        Fault("profile", ("income",), 5, 7),
        Fault("history", ("txn_count_7d", "country"), 12, 15),
    ),
    "the next strikes what the first did": (
        Fault("profile", ("income", "balance"), 5, 7),
        Fault("history", ("income", "txn_count_7d"), 11, 14),
    ),
    "the next begins while the first lasts": (
        Fault("profile", ("income",), 5, 14),
        Fault("history", ("txn_count_7d", "country"), 9, 14),
    ),
    "the next begins while one finding of the first is not yet well": (
        Fault("profile", ("income", "balance"), 5, 7),
        Fault("history", ("balance", "txn_count_7d"), 9, 13),
    ),
}


@pytest.fixture(scope="module")
def systems(engine_dsn):
    """One database for all sequences, refilled by each."""
    store = connect(engine_dsn, "test_incident_sequences")
    schema.apply(store)
    why.drop_views(store)
    yield store
    store.command("DROP DATABASE test_incident_sequences")
    store.close()


def windows(system: System) -> np.ndarray:
    """The window of each prediction."""
    return (system.times - START) // int(LENGTH.total_seconds() * SECOND)


def strike(system: System, fault: Fault) -> None:
    """Let 40 % of the calls of a service fail, which leaves its features missing."""
    at = windows(system)
    hit = (at >= fault.first) & (at <= fault.last) & system.chance(0.4)
    system.errors[fault.role] |= hit
    for feature in fault.features:
        system.missing[feature] |= hit & system.chance(0.97)


def results(system: System, window: int) -> list[Result]:
    """What the monitor of missing values says of a window."""
    chosen = windows(system) == window
    rates = {feature: float(system.missing[feature][chosen].mean()) for feature in MISSING}
    bounds = Window(BEGAN + window * LENGTH, BEGAN + (window + 1) * LENGTH)
    return [
        Result(
            system.model, "", bounds, "data_quality", "null_rate", rate,
            Verdict.ALARM if rate > BOUND else Verdict.OK, feature=feature, n=int(chosen.sum()), threshold=BOUND,
        )
        for feature, rate in rates.items()
    ]  # fmt: skip


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("order", ORDERS)
def test_two_faults_in_a_row_are_two_incidents_each_with_its_own_cause(systems, order, seed):
    """Whatever they strike and however they overlap: two, the cause of each its own, both over in the end."""
    system = build(np.random.default_rng([7401, seed]), PREDICTIONS)
    system.inside = False
    for fault in ORDERS[order]:
        strike(system, fault)
    why.fill(systems, system)
    systems.command("TRUNCATE TABLE incidents")
    for window in range(4, 18):
        update(systems, results(system, window), BEGAN + (window + 1) * LENGTH)
    found = sorted(load(systems, model=system.model), key=lambda one: one.began_at)
    said = [(one.title, one.status) for one in found]
    assert len(found) == 2, said
    for one, fault in zip(found, ORDERS[order], strict=True):
        assert one.cause.startswith(Truth(system.services[fault.role].name).service + " "), said
        assert abs(one.began_at - (BEGAN + fault.first * LENGTH)) < LENGTH / 2
        assert one.status == RESOLVED
    assert load_open(systems) == []
