"""What pages keep between two looks is what the store holds: a new run is seen at once, another store never."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from databases import Databases

from modelspan_analyzer.config.settings import MonitorsConfig
from modelspan_analyzer.reading.unchanged import Name, UntilWritten
from modelspan_analyzer.results import Result, Verdict, Window, write_results
from modelspan_analyzer.runner import runs
from modelspan_analyzer.views import compare, feature, fleet, model, monitors
from modelspan_collector.store.connect import Store

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
MODELS = ("churn", "fraud", "price")
SETTINGS = MonitorsConfig()


def run(store: Store, model: str, hour: int, verdict: Verdict, *, recorded: bool = True) -> None:
    """A finished run over an hour, with one result."""
    window = Window(NOON + hour * HOUR, NOON + (hour + 1) * HOUR)
    found = Result(model, "1", window, "data_drift", "psi", 0.3, verdict, feature="age", n=500, n_baseline=500)
    slow = Result(model, "1", window, "latency", "p95", 1.0 + hour, Verdict.OK, n=500, n_baseline=500)
    write_results(store, [found, slow], f"run-{hour}", window.end)
    if recorded:
        done = runs.Run(f"run-{hour}", model, "1", "", window, window.end, window.end)
        runs.write(store, [done.ended(runs.DONE, window.end)])


def shown(store: Store, hour: int = 1) -> dict[str, tuple[str, float | None]]:
    """How each model is on the page of the fleet, and its latency."""
    page = fleet.read(store, {}, SETTINGS, NOON + hour * HOUR)
    return {one.model: (one.state, one.p95_seconds) for one in page.matched}


def alarmed(store: Store) -> tuple[int, int]:
    """Windows of data drift on the page of the monitors, and those that alarmed."""
    page = monitors.read(store, {}, SETTINGS, NOON + HOUR)
    return next((part.windows, part.alarmed) for part in page.parts if part.name == "data_drift")


@pytest.fixture
def looked_at(store: Store) -> Store:
    """Three models, all well in the first hour, whose pages have been seen."""
    for name in MODELS:
        run(store, name, 0, Verdict.OK)
    assert shown(store) == dict.fromkeys(MODELS, ("healthy", 1.0))
    assert alarmed(store) == (3, 0)
    return store


def test_a_new_run_is_seen_at_once_and_only_of_its_model(looked_at: Store) -> None:
    run(looked_at, "fraud", 1, Verdict.ALARM)
    assert shown(looked_at) == {"churn": ("healthy", 1.0), "fraud": ("alarm", 2.0), "price": ("healthy", 1.0)}
    assert alarmed(looked_at) == (4, 1)


def test_the_pages_of_a_model_and_of_its_features_say_what_its_newest_result_says(looked_at: Store) -> None:
    """Also where a window is measured again, and where its results are deleted."""

    def said() -> tuple[str, str, int]:
        page = model.read(looked_at, {"model": "fraud"}, SETTINGS, NOON + 2 * HOUR)
        of = feature.read(looked_at, {"model": "fraud", "feature": "age"})
        assert of.newest
        (line,) = page.signals["data_drift"]
        return line.newest.verdict, of.newest.verdict, len(line.points)

    assert said() == ("ok", "ok", 1)
    run(looked_at, "fraud", 1, Verdict.ALARM)
    assert said() == ("alarm", "alarm", 2)
    run(looked_at, "churn", 1, Verdict.ALARM)
    assert said() == ("alarm", "alarm", 2)
    run(looked_at, "fraud", 1, Verdict.WARNING, recorded=False)
    assert said() == ("warning", "warning", 2)
    for table in ("monitor_results", "monitor_runs"):
        looked_at.command(f"DELETE FROM {table} WHERE model = 'fraud' AND toHour(window_start) = 13")
    assert said() == ("ok", "ok", 1)


def test_a_window_that_is_measured_again_without_a_run_of_its_own_is_seen(looked_at: Store) -> None:
    run(looked_at, "fraud", 0, Verdict.ALARM, recorded=False)
    assert shown(looked_at)["fraud"][0] == "alarm"
    assert alarmed(looked_at) == (3, 1)


def test_a_model_that_is_new_is_seen(looked_at: Store) -> None:
    run(looked_at, "offers", 0, Verdict.ALARM)
    assert shown(looked_at)["offers"] == ("alarm", 1.0)


def test_merged_parts_say_the_same(looked_at: Store) -> None:
    run(looked_at, "fraud", 1, Verdict.ALARM)
    before = shown(looked_at), alarmed(looked_at)
    for table in ("monitor_results", "monitor_runs"):
        looked_at.command(f"OPTIMIZE TABLE {table} FINAL")
    assert (shown(looked_at), alarmed(looked_at)) == before


@pytest.mark.parametrize(
    "away",
    [
        "ALTER TABLE {table} DELETE WHERE model = 'fraud' SETTINGS mutations_sync = 2",
        "DELETE FROM {table} WHERE model = 'fraud'",
        "TRUNCATE TABLE {table}",
    ],
)
def test_what_is_deleted_is_not_shown_any_more(looked_at: Store, away: str) -> None:
    for table in ("monitor_results", "monitor_runs"):
        looked_at.command(away.format(table=table))
    assert "fraud" not in shown(looked_at)
    assert alarmed(looked_at)[0] == (0 if "TRUNCATE" in away else 2)


def test_two_databases_of_one_engine_share_nothing(looked_at: Store, databases: Databases) -> None:
    with databases.one() as other:
        assert shown(other) == {}
        run(other, "fraud", 0, Verdict.ALARM)
        assert shown(other) == {"fraud": ("alarm", 1.0)}
    assert shown(looked_at) == dict.fromkeys(MODELS, ("healthy", 1.0))


def test_only_models_of_which_something_was_written_are_read_again(looked_at: Store) -> None:
    asked: list[list[str]] = []

    def read(store: Store, models: Sequence[str], _: Hashable) -> Mapping[Name, int]:
        asked.append(list(models))
        rows = store.rows("SELECT model, version, toInt64(count()) AS n FROM monitor_results GROUP BY model, version")
        return {(row["model"], row["version"]): row["n"] for row in rows if row["model"] in models or not models}

    kept = UntilWritten(read, "monitor_results")
    first = kept(looked_at)
    assert kept(looked_at) == first == dict.fromkeys([(model, "1") for model in MODELS], 2)
    assert kept(looked_at, "churn") == {("churn", "1"): 2}
    run(looked_at, "fraud", 1, Verdict.OK)
    assert kept(looked_at, "fraud") == {("fraud", "1"): 4}
    assert kept(looked_at) == {**first, ("fraud", "1"): 4}
    assert kept(looked_at, asked="another day") == {**first, ("fraud", "1"): 4}
    assert asked == [[], ["fraud"], ["fraud"], []]


class MergedBehind:
    """A store whose engine merges all parts just after it has told of them, as it may at any moment."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def rows(self, query: str, parameters: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        found = self._store.rows(query, parameters)
        if "system.parts" in query:
            self._store.command("OPTIMIZE TABLE monitor_results FINAL")
        return found

    def scalar(self, query: str, parameters: Mapping[str, Any] | None = None) -> Any:
        return self._store.scalar(query, parameters)


def test_what_is_merged_while_it_is_looked_at_is_seen(looked_at: Store) -> None:
    """A part that was told of is gone when its rows are read: they are in another."""

    def read(store: Store, models: Sequence[str], _: Hashable) -> Mapping[Name, int]:
        rows = store.rows("SELECT model, version, uniqExact(window_start) AS n FROM monitor_results GROUP BY ALL")
        return {(row["model"], row["version"]): row["n"] for row in rows if row["model"] in models or not models}

    kept, busy = UntilWritten(read, "monitor_results"), cast("Store", MergedBehind(looked_at))
    assert kept(busy) == dict.fromkeys([(model, "1") for model in MODELS], 1)
    run(looked_at, "fraud", 1, Verdict.OK)
    assert kept(busy, "fraud") == {("fraud", "1"): 2}
    assert kept(busy)["fraud", "1"] == 2


def compared(store: Store) -> tuple[str, dict[str, float | None], int]:
    """The sentence of a comparison, how well it answers, and the predictions of this side."""
    asked = {"model": "m", "version": "1", "with": "before", "since": NOON.isoformat()}
    page = compare.read(store, {**asked, "until": (NOON + HOUR).isoformat()}, SETTINGS, NOON + 2 * HOUR)
    return page.sentence, {one.metric: one.value for one in page.outcomes}, page.this.rows


def predict(store: Store, hour: int, value: float, rows: int = 400, first: int = 0) -> None:
    """Predictions of an hour, which came some time ago."""
    begin = NOON + hour * HOUR
    numbers = {"model": "m", "hour": hour, "value": value, "rows": rows, "first": first, "begin": begin}
    store.command(
        "INSERT INTO predictions (model, version, timestamp, received_at, prediction_id, label, numeric_features) "
        "SELECT {model:String}, '1', {begin:DateTime('UTC')} + number, now() - INTERVAL 1 HOUR, "
        "concat(toString({hour:Int32}), '-', toString(number + {first:UInt32})), if(number % 2 = 0, 'yes', 'no'), "
        "map('age', {value:Float64} + number % 50) FROM numbers({rows:UInt32})",
        numbers,
    )


def test_a_comparison_is_of_what_the_store_holds_however_often_it_is_asked_for(store: Store) -> None:
    predict(store, -1, 0.0)
    predict(store, 0, 0.0)
    first = compared(store)
    assert first == compared(store)
    assert "nothing differs" in first[0] and first[2] == 400

    store.command(
        "INSERT INTO labels (prediction_id, model, timestamp, label) SELECT prediction_id, model, timestamp, "
        "if(timestamp < {noon:DateTime('UTC')}, label, 'no') FROM predictions",
        {"noon": NOON},
    )
    labelled = compared(store)
    assert first[1].get("accuracy") is None and labelled[1]["accuracy"] == 0.5

    predict(store, 0, 500.0, 800, 400)
    more = compared(store)
    assert more[2] == 1200 and "moved most: age" in more[0]

    store.command("DELETE FROM predictions WHERE model = 'm' AND prediction_id NOT LIKE '0-%'")
    assert "Nothing to compare with" in compared(store)[0]
