"""A token of projects reaches the models of these, by every reader and writer, and nothing hints at the others."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pyarrow as pa
import pytest

from modelspan_analyzer.config.settings import MonitorsConfig
from modelspan_analyzer.web.access.desk import Desk
from modelspan_analyzer.web.access.guard import Guard
from modelspan_analyzer.web.access.roles import MAY
from modelspan_analyzer.web.access.visitors import Visitors, parse
from modelspan_analyzer.web.app import build
from modelspan_analyzer.web.owner import Owned
from modelspan_analyzer.web.port import OfBound
from modelspan_collector.access.token_file import TokenFileError
from modelspan_collector.config import CollectorConfig
from modelspan_collector.serve import AsgiServer
from modelspan_collector.service import Collector
from modelspan_collector.store.connect import Store

NOW = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
HOUR = timedelta(hours=1)
EVERY = "a-token-of-every-model"
LENDING = "a-token-of-lending-alone"
BOTH = "a-token-of-two-projects"
NOBODY = "a-token-of-a-project-without-models"
OPERATOR = "an-operator-of-lending"
ADMIN = "an-admin-of-lending-alone"
OF_ACME = "a-token-of-lending-at-acme"
TOKENS = """
{every} role=admin
{lending} project=lending
{both} project=lending,ris%20k%2C\u00fc
{nobody} project=nothing
{operator} role=operator name=olaf project=lending
{admin} role=admin project=lending
{acme} tenant=acme database={database} project=lending
"""
SECRET_WORDS = ("hush", "risk-model", "of-nothing", "of-acme")
"""What is in the names of all that a token of lending may not reach."""


def stamps(*moments: datetime) -> pa.Array:
    return pa.array(moments, pa.timestamp("ns", "UTC"))


def fill(store: Store, model: str, project: str, *, word: str) -> None:
    """A model with a row in every table that a reader may look at; `word` is in all that is said of it."""
    ids = [f"{word}-{number}" for number in range(3)]
    when = stamps(*[NOW - HOUR / 2] * 3)
    trace = [f"{hash(word) % 10**6:06d}{number:026d}" for number in range(3)]
    rows = {"model": [model] * 3, "version": [f"{word}-v"] * 3, "prediction_id": ids, "timestamp": when}
    labels = pa.array([word] * 3)
    store.insert(
        "predictions", pa.table({**rows, "trace_id": trace, "label": labels, "service": [f"{word}-serve"] * 3})
    )
    one = {"model": [model], "version": [f"{word}-v"]}
    window = {"window_start": stamps(NOW - HOUR), "window_end": stamps(NOW)}
    card = {**one, "timestamp": stamps(NOW), "owner": [f"{word}-owner"], "project": [project]}
    store.insert("models", pa.table(card))
    result = {**one, **window, "signal": ["data_drift"], "metric": ["psi"], "feature": [f"{word}-feature"], "n": [3]}
    store.insert("monitor_results", pa.table({**result, "verdict": ["alarm"], "reason": [f"{word} moved"]}))
    run = {**one, **window, "run_id": [word], "monitor": [""], "outcome": ["done"], "started": stamps(NOW)}
    store.insert("monitor_runs", pa.table({**run, "ended": stamps(NOW)}))
    incident = {"incident_id": [f"{word}-incident"], **one, "status": ["open"], "severity": ["warning"]}
    moments = {name: stamps(NOW) for name in ("began_at", "opened_at", "updated_at")}
    store.insert("incidents", pa.table({**incident, "title": [f"{word} drifted"], "findings": ["[]"], **moments}))
    event = {"incident_id": [f"{word}-incident"], "at": stamps(NOW), "kind": ["opened"], "text": [f"{word} opened"]}
    store.insert("incident_events", pa.table(event))
    opinion = {"incident_id": [f"{word}-incident"], "opinion": ["noise"], "comment": [word], "at": stamps(NOW)}
    store.insert("incident_feedback", pa.table(opinion))
    span = {"TraceId": trace, "SpanId": ["0" * 16] * 3, "ServiceName": [f"{word}-serve"] * 3, "Timestamp": when}
    told = pa.array(
        [[("modelspan.model.name", model), ("modelspan.recorded", "true")]] * 3, pa.map_(pa.string(), pa.string())
    )
    store.insert("otel_traces", pa.table({**span, "SpanName": [f"predict {word}"] * 3, "SpanAttributes": told}))
    baseline = {"baseline_id": [word], **one, "kind": ["rows"], "source": [f"{word}.csv"], "created_at": stamps(NOW)}
    store.insert("baselines", pa.table({**baseline, "rows": pa.array([3], pa.uint64())}))
    kept = {"timestamp": stamps(NOW), "action": ["baseline set"], "actor": [word], "model": [model]}
    store.insert("audit_log", pa.table(kept))


@dataclass
class Port:
    """A guarded port over a store with models of several projects."""

    url: str
    store: Store
    doors: list[str]

    def ask(self, token: str, path: str, method: str = "GET", **given: Any) -> httpx.Response:
        headers = {"authorization": f"Bearer {token}"}
        return httpx.request(method, f"{self.url}{path}", headers=headers, timeout=60, **given)


@pytest.fixture(scope="module")
def port(databases: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Port]:
    data = tmp_path_factory.mktemp("projects")
    with databases.one() as store, databases.one() as tenant:
        fill(store, "scoring", "lending", word="shown")
        fill(store, "risk-model", "ris k,\u00fc", word="hush-risk")
        fill(store, "of-nothing", "", word="hush-none")
        fill(tenant, "acme-scoring", "lending", word="acme-shown")
        fill(tenant, "of-acme", "other", word="hush-acme")
        file = data / "tokens"
        named = {"every": EVERY, "lending": LENDING, "both": BOTH, "nobody": NOBODY, "operator": OPERATOR}
        file.write_text(TOKENS.format(**named, admin=ADMIN, acme=OF_ACME, database=tenant.database))
        collector = Collector(store, CollectorConfig(data / "collector", grpc_port=0, http_port=0))
        collector.start()
        desk = Desk(Visitors(file, "the secret of the note"))
        app = build(store, collector, MonitorsConfig(), Owned(store, collector, data, "the secret of the note"), desk)
        bound = OfBound(store, lambda other: build(other, collector, MonitorsConfig()))
        server = AsgiServer(Guard(app, desk, bound), "127.0.0.1", 0)
        server.start()
        yield Port(f"http://127.0.0.1:{server.port}", store, [path for path in MAY if path.startswith("GET ")])
        server.stop()
        bound.close()
        collector.stop()


ASKED = {
    "/model": "?model=scoring", "/feature": "?model=scoring&feature=shown-feature",
    "/compare": "?model=scoring&with=before",
    "/prediction": "?id=shown-0", "/api/results": "?model=scoring", "/api/why": "?about=scoring&since=3h",
    "/api/breakdown": "?model=scoring&since=3h", "/api/moved": "?service=shown-serve&since=3h",
}  # fmt: skip


def addresses(doors: list[str]) -> list[str]:
    """Every address that can be looked at, with what it needs to answer."""
    found = []
    for door in doors:
        path = door.removeprefix("GET ").replace("{incident_id}", "shown-incident")
        stem = re.sub(r"\.(json|csv)$", "", path)
        if "{" not in path and path not in ("/api/openapi.json", "/login"):
            found.append(path + ASKED.get(stem, ""))
    return found


def test_no_reader_says_a_word_of_what_is_hidden(port: Port) -> None:
    """Every page, its JSON and CSV, every path of `/api` and `/metrics`, of a token that is bound to one project."""
    spoken = {}
    for address in addresses(port.doors):
        answer = port.ask(LENDING, address)
        assert answer.status_code in (200, 400, 403, 404), (address, answer.text[:300])
        spoken[address] = [word for word in SECRET_WORDS if word in answer.text]
    assert {address: words for address, words in spoken.items() if words} == {}


def test_what_is_of_the_project_is_shown_as_to_everybody(port: Port) -> None:
    """The same numbers of the same model; of the fleet what is left of it."""
    for address in ("/api/results?model=scoring", "/api/incidents/shown-incident", "/prediction.json?id=shown-0"):
        own, every = port.ask(LENDING, address), port.ask(EVERY, address)
        assert own.status_code == 200, own.text
        assert own.json() == every.json()
    fleet = port.ask(LENDING, "/index.json").json()
    assert ([one["model"] for one in fleet["members"]], fleet["total"]) == (["scoring"], 1)
    assert [one["model"] for one in port.ask(LENDING, "/api/models").json()] == ["scoring"]
    assert 'model="scoring"' in port.ask(LENDING, "/metrics").text


def test_several_projects_are_their_models_together(port: Port) -> None:
    """Names are percent-encoded in the file; a model of no project is of none of them."""
    assert [one["model"] for one in port.ask(BOTH, "/api/models").json()] == ["risk-model", "scoring"]


def test_a_project_without_models_reaches_nothing_and_says_so(port: Port) -> None:
    """It is no empty store, in which the first prediction is still to come."""
    assert port.ask(NOBODY, "/api/models").json() == []
    assert port.ask(NOBODY, "/index.json").json()["sentence"].startswith("No model is of nothing: ")


def test_a_tenants_token_may_be_of_projects_too(port: Port) -> None:
    """Then it reaches the models of these in the tenant's own database."""
    assert [one["model"] for one in port.ask(OF_ACME, "/api/models").json()] == ["acme-scoring"]


@pytest.mark.parametrize("address", ["/api/results?model={}", "/model?model={}", "/compare?model={}&with=before"])
def test_a_hidden_model_is_refused_as_one_that_does_not_exist(port: Port, address: str) -> None:
    """Word for word, but for its name."""
    hidden, absent = port.ask(LENDING, address.format("risk-model")), port.ask(LENDING, address.format("riskymodel"))
    assert (hidden.status_code, hidden.text) == (absent.status_code, absent.text.replace("riskymodel", "risk-model"))


@pytest.mark.parametrize("path", ["", "/steps", "/feedback"])
def test_a_hidden_incident_is_refused_as_one_that_does_not_exist(port: Port, path: str) -> None:
    """Also where something is to be done about it."""
    said = {"/steps": {"step": "acknowledge"}, "/feedback": {"opinion": "noise"}}.get(path)
    given: dict[str, Any] = {"method": "POST", "json": said} if said else {}
    hidden, absent = (port.ask(OPERATOR, f"/api/incidents/{one}{path}", **given) for one in ("hush-risk-incident", "x"))
    assert (hidden.status_code, absent.status_code) == (404, 404)
    assert hidden.text.replace("hush-risk-incident", "x") == absent.text


def test_what_cannot_be_cut_is_refused_with_the_reason(port: Port) -> None:
    """SQL names any table, and a service moves models of any project; backups and erasure are of the whole store."""
    for method, address in (
        ("GET", "/sql.json?query=SELECT%201"), ("GET", "/api/moved?service=shown-serve"), ("POST", "/api/backups"),
        ("POST", "/api/forget"),
    ):  # fmt: skip
        answer = port.ask(ADMIN, address, method)
        assert (answer.status_code, "a project, and the token is of lending alone" in answer.text) == (403, True), (
            address
        )


def test_an_operator_of_a_project_acts_on_its_incidents(port: Port) -> None:
    """With the name of the token in the timeline."""
    given: dict[str, Any] = {"method": "POST", "json": {"step": "assign", "text": "eve"}}
    assert port.ask(OPERATOR, "/api/incidents/shown-incident/steps", **given).status_code == 201
    assert port.ask(LENDING, "/api/incidents/shown-incident").json()["assignee"] == "eve"


def test_labels_of_others_predictions_are_left_out_and_counted(port: Port) -> None:
    """An id that no prediction of the project has may be another project's: nobody can tell."""
    body = "prediction_id,label\nshown-0,yes\nhush-risk-0,yes\nstill-to-come,yes\n"
    given: dict[str, Any] = {"method": "POST", "headers": {}, "content": body}
    headers = {"authorization": f"Bearer {OPERATOR}", "content-type": "text/csv"}
    answer = httpx.post(f"{port.url}/api/labels", headers=headers, content=given["content"], timeout=60)
    assert answer.json()["labels"] == 1
    assert answer.json()["left_out"] == [
        "2 labels have an id that no prediction of lending has: send them again once these have come"
    ]
    assert port.store.scalar("SELECT groupUniqArray(prediction_id) FROM labels WHERE label = 'yes'") == ["shown-0"]


def test_baselines_are_set_of_the_projects_models_alone(port: Port) -> None:
    """Of another one it is said what is said of one that does not exist."""
    headers = {"authorization": f"Bearer {OPERATOR}", "content-type": "text/csv"}
    body = "age,label\n" + "".join(f"{20 + number % 40},yes\n" for number in range(60))
    for model, status in (("scoring", 201), ("risk-model", 400)):
        address = f"{port.url}/api/baselines?model={model}&prediction=label"
        answer = httpx.post(address, headers=headers, content=body, timeout=60)
        assert (answer.status_code, "hush" in answer.text) == (status, False), answer.text


def test_a_model_that_joins_the_project_is_reached_from_then_on(port: Port) -> None:
    """And one that leaves it is not; nothing that was kept is shown any longer."""
    assert "of-nothing" not in port.ask(LENDING, "/api/models").text
    card = {"model": ["of-nothing"], "version": ["2"], "timestamp": stamps(NOW + HOUR), "project": ["lending"]}
    port.store.insert("models", pa.table(card))
    assert "of-nothing" in port.ask(LENDING, "/index.json").text
    port.store.insert("models", pa.table(card | {"timestamp": stamps(NOW + 2 * HOUR), "project": ["elsewhere"]}))
    assert "of-nothing" not in port.ask(LENDING, "/index.json").text


@pytest.mark.parametrize("line", ["a-long-enough-token project=", "a-long-enough-token project=a,"])
def test_a_token_of_no_named_project_is_refused(line: str) -> None:
    """It would be of every model."""
    with pytest.raises(TokenFileError, match="names no project"):
        parse(line)


def test_an_option_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    """The last would win, and hide that the first does not hold."""
    with pytest.raises(TokenFileError, match="twice"):
        parse("a-long-enough-token project=a project=b")
