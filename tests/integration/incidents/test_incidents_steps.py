"""People work on incidents: what they do is kept, told everywhere alike, and not undone by what analyzers write."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pyarrow as pa
import pytest
from web_port import bearing, behind_tokens

from modelspan_analyzer.config.alert_settings import AlertSettings
from modelspan_analyzer.config.settings import MonitorsConfig
from modelspan_analyzer.governance import audit
from modelspan_analyzer.incidents import Incident, load, load_open, steps, timeline, update
from modelspan_analyzer.incidents import store as kept
from modelspan_analyzer.results import Result, Verdict, Window
from modelspan_analyzer.web.app import build_alone
from modelspan_cli.main import main
from modelspan_collector.serve import AsgiServer
from modelspan_collector.store.connect import Store

START = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
TOKENS = "ann-has-a-long-token role=operator name=ann\nview-has-a-long-token role=viewer name=vic\n"


def result(number: int, verdict: Verdict = Verdict.ALARM, feature: str = "age", **given: object) -> Result:
    window = Window(START + number * HOUR, START + (number + 1) * HOUR)
    base = Result("churn", "1", window, "data_drift", "psi", 0.5, verdict, feature=feature, n=1000, monitor="drift")
    return replace(base, **given)  # type: ignore[arg-type]


def at(number: float) -> datetime:
    return START + (number + 1) * HOUR + timedelta(minutes=1)


@pytest.fixture
def incident(store: Store) -> Incident:
    """Opened by the first window."""
    return update(store, [result(0)], at(0))[0]


def take(store: Store, incident: Incident, step: str, text: str = "", *, after: float = 0.1) -> Incident:
    return steps.take(store, incident.incident_id, step, actor="ann", now=at(after), text=text)


def test_what_people_write_stays_on_one_line_that_reads_as_it_is(store: Store, incident: Incident) -> None:
    """Without signs that end a line, or turn it round, wherever it is shown."""
    assert take(store, incident, "assign", "eve\nbob\x00\u202ex").assignee == "eve bob x"
    with pytest.raises(ValueError, match="say whom"):
        take(store, incident, "assign", "\x00 \u200b")


def test_every_step_is_in_the_state_the_timeline_and_the_audit_log(store: Store, incident: Incident) -> None:
    """With who did it and what was said."""
    said = {"acknowledge": "", "assign": "eve", "action": "rolled back", "outcome": "a bad join", "close": ""}
    for number, (step, text) in enumerate(said.items(), 1):
        after = take(store, incident, step, text, after=number / 10)
    assert (after.acknowledged_by, after.acknowledged_at, after.assignee) == ("ann", at(0.1), "eve")
    assert (after.action, after.outcome, after.closed_by) == ("rolled back", "a bad join", "ann")
    assert (after.status, after.resolved_at) == ("resolved", at(0.5))
    done = [event for event in timeline(store, incident.incident_id) if event.actor]
    assert [event.kind for event in done] == ["acknowledged", "assigned", "action", "outcome", "closed"]
    assert "eve" in done[1].text
    entries = audit.entries(store, since=datetime(2020, 1, 1, tzinfo=UTC), model="churn")
    assert {entry.actor for entry in entries} == {"ann"}
    assert {entry.action for entry in entries} == {steps.STEPS[step].audited for step in said}
    assert all(incident.incident_id in entry.details for entry in entries)


def test_the_row_in_sql_says_the_same_also_after_merges_and_a_new_schema(store: Store, incident: Incident) -> None:
    """`incidents` and `incident_events` alone tell it."""
    take(store, incident, "acknowledge")
    take(store, incident, "assign", "eve", after=0.2)
    for table in ("incidents", "incident_events"):
        store.command(f"OPTIMIZE TABLE {table} FINAL")
    (row,) = store.rows("SELECT status, acknowledged_by, assignee FROM incidents")
    assert row == {"status": "open", "acknowledged_by": "ann", "assignee": "eve"}
    (event,) = store.rows("SELECT actor, value FROM incident_events WHERE kind = 'assigned'")
    assert event == {"actor": "ann", "value": "eve"}


def test_an_analyzer_that_did_not_see_a_step_does_not_undo_it(store: Store, incident: Incident) -> None:
    """It read the incident before, and writes it after: what it found and what was done are both there."""
    take(store, incident, "acknowledge")
    take(store, incident, "close", "known", after=0.2)
    kept.save(store, [replace(incident, affected=7, updated_at=at(0.3))])
    (after,) = load(store)
    assert (after.affected, after.acknowledged_by, after.status, after.outcome) == (7, "ann", "resolved", "known")


def test_a_step_that_did_not_see_an_analyzer_does_not_undo_it(store: Store, incident: Incident) -> None:
    """The analyzer's newer row is written between a person's reading and writing."""
    event = kept.Event(at(0.1), "acknowledged", "ann acknowledged it", "ann")
    kept.add_events(store, [(incident.incident_id, event)])
    newer = replace(incident, affected=7, updated_at=at(0.2))
    step = replace(incident, acknowledged_at=at(0.1), updated_at=incident.updated_at + timedelta(milliseconds=1))
    kept.save(store, [newer])
    kept._write(store, [step])  # late
    (after,) = load(store)
    assert (after.affected, after.acknowledged_by) == (7, "ann")


@pytest.mark.parametrize(
    ("first", "step", "text", "says"),
    [
        ("", "assign", " ", "whom it is assigned to"),
        ("", "action", "", "what was done"),
        ("", "reopen", "", "it is open already"),
        ("close", "acknowledge", "", "reopen it first"),
        ("close", "close", "", "reopen it first"),
        ("", "delete", "", "acknowledge, assign"),
    ],
)
def test_what_cannot_be_done_is_said(
    store: Store, incident: Incident, first: str, step: str, text: str, says: str
) -> None:
    """With what to do instead; and it leaves no trace."""
    if first:
        take(store, incident, first)
    before = (load(store), timeline(store, incident.incident_id))
    with pytest.raises(ValueError, match=says):
        take(store, incident, step, text, after=0.2)
    assert (load(store), timeline(store, incident.incident_id)) == before


def test_an_incident_that_nobody_knows_is_refused(store: Store) -> None:
    """The message says how to find the right one."""
    with pytest.raises(ValueError, match="modelspan incidents"):
        steps.take(store, "nope", "close", actor="ann", now=at(0))


def test_what_was_closed_comes_back_only_with_a_window_that_began_later(store: Store, incident: Incident) -> None:
    """The window that somebody closed it in still has what was wrong; the next one says whether it is over."""
    take(store, incident, "close", "fixed", after=0.5)
    update(store, [result(1)], at(1))
    assert load_open(store) == []
    update(store, [result(2)], at(2))
    (again,) = load(store, status="open")
    assert again.incident_id != incident.incident_id  # an hour later: a new one


def test_what_comes_back_at_once_reopens_it_and_has_to_be_acknowledged_again(store: Store, incident: Incident) -> None:
    """Closed just before the next window began: the same incident, and whose task it is stays."""
    take(store, incident, "acknowledge")
    take(store, incident, "assign", "eve", after=0.2)
    take(store, incident, "close", "fixed", after=0.9)
    update(store, [result(2)], at(1.5))
    (again,) = load_open(store)
    assert (again.incident_id, again.acknowledged_at, again.closed_by) == (incident.incident_id, None, "")
    assert (again.assignee, again.outcome) == ("eve", "")


def test_another_fault_in_the_window_of_the_closing_opens_an_incident(store: Store, incident: Incident) -> None:
    """Closing is about what was known."""
    take(store, incident, "close", "fixed", after=0.5)
    update(store, [result(1), result(1, feature="income")], at(1))
    (other,) = load_open(store)
    assert {member.feature for member in other.findings} == {"income"}


def test_what_somebody_reopens_stays_open_until_somebody_closes_it(store: Store, incident: Incident) -> None:
    """Its findings are well: nothing but a person says that it is not over."""
    update(store, [result(1, Verdict.OK)], at(1))
    update(store, [result(2, Verdict.OK)], at(2))
    take(store, incident, "reopen", "half of them only", after=2.1)
    update(store, [result(3, Verdict.OK)], at(3))
    (still,) = load_open(store)
    assert take(store, still, "close", after=3.1).status == "resolved"


def test_a_fault_of_unknown_cause_does_not_vanish_in_what_somebody_acknowledged_before(store: Store) -> None:
    """Nobody would be called: it is an incident of its own; before the acknowledgement it joins."""
    cause = {"cause": "store GET /", "began_at": START}
    late = result(7, feature="", signal="latency", metric="p99", monitor="latency")
    for acknowledged, expected in ((False, 1), (True, 2)):
        update(store, [result(0)], at(0))
        (one,) = load_open(store)
        lasting = replace(one, **cause, findings=tuple(replace(each, cause="store GET /") for each in one.findings))
        kept.save(store, [lasting])
        if acknowledged:
            take(store, one, "acknowledge")
        update(store, [result(7), late], at(7))
        assert len(load_open(store)) == expected
        for table in ("incidents", "incident_events"):
            store.command(f"TRUNCATE TABLE {table}")


def test_alerts_say_who_has_it_in_hand_until_it_becomes_graver(store: Store, incident: Incident) -> None:
    """An alert of its own, by which Alertmanager keeps the incident's quiet; the incident's alert goes on."""
    from modelspan_analyzer.alerts import Pusher, alerts_of

    pusher = Pusher(AlertSettings(hold=timedelta(0)))
    assert {one.labels["alertname"] for one in pusher.send([incident], at(0))} == {"ModelIncident"}
    known = take(store, incident, "acknowledge")
    sent = {one.labels["alertname"]: one for one in pusher.send([known], at(0.2))}
    assert sent["ModelIncidentAcknowledged"].labels["severity"] == "none"
    assert sent["ModelIncidentAcknowledged"].ends_at > at(0.2) < sent["ModelIncident"].ends_at
    assert "acknowledged by ann" in sent["ModelIncident"].annotations["work"]
    kept.add_events(store, [(incident.incident_id, kept.Event(at(0.3), "severity", "warning became critical"))])
    kept.settle(store, [incident.incident_id])
    (graver,) = load_open(store)
    ended = {one.labels["alertname"]: one for one in pusher.send([graver], at(0.4))}
    assert ended["ModelIncidentAcknowledged"].ends_at == at(0.4)
    assert "ModelIncidentAcknowledged" not in alerts_of(graver, AlertSettings(), at(1))


def test_over_http_the_right_to_write_and_the_name_of_the_token_count(
    store: Store, incident: Incident, tmp_path: Path
) -> None:
    """A viewer is refused; an operator's name stands, whatever the request says of itself."""
    path, step = f"/api/incidents/{incident.incident_id}/steps", {"step": "acknowledge", "actor": "somebody else"}
    with behind_tokens(store, tmp_path, TOKENS) as url, bearing(url, "view") as viewer, bearing(url, "ann") as ann:
        assert viewer.post(path, json=step).status_code == 403
        answer = ann.post(path, json=step)
        assert (answer.status_code, answer.json()["acknowledged_by"]) == (201, "ann")
        assert answer.json()["timeline"][-1]["actor"] == "ann"
        assert viewer.get(f"/api/incidents/{incident.incident_id}").json() == answer.json()
        wrong = ann.post(path, json={"step": "assign"})
        assert (wrong.status_code, wrong.json()["error"]) == (400, "say whom it is assigned to")
        misspelt = ann.post(path, json={"step": "close", "tekst": "fixed in 4.3"})
        assert (misspelt.status_code, "does not know 'tekst': it takes actor, step, text" in misspelt.text) == (
            400,
            True,
        )
        endless = ann.post(path, json={"step": "outcome", "text": "y" * 1001})
        assert (endless.status_code, "say it in 1,000" in endless.text) == (400, True)


def test_a_tenant_works_on_its_own_incidents_alone(store: Store, incident: Incident, databases: Any, tmp_path: Path):
    """Of another database's it knows nothing."""
    with databases.one() as tenant:
        (own,) = update(tenant, [result(0)], at(0))
        acme = f"acme-has-a-long-token role=operator name=amy tenant=acme database={tenant.database}\n"
        with behind_tokens(store, tmp_path, TOKENS + acme) as url, bearing(url, "acme") as amy:
            said = [amy.post(f"/api/incidents/{one}/steps", json={"step": "acknowledge"})
                    for one in (own.incident_id, incident.incident_id)]  # fmt: skip
        assert [answer.status_code for answer in said] == [201, 404]
        assert [one.acknowledged_by for one in load(tenant)] == ["amy"]
        assert [one.acknowledged_by for one in load(store)] == [""]


def test_the_form_of_the_page_does_the_same(store: Store, incident: Incident, tmp_path: Path) -> None:
    """Without JavaScript: it posts, and the page that follows tells it; a viewer has no form."""
    app = build_alone(store, MonitorsConfig())
    server = AsgiServer(app, "127.0.0.1", 0)
    server.start()
    page = f"/incidents/{incident.incident_id}"
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{server.port}", timeout=60, follow_redirects=True) as browser:
            token = re.search(r'type="hidden" name="(\w+)" value="([^"]*)"', browser.get(page).text)
            assert token
            form = {token[1]: token[2], "actor": "ann", "note": "looked", "assignee": "eve"}
            for step in ("acknowledge", "assign", "action", "close"):
                answer = browser.post(f"{page}/steps", data={**form, "step": step}, headers={"accept": "text/html"})
                assert answer.status_code == 200, answer.text
            assert all(word in answer.text for word in ("Reopen", "eve", "ann closed it: looked"))
            told = browser.get(f"{page}.json").json()
            listed = browser.get("/incidents.json").json()["incidents"][0]
            assert (told["closed_by"], listed["closed_by"], told["outcome"]) == ("ann", "ann", "looked")
            assert browser.post(f"{page}/steps", data={"step": "reopen"}).status_code == 403  # of no page of ours
    finally:
        server.stop()
    with behind_tokens(store, tmp_path, TOKENS) as url, bearing(url, "view") as viewer:
        assert f'{page}/steps"' not in viewer.get(page).text


def test_commands_do_the_same_and_status_tells_it(
    store: Store, incident: Incident, engine_dsn: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """In words and as JSON; what cannot be done ends with an error."""
    store.insert("predictions", pa.table({"model": ["churn"], "version": ["1"], "prediction_id": ["a"]}))
    place = ["--store", engine_dsn, "--database", store.database]
    one = incident.incident_id
    for words in (["acknowledge"], ["assign", "eve"], ["action", "rolled back"]):
        assert main(["incidents", one, *words, "--actor", "ann", *place]) == 0
    capsys.readouterr()
    assert main(["status", *place]) == 0
    assert f"{one} open info" in (said := capsys.readouterr().out)
    assert "acknowledged by ann" in said
    assert "assigned to eve; done: rolled back" in said
    assert main(["incidents", one, "close", "fixed", "--actor", "ann", *place]) == 0
    capsys.readouterr()
    assert main(["status", "--json", *place]) == 0
    (told,) = json.loads(capsys.readouterr().out)["incidents"]
    assert (told["closed_by"], told["outcome"], told["assignee"]) == ("ann", "fixed", "eve")
    assert main(["incidents", one, "close", *place]) == 1
    assert "reopen it first" in capsys.readouterr().err
    assert main(["audit", *place]) == 0
    assert "incident closed" in capsys.readouterr().out
