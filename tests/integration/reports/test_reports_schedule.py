"""Reports on schedule: made once, made up for once, signed, and what fails is said, counted and tried again."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import logging
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from prometheus_client import CollectorRegistry, generate_latest
from support import eventually
from webhooks import Taken, receiving

from modelspan_analyzer.config.settings import MonitorsConfig
from modelspan_analyzer.governance.audit import Entry, entries
from modelspan_analyzer.monitors_yaml import ConfigError, parse
from modelspan_analyzer.reports.exposition import DeliveriesCollector
from modelspan_analyzer.reports.owed import DELIVERED, FAILED
from modelspan_analyzer.reports.reporter import Reporter
from modelspan_cli.main import main
from modelspan_collector.store.connect import Store

MONDAY = datetime(2026, 3, 2, 6, tzinfo=UTC)
SOON = timedelta(minutes=20)
WEEK = timedelta(days=7)
KEY = "REPORT_KEY"
HOSTILE = "../a b/<script>\u202e" + "x" * 500
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def config(*lines: str, beside: str = "") -> MonitorsConfig:
    """A weekly report, with these lines beside its name and time, and another one beside it."""
    told = "\n".join(f"    {line}" for line in lines)
    return parse(
        f"version: 1\nreports:\n  - name: weekly\n    cron: '0 6 * * mon'\n{told}\n{beside and f'  - {beside}'}\n"
    )


def predict(store: Store, *models: str) -> None:
    """Each model began to predict two weeks before that Monday."""
    stamps = pa.array([MONDAY - 2 * WEEK] * len(models), pa.timestamp("ns", "UTC"))
    rows = {"model": list(models), "version": ["1"] * len(models), "timestamp": stamps, "prediction_id": list(models)}
    store.insert("predictions", pa.table(rows))


def told(store: Store, action: str) -> list[Entry]:
    return entries(store, since=EPOCH, action=action)


@pytest.fixture
def webhook() -> Iterator[Taken]:
    with receiving() as taken:
        yield taken


@pytest.fixture
def place(store: Store, tmp_path: Path) -> Path:
    """Where a store that is not the default one puts what it writes below `tmp_path`."""
    return tmp_path / store.database


def test_a_report_goes_to_a_folder_and_signed_to_a_webhook_once(
    store: Store, tmp_path: Path, place: Path, webhook: Taken, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(KEY, "secret")
    predict(store, "churn")
    asked = config(f"folder: {tmp_path}", f"webhook: {webhook.url}", f"secret_env: {KEY}", "formats: [html, json, pdf]")
    assert Reporter(store, asked).once(MONDAY + SOON) == 0
    names = [f"churn-1-weekly-2026-03-02T0600Z.{ending}" for ending in ("html", "json", "pdf")]
    assert sorted(path.name for path in place.iterdir()) == names
    body, signature = webhook.posts[0]
    assert signature == "sha256=" + hmac.new(b"secret", body, hashlib.sha256).hexdigest()
    posted = json.loads(body)
    assert (posted["report"], posted["model"], posted["version"], posted["state"]) == (
        "weekly",
        "churn",
        "1",
        "not_checked",
    )
    assert posted["since"] == (MONDAY - WEEK).isoformat()
    assert posted["until"] == MONDAY.isoformat()
    assert [base64.b64decode(one["base64"])[:5] for one in posted["files"]] == [b"<!doc", b'{\n "s', b"%PDF-"]
    for later in (MONDAY + SOON, MONDAY + SOON + WEEK / 2):
        assert Reporter(store, asked).once(later) == 0, "a restart makes none again"
    assert len(webhook.posts) == 1
    assert len(told(store, DELIVERED)) == 2


def test_what_was_missed_is_made_up_for_by_one_that_covers_it(store: Store, tmp_path: Path, place: Path) -> None:
    predict(store, "churn")
    asked = config(f"folder: {tmp_path}", "formats: [json]")
    Reporter(store, asked).once(MONDAY + SOON)
    Reporter(store, asked).once(MONDAY + 3 * WEEK + timedelta(days=2))
    found = sorted(place.iterdir())
    assert [path.name[-21:-5] for path in found] == ["2026-03-02T0600Z", "2026-03-23T0600Z"]
    spans = [json.loads(one.details) for one in reversed(told(store, DELIVERED))]
    assert [one["since"] for one in spans] == [(MONDAY - WEEK).isoformat(), MONDAY.isoformat()], "no gap between them"


def test_a_report_waits_until_its_last_window_was_looked_at(store: Store, tmp_path: Path, place: Path) -> None:
    predict(store, "churn")
    reporter = Reporter(store, config(f"folder: {tmp_path}"))
    reporter.once(MONDAY + timedelta(seconds=30))
    assert [path.name[-21:-5] for path in place.iterdir()] == ["2026-02-23T0600Z"], (
        "the one before is due, and no other"
    )
    reporter.once(MONDAY + SOON)
    assert len(list(place.iterdir())) == 2


def test_what_fails_is_said_counted_and_tried_again_alone(
    store: Store, tmp_path: Path, place: Path, webhook: Taken, caplog: pytest.LogCaptureFixture
) -> None:
    """One broken place keeps neither the other place nor another model waiting."""
    predict(store, "churn", "price")
    webhook.status = 503
    asked = config(f"folder: {tmp_path}", f"webhook: {webhook.url}", "models: [gone, churn, price]", "formats: [md]")
    reporter = Reporter(store, asked)
    assert reporter.once(MONDAY + SOON) == 4
    assert len(list(place.iterdir())) == 2
    assert "answered 503" in caplog.text
    assert "there is no model 'gone'" in caplog.text
    assert not any(record.exc_info for record in caplog.records if record.levelno == logging.ERROR)
    assert reporter.once(MONDAY + SOON + timedelta(minutes=5)) == 0, "not at once"
    webhook.status = 200
    assert reporter.once(MONDAY + SOON + timedelta(minutes=61)) == 2, "the model that is gone, to both places"
    assert len(webhook.posts) == 4
    registry = CollectorRegistry()
    registry.register(DeliveriesCollector(store))
    text = generate_latest(registry).decode()
    for series, count in (("folder", 2), ("webhook", 4)):
        assert f'{{outcome="failed",report="weekly",to="{series}"}} {count}.0' in text
    assert len(told(store, FAILED)) == 6


def test_two_analyzers_of_one_store_deliver_once(store: Store, webhook: Taken) -> None:
    predict(store, "churn")
    webhook.status = 500
    asked = config(f"webhook: {webhook.url}")
    Reporter(store, asked).once(MONDAY + SOON)
    Reporter(store, asked).once(MONDAY + SOON)
    assert len(webhook.posts) == 1


def test_a_hostile_name_stays_in_the_folder(store: Store, tmp_path: Path, place: Path) -> None:
    predict(store, HOSTILE)
    assert Reporter(store, config(f"folder: {tmp_path}")).once(MONDAY + SOON) == 0
    (written,) = place.iterdir()
    assert written.name.isascii()
    assert not set(written.name) & set("/\\<> ")
    assert {path.name for path in tmp_path.iterdir()} == {place.name}


def test_it_runs_beside_the_monitors_from_its_start(
    store: Store, tmp_path: Path, place: Path, caplog: pytest.LogCaptureFixture
) -> None:
    predict(store, "churn")
    missing = tmp_path / "no" / "folder"
    asked = config(f"folder: {tmp_path}", beside=f"{{name: lost, every: 1d, formats: [md], folder: {missing}}}")
    reporter = Reporter(store, asked)
    reporter.start()
    try:
        eventually(lambda: len(told(store, DELIVERED)) == 1 and len(told(store, FAILED)) == 1)
    finally:
        reporter.stop()
    assert str(missing.parent) in caplog.text


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        (["formats: [html]"], "goes nowhere"),
        (["folder: reports"], "write the whole path"),
        (["folder: /r", "every: 1d"], "keep one"),
        (["folder: /r", "formats: [docx]"], "docx"),
        (["webhook: example.org"], "no address"),
        (["folder: /r", "fromats: [html]"], "did you mean `formats`?"),
    ],
)
def test_what_is_wrong_in_the_file_is_said_before_it_runs(lines: list[str], why: str) -> None:
    with pytest.raises(ConfigError, match=why.replace("?", r"\?")):
        config(*lines)


def test_reports_are_told_apart_by_their_names() -> None:
    with pytest.raises(ConfigError, match="give each its own"):
        config("folder: /r", beside="{name: weekly, folder: /r}")


def test_monitors_check_says_what_a_file_asks_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "monitors.yaml"
    file.write_text("version: 1\nreports:\n  - {name: weekly, folder: /reports, formats: [pdf]}\n")
    assert main(["monitors", "check", str(file)]) == 0
    assert capsys.readouterr() == (f"{file} is right: reports weekly\n", "")
    absent: Callable[[str], None] = lambda _: None  # noqa: E731 - an environment without the package
    monkeypatch.setattr("modelspan_cli.commands.monitors.find_spec", absent)
    assert main(["monitors", "check", str(file)]) == 0
    assert "pip install 'modelspan[pdf]'" in capsys.readouterr().err
