"""`monitors check`: what a file sets is said, so that a wrong or empty one is not taken for settings."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from modelspan_analyzer.monitors.table import SIGNALS
from modelspan_cli.main import main

PAGE = Path(__file__).parents[3] / "docs" / "analyzer" / "monitors.md"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "sets nothing: the built-in monitors run"),
        ("# later\n", "sets nothing"),
        ("version: 1\n", "sets nothing"),
        ("defaults: {}\nmodels: []\n", "sets nothing"),
        ("defaults: {performance: {min_rows: 7}}\n", "is right\n"),
        ("models: [{model: churn}]\n", "settings of churn"),
    ],
)
def test_a_file_that_sets_nothing_is_said_to(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, said: str
) -> None:
    """It is right, and what runs is the built-in settings."""
    file = tmp_path / "monitors.yaml"
    file.write_text(text)
    assert main(["monitors", "check", str(file)]) == 0
    assert said in capsys.readouterr().out


def test_a_file_with_slices_is_told_who_looks_at_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And why the others do not: what is named is not taken for looked at."""
    file = tmp_path / "monitors.yaml"
    file.write_text("models: [{model: churn, segments: [tag.country]}]\n")
    assert main(["monitors", "check", str(file)]) == 0
    first, taking, *others = capsys.readouterr().out.splitlines()
    assert first.endswith("settings of churn")
    assert taking.startswith("slices are looked at by data_drift, prediction_drift, data_quality, latency, metrics, ")
    assert others == [f"  {name}: {one.whole_only}" for name, one in SIGNALS.items() if one.whole_only]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("concept: {slices: {big: amount > 3}}", "concept looks at all rows alone: it takes labelled rows"),
        ("lifecycle: {segments: [tag.a]}", "a stage and an approval are of a version"),
        ("latency: {segments: [tag.a]}", "put `segments` beside `latency`"),
        ("estimation: {slices: {}}", "put `slices` beside `estimation`"),
    ],
)
def test_slices_of_one_monitor_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, said: str
) -> None:
    """With where they are named instead, or why there are none."""
    file = tmp_path / "monitors.yaml"
    file.write_text(f"defaults:\n  {text}\n")
    assert main(["monitors", "check", str(file)]) == 1
    assert said in capsys.readouterr().err


def test_the_table_of_slices_in_the_docs_is_the_table_of_signals() -> None:
    """Each signal in its order, with the reason that its record gives: a new one has to say whether it takes slices."""
    section = PAGE.read_text().split("\n## Slices\n")[1].split("\n## ")[0]
    lines = dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", section.split("\nWhere there is nothing")[0], re.M))
    assert list(lines) == list(SIGNALS)
    for name, one in SIGNALS.items():
        assert lines[name] == f"no: {one.whole_only}" if one.whole_only else lines[name].startswith("yes"), name
