"""`modelspan replay` on real histories, from the command line, as the README shows it."""

import json
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pyarrow.parquet as parquet
import pytest
from pages import blocks, commands

SLOW = ("multivariate", "poisoning", "estimation", "concept", "worst_slices", "latency")
"""Signals that take most of the time of a replay, and are tested where they have less to look at."""


def cli(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run one modelspan command."""
    return subprocess.run(
        [sys.executable, "-m", "modelspan_cli", *arguments], capture_output=True, text=True, timeout=500
    )


def replay(file: Path, data: Path, *options: str) -> dict[str, object]:
    """Replay a file into a folder, by the command of README.md for it, and return the JSON report."""
    shown = [words for block in blocks("README.md", "sh") for words in commands(block)]
    (words,) = [words[2:] for words in shown if words[:2] == ["replay", file.name]]
    ended = cli("replay", str(file), *words, "--data", str(data), "--json", *options)
    assert ended.returncode == 0, ended.stderr
    report: dict[str, object] = json.loads(ended.stdout)
    return report


def without(folder: Path, *signals: str) -> tuple[str, str]:
    """The option by which a replay leaves signals out."""
    file = folder / "monitors.yaml"
    file.write_text("defaults:\n" + "".join(f"  {name}: {{enabled: false}}\n" for name in signals))
    return "--monitors", str(file)


def count(data: Path, sql: str) -> int:
    """One number from the store of a folder."""
    return int(cli("sql", sql, "--data", str(data), "--format", "TSV").stdout)


@pytest.mark.timeout(600)
def test_electricity_drifts(shared_data: Path, tmp_path: Path) -> None:
    """elec2: every live row is stored under its own time, and the stream is said to drift at the dates when it did."""
    file = shared_data / "elec2_predictions.parquet"
    report = replay(file, tmp_path, *without(tmp_path, *SLOW, "prediction_drift", "performance", "fairness"))
    live = parquet.read_table(file, filters=[("split", "=", "live")]).num_rows
    assert count(tmp_path, "SELECT count() FROM predictions") == live
    assert count(tmp_path, "SELECT count() FROM labels") == live
    assert count(tmp_path, "SELECT toYear(min(timestamp)) FROM predictions") == 1996

    alarms = [
        (window["start"], result["feature"])
        for window in report["windows"]
        for result in window["results"]
        if result["verdict"] == "alarm" and result["signal"] == "data_drift"
    ]
    # vicprice and transfer are constant until May 1997, when the market of Victoria joined, and vary from then on.
    joined = [datetime.fromisoformat(start) for start, feature in alarms if feature in ("vicprice", "transfer")]
    assert joined, "the market's change was not found"
    assert min(joined).strftime("%Y-%m") in ("1997-04", "1997-05")


@pytest.mark.timeout(600)
def test_adult_without_times(shared_data: Path, tmp_path: Path) -> None:
    """adult: rows without a time column are taken in their order, and a random split of one population is quiet."""
    file = shared_data / "adult_predictions.parquet"
    report = replay(file, tmp_path, "--window", "2500", *without(tmp_path, *SLOW))
    live = parquet.read_table(file, filters=[("split", "=", "live")]).num_rows
    assert count(tmp_path, "SELECT count() FROM predictions") == live
    assert count(tmp_path, "SELECT uniqExact(tags['sex']) FROM predictions") == 2
    drifting = [
        window
        for window in report["windows"]
        for result in window["results"]
        if result["verdict"] == "alarm" and result["signal"] in ("data_drift", "prediction_drift")
    ]
    assert len(drifting) <= len(report["windows"]) * 0.1


def test_a_second_replay_of_the_same_version_is_refused(tmp_path: Path) -> None:
    """Rows are not stored twice by accident; the message says what to change."""
    file = tmp_path / "history.csv"
    file.write_text("x,y\n" + "\n".join(f"{row % 7},{row % 2}" for row in range(400)))
    arguments = (
        "replay",
        str(file),
        "--model",
        "m",
        "--version",
        "1",
        "--prediction",
        "y",
        "--data",
        str(tmp_path / "d"),
    )
    assert cli(*arguments).returncode == 0
    again = cli(*arguments)
    assert again.returncode == 1
    assert "give another --version" in again.stderr


def test_wrong_columns_are_named(tmp_path: Path) -> None:
    """A misspelt column is answered with the columns that there are."""
    file = tmp_path / "history.csv"
    file.write_text("x,y\n1,0\n2,1\n")
    ended = cli(
        "replay", str(file), "--model", "m", "--version", "1", "--prediction", "z", "--data", str(tmp_path / "d")
    )
    assert ended.returncode == 1
    assert "no column 'z'; it has x, y" in ended.stderr


def test_a_window_within_which_the_history_ends_is_partial(tmp_path: Path) -> None:
    """The last, shorter window says so, and its volume is not judged: fewer rows are no fault of the model's."""
    file = tmp_path / "short.csv"
    file.write_text("x,prediction\n" + "".join(f"{row % 97},{row % 2}\n" for row in range(2_520)))
    options = ("--model", "m", "--version", "1", "--prediction", "prediction", "--task", "classification")
    ended = cli("replay", str(file), *options, "--data", str(tmp_path / "data"), "--window", "400", "--json")
    assert ended.returncode == 0, ended.stderr
    windows = json.loads(ended.stdout)["windows"]
    volumes = [[each["verdict"] for each in one["results"] if each["metric"] == "volume"] for one in windows]
    assert [one["partial"] for one in windows] == [False] * (len(windows) - 1) + [True]
    assert volumes[-2:] == [["ok"], ["not_compared"]]
