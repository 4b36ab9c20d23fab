"""Projects: cards that name one, through a real collector, group models in the fleet, in `status` and in SQL."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from pages import blocks, commands
from support import eventually

import modelspan
from modelspan_analyzer.config.settings import MonitorsConfig
from modelspan_analyzer.views import fleet
from modelspan_analyzer.views.view import NotThereError
from modelspan_cli.main import main
from modelspan_collector.config import CollectorConfig
from modelspan_collector.service import Collector
from modelspan_collector.store.connect import Store

PAGE = "docs/pages.md"
NOW = datetime.now(UTC)


@pytest.fixture
def collector(store: Store, tmp_path: Path) -> Iterator[Collector]:
    """A collector over the store."""
    running = Collector(store, CollectorConfig(tmp_path / "collector", grpc_port=0, http_port=0))
    running.start()
    yield running
    running.stop()


def predicted(store: Store, *models: str) -> None:
    """One prediction of each."""
    for model in models:
        stamp = pa.array([NOW - timedelta(minutes=1)], pa.timestamp("ns", "UTC"))
        store.insert("predictions", pa.table({"model": [model], "version": ["1"], "timestamp": stamp, "value": [0.5]}))


def names(store: Store, **asked: str) -> list[str]:
    """Of the models of the fleet."""
    return sorted({one.model for one in fleet.read(store, asked, MonitorsConfig(), datetime.now(UTC)).matched})


def test_the_pages_cards_group_models_everywhere(
    store: Store,
    collector: Collector,
    sdk: Callable[..., None],
    engine_dsn: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Sent by the SDK, kept by the collector: two models are in the project, and one of which no card says is not."""
    sdk(endpoint=f"http://127.0.0.1:{collector.http_port}")
    (code,) = blocks(PAGE, "python")
    exec(code.text, {})
    eventually(lambda: store.scalar("SELECT count() FROM models") == 2)
    predicted(store, "scoring", "limits", "churn")
    assert names(store, project="lending") == names(store, q="LENDING") == ["limits", "scoring"]
    assert names(store) == ["churn", "limits", "scoring"]
    shown = fleet.read(store, {}, MonitorsConfig(), datetime.now(UTC))
    assert shown.projects[""] == 1
    assert {one.project for one in shown.members if one.model == "scoring"} == {"lending"}  # of version 1 no card says
    place = ["--store", engine_dsn, "--database", store.database]
    data = ["--data", str(tmp_path)]
    for name, *options in commands(blocks(PAGE, "sh")[-1]):
        assert main([name, *options, *place, *(data if name == "status" else [])]) == 0
        said = capsys.readouterr().out
        assert re.search("limits", said) and "churn" not in said
    assert main(["status", "--json", "--project", "lending", *place, *data]) == 0
    told = json.loads(capsys.readouterr().out)["models"]
    assert {(one["model"], one["project"]) for one in told} == {("limits", "lending"), ("scoring", "lending")}


def test_the_newest_card_that_names_a_project_tells_and_one_that_nobody_names_is_refused(
    store: Store, engine_dsn: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A model that moves is in the new one, with all of its versions; a later card without a word changes nothing."""
    cards = [("1", "old", 3), ("2", "new", 2), ("3", "", 1)]
    stamps = pa.array([NOW - timedelta(days=days) for _, _, days in cards], pa.timestamp("ns", "UTC"))
    given = {"version": [one[0] for one in cards], "project": [one[1] for one in cards], "timestamp": stamps}
    store.insert("models", pa.table({"model": ["moved"] * 3, **given}))
    predicted(store, "moved")
    assert names(store, project="new") == ["moved"]
    with pytest.raises(NotThereError, match="no model is of a project 'old'; there is new"):
        names(store, project="old")
    place = ["--store", engine_dsn, "--database", store.database, "--data", str(tmp_path)]
    assert main(["status", "--project", "old", *place]) == 1
    assert "no model is of a project 'old'; there are new" in capsys.readouterr().err
    assert modelspan.register.__doc__ and "project:" in modelspan.register.__doc__
