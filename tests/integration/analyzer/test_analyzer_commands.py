"""Baselines, constraints, one look and the gate by `modelspan`, as a pipeline calls them, on a real store."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from databases import Databases

from modelspan_analyzer.reading.features import feature_maps
from modelspan_collector.store.connect import Store

Run = Callable[..., tuple[int, str, str]]
ROWS = 1200
QUERY = """SELECT numeric_features['age'] AS age, categorical_features['plan'] AS plan, toString(label) AS answer
FROM predictions WHERE model = 'churn' AND version = '1' AND timestamp < toStartOfHour(now()) - INTERVAL 2 HOUR"""


@pytest.fixture(scope="module")
def filled(default_database: Store) -> Store:
    """The commands' own database: six hours of predictions, the last two of them of older people."""
    store = default_database
    rng = np.random.default_rng(1)
    for hour in range(1, 7):
        ages = rng.normal(40 if hour > 2 else 60, 10, ROWS)
        moment = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=hour)
        stamps = int(moment.timestamp()) * 10**9 + np.arange(ROWS) * 2 * 10**9
        features = pa.table({"age": ages, "plan": rng.choice(["free", "pro"], ROWS)})
        columns = {
            "model": ["churn"] * ROWS,
            "version": ["1"] * ROWS,
            "timestamp": pa.array(stamps).cast(pa.timestamp("ns", "UTC")),
            "prediction_id": [f"{hour}-{row}" for row in range(ROWS)],
            "label": rng.choice(["stays", "leaves"], ROWS),
            **feature_maps(features),
        }
        store.insert("predictions", pa.table(columns))
    return store


@pytest.fixture
def modelspan(filled: Store, command_line: Run) -> Run:
    """Run a command on the store; its exit status, output and messages."""
    return command_line


def test_from_a_query_to_the_gate(modelspan: Run, filled: Store, tmp_path: Path) -> None:
    """A baseline from a SELECT, its constraints, one look at all that is due, and the exit status of the gate."""
    assert modelspan("check", "--model", "churn")[0] == 4, "nothing was looked at yet"
    status, said, _ = modelspan("baseline", "set", "--model", "churn", "--query", QUERY, "--prediction", "answer")
    assert (status, said.rstrip().endswith(f"of churn (every version): {4 * ROWS} rows")) == (0, True)
    (listed,) = json.loads(modelspan("baseline", "list", "--json")[1])
    assert (listed["kind"], listed["rows"], listed["source"]) == ("rows", 4 * ROWS, QUERY)
    suggested = json.loads(modelspan("constraints", "suggest", "--model", "churn")[1])["features"]
    assert [(one["name"], one["inferred_type"]) for one in suggested] == [("age", "Fractional"), ("plan", "String")]
    monitors = tmp_path / "monitors.yaml"
    quiet = "".join(f", {name}: {{enabled: false}}" for name in ("multivariate", "poisoning", "estimation"))
    monitors.write_text(f"{{version: 1, defaults: {{schedule: {{cron: '*/10 * * * *'}}{quiet}}}}}")
    status, said, _ = modelspan("analyzer", "once", "--monitors", str(monitors))
    assert "data_drift psi age" in said
    assert "nothing was due" in modelspan("analyzer", "once", "--monitors", str(monitors))[1], "each window once"
    status, said, _ = modelspan("check", "--model", "churn")
    assert (status, "data_drift psi age" in said) == (3, True)
    drifted = "SELECT count() FROM monitor_results FINAL WHERE verdict = 'alarm' AND metric = 'psi' AND feature = 'age'"
    assert filled.scalar(drifted) == 2


def test_a_baseline_has_the_times_of_its_rows(modelspan: Run, filled: Store, tmp_path: Path) -> None:
    """Their column is no feature; numbers count in a unit that is told, and said, or given."""
    file = tmp_path / "timed.csv"
    file.write_text("when,x\n" + "".join(f"{1_767_225_600 + row},{row % 7 + 0.5}\n" for row in range(60)))
    for unit, told in (((), True), (("--time-unit", "s"), False)):
        status, _, said = modelspan("baseline", "set", "--model", "timed", "--file", str(file), "--time", "when", *unit)
        assert (status, "counts seconds since 1970" in said) == (0, told)
    newest = json.loads(modelspan("baseline", "list", "--model", "timed", "--json")[1])[0]
    assert newest["window_start"] == "2026-01-01T00:00:00+00:00"
    names = "SELECT DISTINCT arrayJoin(mapKeys(numeric_features)) FROM reference_predictions WHERE model = 'timed'"
    assert filled.scalar(names) == "x"


def test_a_baseline_of_next_to_no_rows_says_so(modelspan: Run, filled: Store) -> None:
    """It ends that one is learnt, and nothing can be compared with it."""
    for rows, warned in ((1, True), (60, False)):
        query = f"SELECT number + 0.5 AS x FROM numbers({rows})"
        status, said, _ = modelspan("baseline", "set", "--model", "tiny", "--query", query)
        assert (status, "warning: this baseline has 1 row, and drift" in said) == (0, warned)


def test_a_baseline_for_all_versions_says_which_versions_keep_theirs(modelspan: Run, filled: Store) -> None:
    """Nothing changes for such a version, which would look as if the new baseline were in use."""
    for version, said in ((None, ""), ("7", ""), (None, "keep it: 7 (--version replaces"), ("8", "")):
        whose = () if version is None else ("--version", version)
        status, _, told = modelspan("baseline", "set", "--model", "kept", *whose, "--query", "SELECT 1.5 AS x")
        assert (status, said in told, "keep it" in told) == (0, True, bool(said))


def test_a_query_that_gives_answers_of_several_parts_says_that_they_are_not_kept(modelspan: Run) -> None:
    """And what they are is no feature: it would be the same in all rows, and drift where the answers change."""
    query = (
        "SELECT 1.5 AS x, 'ranking' AS shape, ['a', 'b'] AS items, map('score', [0.9, 0.1]) AS outputs FROM numbers(90)"
    )
    status, _, said = modelspan("baseline", "set", "--model", "lists", "--query", query)
    assert status == 0
    assert "left out: 'shape', 'items', 'outputs': answers of several parts" in said
    assert "A past window (--start and --end) keeps them whole" in said
    suggested = json.loads(modelspan("constraints", "suggest", "--model", "lists")[1])["features"]
    assert [feature["name"] for feature in suggested] == ["x"]


@pytest.mark.parametrize(
    ("query", "message"), [("DROP TABLE predictions", "from a SELECT only"), ("SELECT 1 WHERE 0", "no row")]
)
def test_a_query_that_gives_no_rows_is_refused(modelspan: Run, filled: Store, query: str, message: str) -> None:
    """What is no SELECT changes nothing, and an empty result is no baseline."""
    status, _, said = modelspan("baseline", "set", "--model", "other", "--query", query)
    assert status == 1
    assert message in said
    assert filled.scalar("SELECT count() FROM baselines WHERE model = 'other'") == 0
    assert filled.scalar("SELECT count() FROM predictions") == 6 * ROWS


def test_status_names_what_was_not_taken(modelspan: Run, filled: Store, tmp_path: Path) -> None:
    """What was left out in the last day is told with model, column, rows and reason; a long list says how much more."""
    filled.command(
        "INSERT INTO ingest_errors (timestamp, kind, model, column_name, count, reason) VALUES"
        " (now64(3), 'column_left_out', 'churn', 'feature.zip', 1200, 'maps have no place'),"
        " (now64(3) - 60, 'column_left_out', 'churn', 'feature.zip', 34, 'maps have no place'),"
        " (now64(3) - 1, 'rejected', '', '', 2, 'no model'),"
        " (now64(3) - INTERVAL 2 DAY, 'rejected', 'old', '', 1, 'long ago')"
    )
    status, said, _ = modelspan("status", "--data", str(tmp_path))
    lines = [" ".join(line.split()) for line in said.splitlines()]
    assert status == 0
    assert lines[-2:] == [
        "column_left_out 1,234 churn feature.zip: maps have no place",
        "rejected 2 no model",
    ]
    filled.command(
        "INSERT INTO ingest_errors (timestamp, kind, column_name) SELECT now64(3) - 5, 'rounded', toString(number)"
        " FROM numbers(20)"
    )
    assert "and 12 more kinds" in modelspan("status", "--data", str(tmp_path))[1]
    told = json.loads(modelspan("status", "--json", "--data", str(tmp_path))[1])["ingest_errors"]
    assert (len(told), max(row["rows"] for row in told)) == (22, 1234)


def test_status_names_the_databases_that_it_does_not_show(modelspan: Run, databases: Databases, tmp_path: Path) -> None:
    """Where only a tenant's own database has predictions, an empty table is not all that is said."""
    with databases.one() as tenants:
        said = modelspan("status", "--data", str(tmp_path))[1]
        told = json.loads(modelspan("status", "--json", "--data", str(tmp_path))[1])
        line = next(line for line in said.splitlines() if line.startswith("not shown: "))
        assert tenants.database in line
        assert tenants.database in told["other_databases"]
