"""The pages of incidents, predictions, monitors and SQL: what they show is stored, and what is hostile is text."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import numpy as np
import pyarrow as pa
import pytest

from modelspan_analyzer.config.settings import MonitorsConfig
from modelspan_analyzer.incidents import load, update
from modelspan_analyzer.monitors_yaml import parse
from modelspan_analyzer.people import printable
from modelspan_analyzer.reading import baselines
from modelspan_analyzer.results import Result, Verdict, Window, write_results
from modelspan_analyzer.runner.runs import DONE, FAILED, Run, write
from modelspan_analyzer.views.examples import EXAMPLES
from modelspan_analyzer.views.veil import Veil
from modelspan_analyzer.web.asking import application
from modelspan_analyzer.web.pages.table import page_routes
from modelspan_collector.access.rules import Redaction
from modelspan_collector.serve import AsgiServer
from modelspan_collector.sqlhttp.errors import ClickHouseError
from modelspan_collector.sqlhttp.reader import MOST_ROWS, SqlReader
from modelspan_collector.sqlhttp.server import SqlServer
from modelspan_collector.store.connect import Store

BROWSER = {"accept": "text/html"}
NASTY = "<script>alert(1)</script>\"'&{{7*7}}\u202eevil"
MODEL, FEATURE = f"churn {NASTY}", f"age {NASTY}"
ROWS, BROKEN = 400, 60
END = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=1)
START = END - timedelta(hours=1)
WINDOW = Window(START, END)
CONFIG = parse("alerts: {trace: 'https://apm.example/trace/{trace_id}'}")
STAMP = pa.timestamp("ns", "UTC")
NUMBERS, TEXTS = pa.map_(pa.string(), pa.float64()), pa.map_(pa.string(), pa.string())


def trace_of(row: int) -> str:
    return f"{row:032x}"


def moments() -> list[datetime]:
    return [START + timedelta(seconds=9 * row) for row in range(ROWS)]


def fill(store: Store) -> None:
    """Predictions whose feature is missing where the call of the feature store failed, with their traces."""
    broken = [row >= ROWS - BROKEN for row in range(ROWS)]
    columns = {
        "model": [MODEL] * ROWS, "version": ["1"] * ROWS, "prediction_id": [f"p{row}" for row in range(ROWS)],
        "label": ["yes"] * ROWS, "value": [0.25] * ROWS, "trace_id": [trace_of(row) for row in range(ROWS)],
        "service": ["scoring"] * ROWS,
    }  # fmt: skip
    table = pa.table({
        **columns,
        "timestamp": pa.array(moments(), STAMP),
        "numeric_features": pa.array([[] if gone else [(FEATURE, n % 50.0)] for n, gone in enumerate(broken)], NUMBERS),
        "categorical_features": pa.array([[("plan", "pro")]] * ROWS, TEXTS),
        "null_features": pa.array([[FEATURE] if gone else [] for gone in broken], pa.list_(pa.string())),
        "attributions": pa.array([[(FEATURE, 0.5), ("plan", -0.25)]] * ROWS, NUMBERS),
        "tags": pa.array([[("note", NASTY)]] * ROWS, TEXTS),
    })  # fmt: skip
    store.insert("predictions", table)
    spans = {
        "Timestamp": pa.array([*moments(), *moments()], STAMP),
        "TraceId": [trace_of(row) for row in range(ROWS)] * 2,
        "SpanId": [f"a{row:015x}" for row in range(ROWS)] + [f"b{row:015x}" for row in range(ROWS)],
        "ParentSpanId": [""] * ROWS + [f"a{row:015x}" for row in range(ROWS)],
        "SpanName": ["POST /score"] * ROWS + ["GET /profile"] * ROWS,
        "ServiceName": ["scoring"] * ROWS + ["feature-store"] * ROWS,
        "Duration": pa.array([5_000_000] * ROWS + [2_000_000] * ROWS, pa.uint64()),
        "StatusCode": ["Unset"] * ROWS + ["Error" if gone else "Unset" for gone in broken],
        "StatusMessage": [""] * ROWS + ["deadline exceeded" if gone else "" for gone in broken],
    }
    store.insert("otel_traces", pa.table(spans))
    store.insert("labels", pa.table({"prediction_id": ["p0"], "model": [MODEL], "label": ["no"],
                                     "timestamp": pa.array([END], STAMP)}))  # fmt: skip
    rng = np.random.default_rng(0)
    reference = pa.table({FEATURE: rng.integers(0, 50, 500).astype(float), "plan": ["pro", "free"] * 250})
    baselines.set_from_table(store, MODEL, None, reference, features=[FEATURE, "plan"], source=f"file {NASTY}")


def found(value: float, verdict: Verdict, window: Window = WINDOW) -> Result:
    reason = f"{value:.0%} are missing {NASTY}"
    return Result(
        MODEL, "1", window, "data_quality", "null_rate", value, verdict, feature=FEATURE, threshold=0.02, n=ROWS,
        lower=value - 0.01, upper=value + 0.01, monitor="data_quality", reason=reason,
    )  # fmt: skip


@pytest.fixture(scope="module")
def filled(databases: Any) -> Iterator[Store]:
    """A store with an incident that was explained from traces."""
    with databases.one() as store:
        fill(store)
        hours = [Window(START - timedelta(hours=n), END - timedelta(hours=n)) for n in (3, 2, 1)]
        calm = [found(0.001, Verdict.OK, hour) for hour in hours]
        unsure = replace(calm[0], verdict=Verdict.NOT_ENOUGH_DATA, value=None, lower=None, upper=None, reason="3 rows")
        alarm = found(BROKEN / ROWS, Verdict.ALARM)
        write_results(store, [unsure, *calm[1:], alarm], "run")
        update(store, [alarm], END)
        run = Run("run", MODEL, "1", "", WINDOW, END, END)
        part = run.of("data_quality", END)
        write(
            store, [run.ended(DONE, END + timedelta(seconds=4)), part.ended(FAILED, END + timedelta(seconds=3), "oh")]
        )
        yield store


@pytest.fixture(scope="module")
def client(filled: Store) -> Iterator[httpx.Client]:
    """Asks the pages over a socket."""
    server = AsgiServer(application([], page_routes(filled, CONFIG)), "127.0.0.1", 0)
    server.start()
    with httpx.Client(base_url=f"http://127.0.0.1:{server.port}", timeout=60, headers=BROWSER) as asking:
        yield asking
    server.stop()


@pytest.fixture(scope="module")
def page(filled: Store) -> str:
    """The path of the incident's page."""
    return f"/incidents/{load(filled)[0].incident_id}"


def harmless(text: str) -> bool:
    """Whether names and values of the page are text: no tag of theirs, nothing that was filled in."""
    return "<script>alert" not in text and "49" not in re.findall(r"\{\{7\*7\}\}|&quot;49", text)


def test_an_incident_tells_what_moved_since_when_and_why(client: httpx.Client, page: str) -> None:
    """The page's charts and tables have the numbers of its JSON, and these are what is stored."""
    shown, told = client.get(page).text, client.get(f"{page}.json").json()
    assert told["why"].startswith(f"100 % of the predictions with `{FEATURE}` missing came through `feature-store")
    assert told["sentence"] in shown.replace("&#34;", '"') or "100 % of the predictions with" in shown
    (finding,) = told["findings"]
    assert [point["verdict"] for point in finding["points"]] == ["not_enough_data", "ok", "ok", "alarm"]
    assert [point["value"] for point in finding["points"]] == [None, 0.001, 0.001, BROKEN / ROWS]
    assert len(re.findall(r'class="point [^"]*"', shown)) == len(finding["points"])
    assert "Not enough data" in shown or "not enough data" in shown
    evidence = told["reasons"][0]["evidence"][0]
    assert evidence["what"] == "feature-store GET /profile ended in deadline exceeded"
    assert (evidence["flagged_share"], evidence["other_share"], evidence["support"]) == (1.0, 0.0, BROKEN)
    assert "100.0 %" in shown
    assert harmless(shown)


def test_an_incident_shows_traces_and_predictions_that_show_it(client: httpx.Client, page: str) -> None:
    """Each trace with its spans and its place in the APM; each prediction with what is missing."""
    shown, told = client.get(page).text, client.get(f"{page}.json").json()
    assert len(told["traces"]) == 3
    for one in told["traces"]:
        assert [(step["service"], step["depth"], step["failed"]) for step in one["steps"]] == [
            ("scoring", 0, False),
            ("feature-store", 1, True),
        ]
        assert f'href="https://apm.example/trace/{one["trace_id"]}"' in shown
        assert int(one["trace_id"], 16) >= ROWS - BROKEN
    assert len(re.findall(r'class="span [^"]*"', shown)) == 6
    assert {tuple(sample["features"].values()) for sample in told["samples"]} == {("missing",)}
    assert {sample["trace_id"] for sample in told["samples"]} == {one["trace_id"] for one in told["traces"]}


def test_every_table_of_an_incident_is_there_as_csv(client: httpx.Client, page: str) -> None:
    """With texts that no spreadsheet takes for a formula."""
    for name, least in (("findings", 1), ("evidence", 1), ("predictions", 3), ("timeline", 2)):
        rows = list(csv.reader(io.StringIO(client.get(f"{page}.csv", params={"table": name}).text)))
        assert len(rows) > least, name


def test_an_opinion_is_given_by_the_form_and_by_nothing_else(filled: Store, client: httpx.Client, page: str) -> None:
    """The form carries proof that it is of this page; its answer is the page again, with the opinion."""
    proof = re.search(r'name="form_token" value="(\w+)"', client.get(page).text)
    assert proof is not None
    refused = client.post(page, data={"opinion": "noise"})
    assert (refused.status_code, "load its page again" in refused.text) == (403, True)
    for wrong in ({"opinion": "meh"}, {}):
        assert client.post(page, data={**wrong, "form_token": proof[1]}).status_code == 400
    given = {"opinion": "noise", "actor": f"ann {NASTY}", "comment": NASTY, "form_token": proof[1]}
    answer = client.post(page, data=given)
    assert (answer.status_code, answer.headers["location"]) == (303, f"{page}#done")
    shown = client.get(page).text
    assert harmless(shown)
    assert client.get(f"{page}.json").json()["opinions"][0]["comment"] == printable(NASTY)
    assert filled.scalar("SELECT count() FROM incident_feedback FINAL") == 1
    noisy = [part["name"] for part in client.get("/monitors.json").json()["parts"] if part["noise"] > part["useful"]]
    assert noisy == ["data_quality"]


def test_the_list_of_incidents_leads_to_each(client: httpx.Client, page: str) -> None:
    """By status and model; what is not there is said, and none is not the same as healthy."""
    assert f'href="{page}"' in client.get("/incidents", params={"status": "open", "model": MODEL}).text
    assert client.get("/incidents.json", params={"status": "resolved"}).json()["incidents"] == []
    assert harmless(client.get("/incidents").text)
    assert client.get("/incidents", params={"status": "gone"}).status_code == 400
    missing = client.get("/incidents/nope")
    assert (missing.status_code, "There is no incident" in missing.text) == (404, True)
    assert client.get("/incidents/nope.json").json()["error"].startswith("there is no incident")


def test_a_prediction_is_shown_beside_what_is_usual(client: httpx.Client) -> None:
    """By its id or its trace: value and place in the baseline, answer, label, attributions, spans."""
    told = client.get("/prediction.json", params={"id": "p0", "model": MODEL}).json()
    assert (told["said"]["label"], told["said"]["truth"], told["said"]["tags"]) == ("yes", "no", {"note": NASTY})
    given = {one["feature"]: one for one in told["features"]}
    assert (given[FEATURE]["value"], given["plan"]["share"], given["plan"]["state"]) == ("0", 0.5, "usual")
    assert [(one["feature"], one["effect"]) for one in told["effects"]] == [(FEATURE, 0.5), ("plan", -0.25)]
    assert len(told["trace"]["steps"]) == 2
    by_trace = client.get("/prediction", params={"trace": trace_of(ROWS - 1)}).text
    assert f"p{ROWS - 1}" in by_trace
    assert "missing, as in 0.0% of the baseline" in by_trace
    assert harmless(by_trace)
    lost = client.get("/prediction.json", params={"id": "nope"})
    assert (lost.status_code, "no prediction 'nope'" in lost.json()["error"]) == (404, True)


def test_a_prediction_without_a_baseline_is_compared_with_nothing(filled: Store, client: httpx.Client) -> None:
    """Which is said, and is not the same as usual."""
    row = {"model": ["alone"], "prediction_id": ["lonely"], "timestamp": pa.array([END], STAMP)}
    filled.insert("predictions", pa.table({**row, "numeric_features": pa.array([[("x", 1.0)]], NUMBERS)}))
    told = client.get("/prediction.json", params={"id": "lonely"}).json()
    assert [(one["state"], one["sentence"]) for one in told["features"]] == [("not_compared", "there is no baseline")]
    assert "no baseline" in told["sentence"]
    assert "no label yet" in client.get("/prediction", params={"id": "lonely"}).text


def test_what_redaction_names_is_on_no_page(filled: Store, page: str) -> None:
    """Rules may be younger than what is stored: names that they drop and texts that they mask are not shown."""
    rules = Redaction(drop=("plan",), hash=("note",), mask=("alert",), key=b"a key")
    server = AsgiServer(application([], page_routes(filled, CONFIG, rules)), "127.0.0.1", 0)
    server.start()
    with httpx.Client(base_url=f"http://127.0.0.1:{server.port}", timeout=60, headers=BROWSER) as asking:
        told = asking.get("/prediction.json", params={"id": "p0"}).json()
        assert told["said"]["tags"] == {"note": rules.digest(NASTY)}
        assert (told["hidden"], [one["feature"] for one in told["effects"]]) == (1, [FEATURE.replace("alert", "***")])
        assert "pro" not in [one["value"] for one in told["features"]]
        whole = json.dumps(asking.get(f"{page}.json").json()["timeline"])
        assert "alert" not in whole
    server.stop()
    assert Veil(rules).value("note", rules.digest("x")) == rules.digest("x")


def test_monitors_say_what_ran_and_what_never_did(client: httpx.Client) -> None:
    """Runs, failures with their reason, and alarms by window; what was not measured is not 0."""
    told = client.get("/monitors.json", params={"model": MODEL}).json()
    parts = {part["name"]: part for part in told["parts"]}
    assert (parts["data_quality"]["failed"], parts["data_quality"]["last_error"]) == (1, "oh")
    assert (parts["data_quality"]["alarmed"], parts["data_quality"]["windows"]) == (1, 3)  # of 4, one had 3 rows
    assert [(one["runs"], one["seconds"], one["last_outcome"]) for one in told["scheduled"]] == [(1, 4.0, "done")]
    shown = client.get("/monitors").text
    assert "not measured" in shown
    assert harmless(shown)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: f"{example.table}: {example.about}")
def test_every_example_of_the_sql_page_runs(client: httpx.Client, example: Any) -> None:
    """On every table that there is."""
    answer = client.get("/sql.json", params={"query": example.sql})
    assert answer.status_code == 200, answer.text


def test_there_is_an_example_for_every_table(filled: Store) -> None:
    """A table without one is named here."""
    engines = "engine NOT IN ('Null', 'MaterializedView', 'View') AND name NOT LIKE '.%'"
    rows = filled.rows(f"SELECT name FROM system.tables WHERE database = currentDatabase() AND {engines}")
    assert {row["name"] for row in rows} == {example.table for example in EXAMPLES}


def test_an_answer_is_a_table_a_drawing_json_and_csv(client: httpx.Client) -> None:
    """The same numbers in all of them."""
    query = "SELECT toDateTime('2026-01-01 00:00:00', 'UTC') + number * 60 AS at, number * 1.5 AS value FROM numbers(5)"
    told = client.get("/sql.json", params={"query": query}).json()
    assert told["rows"][1] == ["2026-01-01T00:01:00+00:00", 1.5]
    drawn = client.get("/sql", params={"query": query, "show": "line"}).text
    assert len(re.findall(r'class="point ', drawn)) == 5
    rows = list(csv.reader(io.StringIO(client.get("/sql.csv", params={"query": query}).text)))
    assert [row[1] for row in rows[1:]] == ["0", "1.5", "3", "4.5", "6"]
    undrawn = client.get("/sql", params={"query": "SELECT 1", "show": "line"}).text
    assert "needs a column of times" in undrawn
    nested = client.get("/sql.csv", params={"query": "SELECT map('a', 1) AS m, [1, 2] AS l, NULL AS n, 'x' AS t"}).text
    assert json.loads(list(csv.reader(io.StringIO(nested)))[1][0]) == {"a": 1}


REFUSED = (
    ("DROP TABLE predictions", "read-only"),
    ("INSERT INTO labels (prediction_id) VALUES ('x')", "read-only"),
    ("SELECT * FROM file('/etc/passwd', 'LineAsString')", "file"),
    ("SELECT file('/etc/passwd')", "file"),
    ("SELECT * FROM url('http://127.0.0.1:1/', 'CSV')", "url"),
    ("SELECT 1 INTO OUTFILE '/tmp/x'", "OUTFILE"),
    ("SELECT 1 FORMAT JSON", "FORMAT"),
    ("SELECT 1; SELECT 2", ""),
    ("SET max_threads = 1", "answers no rows"),
    ("SET readonly = 0", ""),
    ("SYSTEM SHUTDOWN", ""),
    ("SELECT * FROM predictions SETTINGS max_execution_time = 999, readonly = 0", "readonly"),
    ("SELEC 1", ""),
    ("SELECT sleepEachRow(3) FROM numbers(100) SETTINGS max_block_size = 1", ""),
    ("SELECT {a:String}", ""),
    ("\x00", ""),
)
"""What a reader may not ask, and what the sentence says."""


@pytest.mark.parametrize(("query", "told"), REFUSED, ids=[query[:30] for query, _ in REFUSED])
def test_what_is_no_harmless_query_is_refused_with_a_sentence(client: httpx.Client, query: str, told: str) -> None:
    """On the page with the query still in it, and as an error to programs."""
    answer = client.post("/sql") if not query else client.get("/sql.json", params={"query": query})
    assert answer.status_code == 400, answer.text
    assert told in answer.json()["error"]
    shown = client.get("/sql", params={"query": query[:2000]})
    assert shown.status_code == 400 or len(query) > 2000
    assert "alert" in shown.text or len(query) > 2000


def test_answers_are_bounded(client: httpx.Client) -> None:
    """The first rows of many, and it is said that there are more."""
    told = client.get("/sql.json", params={"query": "SELECT number FROM numbers(1000000)"}).json()
    assert (len(told["rows"]), told["more"]) == (MOST_ROWS, True)
    assert "there are more" in told["sentence"]
    large = client.get("/sql.json", params={"query": "SELECT repeat('x', 1000000) FROM numbers(1000)"})
    assert large.status_code == 400


def test_a_query_on_a_server_is_vetted_as_on_the_embedded_store(filled: Store) -> None:
    """By the server's own formatter and lists: what would reach files or the network never gets to run."""
    server = SqlServer(filled, "127.0.0.1", 0)
    server.start()
    remote = Store(f"clickhouse://127.0.0.1:{server.port}", filled.database)
    reader = SqlReader(remote)
    try:
        answer = reader.ask("SELECT count() AS n, max(timestamp) AS newest FROM predictions")
        assert answer.rows[0][0] == filled.scalar("SELECT count() FROM predictions")
        for query, told in REFUSED:
            if told and "FORMAT" not in query and len(query) < 1000:
                with pytest.raises(ClickHouseError) as raised:
                    reader.ask(query)
                assert told in raised.value.message, query
    finally:
        remote.close()
        server.stop()


def test_pages_over_an_empty_store_say_that_nothing_came(store: Store) -> None:
    """No incident is not the same as healthy, and no run is not the same as none failed."""
    server = AsgiServer(application([], page_routes(store, MonitorsConfig())), "127.0.0.1", 0)
    server.start()
    with httpx.Client(base_url=f"http://127.0.0.1:{server.port}", timeout=60, headers=BROWSER) as asking:
        assert "No incident was ever opened" in asking.get("/incidents").text
        monitors = asking.get("/monitors").text
        assert "nothing was looked at" in monitors
        assert "none failed" not in monitors
        assert asking.get("/prediction").status_code == 200
        assert asking.get("/sql").status_code == 200
    server.stop()
