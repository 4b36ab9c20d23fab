"""Slow predictions alarm: against the usual of their time, by version, and against what was promised."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray

from modelspan_analyzer.config.settings import with_sections
from modelspan_analyzer.monitors.context import MonitorContext
from modelspan_analyzer.monitors.latency.monitor import LATENCY, latency
from modelspan_analyzer.monitors.signal import Signals
from modelspan_analyzer.results import Result, Verdict, Window, write_results
from modelspan_collector.store.connect import Store

START = datetime(2026, 3, 2, tzinfo=UTC)
HOUR = timedelta(hours=1)
CONFIG = with_sections(Signals.of(LATENCY).sections())
Seconds = NDArray[np.float64]
UNSAID = -1234.5
"""Stands for a row that says nothing of its time."""


class Served:
    """A model that is served window after window, each measured when it is over."""

    def __init__(self, store: Store, model: str) -> None:
        self.store, self.model, self.at, self.length = store, model, START, HOUR

    def window(self, seconds: Seconds, version: str = "1", errors: int = 0, **settings: object) -> dict[str, Result]:
        """The results by metric of a further window whose predictions took so long."""
        rows = len(seconds)
        stamps = int(self.at.timestamp()) * 10**9 + np.arange(rows) * (3600 * 10**9 // max(rows, 1))
        columns = {
            "model": [self.model] * rows,
            "version": [version] * rows,
            "timestamp": pa.array(stamps).cast(pa.timestamp("ns", "UTC")),
            "prediction_id": [f"{self.at.timestamp()}-{row}" for row in range(rows)],
            "duration": pa.array(seconds, mask=seconds == UNSAID),
            "error_type": ["ValueError"] * errors + [""] * (rows - errors),
        }
        if rows:
            self.store.insert("predictions", pa.table(columns))
        window = Window(self.at, self.at + self.length)
        config = CONFIG.model_validate({"defaults": {"latency": settings}})
        found = latency(MonitorContext(self.store, self.model, version, window, None, config.defaults))
        write_results(self.store, found, "run")
        self.at += self.length
        return {result.metric: result for result in found}


@pytest.fixture
def served(shared_store: Store, request: pytest.FixtureRequest) -> Served:
    """A model of the test's own."""
    return Served(shared_store, request.node.name)


@pytest.fixture
def usual() -> Callable[..., Seconds]:
    """Some 50 ms each, heavy-tailed, and a little different from hour to hour."""
    rng = np.random.default_rng(5)
    return lambda rows=600: rng.lognormal(np.log(0.05) + rng.normal(0, 0.05), 0.4, rows)


def alarms(found: dict[str, Result]) -> set[str]:
    return {metric for metric, result in found.items() if result.verdict is Verdict.ALARM}


def test_the_quantiles_are_those_of_numpy(served: Served, usual: Callable[..., Seconds]) -> None:
    """Within the half a percent that the sketch allows."""
    seconds = usual(5000)
    found = served.window(seconds)
    for metric, level in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99)):
        assert found[metric].value == pytest.approx(np.quantile(seconds, level), rel=0.005)


def test_an_even_stream_stays_silent(served: Served, usual: Callable[..., Seconds]) -> None:
    """Sixty hours that differ as hours do: none alarms."""
    assert [alarms(served.window(usual(200))) for _ in range(60)] == [set()] * 60


@pytest.mark.parametrize("pods", [2, 4, 20])
def test_one_slow_pod_of_many_is_found(served: Served, usual: Callable[..., Seconds], pods: int) -> None:
    """300 ms more on one pod, in the first window that has them; and no longer than it lasts."""
    for _ in range(4):
        served.window(usual())
    slow = usual() + np.where(np.arange(600) % pods == 0, 0.3, 0)
    found = served.window(slow)
    assert "p99" in alarms(found)
    worst = found["p99"]
    assert (worst.value or 0) > (worst.threshold or 0) > 0.1
    assert "the windows before had" in worst.reason
    assert alarms(served.window(usual())) == set()


def test_an_outage_does_not_become_usual_and_what_lasts_does(served: Served, usual: Callable[..., Seconds]) -> None:
    """Windows that alarm tell nothing of what is usual for a day; then they do."""
    for _ in range(4):
        served.window(usual())
    states = [bool(alarms(served.window(3 * usual()))) for _ in range(36)]
    assert states[:24] == [True] * 24
    assert states[-4:] == [False] * 4


def test_a_slow_release_is_compared_with_the_version_before(served: Served, usual: Callable[..., Seconds]) -> None:
    """It has no windows of its own that would tell; the reason says so."""
    for _ in range(4):
        served.window(usual())
    found = served.window(3 * usual(), version="2")
    assert "p50" in alarms(found)
    assert "of other versions" in found["p50"].reason


def test_a_nightly_rhythm_is_usual(served: Served, usual: Callable[..., Seconds]) -> None:
    """Three times as slow at night, every night: no alarm once three nights are known, and one at noon."""

    def hour() -> Seconds:
        return usual(300) * (3 if served.at.hour == 0 else 1)

    served.length = timedelta(hours=6)
    days = [alarms(served.window(hour())) for _ in range(7 * 4)]
    assert days[4 * 4 :] == [set()] * (3 * 4)
    served.window(hour())
    assert "p50" in alarms(served.window(3 * usual(300)))


@pytest.mark.parametrize(
    ("seconds", "verdict", "part"),
    [
        (np.full(50, UNSAID), Verdict.SKIPPED, "says how long"),
        (np.full(50, np.nan), Verdict.SKIPPED, "says how long"),
        (np.full(50, np.inf), Verdict.SKIPPED, "50 durations that no call takes"),
        (np.full(0, 0.1), Verdict.SKIPPED, "no predictions"),
        (np.full(5, 0.1), Verdict.NOT_ENOUGH_DATA, "20 are needed"),
        (np.full(50, 0.1), Verdict.NOT_COMPARED, "three earlier windows"),
    ],
)
def test_what_cannot_be_judged_says_why(served: Served, seconds: Seconds, verdict: Verdict, part: str) -> None:
    """Never ok, where nothing was compared."""
    for result in served.window(seconds).values():
        assert result.verdict is verdict
        assert part in result.reason


def test_a_promise_burns(served: Served, usual: Callable[..., Seconds]) -> None:
    """Failed and late calls count alike; a rate that the window's length does not page for is ok."""
    slo = {"slo": {"seconds": 0.5, "objective": 0.99}}
    good = served.window(usual(1000), errors=20, **slo)["burn_rate"]
    bad = served.window(np.where(np.arange(1000) < 150, 1.0, 0.01), errors=200, **slo)["burn_rate"]
    assert (good.value, good.verdict, good.threshold) == (pytest.approx(2.0), Verdict.OK, 14.4)
    assert (bad.value, bad.verdict) == (pytest.approx(20.0), Verdict.ALARM)
    assert "took longer than 500 ms" in bad.reason


@pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf, -0.1, 1e300, 1.8e9, 5e-324, 0.0])
def test_a_duration_that_is_none_costs_nothing_beside_it(
    served: Served, usual: Callable[..., Seconds], odd: float
) -> None:
    """As a wrong clock or unit gives; the others are judged as ever, what is left out is counted, and none is usual."""
    possible = odd in (0.0, 5e-324)

    def window(seconds: Seconds) -> dict[str, Result]:
        return served.window(np.append(seconds, np.full(20, odd)), slo={"seconds": 0.5})

    for _ in range(3):
        window(usual())
    seconds = usual()
    found, slow = window(seconds), window(3 * usual())
    counted = np.append(seconds, np.zeros(20)) if possible else seconds
    assert found["p50"].value == pytest.approx(np.quantile(counted, 0.5), rel=0.01)
    assert ("20 durations that no call takes" in found["p50"].reason) is (not possible and not np.isnan(odd))
    assert {result.verdict for result in found.values()} == {Verdict.OK}
    assert "p50" in alarms(slow)
    assert np.isfinite([result.threshold for result in found.values()]).all()


@pytest.mark.parametrize(
    ("timed", "untimed", "errors", "verdict"),
    [
        (600, 0, 0, Verdict.OK),
        (400, 200, 0, Verdict.OK),
        (200, 400, 0, Verdict.NOT_ENOUGH_DATA),
        (0, 600, 0, Verdict.NOT_ENOUGH_DATA),
        (0, 600, 300, Verdict.ALARM),
        (3, 0, 0, Verdict.NOT_ENOUGH_DATA),
        (9, 0, 9, Verdict.ALARM),
    ],
)
def test_a_promise_is_not_kept_where_nobody_looked(
    served: Served, timed: int, untimed: int, errors: int, verdict: Verdict
) -> None:
    """Most calls must say how long they took, and be no handful; failures burn it all the same."""
    seconds = np.append(np.full(timed, 0.1), np.full(untimed, UNSAID))
    found = served.window(seconds, errors=errors, slo={"seconds": 0.5})["burn_rate"]
    assert found.verdict is verdict
    assert ("too few to call it kept" in found.reason) is (2 * timed < timed + untimed or timed + untimed < 20)


def test_slow_rows_that_chance_explains_are_said(served: Served, usual: Callable[..., Seconds]) -> None:
    """Two of a hundred beyond the usual are no alarm; the number that a person reads beside ok is explained."""
    for _ in range(3):
        served.window(np.full(100, 0.05))
    found = served.window(np.append(np.full(98, 0.05), [5.0, 5.0]))["p99"]
    assert (found.verdict, found.value) == (Verdict.OK, pytest.approx(5, rel=0.01))
    assert "2 so slow of 100 may be chance" in found.reason


def test_tiny_times_are_readable(served: Served) -> None:
    """Of 33 ns and of nothing."""
    for seconds in (0.0, 3.3e-8, 0.0):
        served.window(np.full(50, seconds))
    reasons = [served.window(np.full(50, seconds))["p50"].reason for seconds in (3.3e-8, 2e-5)]
    assert " ns; the windows before had 0 s" in reasons[0]
    assert " µs; " in reasons[1]
