"""Who answers for a model is the same person, whichever command is asked."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from modelspan_analyzer.governance.notice import notice
from modelspan_analyzer.monitors_yaml import parse
from modelspan_cli.main import main
from modelspan_collector.store.connect import Store

NOW = datetime.now(UTC)
FILE = 'version: 1\nmodels:\n- model: scoring\n  incidents: {owner: "team of the file"}\n'
ELSEWHERE = 'version: 1\ndefaults:\n  incidents: {owner: "team of another file"}\n'
Said = Callable[..., str]


@pytest.fixture
def said(store: Store, engine_dsn: str, capsys: pytest.CaptureFixture[str]) -> Said:
    """What a command prints of a model whose card names one owner, and the file that the analyzer ran by another."""
    stamp = pa.array([NOW - timedelta(minutes=5)], pa.timestamp("ns", "UTC"))
    row = {"model": ["scoring"], "version": ["3"], "timestamp": stamp}
    store.insert("predictions", pa.table({**row, "prediction_id": ["a"]}))
    store.insert("models", pa.table({**row, "owner": ["team of the card"]}))
    notice(store, parse(FILE), NOW)

    def answer(*words: str) -> str:
        main([*words, "--store", engine_dsn, "--database", store.database])
        return capsys.readouterr().out

    return answer


def test_every_command_names_the_owner_of_the_file_that_the_analyzer_ran_by(said: Said) -> None:
    """Who is called is named, and not whom the card names besides."""
    assert json.loads(said("status", "--json"))["models"][0]["owner"] == "team of the file"
    (owner,) = [
        one["said"]
        for one in json.loads(said("check", "--model", "scoring", "--ready", "--json"))["lines"]
        if one["need"] == "owner"
    ]
    assert owner.startswith("team of the file")
    assert "- Owner: `team of the file`" in said("report", "scoring")
    assert "`scoring 3`" in said("digest", "--owner", "team of the file")


def test_a_file_that_is_given_speaks_for_itself(said: Said, tmp_path: Path) -> None:
    """Whoever asks by another file is told by that one."""
    other = tmp_path / "monitors.yaml"
    other.write_text(ELSEWHERE)
    assert "- Owner: `team of another file`" in said("report", "scoring", "--config", str(other))
    assert "`scoring 3`" in said("digest", "--owner", "team of another file", "--config", str(other))
