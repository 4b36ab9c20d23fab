"""The week of a team of docs/reports.md: its commands write what they name, and its schedule brings it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from databases import Databases
from pages import blocks, commands
from webhooks import receiving

from modelspan_analyzer.monitors_yaml import parse
from modelspan_analyzer.reports.reporter import Reporter
from modelspan_cli.main import main
from modelspan_collector.store.connect import Store

HOUR = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
COMMANDS = blocks("docs/reports.md", "sh")[2]
SCHEDULE = blocks("docs/reports.md", "yaml")[1]
TEAMS = {"limits": ("risk-team", "lending"), "scoring": ("risk-team", "lending"), "search": ("shop-team", ""),
         "tryout": ("", "")}  # fmt: skip


@pytest.fixture(scope="module")
def filled(databases: Databases) -> Iterator[Store]:
    """Models of two teams, and one of nobody, of which ten predictions came an hour over two weeks."""
    with databases.one() as store:
        for number, (model, (owner, project)) in enumerate(TEAMS.items()):
            card = {"model": [model], "version": ["1"], "timestamp": pa.array([HOUR], pa.timestamp("ns", "UTC"))}
            store.insert("models", pa.table({**card, "owner": [owner], "project": [project]}))
            when = [HOUR - timedelta(days=14) + timedelta(minutes=6 * row) for row in range(14 * 240 - number)]
            rows = {"model": [model] * len(when), "version": ["1"] * len(when)}
            ids = [f"{model}-{row}" for row in range(len(when))]
            stamps = pa.array(when, pa.timestamp("ns", "UTC"))
            store.insert("predictions", pa.table({**rows, "prediction_id": ids, "timestamp": stamps}))
        yield store


@pytest.fixture
def modelspan(
    filled: Store, engine_dsn: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Callable[[list[str]], int]:
    monkeypatch.chdir(tmp_path)
    return lambda words: main([*words, "--store", engine_dsn, "--database", filled.database])


def test_the_commands_write_the_files_that_they_name(
    modelspan: Callable[[list[str]], int], capsys: pytest.CaptureFixture[str]
) -> None:
    for words in commands(COMMANDS):
        assert modelspan(words) == 0, words
        assert "not checked" in capsys.readouterr().out
    risk, nobody = Path("risk-team.html").read_text(), json.loads(Path("nobody.json").read_text())
    assert "limits 1" in risk
    assert "scoring 1" in risk
    assert "search" not in risk
    assert [one["model"] for one in nobody["models"]] == ["tryout"]
    assert "of the project lending: 30 days" in Path("lending.md").read_text()


def test_the_schedule_brings_every_team_its_own(filled: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a folder and a chat that are there."""
    monkeypatch.setenv("DIGEST_KEY", "secret")
    with receiving() as chat:
        text = SCHEDULE.text.replace("/var/digests", str(tmp_path)).replace("https://hooks.example.org/risk", chat.url)
        assert Reporter(filled, parse(text)).once(HOUR) == 0
    assert [json.loads(body)["owner"] for body, _ in chat.posts] == ["risk-team"]
    teams = {path.name.partition("-weekly-")[0] for path in tmp_path.rglob("*.html")}
    assert teams == {"owner-risk-team", "owner-shop-team", "no-owner"}


def test_the_file_passes_its_check_with_the_teams_that_are_there(
    modelspan: Callable[[list[str]], int], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "monitors.yaml").write_text(SCHEDULE.text)
    assert modelspan(["monitors", "check", "monitors.yaml"]) == 0
    assert capsys.readouterr() == ("monitors.yaml is right: reports weekly, chat of risk\n", "")
