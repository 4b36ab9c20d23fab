"""`modelspan baseline set --format whylogs`, from the files to a look at the windows, the report and the gate."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from whylogs_profiles import Made, make

from modelspan_analyzer.reading.features import feature_maps
from modelspan_collector.store.connect import Store

Run = Callable[..., tuple[int, str, str]]
ROWS = 1_500


@pytest.fixture(scope="module")
def made(whylogs_python: Path, tmp_path_factory: pytest.TempPathFactory) -> Made:
    """The model's training data, in two profiles."""
    rng = np.random.default_rng(1)
    rows = {"age": rng.normal(40, 10, ROWS).tolist(), "plan": rng.choice(["free", "pro"], ROWS).tolist()}
    return make(whylogs_python, tmp_path_factory.mktemp("profiles"), rows, parts=2)


@pytest.fixture(scope="module")
def filled(default_database: Store) -> Store:
    """The commands' own database: an hour of predictions, of older people."""
    store, rng = default_database, np.random.default_rng(2)
    moment = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=1)
    stamps = int(moment.timestamp()) * 10**9 + np.arange(ROWS) * 2 * 10**9
    features = pa.table({"age": rng.normal(60, 10, ROWS), "plan": rng.choice(["free", "pro"], ROWS)})
    columns = {
        "model": ["churn"] * ROWS,
        "version": ["1"] * ROWS,
        "timestamp": pa.array(stamps).cast(pa.timestamp("ns", "UTC")),
        "prediction_id": [f"row-{row}" for row in range(ROWS)],
        "label": rng.choice(["stays", "leaves"], ROWS),
        **feature_maps(features),
    }
    store.insert("predictions", pa.table(columns))
    return store


@pytest.fixture
def modelspan(filled: Store, command_line: Run) -> Run:
    """Run a command on the store; its exit status, output and messages."""
    return command_line


def test_from_profiles_to_the_gate(modelspan: Run, made: Made, tmp_path: Path) -> None:
    """Files or their folder; what they are is said in the list, the report and by what needs rows."""
    files = [word for path in made.parts for word in ("--file", str(path))]
    for given in (files, ["--file", str(made.parts[0].parent / "merged")]):
        status, said, _ = modelspan("baseline", "set", "--model", "churn", "--format", "whylogs", *given)
        assert (status, said.rstrip().endswith("(every version): 1500 rows, none of them kept")) == (0, True)
    listed = modelspan("baseline", "list", "--model", "churn", "--json")[1]
    assert listed.count('"kind": "profile"') == 2
    assert "2 whylogs profiles, 1,500 rows, no rows kept" in listed
    status, said, _ = modelspan("analyzer", "once")
    assert "data_drift psi age" in said
    status, said, _ = modelspan("check", "--model", "churn")
    assert (status, "data_drift psi age" in said) == (3, True)
    assert "whylogs profile, 1,500 rows, no rows kept" in modelspan("check", "--model", "churn", "--ready")[1]
    report = tmp_path / "report.html"
    assert modelspan("report", "churn", "--output", str(report))[0] == 0
    assert "whylogs profile, 1,500 rows, no rows kept" in report.read_text()
    assert '"inferred_type": "Fractional"' in modelspan("constraints", "suggest", "--model", "churn")[1]
    assert '"num_missing": 0' in modelspan("constraints", "statistics", "--model", "churn")[1]


def test_what_cannot_be_a_baseline_says_what_to_do(modelspan: Run, made: Made, tmp_path: Path) -> None:
    """No profile there, a file of something else, several files of rows, a column that it does not have."""
    ask = ("baseline", "set", "--model", "m")
    table, empty = tmp_path / "rows.csv", tmp_path / "empty"
    table.write_text("a,b\n1,2\n")
    empty.mkdir()
    whylogs, profile = ("--format", "whylogs"), ("--file", str(made.parts[0]))
    for words, said in (
        ((*whylogs, "--file", str(empty)), "no profile (`*.bin`) in"),
        ((*whylogs, "--file", str(tmp_path / "gone.bin")), "cannot read"),
        ((*whylogs, "--file", str(table)), "is no profile of whylogs 1.x, which begins with WHY1"),
        ((*whylogs, "--query", "SELECT 1"), "--format whylogs says what --file is"),
        (("--file", str(table), "--file", str(table)), "several are merged with --format whylogs"),
        ((*whylogs, *profile, "--score", "risk"), "no column 'risk' that can be compared; it has age, plan"),
        (profile, "`modelspan baseline set --format whylogs` takes it"),
    ):
        status, _, told = modelspan(*ask, *words)
        assert (status, said in told) == (1, True), told
