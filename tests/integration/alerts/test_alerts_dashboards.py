"""Every ClickHouse query of every dashboard runs on a store with data, and returns some."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
import why
from why_causes import timeout
from why_systems import END, HOURS, START, build

from modelspan_analyzer.incidents import feedback, load_open
from modelspan_analyzer.monitors_yaml import parse
from modelspan_analyzer.reading import baselines
from modelspan_analyzer.respond import Responder
from modelspan_analyzer.results import Result, Verdict, Window, write_results
from modelspan_analyzer.runner.runner import Runner
from modelspan_collector.store import schema
from modelspan_collector.store.connect import connect

GRAFANA = Path(__file__).resolve().parents[3] / "deploy" / "grafana"
sys.path.append(str(GRAFANA))

from generate import FOLDER, text_of  # noqa: E402
from queries import CLICKHOUSE, DASHBOARDS, VARIABLES  # noqa: E402

CONFIG = (
    "{version: 1, defaults: {performance: {enabled: false}, estimation: {enabled: false}, concept: {enabled: false}}}"
)
ENDED = datetime.fromtimestamp(END / 1e9, UTC)
BEGAN = datetime.fromtimestamp(START / 1e9, UTC)


@pytest.fixture(scope="module")
def watched(engine_dsn):
    """A store with a fault found in it: the values to fill into queries, and a way to run them."""
    store = connect(engine_dsn, "test_dashboards")
    schema.apply(store)
    system = build(np.random.default_rng([4, 0]), 4000)
    timeout(system)
    why.fill(store, system)
    config = parse(CONFIG)
    version = system.services["model"].versions[0]
    half = timedelta(hours=HOURS / 2)
    baselines.set_from_window(store, system.model, version, Window(BEGAN, BEGAN + half * 0.9))
    window = Window(ENDED - half, ENDED)
    Runner(store, config, respond=Responder(store, config)).run_window(system.model, version, window)
    gap = Result(system.model, version, window, "fairness", "parity", 0.3, Verdict.WARNING, "sex", "sex=F")
    write_results(store, [gap], "run")
    (incident,) = load_open(store)
    feedback.give(store, incident.incident_id, feedback.USEFUL, actor="ann", now=ENDED)
    filled = {
        "${project}": "",
        "${model}": system.model,
        "${feature}": "txn_count_7d",
        "${incident}": incident.incident_id,
    }
    yield store, filled
    store.command("DROP DATABASE test_dashboards")
    store.close()


def _filled(query: str, filled: dict[str, str]) -> str:
    moments = {
        "$__fromTime": f"toDateTime('{BEGAN:%Y-%m-%d %H:%M:%S}', 'UTC')",
        "$__toTime": f"toDateTime('{ENDED:%Y-%m-%d %H:%M:%S}', 'UTC')",
    }
    for name, value in (filled | moments).items():
        query = query.replace(name, value)
    assert "$" not in query
    return query


@pytest.mark.parametrize(
    ("page", "panel"),
    [(page, panel) for page in DASHBOARDS for panel in page.panels if panel.source == CLICKHOUSE],
    ids=lambda given: given.title,
)
def test_a_panel_returns_data(watched, page, panel):
    """A panel's query runs with its variables filled in, and has something to show; a time series has a time column."""
    store, filled = watched
    rows = store.arrow(_filled(panel.query, filled))
    assert rows.num_rows > 0
    assert panel.kind != "timeseries" or rows.column_names[0] == "time"


@pytest.mark.parametrize("name", VARIABLES)
def test_a_variable_offers_values(watched, name):
    """The drop-down lists of the dashboards are not empty, and hold what the panels were tried with."""
    store, filled = watched
    offered = store.arrow(_filled(VARIABLES[name], filled)).column(0).to_pylist()
    assert filled[f"${{{name}}}"] in offered


@pytest.mark.parametrize("page", DASHBOARDS, ids=lambda page: page.uid)
def test_the_kept_json_is_what_the_code_writes(page):
    """A change of a query without `python deploy/grafana/generate.py` is noticed."""
    kept = (FOLDER / f"{page.uid}.json").read_text()
    assert kept == text_of(page)
    assert len({panel["id"] for panel in json.loads(kept)["panels"]}) == len(page.panels)
