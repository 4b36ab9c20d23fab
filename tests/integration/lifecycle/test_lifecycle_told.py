"""Stages and approvals over HTTP, by the form of the page, by the command, and wherever a version is shown."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pyarrow as pa
import pytest
from lifecycle_world import START, World
from web_port import bearing, behind_tokens, redacting

from modelspan_analyzer.config.settings import MonitorsConfig
from modelspan_analyzer.reading.stages import stages
from modelspan_analyzer.web.app import build_alone
from modelspan_cli.main import main
from modelspan_collector.access.rules import Redaction
from modelspan_collector.serve import AsgiServer
from modelspan_collector.store.connect import Store

TOKENS = """\
ann-has-a-long-token role=operator name=ann
vic-has-a-long-token role=viewer name=vic
len-has-a-long-token role=operator name=len project=lending
bet-has-a-long-token role=operator name=bet tenant=beta
"""
PATH = "/api/models/scoring/stages"
YES = {"version": "3", "decision": "approve", "reason": "validated on May"}


@pytest.fixture
def world(store: Store) -> World:
    """Two models, of which one is of a project: an old version that still answers, and one that is to come."""
    made = World(store, "scoring")
    made.register("2", project="lending", owner="risk")
    made.register("3", project="lending", owner="risk")
    World(store, "team/limits").register("1")
    now = (datetime.now(UTC) - START).total_seconds() / 3600
    made.predict("2", now - 0.2, 30, hours=0.1)
    World(store, "team/limits").predict("1", now - 0.2, 10, hours=0.1)
    return made


def test_an_operator_decides_and_a_viewer_looks(store: Store, world: World, tmp_path: Path) -> None:
    """The token's name stands; what is wrong is said in a sentence; names with slashes are names."""
    with behind_tokens(store, tmp_path, TOKENS) as url, bearing(url, "vic") as viewer, bearing(url, "ann") as ann:
        assert viewer.post(PATH, json=YES).status_code == 403
        answer = ann.post(PATH, json={**YES, "actor": "somebody else"})
        assert (answer.status_code, answer.json()["approved_by"]) == (201, "ann")
        assert answer.json()["history"][0]["reason"] == "validated on May"
        assert [(one["version"], one["stage"], one["approval"]) for one in viewer.get(PATH).json()] == [
            ("2", "", ""), ("3", "", "approved"),
        ]  # fmt: skip
        wrong = [
            ({**YES, "decision": "live"}, "nothing to decide"), ({**YES, "reason": " "}, "needs a reason"),
            ({"decision": "approve", "reason": "x"}, "'version' is missing"), ({**YES, "version": "4"}, "it has 2, 3"),
            ({**YES, "unseen": "yes"}, "true or false"), ({**YES, "time": "2026-01-01"}, "does not know 'time'"),
            ({**YES, "reason": "x" * 1001}, "that is 1,001 characters: say it in 1,000"),
        ]  # fmt: skip
        for given, says in wrong:
            answer = ann.post(PATH, json=given)
            assert (answer.status_code, says in answer.json()["error"]) == (400, True), answer.text
        unknown = viewer.get(PATH, params={"version": "3"}).json()["error"]
        assert unknown == "/api/models/{model}/stages does not know 'version': it takes none"
        assert "it has scoring" in viewer.get("/api/models/scroing/stages").json()["error"]
        slashed = ann.post("/api/models/team%2Flimits/stages", json={**YES, "version": "1", "decision": "production"})
        assert (slashed.status_code, slashed.json()["stage"]) == (201, "production")
        assert "nobody approved it" in slashed.json()["contradictions"][0]


def test_a_tenant_and_a_project_reach_their_own_alone(store: Store, world: World, databases: Any, tmp_path: Path):
    """What is hidden is refused as what does not exist; a tenant without a database of its own is refused."""
    with databases.one() as tenant:
        World(tenant, "scoring").register("3")
        acme = f"acm-has-a-long-token role=operator name=amy tenant=acme database={tenant.database}\n"
        with (
            behind_tokens(store, tmp_path, TOKENS + acme) as url,
            bearing(url, "acm") as amy,
            bearing(url, "len") as of_project,
        ):
            assert amy.post(PATH, json=YES).status_code == 201
            assert amy.get("/api/models/team%2Flimits/stages").status_code == 400
            assert of_project.post(PATH, json={**YES, "decision": "reject"}).status_code == 201
            hidden = "/api/models/team%2Flimits/stages"
            said = [of_project.get(hidden), of_project.post(hidden, json={**YES, "unseen": True, "version": "1"})]
            assert [answer.status_code for answer in said] == [400, 400]
            assert all("there is no model 'team/limits' in this store" in one.json()["error"] for one in said)
            with bearing(url, "bet") as beta:
                assert beta.post(PATH, json=YES).status_code == 403
        assert {name: one.approved_by for name, one in stages(tenant).items()} == {("scoring", "3"): "amy"}
    assert {name: one.approval for name, one in stages(store).items()} == {("scoring", "3"): "rejected"}


def test_the_form_of_the_page_does_the_same_and_every_page_tells_it(store: Store, world: World, tmp_path: Path) -> None:
    """A retired version that answers is named on its page, on the fleet, and in JSON and CSV; a viewer has no form."""
    server = AsgiServer(build_alone(store, MonitorsConfig()), "127.0.0.1", 0)
    server.start()
    page = {"model": "scoring", "version": "2"}
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{server.port}", timeout=60, follow_redirects=True) as browser:
            shown = browser.get("/model", params=page).text
            assert "no stage told" in shown
            token = re.search(r'type="hidden" name="(\w+)" value="([^"]*)"', shown[shown.index("/model/stages") :])
            assert token
            form = {token[1]: token[2], **page, "actor": "eve", "decision": "retired", "reason": "3 is better"}
            answer = browser.post("/model/stages", data=form, headers={"accept": "text/html"})
            assert answer.status_code == 200, answer.text
            assert (answer.url.path, "3 is better" in answer.text) == ("/model", True)
            assert browser.post("/model/stages", data={**page, "decision": "approve"}).status_code == 403
            world.predict("2", (datetime.now(UTC) - START).total_seconds() / 3600, 7, hours=1e-7)
            says = "7 answers of it as the primary version, and it is retired since"
            told = [one for one in browser.get("/index.json").json()["members"] if one["version"] == "2"]
            assert says in told[0]["lifecycle"]["against_stage"]
            fleet, model = browser.get("/").text, browser.get("/model", params=page).text
            assert all(says in text for text in (fleet, model, browser.get("/index.csv").text))
            assert "1 model has no owner: team/limits." in fleet
            assert browser.get("/index.json").json()["unowned"] == ["team/limits"]
    finally:
        server.stop()
    with behind_tokens(store, tmp_path, TOKENS) as url, bearing(url, "vic") as viewer:
        shown = viewer.get("/model", params=page).text
        assert ("3 is better" in shown, "/model/stages" in shown) == (True, False)


def test_what_is_redacted_is_neither_kept_nor_shown(store: Store, world: World, tmp_path: Path) -> None:
    """A reason is masked when it comes, and withheld where it speaks of a feature that is younger hidden."""
    world.tell("production", "2", reason="income is stable")
    kinds = {"model": ["scoring"], "version": ["2"], "signal": ["data_drift"], "metric": ["psi"], "feature": ["income"]}
    store.insert("monitor_results", pa.table(kinds))
    rules = Redaction(drop=("income",), mask=(r"\d{6}",))
    with redacting(store, tmp_path, rules) as web:
        answer = web.post(PATH, json={**YES, "reason": "asked by customer 123456"})
        assert "123456" not in answer.text
        masked = {**YES, "version": "123456", "unseen": True}
        named = [
            web.post("/api/models/of%20654321/stages", json={**masked, "decision": one})
            for one in ("shadow", "approve")
        ]
        assert [(one.status_code, one.json()["model"], one.json()["version"]) for one in named] == [
            (201, "of ***", "***")
        ] * 2
        listed = {one["version"]: one for one in web.get(PATH).json()}
        assert listed["2"]["stage_reason"] == "it is redacted"
        assert "income" not in web.get("/model", params={"model": "scoring", "version": "2"}).text
    assert "123456" not in str(store.rows("SELECT * FROM model_decisions") + store.rows("SELECT * FROM audit_log"))


def test_commands_decide_and_tell(
    store: Store, world: World, engine_dsn: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """In words and as JSON; what cannot be done ends with an error that says what to do."""
    place = ["--store", engine_dsn, "--database", store.database]

    def said(*words: str, status: int = 0) -> str:
        assert main([*words, *place]) == status
        out = capsys.readouterr()
        return out.out + out.err

    def flat(text: str) -> str:
        return " ".join(text.split())

    assert flat(said("stage")).count("no stage told") == 3
    assert "stage of 2: no stage told" in said("check", "--model", "scoring", "--version", "2", status=4)
    assert "say why: --reason" in said("stage", "scoring", "3", "production", status=1)
    assert "it has scoring" in said("stage", "scroing", "3", "production", "--reason", "x", status=1)
    assert "it has 2, 3" in said("stage", "scoring", "4", "production", "--reason", "x", status=1)
    assert "it has 2, 3" in said("stage", "scoring", "4", status=1)
    assert "say what is decided" in said("stage", "scoring", "3", "--reason", "x", status=1)
    recorded = said("stage", "scoring", "3", "production", "--reason", "better", "--actor", "ann")
    assert "recorded: ann said production of scoring 3; it is production, not approved" in recorded
    assert "but it is in production since" in recorded
    assert "candidate" in said("stage", "scoring", "4", "candidate", "--reason", "soon", "--unseen")
    status = flat(said("status"))
    assert "scoring 2: in the last day 30 predictions of a version whose stage nobody told" not in status  # before it
    assert "1 model has no owner: team/limits" in status
    assert "scoring 3: it is in production since" in status  # though it has not predicted yet
    every = json.loads(said("status", "--json"))["models"]
    assert [(one["model"], one["version"], one["stage"], one["owner"], one["predictions"]) for one in every] == [
        ("scoring", "2", "no stage told", "risk", 30), ("scoring", "3", "production", "risk", 0),
        ("scoring", "4", "candidate", "risk", 0), ("team/limits", "1", "no stage told", "", 10),
    ]  # fmt: skip
    told = json.loads(said("stage", "scoring", "3", "--json"))
    assert [(one["stage"], one["stage_by"], one["history"][0]["reason"]) for one in told] == [
        ("production", "ann", "better")
    ]
    assert "3 production by ann: better" in said("stage", "scoring")
    assert "model stage told" in said("audit")
    for form in ([], ["--summary"]):
        written = said("report", "scoring", "--version", "3", *form)
        assert "- Stage and approval: production, not approved" in written
        assert "- Against it: `it is in production since" in written
    unknown = said("report", "team/limits")
    assert ("- Stage and approval: no stage told" in unknown, "Against it" in unknown) == (True, False)


def test_readiness_asks_for_both(
    store: Store, world: World, engine_dsn: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Missing with what to do; a rejection, and an approval of another card, are not ready."""
    place = ["--store", engine_dsn, "--database", store.database, "--json"]

    def lines() -> dict[str, tuple[str, str]]:
        main(["check", "--model", "scoring", "--version", "2", "--ready", *place])
        read = json.loads(capsys.readouterr().out)["lines"]
        return {one["need"]: (one["state"], one["said"]) for one in read}

    assert "no stage told: `modelspan stage scoring 2 candidate --reason ...`" in lines()["stage"][1]
    assert "nobody approved it: `modelspan stage scoring 2 approve --reason ...`" in lines()["approval"][1]
    assert lines()["owner"] == ("ok", "risk")
    world.tell("production", "2")
    world.tell("approve", "2", reason="fair enough")
    assert (lines()["stage"][0], lines()["approval"]) == ("ok", ("ok", "ann approved it on 2026-03-02: fair enough"))
    world.register("2", -1, task="regression", project="lending", owner="risk")
    assert lines()["approval"][0] == "missing"
    assert "it now says something else of task" in lines()["approval"][1]
    world.tell("reject", "2", reason="no")
    assert lines()["approval"][0] == "missing"
    assert (
        "ann rejected it on 2026-03-02: no; `modelspan stage scoring 2 approve --reason ...`" in lines()["approval"][1]
    )
    world.tell("shadow", "2")
    assert lines()["stage"][0] == "missing"
    assert 'send it with role="shadow", or `modelspan stage scoring 2 production' in lines()["stage"][1]
    world.tell("retired", "2")
    assert lines()["stage"][0] == "missing"
