"""An incident of several versions is an incident of each of them, whoever asks and by whatever way."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pyarrow as pa
import pytest
from web_port import redacting

from modelspan_analyzer.incidents.incident import Incident, OpenFinding, Severity
from modelspan_analyzer.incidents.store import save
from modelspan_analyzer.results import Window
from modelspan_analyzer.views.marks import happened
from modelspan_cli.main import main
from modelspan_collector.access.rules import NO_RULES
from modelspan_collector.store.connect import Store

NOW = datetime.now(UTC).replace(microsecond=0)
THEN = NOW - timedelta(hours=1)


def _finding(version: str, signal: str) -> OpenFinding:
    return OpenFinding(version, signal, "psi", "age", "", "", f"age of {version} moved", THEN)


def _incident() -> Incident:
    both = (_finding("2", "data_drift"), _finding("1", "data_quality"))
    return Incident(
        "3f2a91c0d4be", "scoring", "2", "open", Severity.WARNING, "data_drift", "scoring 1, 2: drift in age", "", "",
        "risk", "", THEN, THEN, THEN, findings=both,
    )  # fmt: skip


@pytest.fixture
def incident(store: Store) -> Incident:
    """Of versions 1 and 2; version 3 has nothing against it."""
    for version in ("1", "2", "3"):
        stamp = pa.array([THEN], pa.timestamp("ns", "UTC"))
        row = {"model": ["scoring"], "version": [version], "prediction_id": [version], "timestamp": stamp}
        store.insert("predictions", pa.table(row))
    found = _incident()
    save(store, [found])
    return found


@pytest.fixture
def port(store: Store, tmp_path: Path) -> httpx.Client:
    """Its pages and paths."""
    with redacting(store, tmp_path, NO_RULES) as client:
        yield client  # type: ignore[misc]


def _by_page(port: httpx.Client) -> dict[str, int]:
    return {one["version"]: len(one["incidents"]) for one in port.get("/index.json").json()["members"]}


def _by_path(port: httpx.Client) -> dict[str, int]:
    return {one["version"]: one["open_incidents"] for one in port.get("/api/models").json()}


def _by_digest(port: httpx.Client) -> dict[str, int]:
    return {one["version"]: one["incidents"] for one in port.get("/digest.json").json()["models"]}


def _by_command(place: list[str], capsys: pytest.CaptureFixture[str]) -> dict[str, dict[str, int]]:
    def said(*words: str) -> dict[str, object]:
        main([*words, *place])
        return json.loads(capsys.readouterr().out)  # type: ignore[no-any-return]

    models: list[dict[str, object]] = said("status", "--json")["models"]  # type: ignore[assignment]
    checks = {v: said("check", "--model", "scoring", "--version", v, "--json")["incidents"] for v in ("1", "2", "3")}
    return {
        "status": {str(one["version"]): len(one["incidents"]) for one in models},  # type: ignore[arg-type]
        "check": {version: len(found) for version, found in checks.items()},  # type: ignore[arg-type]
    }


def test_every_reader_names_it_at_each_version_of_which_something_is_wrong(
    store: Store, incident: Incident, port: httpx.Client, engine_dsn: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is well again stands against its version no more; where all is, it lasts for all until it is over."""
    place = ["--store", engine_dsn, "--database", store.database]
    drift, quality = incident.findings
    for findings, expected in (
        ((drift, quality), {"1": 1, "2": 1, "3": 0}),
        ((replace(drift, ended=True), quality), {"1": 1, "2": 0, "3": 0}),
        ((replace(drift, ended=True), replace(quality, ended=True)), {"1": 1, "2": 1, "3": 0}),
    ):
        later = incident.updated_at + timedelta(minutes=1)
        incident = replace(incident, findings=findings, updated_at=later)
        save(store, [incident])
        told = {"page": _by_page(port), "path": _by_path(port), "digest": _by_digest(port)} | _by_command(place, capsys)
        assert told == dict.fromkeys(told, expected)


def test_the_record_of_each_version_keeps_it(
    store: Store, incident: Incident, engine_dsn: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """When it is over too: a report and a page of any of its versions name it, and those of another one do not."""
    over = tuple(replace(one, ended=True) for one in incident.findings)
    save(store, [replace(incident, findings=over, status="resolved", resolved_at=NOW, updated_at=NOW)])
    for version, there in (("1", True), ("2", True), ("3", False)):
        on_page, _ = happened(store, "scoring", version, Window(THEN - timedelta(hours=1), NOW))
        assert (incident.incident_id in {one.incident_id for one in on_page}) is there
        place = ["--store", engine_dsn, "--database", store.database]
        main(["report", "scoring", "--version", version, "--since", "2h", *place])
        assert ("drift in age" in capsys.readouterr().out) is there


def test_what_is_asked_of_one_signal_is_of_the_version_that_was_named(
    store: Store, incident: Incident, engine_dsn: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Drift of version 2 stands against no drift of version 1."""
    place = ["--store", engine_dsn, "--database", store.database, "--json"]

    def found(version: str, signal: str) -> int:
        main(["check", "--model", "scoring", "--version", version, "--signal", signal, *place])
        return len(json.loads(capsys.readouterr().out)["incidents"])

    asked = [(version, signal) for version in ("1", "2") for signal in ("data_drift", "data_quality")]
    assert [found(*one) for one in asked] == [0, 1, 1, 0]
