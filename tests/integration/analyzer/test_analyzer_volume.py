"""Whether predictions come: an outage is never usual, a night may be, and traffic that moves is no loss."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray

from modelspan_analyzer.config.settings import ModelSettings
from modelspan_analyzer.monitors.context import MonitorContext
from modelspan_analyzer.monitors.quality.arrival import arrival
from modelspan_analyzer.results import Result, Verdict, Window, write_results
from modelspan_collector.store.connect import Store

START = datetime(2026, 3, 2, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


class Traffic:
    """A model's predictions, and what is said of windows of it; what is said is kept, as a run keeps it."""

    def __init__(self, store: Store, model: str) -> None:
        self.store, self.model = store, model

    def send(self, at: datetime, rows: int, version: str = "1", role: str = "primary", minutes: float = 60) -> None:
        """So many predictions, evenly over some minutes."""
        self._insert(_even(at, rows, minutes), version, role)

    def hours(self, first: datetime, counts: list[int], version: str = "1", role: str = "primary") -> None:
        """So many predictions in each hour from one on."""
        every = [_even(first + place * HOUR, rows, 60) for place, rows in enumerate(counts)]
        self._insert(np.concatenate(every), version, role)

    def _insert(self, stamps: NDArray[np.int64], version: str, role: str) -> None:
        rows = len(stamps)
        columns = {"model": [self.model] * rows, "version": [version] * rows, "role": [role] * rows}
        ids = [f"{version}-{stamp}" for stamp in stamps]
        stamped = {"timestamp": pa.array(stamps).cast(pa.timestamp("ns", "UTC")), "prediction_id": ids}
        self.store.insert("predictions", pa.table({**columns, **stamped}))

    def look(self, at: datetime, size: timedelta = HOUR, version: str = "1", **settings: object) -> dict[str, Result]:
        """What is said of the window that begins at a moment."""
        chosen = ModelSettings.model_validate(settings)
        context = MonitorContext(self.store, self.model, version, Window(at, at + size), None, chosen)
        found = list(arrival(context, "data_quality"))
        write_results(self.store, found, "run")
        return {result.metric: result for result in found}

    def verdict(self, at: datetime, size: timedelta = HOUR, version: str = "1", **settings: object) -> Verdict:
        """Of the volume."""
        return self.look(at, size, version, **settings)["volume"].verdict


def _even(at: datetime, rows: int, minutes: float) -> NDArray[np.int64]:
    return int(at.timestamp()) * 10**9 + (np.arange(rows) * (minutes * 60e9 / max(rows, 1))).astype(np.int64)


@pytest.fixture
def traffic(shared_store: Store, request: pytest.FixtureRequest) -> Traffic:
    """A model of the test's own."""
    return Traffic(shared_store, request.node.name)


def noisy(rows: int, hours: int, seed: int = 3) -> list[int]:
    """About so many an hour."""
    return [int(count) for count in np.random.default_rng(seed).poisson(rows, hours)]


@pytest.mark.parametrize("days", [1, 9])
def test_an_outage_never_becomes_usual(traffic: Traffic, days: int) -> None:
    """After one day of history or nine: every hour without predictions alarms, and the first good one does not."""
    traffic.hours(START, noisy(60, 24 * days))
    began = START + days * DAY
    looked = [*range(12), 24, 30, *range(47, 50)]
    assert {hour: traffic.verdict(began + hour * HOUR) for hour in looked} == dict.fromkeys(looked, Verdict.ALARM)
    over = began + 50 * HOUR
    traffic.hours(over, noisy(60, 3))
    assert [traffic.verdict(over + hour * HOUR) for hour in range(3)] == [Verdict.OK] * 3


def test_the_second_silence_of_a_model_is_compared_with_its_good_windows(traffic: Traffic) -> None:
    """The windows of the first one, five minutes each, tell nothing: neither that silence is usual, nor how much is."""
    five = timedelta(minutes=5)
    for place in range(24):
        if not 10 <= place < 20:
            traffic.send(START + place * five, 50, minutes=5)
    for place in range(10, 20):
        assert traffic.verdict(START + place * five, five) is Verdict.ALARM
    again = traffic.look(START + 24 * five, five)["volume"]
    assert (again.verdict, again.details["usual"]) == (Verdict.ALARM, pytest.approx(50))


def test_a_model_that_sleeps_every_night_may(traffic: Traffic) -> None:
    """After three nights silence at that time is usual; at noon it is not."""
    for day in range(4):
        traffic.hours(START + day * DAY + 8 * HOUR, noisy(60, 12, day))
    night, noon = START + 4 * DAY, START + 4 * DAY + 12 * HOUR
    for day in range(1, 4):
        traffic.verdict(START + day * DAY + 2 * HOUR)
    assert [traffic.verdict(night + hour * HOUR) for hour in range(8)] == [Verdict.OK] * 8
    assert traffic.verdict(noon) is Verdict.ALARM


def test_a_spike_and_a_slump_tell_nothing_of_what_is_usual(traffic: Traffic) -> None:
    """Windows that alarmed are left out: the tenth hour of a tenth of the traffic alarms as the first did."""
    traffic.hours(START, [600] * 12 + [60] * 10)
    slump = START + 12 * HOUR
    assert [traffic.verdict(slump + hour * HOUR) for hour in range(10)] == [Verdict.ALARM] * 10


@pytest.mark.parametrize("hours", [0, 1, 30])
def test_the_freshness_of_a_window_is_the_age_of_the_newest_prediction(traffic: Traffic, hours: int) -> None:
    """However long ago it was, and whether or not the window has any."""
    traffic.send(START, 60)
    found = traffic.look(START + hours * HOUR, data_quality={"max_age": 3600})["freshness"]
    assert found.value == pytest.approx(3600 * hours + 60, abs=1)
    assert found.verdict is (Verdict.ALARM if hours else Verdict.OK)


@pytest.mark.parametrize("share", [1.0, 0.5, 0.05])
def test_traffic_that_moved_to_another_version_is_no_loss_and_no_rise(traffic: Traffic, share: float) -> None:
    """A shadow is promoted, or a canary grows: the model as a whole answers as much, and no version alarms."""
    traffic.hours(START, [400] * 24)
    role = "shadow" if share == 1 else "primary"
    traffic.hours(START, [int(400 * share)] * 24, "2", role)
    promoted = START + DAY
    traffic.hours(promoted, [400 if share == 1 else int(400 * (1 + share))] * 12, "2")
    for hour in (0, 1, 5, 11):
        found = [traffic.look(promoted + hour * HOUR, version=version)["volume"] for version in ("1", "2")]
        assert [one.verdict for one in found] == [Verdict.OK] * 2, [one.reason for one in found]
    fresh = traffic.look(promoted + 5 * HOUR, data_quality={"max_age": 3600})["freshness"]
    assert (fresh.verdict, "moved" in fresh.reason) == (Verdict.OK, True)


def test_an_outage_of_all_versions_alarms_for_each(traffic: Traffic) -> None:
    """Nobody took over."""
    for version in ("1", "2"):
        traffic.hours(START, [300] * 24, version)
    assert [traffic.verdict(START + DAY, version=version) for version in ("1", "2")] == [Verdict.ALARM] * 2


def test_a_shadow_that_stops_calls_nobody(traffic: Traffic) -> None:
    """It is a warning, which opens no incident, and says that the version is a shadow."""
    traffic.hours(START, [300] * 28)
    traffic.hours(START, [300] * 24, "2", "shadow")
    found = traffic.look(START + 26 * HOUR, version="2", data_quality={"max_age": 60})
    assert {metric: one.verdict for metric, one in found.items()} == dict.fromkeys(found, Verdict.WARNING)
    assert all("version 2 is a shadow" in one.reason for one in found.values())


def nightly(traffic: Traffic, nights: int, seed: int = 5) -> None:
    """A job that runs about two o'clock for some minutes."""
    starts = np.random.default_rng(seed).uniform(0, 90, nights)
    for night, minute in enumerate(starts):
        traffic.send(START + night * DAY + 2 * HOUR + timedelta(minutes=float(minute)), 500, minutes=20)


@pytest.mark.parametrize("size", [HOUR, timedelta(minutes=15)])
def test_a_batch_is_learnt_as_such_and_missed_when_it_is_overdue(traffic: Traffic, size: timedelta) -> None:
    """Between batches nothing alarms, whenever they began; when none has come for longer than ever, the volume does."""
    nightly(traffic, 6)
    between = [START + 5 * DAY + timedelta(hours=hour) for hour in (0, 2, 3, 4, 9, 14, 20, 24)]
    limits = {"data_quality": {"max_age": 3600}}
    for at in between:
        found = traffic.look(at, size, **limits)
        assert {one.verdict for one in found.values()} <= {Verdict.OK, Verdict.NOT_COMPARED}, (at, found)
    due = re.fullmatch(r"0 predictions; a batch comes every .*, and the next one is overdue at (.*) UTC",
                       traffic.look(START + 5 * DAY + 9 * HOUR, size, **limits)["volume"].reason)  # fmt: skip
    assert (
        due
        and START + 6 * DAY + HOUR < datetime.strptime(f"{due[1]}Z", "%Y-%m-%d %H:%M%z") < START + 6 * DAY + 8 * HOUR
    )
    late = traffic.look(START + 6 * DAY + 8 * HOUR, size, **limits)
    assert {metric: one.verdict for metric, one in late.items()} == dict.fromkeys(late, Verdict.ALARM)
    assert "a batch comes every" in late["volume"].reason


@pytest.mark.parametrize("every", [HOUR, DAY])
def test_the_first_batches_of_a_job_call_nobody(traffic: Traffic, every: timedelta) -> None:
    """Before its rhythm can be learnt it is said to be unknown; from the fourth batch on a late one is missed."""
    size = timedelta(minutes=10)
    for batch in range(4):
        begin = START + batch * every
        traffic.send(begin, 300, minutes=1)
        for place in range(1, 6):
            found = traffic.look(begin + place * every / 6, size)["volume"]
            assert found.verdict is not Verdict.ALARM, (batch, place, found.reason)
    late = traffic.look(START + 4 * every + every / 4, size)["volume"]
    assert late.verdict is Verdict.ALARM, late.reason


@pytest.mark.parametrize(
    ("expects", "verdicts"),
    [
        ("batch every 24h", [Verdict.OK, Verdict.OK, Verdict.ALARM]),
        ("batch every 6h", [Verdict.OK, Verdict.ALARM, Verdict.ALARM]),
        ("continuous", [Verdict.NOT_COMPARED] * 3),
    ],
)
def test_a_batch_may_be_told_of(traffic: Traffic, expects: str, verdicts: list[Verdict]) -> None:
    """From the first one on, before there is anything to learn from."""
    traffic.send(START, 500, minutes=20)
    found = [traffic.verdict(START + hours * HOUR, expects=expects) for hours in (4, 20, 30)]
    assert found == verdicts


def test_of_a_retired_model_nothing_is_expected(traffic: Traffic) -> None:
    """Its silence is right, in all that says something of it; predictions of it are a warning."""
    traffic.hours(START, noisy(400, 30))
    limits = {"data_quality": {"max_age": 60}}
    silent = traffic.look(START + 2 * DAY, **limits)
    assert {one.verdict for one in silent.values()} == {Verdict.ALARM}
    retired = traffic.look(START + 2 * DAY, expects="nothing", **limits)
    assert [retired[name].verdict for name in ("volume", "freshness")] == [Verdict.OK, Verdict.NOT_COMPARED]
    assert all("expects: nothing" in one.reason for one in retired.values())
    asked = traffic.look(START + 20 * HOUR, expects="nothing")["volume"]
    assert (asked.verdict, asked.value) == (Verdict.WARNING, asked.n)


@pytest.mark.parametrize("expects", ["batch", "batch every", "batch every day", "nightly", "batch every 24"])
def test_an_expectation_that_cannot_be_read_is_refused(expects: str) -> None:
    """With what can be written."""
    with pytest.raises(ValueError, match=r"batch every 24h|is not a duration"):
        ModelSettings.model_validate({"expects": expects})
