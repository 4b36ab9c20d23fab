"""The walks of CONTRIBUTING.md, followed to the letter in a copy of the packages: what they add works.

A block with `file=` alone makes that file; with `table=` its imports go to the file's imports, and its other lines
to the end of that table.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pages import ROOT, Block, blocks
from pyarrow import orc

LAYERS = ("sdk", "collector", "analyzer", "cli")
WALKS = [block for block in blocks("CONTRIBUTING.md", "python", "sql") if "file" in block.options]

TRY = """
import json, sys
from datetime import datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pyarrow as pa

from modelspan_analyzer.monitors_yaml import parse
from modelspan_analyzer.files.read import read
from modelspan_analyzer.reading import baselines
from modelspan_analyzer.reading.features import feature_maps
from modelspan_analyzer.results import Window
from modelspan_analyzer.runner import Runner
from modelspan_cli.main import main
from modelspan_collector.store import schema
from modelspan_collector.store.connect import connect

folder = Path(sys.argv[1])
store = connect(f"chdb://{folder / 'store'}")
schema.apply(store)
start = datetime(2026, 3, 2, 8, tzinfo=timezone.utc)
plans = {"gold": 200, "basic": 200}
columns = pa.table({"plan": np.repeat(list(plans), list(plans.values()))})
baselines.set_from_table(store, "churn", "1", columns, source="test")
now = pa.table({"plan": np.repeat(["gold", "basic"], [360, 40])})
stamps = pa.array([start + timedelta(seconds=row) for row in range(400)], pa.timestamp("ns", "UTC"))
names = {"model": ["churn"] * 400, "version": ["1"] * 400, "timestamp": stamps}
names |= {"prediction_id": [str(row) for row in range(400)], "value": [-0.5] * 400}
store.insert("predictions", pa.table({**names, **feature_maps(now)}))
settings = "defaults: {data_drift: {measures: [psi, bhattacharyya_distance]}, negative: {max_share: 0.5}}"
outcomes = {"model": ["loans"] * 400, "version": ["1"] * 400, "timestamp": stamps}
outcomes |= {"prediction_id": [f"loan {row}" for row in range(400)], "label": ["yes"] * 160 + ["no"] * 240}
store.insert("predictions", pa.table(outcomes))
truth = {name: outcomes[name] for name in ("model", "prediction_id", "timestamp")} | {"label": ["yes", "no"] * 200}
store.insert("labels", pa.table(truth))
runner = Runner(store, parse(settings))
runner.run_window("churn", "1", Window(start, start + timedelta(hours=1)))
runner.run_window("loans", "1", Window(start, start + timedelta(hours=1)))
runner.run_window("nobody", "1", Window(start, start + timedelta(hours=1)))
found = store.rows("SELECT model, signal, metric, feature, value, verdict, reason FROM monitor_results FINAL")
store.command("INSERT INTO on_call VALUES ('churn', '2026-03-02', 'Ada')")
said = {
    "results": found,
    "people": store.rows("SELECT person FROM on_call"),
    "rows": read(folder / "history.orc").table.to_pylist(),
}
(folder / "said.json").write_text(json.dumps(said))
sys.exit(main(["newest", "--store", f"chdb://{folder / 'store'}", "--data", str(folder)]))
"""


def follow(block: Block, house: Path) -> None:
    """Do what a block says, in a copy of the packages."""
    file = house / block.options["file"]
    if not (place := block.options.get("table")):
        assert not file.exists(), f"{block}: {file.name} is there already"
        file.parent.mkdir(exist_ok=True)
        file.write_text(block.text)
        return
    lines = block.text.splitlines()
    imports = [line for line in lines if line.startswith("from ")]
    added = [f"    {line}" for line in lines if line and line not in imports]
    text = file.read_text().splitlines()
    (opened,) = [at for at, line in enumerate(text) if re.match(rf"{place}\b.*[({{\[]$", line)]
    closed = next(at for at in range(opened, len(text)) if text[at] in (")", "}", "]"))
    text[closed:closed] = [line if line.endswith(",") else f"{line}," for line in added]
    first = next(at for at, line in enumerate(text) if line.startswith(("from modelspan", "import modelspan")))
    text[first:first] = imports
    file.write_text("\n".join(text) + "\n")


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The packages, with all that the page adds to them."""
    folder = tmp_path_factory.mktemp("house")
    for layer in LAYERS:
        shutil.copytree(ROOT / layer, folder / layer, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    assert WALKS
    for block in WALKS:
        follow(block, folder)
    return folder


def python(house: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Python on the copy of the packages."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(str(house / layer) for layer in LAYERS)}
    return subprocess.run(
        [sys.executable, *arguments], cwd=house, env=environment, capture_output=True, text=True, timeout=170
    )


@pytest.fixture(scope="module")
def said(house: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the house says of a store of one model, with everything that was added to it."""
    folder = tmp_path_factory.mktemp("data")
    orc.write_table(pa.table({"age": [39, 40], "plan": ["gold", "basic"]}), folder / "history.orc")
    ended = python(house, "-c", TRY, str(folder))
    assert ended.returncode == 0, ended.stderr
    return {**json.loads((folder / "said.json").read_text()), "printed": ended.stdout}


def test_the_measure_of_the_page_is_computed_by_the_monitor_of_drift(said: dict[str, Any]) -> None:
    """It is stored for the feature, and is what its formula gives."""
    (drift,) = [
        row for row in said["results"] if row["metric"] == "bhattacharyya_distance" and row["feature"] == "plan"
    ]
    assert drift["value"] == pytest.approx(-np.log(np.sqrt(0.5 * 0.9) + np.sqrt(0.5 * 0.1)), rel=0.01)


def test_the_measure_of_performance_of_the_page_is_computed_where_labels_are_in(said: dict[str, Any]) -> None:
    """It is measured with an interval's bounds and judged as every other one: a coin's answers are worth nothing."""
    (youden,) = [row for row in said["results"] if (row["signal"], row["metric"]) == ("performance", "youden_index")]
    assert (youden["model"], youden["value"]) == ("loans", pytest.approx(0.0, abs=1e-9))


def test_the_monitor_of_the_page_is_run_by_the_runner(said: dict[str, Any]) -> None:
    """It alarms by its settings where all answers are negative, and says what lacks where there is none."""
    rows = {row["model"]: row for row in said["results"] if row["signal"] == "negative"}
    assert (rows["churn"]["verdict"], rows["churn"]["value"]) == ("alarm", 1.0)
    assert rows["churn"]["reason"] == "100.00% of the answers are below 0"
    assert (rows["nobody"]["verdict"], rows["nobody"]["reason"]) == (
        "not_enough_data",
        "0 answers are numbers; 100 are needed",
    )


def test_a_monitor_is_one_package_and_one_line_of_a_table() -> None:
    """Nothing else of the page's walk touches a file that is there already: a third place is one to forget."""
    page = (ROOT / "CONTRIBUTING.md").read_text()
    walk = page[page.index("## Add a monitor") : page.index("## Add a format of file")]
    files = set(re.findall(r"^```python file=(\S+)", walk, re.M))
    package = "analyzer/modelspan_analyzer/monitors/negative/"
    assert {file for file in files if not file.startswith(package)} == {"analyzer/modelspan_analyzer/monitors/table.py"}


def test_the_format_of_the_page_is_read(said: dict[str, Any]) -> None:
    """Typed columns come out of the file, by what it holds."""
    assert said["rows"] == [{"age": 39, "plan": "gold"}, {"age": 40, "plan": "basic"}]


def test_the_command_of_the_page_answers(said: dict[str, Any]) -> None:
    """It prints the newest prediction of each model."""
    assert said["printed"] == "churn\t2026-03-02 08:06:39\nloans\t2026-03-02 08:06:39\n"


def test_the_table_of_the_page_is_made(said: dict[str, Any]) -> None:
    """A start makes it, and it takes rows."""
    assert said["people"] == [{"person": "Ada"}]


def test_what_the_page_adds_is_in_the_style_of_the_house(house: Path) -> None:
    """Style is checked with the project's own rules, and the example of the formula holds."""
    added = [block.options["file"] for block in WALKS if block.language == "python"]
    for check in (("check", "--no-cache", "--ignore", "I001"), ("format", "--no-cache", "--diff")):
        ended = python(house, "-m", "ruff", *check, *added)
        assert ended.returncode == 0, ended.stdout + ended.stderr
    formulas = [block.options["file"] for block in WALKS if "/statistics/" in block.options["file"]]
    for file in (file for file in formulas if not (ROOT / file).exists()):
        assert python(house, "-m", "doctest", file).stdout == ""


def test_every_path_that_the_page_names_is_there() -> None:
    """Folders and files in code spans exist, unless a walk makes them."""
    page = (ROOT / "CONTRIBUTING.md").read_text()
    named = set(re.findall(r"`((?:[\w.]+/)+[\w.*]*)`", page))
    short = ("tests/unit/statistics", "collector/modelspan_collector")
    roots = [ROOT, *(ROOT / folder for folder in short)]
    assert named
    assert [name for name in sorted(named) if not any(list(root.glob(name.rstrip("/"))) for root in roots)] == []
    files = {path.name for folder in (*LAYERS, "tests") for path in (ROOT / folder).rglob("*.py")}
    assert set(re.findall(r"`(\w+\.py)`", page)) <= files
