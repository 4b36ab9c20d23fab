"""Rows that come late, twice or failed, and baselines that a query gives or that swing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from modelspan_analyzer.config.settings import ModelSettings, MonitorsConfig
from modelspan_analyzer.files.roles import Roles, settle
from modelspan_analyzer.files.rows import FileRows
from modelspan_analyzer.monitors.context import MonitorContext
from modelspan_analyzer.monitors.drift.data_drift import data_drift
from modelspan_analyzer.monitors.quality import constraints, statistics_json
from modelspan_analyzer.monitors.quality.monitor import DATA_QUALITY, data_quality
from modelspan_analyzer.monitors.signal import Signals
from modelspan_analyzer.reading import baselines
from modelspan_analyzer.reading.profiles.read import baseline_profile
from modelspan_analyzer.reading.query_rows import query_rows
from modelspan_analyzer.results import Result, Verdict, Window
from modelspan_analyzer.runner import Runner
from modelspan_collector.store.connect import Store

Predict = Callable[..., None]

START = datetime(2026, 3, 2, tzinfo=UTC)
QUALITY = Signals.of(DATA_QUALITY)
HOUR = timedelta(hours=1)


def table(seed: int, rows: int = 600) -> pa.Table:
    """Two features that never repeat."""
    rng = np.random.default_rng(seed)
    return pa.table({"age": rng.normal(size=rows), "plan": rng.choice(["free", "pro"], rows)})


def quality(store: Store, model: str, start: datetime = START) -> dict[str, Result]:
    """The window's results without a feature, by metric."""
    baseline = baselines.active(store, model, "1")
    context = MonitorContext(store, model, "1", Window(start, start + HOUR), baseline, ModelSettings())
    return {result.metric: result for result in data_quality(context) if not result.feature}


@pytest.mark.parametrize(("size", "minutes"), [("1h", 60), ("15m", 15)])
def test_a_window_that_grew_is_looked_at_again(shared_store: Store, predict: Predict, size: str, minutes: int) -> None:
    """Late rows bring one more look, whose results replace the first; a few rows or a second look do not."""
    config = MonitorsConfig.model_validate({"defaults": {"window": {"size": size}, "baseline": {"learn": 100}}})
    model, length = f"late-{size}", timedelta(minutes=minutes)
    predict(model, table(1, 200), START, hours=minutes / 60)
    predict(model, table(2, 200), START + length, hours=minutes / 60)

    def look(after: int) -> set[datetime]:
        moment = START + 2 * length + timedelta(minutes=after)
        found = Runner(shared_store, config, signals=QUALITY, clock=lambda: moment).once()
        return {result.window.start for result in found if result.model == model}

    first = look(2)
    assert START + length in first
    predict(model, table(3, 5), START + length + timedelta(minutes=minutes / 2), hours=0.05)
    assert look(3) == set(), "2.5 % more rows are within the allowed share"
    predict(model, table(4, 100), START + length + timedelta(minutes=minutes / 3), hours=0.1)
    assert look(14) == {START + length}
    assert look(15) == set()
    volume = """SELECT value FROM monitor_results FINAL WHERE model = {model:String} AND metric = 'volume'
        AND window_start = {start:DateTime64(9, 'UTC')}"""
    assert [row["value"] for row in shared_store.rows(volume, {"model": model, "start": START + length})] == [305.0]


def test_repeated_rows_alarm(shared_store: Store, predict: Predict) -> None:
    """Rows sent twice under other ids are told from rows that only resemble each other."""
    for model, current in (("fresh", table(5)), ("repeating", pa.concat_tables([table(5, 300), table(5, 300)]))):
        baselines.set_from_table(shared_store, model, "1", table(6), source="test")
        predict(model, current, START)
    fresh, repeating = (quality(shared_store, model)["duplicate_row_rate"] for model in ("fresh", "repeating"))
    assert (fresh.value, fresh.verdict) == (0.0, Verdict.OK)
    assert (repeating.value, repeating.verdict) == (0.5, Verdict.ALARM)


@pytest.mark.parametrize("rows", [50, 3_000])
def test_ids_that_differ_never_look_repeated(shared_store: Store, rows: int) -> None:
    """From few rows as from sketches: ids that an estimate takes for repeated are counted before that is said."""
    unlucky = """SELECT groupArray(id) FROM (
            SELECT intDiv(number, {rows:UInt32}) AS draw, toString(cityHash64(number)) AS id
            FROM numbers({rows:UInt32} * 500))
        GROUP BY draw ORDER BY uniqHLL12(cityHash64(id)) LIMIT 1"""
    ids = shared_store.scalar(unlucky, {"rows": rows})
    model = f"distinct-{rows}"
    stamps = pa.array([int(START.timestamp())] * rows).cast(pa.timestamp("s", "UTC"))
    same = {"model": [model] * rows, "version": ["1"] * rows, "timestamp": stamps}
    shared_store.insert("predictions", pa.table({**same, "prediction_id": ids}))
    found = quality(shared_store, model)["duplicate_id_rate"]
    assert (found.value, found.verdict) == (0.0, Verdict.OK)


def test_repeated_ids_alarm(shared_store: Store, predict: Predict) -> None:
    """From rows as from sketches, with their exact share."""
    for model, rows in (("few-ids", 600), ("many-ids", 3_000)):
        ids = [str(max(0, row - rows // 10)) for row in range(rows)]
        predict(model, table(9, rows), START, prediction_id=ids)
        found = quality(shared_store, model)["duplicate_id_rate"]
        assert (found.value, found.verdict) == (pytest.approx(0.1, abs=1e-9), Verdict.ALARM)


def test_rows_that_repeat_by_nature_are_usual(shared_store: Store, predict: Predict) -> None:
    """Where the baseline repeats as much, repetition is no alarm."""
    few = pa.table({"plan": np.random.default_rng(7).choice(["free", "pro"], 600)})
    baselines.set_from_table(shared_store, "few", "1", few, source="test")
    predict("few", few, START)
    found = quality(shared_store, "few")["duplicate_row_rate"]
    assert (found.value, found.verdict) == (pytest.approx(598 / 600), Verdict.OK)


def test_more_failed_calls_than_usual_alarm(shared_store: Store, predict: Predict) -> None:
    """The windows before tell how many calls fail; a tenth where there were none is an alarm."""
    baselines.set_from_table(shared_store, "failing", "1", table(8), source="test")
    for hour, failed in enumerate((0, 0, 60)):
        errors = pa.array(["timeout"] * failed + [""] * (600 - failed))
        predict("failing", table(9 + hour), START + hour * HOUR, error_type=errors)
    found = Runner(shared_store, signals=QUALITY).once(START + 3 * HOUR + timedelta(minutes=2))
    rates = [result for result in found if (result.model, result.metric) == ("failing", "error_rate")]
    assert [(result.value, result.verdict) for result in rates] == [
        (0.0, Verdict.NOT_COMPARED),
        (0.0, Verdict.OK),
        (pytest.approx(0.1), Verdict.ALARM),
    ]


def test_a_query_gives_a_baseline(shared_store: Store) -> None:
    """Its rows are the baseline's and its text the source; what is no SELECT is refused."""
    query = (
        "SELECT number / 10 AS age, if(number % 2 = 0, 'free', 'pro') AS plan, number % 3 AS bought FROM numbers(90);"
    )
    settled = settle(FileRows.of(query_rows(shared_store, query)), Roles(label="bought"))
    made = baselines.set_from_settled(shared_store, "queried", "1", settled, query)
    assert (made.rows, made.kind, made.source) == (90, "rows", query)
    assert set(baseline_profile(shared_store, made).features) == {"age", "plan"}
    with pytest.raises(ValueError, match="from a SELECT only, and the query begins with DROP"):
        query_rows(shared_store, "DROP TABLE predictions")


@pytest.mark.parametrize("kept", ["numbers", "texts", "some"])
def test_rows_of_a_baseline_keep_the_ids_that_are_named(shared_store: Store, kept: str) -> None:
    """By them a person is found and forgotten in a baseline too; a row without one is given one."""
    given: dict[str, list[Any]] = {"numbers": [7, 8, 9], "texts": ["a7", "b8", "c9"], "some": ["a7", None, "c9"]}
    rows = FileRows.of(pa.table({"key": given[kept], "age": [1.5, 2.5, 3.5]}))
    made = baselines.set_from_settled(shared_store, f"known {kept}", "1", settle(rows, Roles(id="key")), "a file")
    found = shared_store.rows(
        "SELECT prediction_id, mapKeys(numeric_features) AS names FROM reference_predictions "
        "WHERE baseline_id = {id:String} ORDER BY numeric_features['age']",
        {"id": made.baseline_id},
    )
    assert [row["prediction_id"] for row in found] == [str(known or "row-1") for known in given[kept]]
    assert {tuple(row["names"]) for row in found} == {("age",)}


def test_statistics_come_back(shared_store: Store) -> None:
    """What a statistics.json tells is read back: counts, moments, categories, and the constraints they suggest."""
    made = baselines.set_from_table(shared_store, "exchanged", "1", table(20), source="test")
    profile = baseline_profile(shared_store, made)
    read = statistics_json.from_json(statistics_json.to_json(profile))
    assert read.rows == profile.rows
    age, plan = read.features["age"], read.features["plan"]
    original = profile.features["age"].numbers
    assert age.numbers is not None and plan.texts is not None and original is not None
    assert (age.numbers.mean, age.numbers.std) == pytest.approx((original.mean, original.std))
    assert plan.texts.counts == profile.features["plan"].texts.counts  # type: ignore[union-attr]
    assert constraints.suggest(read) == constraints.suggest(profile)
    with pytest.raises(statistics_json.StatisticsError, match="expected an object with"):
        statistics_json.from_json("[]")


def test_a_swing_of_the_baseline_itself_is_no_drift(shared_store: Store, predict: Predict) -> None:
    """With learnt floors, a shift like those within the baseline is none; a far larger one alarms, as without."""
    rng = np.random.default_rng(30)

    def hour(mean: float) -> pa.Table:
        return pa.table({"age": rng.normal(mean, 1, 300)})

    for number in range(12):
        predict("swinging", hour(2.0 * (number % 2)), START + number * HOUR)
    baselines.set_from_window(shared_store, "swinging", "1", Window(START, START + 12 * HOUR))
    predict("swinging", hour(2.0), START + 12 * HOUR)
    predict("swinging", hour(9.0), START + 13 * HOUR)

    def verdict(number: int, learn: bool) -> Verdict:
        settings = ModelSettings.model_validate({"data_drift": {"rule": {"learn_floor": learn}}})
        window = Window(START + number * HOUR, START + (number + 1) * HOUR)
        baseline = baselines.active(shared_store, "swinging", "1")
        found = data_drift(MonitorContext(shared_store, "swinging", "1", window, baseline, settings))
        return next(result.verdict for result in found if result.metric == "psi")

    assert [verdict(12, learn) for learn in (False, True)] == [Verdict.ALARM, Verdict.OK]
    assert [verdict(13, learn) for learn in (False, True)] == [Verdict.ALARM, Verdict.ALARM]
