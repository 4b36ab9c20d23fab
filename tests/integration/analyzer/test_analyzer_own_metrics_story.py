"""Revenue of a slice falls while accuracy stays: a metric of one's own alarms, and people work on its incident."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest
from pages import blocks

from modelspan_analyzer.incidents import load, load_open
from modelspan_analyzer.monitors_yaml import parse
from modelspan_analyzer.reading import baselines
from modelspan_analyzer.reading.features import feature_maps
from modelspan_analyzer.respond import Responder
from modelspan_analyzer.results import Window
from modelspan_analyzer.runner import Runner
from modelspan_cli.main import main
from modelspan_collector.store.connect import Store

HOUR = timedelta(hours=1)
CALM, ROWS = 9, 400
END = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
OFF = "".join(
    f"  {name}: {{enabled: false}}\n"
    for name in ("multivariate", "embedding", "poisoning", "concept", "attribution", "worst_slices", "estimation")
)
PAGE = "docs/analyzer/own-metrics.md"
LARGE = "slice.large=price > 100 AND country IN ('DE', 'FR')"


def offers(seed: int, window: Window, paid: float) -> tuple[pa.Table, pa.Table]:
    """Offers, taken as often as the model says, and their labels: in the slice they bring `paid` of the price."""
    rng = np.random.default_rng(seed)
    price, country = rng.uniform(20, 200, ROWS), rng.choice(["DE", "FR", "PT"], ROWS)
    score = rng.random(ROWS)
    taken = rng.random(ROWS) < score
    large = (price > 100) & (country != "PT")
    ids = [f"{seed}-{row}" for row in range(ROWS)]
    stamps = pa.array([window.start + row * (HOUR / ROWS) for row in range(ROWS)], pa.timestamp("ns", "UTC"))
    names = {"model": ["offers"] * ROWS, "version": ["1"] * ROWS, "prediction_id": ids}
    tags = pa.array([[("country", one)] for one in country], pa.map_(pa.string(), pa.string()))
    answers = {"value": score, "label": np.where(score > 0.5, "yes", "no").astype(str), "tags": tags}
    features = feature_maps(pa.table({"price": price, "floor": price * rng.uniform(0.5, 0.9, ROWS)}))
    brought = np.where(taken, price * np.where(large, paid, 1.0), 0.0)
    truth = np.where(taken, "yes", "no").astype(str)
    labels = {"model": names["model"], "prediction_id": ids, "timestamp": stamps, "label": truth, "value": brought}
    return pa.table({**names, "timestamp": stamps, **answers, **features}), pa.table(labels)


@pytest.fixture(scope="module")
def told(shared_store: Store) -> Store:
    """Nine calm hours and one in which large offers in two countries bring a third: each run as it ends."""
    store = shared_store
    config = parse(blocks(PAGE, "yaml")[0].text + "defaults:\n" + OFF)
    runner = Runner(store, config, respond=Responder(store, config))
    reference, _ = offers(99, Window(END - 100 * HOUR, END - 99 * HOUR), 1.0)
    numbers = [dict(row) for row in reference["numeric_features"].to_pylist()]
    table = pa.table({"price": [row["price"] for row in numbers], "floor": [row["floor"] for row in numbers]})
    baselines.set_from_table(store, "offers", "1", table, features=["price", "floor"], source="test")
    for hour in range(CALM + 1, 0, -1):
        window = Window(END - hour * HOUR, END - (hour - 1) * HOUR)
        predictions, labels = offers(hour, window, 1.0 if hour > 1 else 0.3)
        store.insert("predictions", predictions)
        store.insert("labels", labels)
        runner.run_window("offers", "1", window)
    return store


def test_the_metric_alarms_with_its_slice_and_the_incident_is_worked_on_to_its_end(
    told: Store, engine_dsn: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Accuracy and the inputs say nothing; what people do is in the audit log, `status` and SQL."""
    (newest,) = told.rows("SELECT max(window_end) AS at FROM monitor_results")
    alarms = told.rows(
        "SELECT DISTINCT signal, metric, segment FROM monitor_results FINAL"
        " WHERE verdict = 'alarm' AND window_end = {at:DateTime64(9, 'UTC')}", newest
    )  # fmt: skip
    assert {"signal": "metrics", "metric": "revenue_per_offer", "segment": LARGE} in alarms
    assert {row["metric"] for row in alarms} == {"revenue_per_offer"}
    assert told.scalar(
        "SELECT count() FROM monitor_results FINAL WHERE metric = 'accuracy' AND verdict = 'alarm'"
    ) == 0  # fmt: skip
    (incident,) = load_open(told)
    assert "unusual revenue per offer" in incident.title
    assert LARGE in {member.segment for member in incident.findings}
    assert any("EUR" in member.reason for member in incident.findings)

    place = ["--store", engine_dsn, "--database", told.database]
    for step in (
        ["acknowledge"],
        ["assign", "eve"],
        ["action", "took the discount back"],
        ["close", "a wrong discount"],
    ):
        assert main(["incidents", incident.incident_id, *step, "--actor", "ann", *place]) == 0
    capsys.readouterr()
    assert main(["status", *place]) == 0
    said = capsys.readouterr().out
    assert re.search(rf"{incident.incident_id} resolved .*closed by ann .*a wrong discount", said)
    assert main(["audit", "--model", "offers", *place]) == 0
    audited = capsys.readouterr().out
    for done in ("incident acknowledged", "incident assigned", "incident acted on", "incident closed"):
        assert done in audited
    (row,) = told.rows("SELECT status, assignee, action, outcome FROM incidents FINAL")
    assert row == {
        "status": "resolved", "assignee": "eve", "action": "took the discount back", "outcome": "a wrong discount"
    }  # fmt: skip


def test_the_slice_is_asked_about_by_its_name_everywhere(told: Store, engine_dsn: str, capsys) -> None:
    """`why` takes it as its segment, and looks at its rows alone."""
    place = ["--store", engine_dsn, "--database", told.database]
    (incident,) = load(told)
    asked = ["why", "offers", "--kind", "prediction_drift", "--segment", LARGE, "--json"]
    assert main([*asked, *place]) == 1  # there are no traces: nothing explains it
    (one,) = json.loads(capsys.readouterr().out)
    large = told.scalar(
        "SELECT count() FROM predictions WHERE numeric_features['price'] > 100 AND tags['country'] IN ('DE', 'FR')"
    )
    assert one["segment"] == LARGE
    assert one["n_flagged"] + one["n_other"] <= large
    assert incident.findings
