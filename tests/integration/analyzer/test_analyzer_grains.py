"""The views of drift at any grain: what they say is what the monitors measure, and every door to SQL leads there."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import numpy as np
import pyarrow as pa
import pytest
from clickhouse_connect.driver.exceptions import DatabaseError
from databases import Databases
from pages import blocks

from modelspan_analyzer.config.settings import ModelSettings, MonitorsConfig
from modelspan_analyzer.monitors.context import MonitorContext
from modelspan_analyzer.monitors.drift.data_drift import DATA_DRIFT
from modelspan_analyzer.reading import baselines
from modelspan_analyzer.reading.features import feature_maps
from modelspan_analyzer.results import Window
from modelspan_analyzer.web.app import build_alone
from modelspan_analyzer.web.asking import application
from modelspan_analyzer.web.grains import grain_routes
from modelspan_cli.main import main
from modelspan_collector.access.rules import NO_RULES, Redaction
from modelspan_collector.serve import AsgiServer
from modelspan_collector.sqlhttp.server import SqlServer
from modelspan_collector.store.connect import Store

PAGE = "docs/analyzer/grains.md"
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
PSI = "SELECT * FROM drift(model = {model:String}, feature = {feature:String}, grain = {grain:String})"


def people(rows: int, seed: int, *, older: float = 0.0, pro: float = 0.2) -> pa.Table:
    """Numbers of which some are missing, some of few values, and categories."""
    rng = np.random.default_rng(seed)
    return pa.table({
        "age": pa.array(rng.normal(40 + older, 10, rows), mask=rng.random(rows) < 0.1),
        "children": rng.choice([0.0, 1.0, 2.0], rows),
        "plan": rng.choice(["free", "pro"], rows, p=[1 - pro, pro]),
    })  # fmt: skip


def serve(store: Store, model: str, features: pa.Table, start: datetime, hours: int = 24, version: str = "1") -> None:
    """Rows as predictions, evenly over some hours."""
    rows = features.num_rows
    stamps = [start + row * (hours * HOUR / rows) for row in range(rows)]
    store.insert("predictions", pa.table({
        "model": [model] * rows, "version": [version] * rows,
        "prediction_id": [f"{model}-{start:%d%H}-{row}" for row in range(rows)],
        "timestamp": pa.array(stamps, pa.timestamp("ns", "UTC")),
        "value": np.random.default_rng(rows).random(rows), **feature_maps(features),
    }))  # fmt: skip


def asked(store: Store, model: str, feature: str, grain: str) -> Sequence[dict[str, Any]]:
    """What the view says."""
    text = PSI
    for name, value in (("model", model), ("feature", feature), ("grain", grain)):
        text = text.replace(f"{{{name}:String}}", f"'{value}'")
    return store.rows(text)


@pytest.fixture(scope="module")
def moved(shared_store: Store) -> Store:
    """A baseline, two days like it, and two days of older people on another plan."""
    baselines.set_from_table(
        shared_store, "churn", "1", people(4000, 1), features=["age", "children", "plan"], source="test"
    )
    for day in range(4):
        given = people(3000, 10 + day, older=6.0 * (day >= 2), pro=0.2 + 0.3 * (day >= 2))
        serve(shared_store, "churn", given, MONDAY + day * DAY)
    return shared_store


@pytest.mark.parametrize("feature", ["age", "children", "plan"])
def test_it_is_what_the_monitor_measures_of_the_same_day(moved: Store, feature: str) -> None:
    """To the error of sketches, of each day."""
    said = asked(moved, "churn", feature, "day")
    baseline = baselines.active(moved, "churn", "1")
    for day, row in enumerate(said):
        window = Window(MONDAY + day * DAY, MONDAY + (day + 1) * DAY)
        measured = DATA_DRIFT.run(MonitorContext(moved, "churn", "1", window, baseline, ModelSettings()))  # type: ignore[misc]
        (psi,) = [one.value for one in measured if (one.metric, one.feature) == ("psi", feature)]
        assert row["psi_baseline"] == pytest.approx(psi, rel=0.02, abs=0.002)
        assert row["rows"] == 3000


def test_a_jump_shows_beside_the_baseline_for_good_and_beside_the_day_before_once(moved: Store) -> None:
    """Also by the hour, and in one week there is nothing before it."""
    for feature in ("age", "plan"):
        days = asked(moved, "churn", feature, "day")
        assert [row["psi_baseline"] > 0.1 for row in days] == [False, False, True, True]
        assert [row["psi_before"] is not None and row["psi_before"] > 0.1 for row in days] == [
            False,
            False,
            True,
            False,
        ]
        hours = asked(moved, "churn", feature, "hour")
        assert len(hours) == 96
        assert max(hours, key=lambda row: row["psi_before"] or 0)["window_start"] == datetime(2026, 3, 4)
        (week,) = asked(moved, "churn", feature, "week")
        assert (week["rows"], week["psi_before"], week["before"]) == (12_000, None, None)
    assert days[2]["before"] == datetime(2026, 3, 3)
    age = asked(moved, "churn", "age", "day")
    assert age[0]["missing"] == pytest.approx(0.1, abs=0.02)
    assert [row["mean"] for row in age] == pytest.approx([40, 40, 46, 46], abs=1)


def test_what_creeps_shows_beside_the_baseline_alone_and_without_one_nothing_is_made_up(store: Store) -> None:
    """Ten days of two years more each: no day is unlike the one before. Of another version without a baseline, and of
    answers that the baseline has none of, the index is NULL."""
    baselines.set_from_table(store, "slow", "1", people(4000, 1), features=["age"], source="test")
    for day in range(10):
        serve(store, "slow", people(1500, 30 + day, older=2.0 * day), MONDAY + day * DAY)
        if day < 2:
            serve(store, "slow", people(1500, 50 + day), MONDAY + day * DAY, version="2")
    said = [row for row in asked(store, "slow", "age", "day") if row["version"] == "1"]
    assert max(row["psi_before"] for row in said[1:]) < 0.1 < said[4]["psi_baseline"] < said[9]["psi_baseline"]
    assert said[9]["psi_baseline"] > 1
    other = [row for row in asked(store, "slow", "age", "day") if row["version"] == "2"]
    assert [(row["psi_baseline"], row["psi_before"] is None) for row in other] == [(None, True), (None, False)]
    answers = asked(store, "slow", "prediction.value", "week")
    assert [row["psi_baseline"] for row in answers] == [None] * 3
    assert {row["psi_before"] is None for row in answers if row["version"] == "1"} == {True, False}
    with pytest.raises(DatabaseError, match="grain is hour, day or week"):
        asked(store, "slow", "age", "month")


def test_the_pages_queries_run_by_every_door(
    moved: Store, engine_dsn: str, databases: Databases, capsys: pytest.CaptureFixture[str]
) -> None:
    """`modelspan sql`, the SQL endpoint and the page of SQL; a tenant's database has views and rows of its own."""
    first, second, _of_tenant = (
        block.text.replace("now() - INTERVAL 30 DAY", "toDateTime(0)") for block in blocks(PAGE, "sql")
    )
    assert main(["sql", first, "--store", engine_dsn, "--database", moved.database]) == 0
    assert len(re.findall("2026-03-0[2-5]", capsys.readouterr().out)) >= 4
    endpoint = SqlServer(moved, port=0)
    endpoint.start()
    try:
        answer = httpx.post(f"http://127.0.0.1:{endpoint.port}/", content=f"{first} FORMAT JSONEachRow", timeout=60)
    finally:
        endpoint.stop()
    assert (answer.status_code, len(answer.text.splitlines())) == (200, 4)
    assert [row["plans"] for row in moved.rows(second)] == [["free", "pro"]]
    with databases.one() as tenant:
        serve(tenant, "churn", people(500, 3), MONDAY)
        server = AsgiServer(build_alone(moved, MonitorsConfig()), "127.0.0.1", 0)
        server.start()
        try:
            asked_of_page = {"query": first}
            found = httpx.get(f"http://127.0.0.1:{server.port}/sql.json", params=asked_of_page, timeout=60)
        finally:
            server.stop()
        assert len(found.json()["rows"]) == 4, found.text
        assert main(["sql", first, "--store", engine_dsn, "--database", tenant.database]) == 0
        assert len(re.findall("2026-03-0[2-5]", capsys.readouterr().out)) == 1


def shown(store: Store, path: str, rules: Redaction = NO_RULES, **given: str) -> Any:
    """What the web port answers."""
    server = AsgiServer(application(grain_routes(store, rules)), "127.0.0.1", 0)
    server.start()
    try:
        answer = httpx.get(f"http://127.0.0.1:{server.port}{path}", params=given, timeout=60)
    finally:
        server.stop()
    return answer.json() if answer.status_code == 200 else (answer.status_code, answer.json()["error"])


def test_the_web_port_has_the_same_rows_without_sql(moved: Store) -> None:
    """For tokens that may not ask in SQL; narrowed by version and time, each row with what it is of."""
    of = {"model": "churn", "feature": "age", "grain": "day"}
    rows = shown(moved, "/api/drift", **of)
    assert [row["psi_before"] for row in rows] == [row["psi_before"] for row in asked(moved, "churn", "age", "day")]
    assert {(row["model"], row["feature"], row["grain"]) for row in rows} == {("churn", "age", "day")}
    late = shown(moved, "/api/drift", **of, version="1", since="2026-03-04", until="2026-03-05")
    assert [row["window_start"] for row in late] == ["2026-03-04T00:00:00+00:00"]
    (week,) = shown(moved, "/api/feature_windows", model="churn", feature="plan", grain="week")
    assert {one["value"] for one in week["categories"]} == {"free", "pro"}
    assert sum(one["weight"] for one in week["categories"]) == pytest.approx(12_000)


def test_what_is_not_there_is_refused_with_what_is(moved: Store) -> None:
    """An empty answer would say that no window has come."""
    of = {"model": "churn", "feature": "age", "grain": "day"}
    for wrong, message in (
        ({"feature": "aeg"}, "there is no feature 'aeg' of churn; it has age"),
        ({"feature": "prediction.vlaue"}, "no feature 'prediction.vlaue' of churn; it has prediction.value"),
        ({"model": "chrun"}, "there is no model 'chrun'"),
        ({"version": "9"}, "there is no version '9' of churn"),
        ({"grain": "month"}, "'month' is no grain; say one of hour, day, week"),
        ({"grain": ""}, "say which grain"),
        ({"since": "soon"}, "'soon' is no time"),
    ):
        status, said = shown(moved, "/api/drift", **(of | wrong))
        assert (status, message in said) == (400, True), said


def test_a_model_of_very_many_features_has_all_of_them(store: Store) -> None:
    """Also those that stand behind the first thousand by name."""
    wide = pa.table({f"f{at:04}": [1.0] * 100 for at in range(1100)})
    serve(store, "wide", wide, MONDAY, hours=1)
    of = {"model": "wide", "feature": "f1099", "grain": "day"}
    assert [row["rows"] for row in shown(store, "/api/feature_windows", **of)] == [100]
    assert [row["rows"] for row in asked(store, "wide", "f1099", "day")] == [100]


@pytest.mark.parametrize("view", ["drift", "feature_windows"])
@pytest.mark.parametrize("grain", ["hour", "day"])
def test_sql_refuses_what_is_not_there_too(moved: Store, view: str, grain: str) -> None:
    """The views themselves do, by every door, with the likest names first."""
    for model, feature, message in (
        ("churn", "aeg", "there is no feature aeg of churn; it has age, plan, children, prediction.value"),
        ("churn", "prediction.label", "no feature prediction.label of churn; it has prediction.value"),
        ("chrun", "age", "there is no model chrun with predictions"),
    ):
        with pytest.raises(DatabaseError, match=message):
            moved.rows(f"SELECT * FROM {view}(model = '{model}', feature = '{feature}', grain = '{grain}')")


def test_what_is_hidden_of_a_feature_is_hidden_here_too(moved: Store) -> None:
    """Of a dropped one nothing, not even that it is there; of a hashed one digests, and no numbers that came before."""
    of = {"model": "churn", "grain": "week"}
    dropped = Redaction(drop=("age",))
    status, _ = shown(moved, "/api/drift", dropped, feature="age", **of)
    assert status == 404
    assert "age" not in str(shown(moved, "/api/drift", dropped, feature="nothing", **of))
    hashed = Redaction(hash=("plan", "age"), key=b"a key of thirty-two bytes or more")
    (week,) = shown(moved, "/api/feature_windows", hashed, feature="plan", **of)
    assert len(week["categories"]) == 2
    assert not {one["value"] for one in week["categories"]} & {"free", "pro"}
    (week,) = shown(moved, "/api/feature_windows", hashed, feature="age", **of)
    assert (week["mean"], week["values"], week["weights"]) == (None, None, None)


def test_a_window_that_is_not_over_is_not_complete(store: Store) -> None:
    """A week, a day or an hour of which more is to come may differ for that alone."""
    now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    for weeks in (2, 1, 0):
        serve(store, "live", people(200, 3), now - weeks * 7 * DAY, hours=1)
    for grain in ("hour", "day", "week"):
        complete = [row["complete"] for row in asked(store, "live", "age", grain)][-3:]
        assert complete == [True, True, False]
        assert {type(one) for one in complete} == {bool}
