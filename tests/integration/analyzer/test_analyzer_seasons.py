"""Columns with a rhythm or a trend: what is usual for the time calms, and a fault alarms all the same."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from conftest import Predict

from modelspan_analyzer.config.settings import ModelSettings
from modelspan_analyzer.monitors.context import MonitorContext
from modelspan_analyzer.monitors.drift.data_drift import data_drift
from modelspan_analyzer.monitors.drift.seasonal import seasonal, usual_now
from modelspan_analyzer.monitors.drift.slices import slices
from modelspan_analyzer.monitors.drift.slices_in_season import SAID
from modelspan_analyzer.monitors.multivariate.monitor import multivariate
from modelspan_analyzer.monitors.quality.monitor import data_quality
from modelspan_analyzer.reading import baselines
from modelspan_analyzer.reading.profiles.pooling import MEAN
from modelspan_analyzer.results import Result, Verdict, Window, write_results
from modelspan_analyzer.verdicts.seasons import SETTLED
from modelspan_collector.store.connect import Store

START = datetime(2026, 3, 2, tzinfo=UTC)
"""A Monday."""
HOURS = 6
ROWS = 200
DAYS = 15
GENERATOR = np.random.default_rng(8)


def rows(at: float, number: int = ROWS) -> pa.Table:
    """Rows of one moment, in hours since the start: columns by day, one that grows, one that stays, and one that is
    missing at night."""
    day = np.sin(2 * np.pi * (at + 3) / 24)
    noise = GENERATOR.normal(size=(3, number))
    names = np.where(GENERATOR.random(number) < 0.4 + 0.3 * day, "lamp", "sun")
    return pa.table(
        {
            "temperature": day + noise[0],
            "mileage": at / 100 + noise[1],
            "steady": noise[2],
            "light": names,
            "humidity": gaps(0.45 if at % 24 < HOURS else 0.05, number),
        }
    )


def gaps(share: float, number: int) -> pa.Array:
    """Numbers of which a share is missing."""
    return pa.array(GENERATOR.normal(size=number), mask=GENERATOR.random(number) < share)


def look(store: Store, model: str, day: int, quarter: int, **rule: object) -> dict[str, Result]:
    """What the monitor says of a window; what is said is kept, as a run keeps it."""
    start = START + timedelta(days=day, hours=HOURS * quarter)
    settings = ModelSettings.model_validate({"data_drift": {"rule": rule}})
    baseline = baselines.active(store, model, "1")
    context = MonitorContext(store, model, "1", Window(start, start + timedelta(hours=HOURS)), baseline, settings)
    found = data_drift(context)
    write_results(store, found, "run")
    others = [*data_quality(context), *multivariate(context)]
    told = {one.feature: one for one in found if one.metric == "psi"}
    for one in others:
        if one.verdict is Verdict.ALARM:
            told[f"{one.metric} {one.feature}".strip()] = one
    return told


@pytest.fixture(scope="module")
def stream(shared_store: Store, predict: Predict) -> Store:
    """Fifteen days that follow a baseline without times, and a last one with faults."""
    whole = pa.concat_tables([rows(at % 24, 50) for at in np.linspace(0, 24, 40, endpoint=False)])
    moved = whole.set_column(1, "mileage", pa.array(GENERATOR.normal(size=whole.num_rows)))
    baselines.set_from_table(shared_store, "seasonal", "1", moved, source="rows without times")
    every = pa.concat_tables([rows(at) for at in range(0, 24 * DAYS, HOURS)])
    predict("seasonal", every, START.replace(tzinfo=None), hours=24 * DAYS)
    return shared_store


def test_a_season_is_learnt_from_the_stream_itself(stream: Store) -> None:
    """First its swings alarm, and it is said that no rhythm is known; then they are usual, and growth warns."""
    alarmed: dict[str, list[int]] = {name: [] for name in ("temperature", "mileage", "steady", "light", "humidity")}
    for day, quarter in [(0, 0), (0, 2), (2, 1), (4, 1), (8, 0), (8, 1), (11, 2), (13, 3), (14, 1)]:
        told = look(stream, "seasonal", day, quarter)
        for name in alarmed:
            if told[name].verdict is Verdict.ALARM:
                alarmed[name].append(day)
        if told["temperature"].verdict is Verdict.ALARM:
            assert "no rhythm of it is known yet" in told["temperature"].reason
        if day >= 8:
            others = [name for name in told if name not in alarmed]
            assert not others, {name: told[name].reason for name in others}
    assert alarmed["steady"] == []
    assert alarmed["temperature"]
    assert alarmed["humidity"]
    assert max(*alarmed["temperature"], *alarmed["light"], *alarmed["mileage"], *alarmed["humidity"]) < 8
    last = look(stream, "seasonal", DAYS - 1, 3)
    assert "usual from 18:00 to 00:00" in last["temperature"].reason
    assert last["mileage"].verdict is Verdict.WARNING
    assert "rises steadily" in last["mileage"].reason
    without = look(stream, "seasonal", DAYS - 1, 0, seasons=False)
    assert {without[name].verdict for name in ("temperature", "mileage")} == {Verdict.ALARM}


def test_a_restart_forgets_no_season(stream: Store) -> None:
    """What another process found out is read from its results: a fault may hide in a season that nobody looks for."""
    restarted = seasonal.__wrapped__  # type: ignore[attr-defined]  # as the first call of a process, which keeps nothing
    assert restarted(stream, "seasonal", "data_drift") == {"temperature", "light", "mileage", "humidity"}
    assert restarted(stream, "unknown", "data_drift") == set()


def test_a_fault_in_a_season_alarms(stream: Store, predict: Predict) -> None:
    """Half a standard deviation, a jump beside the trend, a stuck column, another name of a category, and as much
    missing at night as by day; for days."""
    every = []
    for quarter in range(4):
        usual = rows(24 * DAYS + HOURS * quarter, 500)
        temperature = np.asarray(usual["temperature"])
        faulty = {
            "temperature": temperature + 0.6 if quarter % 2 else np.full(500, np.median(temperature)),
            "mileage": np.asarray(usual["mileage"]) + 1,
            "steady": np.asarray(usual["steady"]) * 10,
            "light": ["LAMP" if text == "lamp" else text for text in usual["light"].to_pylist()],
            "humidity": gaps(0.2, 500),
        }
        every.append(pa.table(faulty))
    predict("seasonal", pa.concat_tables(every), START.replace(tzinfo=None) + timedelta(days=DAYS), hours=24)
    for quarter in range(4):
        told = look(stream, "seasonal", DAYS, quarter)
        for name in faulty:
            assert told[name].verdict is Verdict.ALARM, (quarter, told[name].reason)


def test_a_new_release_takes_no_fault_of_the_one_before_for_usual(stream: Store, predict: Predict) -> None:
    """It has no past of its own: features are those of the other release, whose windows with the faults alarmed."""
    start = START + timedelta(days=DAYS + 1)
    window = Window(start, start + timedelta(hours=HOURS))
    predict("seasonal", rows(0), start.replace(tzinfo=None), hours=HOURS, version=["2"] * ROWS)
    context = MonitorContext(stream, "seasonal", "2", window, baselines.active(stream, "seasonal", "1"))
    usual = usual_now(context, "data_drift", "psi", {"temperature": [MEAN]}, 50, outputs=False)["temperature"]
    assert usual.season.rhythm == "day"
    assert usual.season.back[0] == 8, "the faulty day before is none of those that are like it"


def test_a_window_that_breached_is_not_usual_though_it_only_warned(stream: Store) -> None:
    """As of all monitors together an alarm is a warning where it is not sure."""
    start = START + timedelta(days=DAYS, hours=HOURS)
    window, baseline = Window(start, start + timedelta(hours=HOURS)), baselines.active(stream, "seasonal", "1")
    context = MonitorContext(stream, "seasonal", "1", window, baseline)
    backs = []
    for details in ({"breach": False}, {"breach": True}):
        before = Window(start - timedelta(days=1), start - timedelta(hours=24 - HOURS))
        said = {**details, "season_stage": SETTLED}
        fields = {"verdict": Verdict.WARNING, "feature": "temperature", "details": said, "monitor": "data_drift"}
        write_results(stream, [Result("seasonal", "1", before, "data_drift", "psi", 0.2, **fields)], "run")
        usual = usual_now(context, "data_drift", "psi", {"temperature": [MEAN]}, 50, outputs=False)["temperature"]
        backs.append(usual.season.back[0])
    assert backs == [4, 8]


def test_a_fault_that_was_there_from_the_start_is_not_usual(shared_store: Store, predict: Predict) -> None:
    """What a rhythm cannot explain: another unit since the first day, beside a rhythm that began where it belongs."""
    at = np.linspace(0, 24, 40, endpoint=False)
    whole = pa.concat_tables([rows(hour, 50) for hour in at])
    baselines.set_from_table(shared_store, "skewed", "1", whole, source="rows without times")
    live = pa.concat_tables([rows(hour) for hour in range(0, 24 * 9, HOURS)])
    hours = np.repeat(np.arange(0, 24 * 9, HOURS), ROWS)
    faulty = {
        "temperature": np.asarray(live["temperature"]) * 1.8 + 2,
        "mileage": np.sin(2 * np.pi * (hours + 3) / 24) + hours / 100 + GENERATOR.normal(size=hours.size),
        "steady": live["steady"],
        "light": live["light"],
    }
    predict("skewed", pa.table(faulty), START.replace(tzinfo=None), hours=24 * 9)
    for day, quarter in [(1, 0), (2, 2), (6, 1), (7, 3), (8, 0), (8, 1), (8, 2), (8, 3)]:
        told = look(shared_store, "skewed", day, quarter)
        assert told["temperature"].verdict is Verdict.ALARM, (day, quarter, told["temperature"].reason)
        if day == 8:
            assert "its rhythm of the day does not explain it" in told["temperature"].reason
            assert "usual from" in told["light"].reason
            assert (told["light"].verdict, told["steady"].verdict) == (Verdict.OK, Verdict.OK)


def test_slices_follow_the_season_of_the_whole(shared_store: Store, predict: Predict) -> None:
    """A slice is as usual where it is as far from the whole as ever, and alarms where it alone moves."""

    def by_region(at: float, number: int, moved: float = 0.0) -> tuple[pa.Table, np.ndarray[Any, Any]]:
        table, region = rows(at, number), np.where(GENERATOR.random(number) < 0.3, "north", "south")
        temperature = np.asarray(table["temperature"]) + np.where(region == "north", moved - 0.4, 0.0)
        return table.set_column(0, "temperature", pa.array(temperature)), region

    def stored(parts: list[tuple[pa.Table, np.ndarray[Any, Any]]]) -> tuple[pa.Table, list[str]]:
        return pa.concat_tables([table for table, _ in parts]), [str(one) for _, some in parts for one in some]

    past, regions = stored([by_region(hour, 100) for hour in np.linspace(0, 24, 40, endpoint=False)])
    known = past.append_column("region", pa.array(regions))
    baselines.set_from_table(shared_store, "sliced", "1", known, tags=["region"], source="rows without times")
    faulty = [24 * 8 + HOURS * 3]
    live, regions = stored([by_region(at, 600, 2.0 * (at in faulty)) for at in range(0, 24 * 9, HOURS)])
    tags = pa.array([[("region", one)] for one in regions], pa.map_(pa.string(), pa.string()))
    predict("sliced", live, START.replace(tzinfo=None), hours=24 * 9, tags=tags)
    settings = ModelSettings.model_validate({"segments": ("tag.region",)})
    for quarter in range(4):
        start = START + timedelta(days=8, hours=HOURS * quarter)
        window, baseline = Window(start, start + timedelta(hours=HOURS)), baselines.active(shared_store, "sliced", "1")
        context = MonitorContext(shared_store, "sliced", "1", window, baseline, settings)
        data_drift(context)
        told = {(one.feature, one.segment): one for one in slices(context) if one.metric == "psi"}
        alarms = {which for which, one in told.items() if one.verdict is Verdict.ALARM}
        assert alarms == ({("temperature", "tag.region=north")} if quarter == 3 else set())
        assert SAID in told["temperature", "tag.region=south"].reason


def test_a_baseline_with_times_knows_the_season_at_once(shared_store: Store, predict: Predict) -> None:
    """As a replay sets one: the first live windows are compared with its windows of the same time of the day."""
    past = pa.concat_tables([rows(at) for at in range(-24 * 10, 0, HOURS)])
    seconds = (np.arange(past.num_rows) - past.num_rows) * (HOURS * 3600 / ROWS) + START.timestamp()
    timed = past.append_column("at", pa.array((seconds * 1e9).astype(np.int64)).cast(pa.timestamp("ns", "UTC")))
    made = baselines.set_from_table(shared_store, "timed", "1", timed, time="at", source="rows with times")
    assert made.window is not None
    assert made.window.end <= START
    predict("timed", pa.concat_tables([rows(at) for at in range(0, 24, HOURS)]), START.replace(tzinfo=None), hours=24)
    for quarter in range(4):
        told = look(shared_store, "timed", 0, quarter)
        assert {told[name].verdict for name in ("temperature", "light", "steady")} <= {Verdict.OK, Verdict.WARNING}


def test_live_features_that_name_rows_are_left_out_and_asked_back(shared_store: Store, predict: Predict) -> None:
    """Row numbers, ids and UUIDs of a learnt baseline; amounts that happen to differ stay."""
    number = 400
    places = np.arange(number, dtype=float)
    table = pa.table(
        {
            "row": places,
            "customer_id": [f"c{(place * 37) % 1009:.0f}" for place in places],
            "request": [str(uuid.UUID(int=int(place) * 7919)) for place in places],
            "amount": (places * 37) % 1009,
            "comment": [f"t{(place * 37) % 1009:.0f}" for place in places],
        }
    )
    predict("named", table, START.replace(tzinfo=None), hours=2)
    window = Window(START, START + timedelta(hours=1))
    baseline = baselines.set_learnt(shared_store, "named", "1", window)
    later = Window(window.end, window.end + timedelta(hours=1))
    told: dict[str, set[str]] = {}
    for back in ((), ("row", "request")):
        settings = ModelSettings.model_validate({"ids_as_features": back})
        context = MonitorContext(shared_store, "named", "1", later, baseline, settings)
        found = [*data_drift(context), *data_quality(context)]
        skipped = {one.feature: one.reason for one in found if one.verdict is Verdict.SKIPPED and one.feature}
        assert set(skipped) == {"row", "customer_id", "request"} - set(back)
        assert all(f"`ids_as_features: [{name}]`" in reason for name, reason in skipped.items())
        told["back" if back else "default"] = {one.feature for one in found if one.verdict is not Verdict.SKIPPED}
    assert {"amount", "comment"} <= told["default"]
    assert told["back"] - told["default"] == {"row", "request"}


def test_what_goes_with_a_growing_column_is_usual_beside_windows_like_it(shared_store: Store, predict: Predict) -> None:
    """Columns that follow a growing one, each by too little to be seen, are together far from the baseline but not from
    the newest windows; where two others no longer go together, that alarms all the same."""
    generator = np.random.default_rng(5)

    def following(at: float, number: int, twins: float = 1) -> pa.Table:
        growing, twin, *noise = generator.normal(size=(15, number))
        columns = {f"follower_{place}": 0.25 * (at + growing) + one for place, one in enumerate(noise[:12])}
        both = {"twin": twin, "other twin": twins * twin + 0.5 * noise[12]}
        return pa.table({"growing": at + growing, **columns, **both})

    baselines.set_from_table(shared_store, "followed", "1", following(0.0, 4000), source="rows without times")
    every = pa.concat_tables([following(0.02 * quarter, 400) for quarter in range(4 * DAYS)])
    predict("followed", every, START.replace(tzinfo=None), hours=24 * DAYS)
    torn = following(0.02 * 4 * DAYS, 400, twins=-1)
    predict("followed", torn, START.replace(tzinfo=None) + timedelta(days=DAYS), hours=HOURS)
    calm = look(shared_store, "followed", DAYS - 1, 3)
    assert calm["growing"].verdict is Verdict.WARNING
    assert "domain_classifier_auc" not in calm
    told = look(shared_store, "followed", DAYS, 0)["domain_classifier_auc"]
    assert "beside 7 earlier windows like it instead of the baseline" in told.reason
    assert set(told.details["features"][:2]) == {"twin", "other twin"}
