"""A digest is of its time: what people did, decided and found later is not of it, and nothing of it is lost."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from webhooks import receiving

from modelspan_analyzer.config.settings import MonitorsConfig
from modelspan_analyzer.governance.decisions import decide
from modelspan_analyzer.governance.lifecycle import lifecycles
from modelspan_analyzer.incidents.incident import OPEN, RESOLVED, Event, Incident, OpenFinding, Severity
from modelspan_analyzer.incidents.steps import take
from modelspan_analyzer.incidents.store import load, save
from modelspan_analyzer.incidents.then import became
from modelspan_analyzer.monitors_yaml import parse
from modelspan_analyzer.reports import write
from modelspan_analyzer.reports.reporter import Reporter
from modelspan_analyzer.views.digest import Digest, read
from modelspan_analyzer.views.veil import REDACTED, veil_over
from modelspan_analyzer.views.veiled import veiled
from modelspan_collector.access.rules import Redaction
from modelspan_collector.store.connect import Store

HOUR = timedelta(hours=1)
UNTIL = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - 48 * HOUR
SINCE = UNTIL - 24 * HOUR
NOW = UNTIL + 48 * HOUR
BARELY = timedelta(milliseconds=1)
ANN, TEAM = "ann", "risk"


def digest(store: Store, now: datetime = NOW, **given: str) -> Digest:
    return read(store, {"since": SINCE.isoformat(), "until": UNTIL.isoformat(), **given}, MonitorsConfig(), now)


def card(store: Store, model: str, version: str = "1", owner: str = TEAM) -> None:
    at = pa.array([SINCE], pa.timestamp("ns", "UTC"))
    store.insert("models", pa.table({"model": [model], "version": [version], "timestamp": at, "owner": [owner]}))


def predict(store: Store, model: str, version: str, at: datetime, rows: int = 3) -> None:
    when = pa.array([at + row * timedelta(seconds=1) for row in range(rows)], pa.timestamp("ns", "UTC"))
    ids = [f"{model}/{version}/{at:%d%H}/{row}" for row in range(rows)]
    store.insert(
        "predictions",
        pa.table({"model": [model] * rows, "version": [version] * rows, "timestamp": when, "prediction_id": ids}),
    )


def incident(store: Store, name: str, opened: datetime, *, model: str = "churn", **given: Any) -> Incident:
    """One that lasts, if nothing else is said."""
    made = Incident(
        incident_id=name, model=model, version="1", status=OPEN, severity=Severity.WARNING, signal="data_quality",
        title=f"missing values of {name}", why="", cause="", owner="", runbook="", began_at=opened, opened_at=opened,
        updated_at=opened, news=(Event(opened, "opened", "opened"),), severities=(Severity.WARNING,),
    )  # fmt: skip
    save(store, [replace(made, **given)])
    return made


def tell(store: Store, decision: str, at: datetime, version: str = "1", actor: str = ANN, reason: str = "so") -> None:
    decide(store, "churn", version, decision, reason=reason, actor=actor, now=at, unseen=True)


def test_decisions_of_the_time_are_told_with_who_when_what_it_was_before_and_why(store: Store) -> None:
    """What is decided at its very beginning is of it, at its very end of the next."""
    card(store, "churn")
    tell(store, "candidate", SINCE - HOUR)
    tell(store, "production", SINCE, reason="<b>validated</b>")
    tell(store, "approve", SINCE + 2 * HOUR, actor="eve")
    tell(store, "production", SINCE + 3 * HOUR)
    tell(store, "reject", SINCE + 4 * HOUR, version="2", actor="eve")
    tell(store, "retired", UNTIL)
    made = digest(store)
    assert [(one.version, one.actor, one.change, one.reason) for one in made.decisions] == [
        ("2", "eve", "nothing told → rejected", "so"),
        ("1", ANN, "production, once more", "so"),
        ("1", "eve", "nothing told → approved", "so"),
        ("1", ANN, "candidate → production", "<b>validated</b>"),
    ]
    asked = {"since": SINCE, "until": UNTIL}
    assert len(made.decisions) == store.scalar(
        "SELECT count() FROM model_decisions WHERE at >= {since:DateTime64(6, 'UTC')} "
        "AND at < {until:DateTime64(6, 'UTC')}",
        asked,
    )
    assert {one.version: (one.stage, one.approval) for one in made.models} == {
        "1": ("production", "approved"),
        "2": ("no stage told", "rejected"),
    }
    html, text = (write(made, ending).decode() for ending in (".html", ".md"))
    assert "candidate → production" in text
    assert "&lt;b&gt;validated" in html
    assert "<b>validated" not in html
    shown = json.loads(write(made, ".json"))
    assert [one["decision"] for one in shown["decisions"]] == ["rejected", "production", "approved", "production"]
    assert made.tables()["decisions"].column("before").to_pylist() == ["", "production", "", "candidate"]


def test_contradictions_are_those_that_stood_at_the_end(store: Store) -> None:
    """A retired version that answered before the end contradicts; that it was put right later is of the next digest."""
    card(store, "churn")
    tell(store, "production", SINCE - 2 * HOUR)
    tell(store, "retired", SINCE + HOUR)
    predict(store, "churn", "1", UNTIL - HOUR)
    predict(store, "churn", "1", UNTIL + HOUR, rows=50)
    tell(store, "production", UNTIL + 2 * HOUR)
    (found,) = digest(store).contradictions
    assert (found.model, found.version, found.stage, found.approval) == ("churn", "1", "retired", "")
    assert found.what.startswith("in the last day 3 answers of it as the primary version, and it is retired since")
    assert digest(store).sentence.endswith("; 1 version contradicts its stage or approval.")
    assert "3 answers of it" in write(digest(store), ".md").decode()


def test_contradictions_of_the_time_that_runs_are_those_of_the_fleet(store: Store) -> None:
    card(store, "churn")
    tell(store, "production", NOW - 3 * HOUR)
    made = read(store, {}, MonitorsConfig(), NOW + HOUR / 2)
    told = lifecycles(store, NOW + HOUR / 2)["churn", "1"]
    assert tuple(one.what for one in made.contradictions) == told.contradictions
    assert "nobody approved it" in made.contradictions[0].what


def test_models_of_which_nobody_told_a_stage_are_counted_and_never_said_to_keep_to_one(store: Store) -> None:
    card(store, "churn")
    card(store, "price")
    assert digest(store).without_stage == 2
    assert "Nobody told a stage of any of these versions" in write(digest(store), ".md").decode()
    tell(store, "candidate", SINCE + HOUR)
    assert digest(store).without_stage == 1
    text = write(digest(store), ".md").decode()
    assert "At the end nothing contradicted what was told. Nobody told a stage of 1 more version" in text


def test_an_incident_is_as_grave_and_in_whose_hands_as_it_was_at_the_end(store: Store) -> None:
    """Also where the fleet's state is of it; and of one that is closed later it is not known yet that it will be."""
    card(store, "churn")
    opened = SINCE + HOUR
    graver = Event(UNTIL + HOUR, "severity", became(Severity.WARNING, Severity.CRITICAL))
    made = incident(store, "one", opened, why="because of a release")
    take(store, "one", "acknowledge", actor=ANN, now=opened + HOUR)
    take(store, "one", "assign", actor=ANN, now=opened + HOUR, text="ben")
    (kept,) = load(store, incident_id="one")
    save(store, [replace(kept, severity=Severity.CRITICAL, updated_at=graver.at, news=(graver,))])
    take(store, "one", "assign", actor=ANN, now=UNTIL + 2 * HOUR, text="zoe")
    take(store, "one", "close", actor=ANN, now=UNTIL + 3 * HOUR)
    (case,) = digest(store).incidents
    assert (case.status, case.severity, case.acknowledged_by, case.assignee) == (OPEN, "warning", ANN, "ben")
    assert digest(store).counts.unacknowledged == 0
    assert "titles, causes and predictions affected as known at" in write(digest(store), ".md").decode()
    (line,) = digest(store).models
    assert (line.state, line.sentence, line.incidents) == ("warning", made.title, 1)
    later = digest(store, since=UNTIL.isoformat(), until=NOW.isoformat())
    assert (later.incidents[0].status, later.incidents[0].severity) == (RESOLVED, "critical")
    assert later.models[0].state_before == "warning"


def test_what_is_opened_again_after_the_end_is_counted_as_later(store: Store) -> None:
    card(store, "churn")
    incident(store, "one", SINCE + HOUR)
    take(store, "one", "close", actor=ANN, now=SINCE + 2 * HOUR)
    take(store, "one", "reopen", actor=ANN, now=UNTIL)
    incident(store, "two", UNTIL)
    made = digest(store)
    assert (made.counts.opened, made.counts.resolved, made.counts.open, made.counts.later) == (1, 1, 0, 2)
    after = digest(store, since=UNTIL.isoformat(), until=(UNTIL + HOUR).isoformat())
    assert (after.counts.opened, after.counts.reopened, after.counts.open) == (2, 1, 2)


@pytest.mark.parametrize(("owner", "team"), [(TEAM, TEAM), ("", "")])
def test_an_incident_of_which_all_other_rows_are_gone_is_in_a_digest(
    store: Store, owner: str, team: str, tmp_path: Path
) -> None:
    """By its card where there is one, or else among those of nobody; on schedule too, though nothing predicts."""
    if owner:
        card(store, "gone", "2", owner)  # of another version: it names the model's owner
    opened = SINCE + HOUR
    over = incident(store, "lost", opened, model="gone", status=RESOLVED, resolved_at=SINCE + 3 * HOUR)
    made = digest(store, owner=team)
    assert [one.incident_id for one in made.incidents] == [over.incident_id]
    assert "1" in {one.version for one in made.models}
    config = parse(
        "version: 1\nreports:\n- {name: weekly, digest: owner, every: 1d, covers: 72h, formats: [json], "
        f"folder: {tmp_path}}}\n"
    )
    assert Reporter(store, config).once(UNTIL + 25 * HOUR) == 0
    (file,) = tmp_path.rglob("*.json")
    assert [one["incident_id"] for one in json.loads(file.read_text())["incidents"]] == ["lost"]


def runs(store: Store, *rows: tuple[str, int, str, str]) -> None:
    """Of a monitor, in an hour of the time, with an outcome and what failed."""
    at = [SINCE + hour * HOUR for _, hour, _, _ in rows]
    stamp = pa.timestamp("ns", "UTC")
    table = {
        "run_id": [str(place) for place in range(len(rows))],
        "model": ["churn"] * len(rows), "version": ["1"] * len(rows),
        "monitor": [one[0] for one in rows], "window_start": pa.array(at, stamp),
        "window_end": pa.array([one + HOUR for one in at], stamp),
        "scheduled": pa.array(at, pa.timestamp("ms", "UTC")), "started": pa.array(at, pa.timestamp("ms", "UTC")),
        "outcome": [one[2] for one in rows], "error": [one[3] for one in rows],
    }  # fmt: skip
    store.insert("monitor_runs", pa.table(table))


def result(store: Store, hour: int, verdict: str = "alarm") -> None:
    at = SINCE + hour * HOUR
    stamp = pa.timestamp("ns", "UTC")
    table = {
        "model": ["churn"], "version": ["1"], "window_start": pa.array([at], stamp),
        "window_end": pa.array([at + HOUR], stamp), "signal": ["data_drift"], "metric": ["psi"], "feature": ["age"],
        "value": [0.4], "threshold": [0.1], "direction": ["above"], "verdict": [verdict],
        "n": pa.array([500], pa.uint64()), "baseline_id": ["b"], "monitor": ["data_drift"], "reason": ["it moved"],
    }  # fmt: skip
    store.insert("monitor_results", pa.table(table))


def test_a_window_was_looked_at_where_any_monitor_came_to_its_end(store: Store) -> None:
    """That one of two fails in it is told, and does not undo what the other saw."""
    card(store, "churn")
    predict(store, "churn", "1", SINCE + HOUR)
    broken = "ValueError: no such column"
    for hour in range(3):
        runs(store, ("data_drift", hour, "done", ""), ("own", hour, "failed", broken), ("", hour, "failed", broken))
    runs(store, ("data_drift", 3, "failed", "away"), ("own", 3, "failed", broken), ("", 3, "failed", "away"))
    result(store, 0)
    result(store, 1)
    made = digest(store)
    (line,) = made.models
    assert (line.alarmed, line.windows) == (2, 3)
    assert [(one.alarmed, one.windows) for one in made.news] == [(2, 3)]
    said = {one.what: one.why for one in made.not_looked_at}
    assert said["some windows could not be looked at"] == "in 1 of 4 windows every monitor failed: away"
    assert said["the monitor own failed in every window"] == broken
    assert said["the monitor data drift failed in some windows"] == "away"


def test_what_was_read_of_a_time_stands_until_more_is_written_of_it(store: Store) -> None:
    """And a late result is told at once."""
    card(store, "churn")
    predict(store, "churn", "1", SINCE + HOUR)
    runs(store, ("data_drift", 0, "done", ""), ("", 0, "done", ""))
    result(store, 0, "ok")
    asked: list[str] = []
    rows = store.rows
    store.rows = lambda sql, *given, **named: asked.append(sql) or rows(sql, *given, **named)  # type: ignore
    try:
        first = digest(store)
        assert any("monitor_results FINAL" in sql for sql in asked)
        asked.clear()
        assert digest(store) == first
        assert not [sql for sql in asked if "monitor_results" in sql]
    finally:
        del store.rows  # type: ignore[method-assign]
    result(store, 0)
    assert digest(store).models[0].alarmed == 1


def test_a_post_says_the_time_that_its_files_are_of_and_when_it_was_due(store: Store) -> None:
    """One that is due at half past is of the whole hours before."""
    card(store, "churn")
    predict(store, "churn", "1", SINCE + HOUR)
    with receiving() as chat:
        config = parse(
            "version: 1\nreports:\n- {name: late, digest: owner, cron: '30 * * * *', covers: 24h, formats: [json], "
            f"webhook: '{chat.url}'}}\n"
        )
        assert Reporter(store, config).once(NOW + 3 * HOUR) == 0
    ((body, _),) = chat.posts
    posted = json.loads(body)
    made = json.loads(base64.b64decode(posted["files"][0]["base64"]))
    assert (posted["since"], posted["until"]) == (made["since"], made["until"])
    assert f"until {datetime.fromisoformat(posted['until']):%Y-%m-%d %H:%M} UTC" in posted["text"]
    assert datetime.fromisoformat(posted["due"]) - datetime.fromisoformat(posted["until"]) == HOUR / 2


def test_of_what_is_hidden_the_model_is_shown_and_never_that_no_cause_was_found(store: Store) -> None:
    """An incident of a hidden feature, what people did about it, and what began to alarm of it."""
    card(store, "churn")
    predict(store, "churn", "1", SINCE + HOUR)
    result(store, 0)
    finding = OpenFinding("1", "data_drift", "psi", "age", "", "data_drift", "it moved", SINCE + HOUR)
    incident(store, "one", SINCE + HOUR, title="churn 1: drift of age", why="a release of ages", findings=(finding,))
    take(store, "one", "action", actor=ANN, now=SINCE + 2 * HOUR, text="looked")
    made = digest(store)
    assert (made.incidents[0].named, made.news[0].why) == ("churn 1: drift of age", "a release of ages")
    hidden = veiled(made, veil_over(store, Redaction(drop=("age",))))
    assert hidden.incidents[0].named == hidden.deeds[0].named == f"churn 1: {REDACTED}"
    assert hidden.news[0].why == REDACTED
    text = write(hidden, ".md").decode()
    assert "no cause was found" not in text.partition("### What is new")[2].partition("###")[0]
    assert "drift of age" not in text


def test_one_day_is_compared_with_the_day_before(store: Store) -> None:
    predict(store, "churn", "1", SINCE + HOUR)
    predict(store, "churn", "1", SINCE - HOUR)
    assert "3 predictions came, as many as in the day before" in digest(store).sentence
