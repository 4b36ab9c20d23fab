"""Digests: each team gets its own models and no other's, with the numbers of SQL; what nobody looked at is named."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jsonschema_rs
import numpy as np
import pyarrow as pa
import pytest
from databases import Databases
from pages import ROOT
from webhooks import Taken, receiving

from modelspan_analyzer.config.settings import MonitorsConfig
from modelspan_analyzer.governance.audit import entries
from modelspan_analyzer.incidents import load
from modelspan_analyzer.incidents.feedback import give
from modelspan_analyzer.incidents.steps import take
from modelspan_analyzer.monitors_yaml import ConfigError, parse
from modelspan_analyzer.reading.baselines import set_from_table
from modelspan_analyzer.reading.features import feature_maps
from modelspan_analyzer.reports import write
from modelspan_analyzer.reports.owed import DELIVERED, FAILED
from modelspan_analyzer.reports.reporter import Reporter
from modelspan_analyzer.reports.schema import json_schema
from modelspan_analyzer.respond import Responder
from modelspan_analyzer.runner import Runner
from modelspan_analyzer.views import fleet
from modelspan_analyzer.views.digest import Digest, read
from modelspan_analyzer.views.view import NotThereError
from modelspan_cli.main import main
from modelspan_collector.store.connect import Store

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
UNTIL = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
SINCE = UNTIL - 2 * DAY
BEFORE = SINCE - 2 * DAY
ROWS = 360
RISK, SHOP, NOBODY = "risk-team", "<shop> | team", ""
RUNNING = {"until": (UNTIL + HOUR).isoformat()}
"""Until the hour after, in which the last windows were looked at."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SETTINGS = """
version: 1
defaults: {window: {size: 1d}, schedule: {delay: 1s}}
models:
- model: price
  metrics:
  - name: mean_price
    expression: avg(value)
    direction: below
    target: {value: 0.9, objective: 0.9, period: 30d}
reports:
"""
CONFIG = parse(SETTINGS.replace("reports:", ""))


def stamps(moments: list[datetime]) -> pa.Array:
    return pa.array(moments, pa.timestamp("ns", "UTC"))


def card(store: Store, model: str, owner: str, project: str = "") -> None:
    row = {"model": [model], "version": ["1"], "timestamp": stamps([BEFORE])}
    store.insert("models", pa.table({**row, "owner": [owner], "project": [project]}))


def serve(store: Store, model: str, day: int, *, moved: bool = False, labelled: int = 0, failed: int = 0) -> None:
    """A day of predictions; where it moved, most ages are missing and calls take longer."""
    chance = np.random.default_rng([day, len(model)])
    ids = [f"{model}-{day}-{row}" for row in range(ROWS)]
    when = stamps([BEFORE + day * DAY + row * DAY / ROWS for row in range(ROWS)])
    age = pa.array(chance.normal(40, 9, ROWS), mask=chance.random(ROWS) < 0.7 * moved)
    value, took = chance.random(ROWS), chance.gamma(9, 0.01 * (1 + 3 * moved), ROWS)
    rows = {"model": [model] * ROWS, "version": ["1"] * ROWS, "timestamp": when, "prediction_id": ids}
    errors = ["ValueError"] * failed + [""] * (ROWS - failed)
    said = {"value": value, "duration": took, "error_type": errors, **feature_maps(pa.table({"age": age}))}
    store.insert("predictions", pa.table({**rows, **said}))
    known = {"prediction_id": ids[:labelled], "model": [model] * labelled, "timestamp": when[:labelled]}
    store.insert("labels", pa.table({**known, "value": value[:labelled].round()}))


@pytest.fixture(scope="module")
def world(databases: Databases) -> Iterator[Store]:
    """Two owners and models of nobody over four days; `churn` breaks in the last two, and people work on it."""
    with databases.one() as store:
        for model, owner, project in (
            ("churn", RISK, "lending"),
            ("price", SHOP, "shop"),
            ("scoring", RISK, "lending"),
        ):
            card(store, model, owner, project)
            ages = np.random.default_rng(1).normal(40, 9, 2000)
            set_from_table(store, model, None, pa.table({"age": ages}), source=f"training of {model}")
        for day in range(4):
            moved = day > 1
            serve(store, "churn", day, moved=moved, labelled=90, failed=7 + day)
            serve(store, "price", day, labelled=ROWS)
            if day < 3:
                serve(store, "scoring", day)
            now = BEFORE + (day + 1) * DAY + timedelta(minutes=10)
            respond = Responder(store, CONFIG)
            Runner(store, CONFIG, respond=respond, clock=lambda now=now: now).once()
        serve(store, "orphan", 3)  # of nobody, and nobody looked at it
        work(store)
        yield store


def work(store: Store) -> None:
    """Of what is wrong with `churn` one incident is acknowledged and closed, and one is noise."""
    first, *_ = sorted((one for one in load(store) if one.model == "churn"), key=lambda one: one.severity.rank)
    for step, hours, text in (("acknowledge", 2, ""), ("action", 3, "rolled back"), ("close", 6, "fixed in 4.2")):
        take(store, first.incident_id, step, actor="ann", now=first.opened_at + hours * HOUR, text=text)
    give(store, first.incident_id, "noise", actor="bob", now=first.opened_at + HOUR)


def digest(store: Store, **given: str) -> Digest:
    return read(store, {"since": SINCE.isoformat(), "until": UNTIL.isoformat(), **given}, CONFIG, UNTIL + HOUR)


def lines(made: Digest) -> dict[str, Any]:
    return {one.model: one for one in made.models}


def scheduled(*reports: str) -> MonitorsConfig:
    """Every day at midnight, over the last two days."""
    return parse(SETTINGS + "".join(f"- {{cron: '0 0 * * *', covers: 2d, {one}}}\n" for one in reports))


def test_predictions_failures_windows_and_labels_are_those_of_sql(world: Store) -> None:
    """Of the time and of the one before; the duration and the labels are those of the stored results."""
    for one in digest(world).models:
        asked = {"model": one.model, "before": BEFORE, "since": SINCE, "until": UNTIL}
        (came,) = world.rows(
            "SELECT countIf(timestamp >= {since:DateTime64(9, 'UTC')}) AS now, countIf(timestamp < "
            "{since:DateTime64(9, 'UTC')}) AS before, countIf(error_type != '' AND timestamp >= "
            "{since:DateTime64(9, 'UTC')}) AS failed FROM predictions WHERE model = {model:String} AND timestamp >= "
            "{before:DateTime64(9, 'UTC')} AND timestamp < {until:DateTime64(9, 'UTC')}",
            asked,
        )
        assert (one.predictions, one.predictions_before, one.errors) == (came["now"], came["before"], came["failed"])
        (seen,) = world.rows(
            "SELECT uniqExact(window_end) AS windows, uniqExactIf(window_end, verdict = 'alarm') AS alarmed, "
            "argMaxIf(value, window_end, signal = 'latency' AND metric = 'p95') AS p95, "
            "sumIf(value * n, metric = 'labels_share') / sumIf(n, metric = 'labels_share') AS known "
            "FROM monitor_results FINAL WHERE model = {model:String} AND window_end > {since:DateTime64(9, 'UTC')} "
            "AND window_end <= {until:DateTime64(9, 'UTC')}",
            asked,
        )
        assert (one.windows, one.alarmed) == (seen["windows"], seen["alarmed"])
        assert one.p95_seconds == (seen["p95"] if one.windows else None)
        if one.windows:
            assert one.labels_share == pytest.approx(seen["known"])
    assert 0.2 < lines(digest(world))["churn"].labels_share < 0.25, "failed ones are asked for no label"


def test_states_are_those_of_the_fleet_at_the_end_and_by_the_same_rule_at_the_beginning(world: Store) -> None:
    made = digest(world, **RUNNING)
    now, _ = fleet.members(world, CONFIG, UNTIL + HOUR)
    assert {one.model: (one.state, one.sentence) for one in made.models} == {
        one.model: (one.state, one.sentence) for one in now
    }
    assert lines(made)["churn"].state_before == "healthy"
    assert lines(digest(world, since=BEFORE.isoformat(), until=SINCE.isoformat()))["churn"].state == "healthy"


def test_incidents_are_counted_with_the_time_that_people_took(world: Store) -> None:
    made = digest(world, owner=RISK, **RUNNING)
    opened = world.scalar("SELECT count() FROM incidents FINAL WHERE model IN ('churn', 'scoring')")
    assert made.counts.opened == opened >= 2
    assert made.counts.resolved == world.scalar("SELECT count() FROM incidents FINAL WHERE status = 'resolved'")
    assert made.counts.open == opened - made.counts.resolved
    assert made.counts.unacknowledged == made.counts.open
    assert (made.counts.to_acknowledge.seconds, made.counts.to_acknowledge.n) == (2 * 3600, 1)
    assert (made.counts.to_resolve.seconds, made.counts.to_resolve.n) == (6 * 3600, 1)
    assert (made.counts.noise, made.counts.useful) == (1, 0)
    assert digest(world, owner=RISK).counts.later == opened - digest(world, owner=RISK).counts.opened > 0
    assert [one.text for one in made.deeds] == ["ann closed it: fixed in 4.2", "ann did: rolled back"]
    assert made.taken == 1


def test_what_began_to_alarm_is_new_and_names_its_incident(world: Store) -> None:
    made = digest(world, owner=RISK)
    assert made.news
    assert made.news[0].about == "missing values in age"
    assert made.news[0].incident_id in {one.incident_id for one in made.incidents}
    every = world.scalar(
        "SELECT uniqExact(signal, metric, feature, segment) FROM monitor_results FINAL "
        "WHERE verdict = 'alarm' AND model IN ('churn', 'scoring')"
    )
    more = world.scalar("SELECT uniqExact(model) FROM monitor_results WHERE verdict = 'alarm' AND model = 'scoring'")
    assert len(made.news) + made.news_left_out >= every
    assert more in (0, 1)


def test_what_was_not_looked_at_is_named_and_never_healthy(world: Store) -> None:
    made = digest(world, owner=NOBODY)
    assert made.title.startswith("Digest of models of no owner")
    assert [(one.model, one.state, one.predictions) for one in made.models] == [("orphan", "not_checked", ROWS)]
    said = {one.what: one.versions for one in made.not_looked_at}
    assert said["no window was looked at"] == ("orphan 1",)
    assert said["nobody owns it"] == ("orphan 1",)
    assert "1 not checked" in made.sentence
    assert "healthy" not in made.sentence
    of_risk = {one.what: one.versions for one in digest(world, owner=RISK).not_looked_at}
    assert of_risk["no label is known"] == ("scoring 1",)
    assert "nobody owns it" not in of_risk


def test_of_a_store_without_models_nothing_was_looked_at(store: Store) -> None:
    """Not everything."""
    made = digest(store)
    assert [(one.what, one.why) for one in made.not_looked_at] == [("nothing was looked at", "there is no model")]
    with pytest.raises(NotThereError, match=r"^there is no model$"):
        digest(store, owner=NOBODY)


def test_targets_say_goal_realised_and_budget(world: Store) -> None:
    (goal,) = lines(digest(world, project="shop"))["price"].goals
    told = json.loads(
        world.scalar("SELECT argMax(details, window_end) FROM monitor_results WHERE metric = 'mean_price.burn_rate'")
    )
    assert (goal.metric, goal.goal) == ("mean_price", "at least 0.9")
    assert (goal.realised, goal.left) == (told["realised"], told["left"])
    text = write(digest(world, project="shop"), ".md").decode()
    assert "### Targets" in text
    assert f"{told['realised']:.4g}" in text


def test_each_team_is_sent_its_own_and_no_name_of_another(world: Store, tmp_path: Path) -> None:
    """One chat gets its team's, a folder all teams', nobody's too; the second time nothing is made again."""
    with receiving() as chat:
        asked = scheduled(
            f"name: chat, digest: owner, owners: [{RISK}], formats: [html, md, json], webhook: '{chat.url}'",
            f"name: all, digest: owner, formats: [json], folder: {tmp_path}",
            f"name: parts, digest: project, formats: [md], folder: {tmp_path}",
        )
        for _ in range(2):
            assert Reporter(world, asked).once(UNTIL + HOUR) == 0
    ((body, _),) = chat.posts
    posted = json.loads(body)
    assert (posted["owner"], posted["state"]) == (RISK, digest(world, owner=RISK).state)
    assert posted["text"].startswith(f"Digest of {RISK}: 2 days until")
    assert [one["name"].rpartition(".")[2] for one in posted["files"]] == ["html", "md", "json"]
    for one in posted["files"]:
        content = base64.b64decode(one["base64"]).decode()
        assert "churn" in content
        assert not any(name in content for name in ("price 1", '"price"', "orphan", "shop"))
    moment = f"{UNTIL:%Y-%m-%dT%H%MZ}"
    names = ["no-owner-all", "no-project-parts", "owner-%3Cshop%3E%20%7C%20team-all", "owner-risk-team-all"]
    found = {path.name.removesuffix(path.suffix) for path in tmp_path.rglob("*.*")}
    assert found == {f"{one}-{moment}" for one in [*names, "project-lending-parts", "project-shop-parts"]}
    told = [json.loads(one.details) for one in entries(world, since=EPOCH, action=DELIVERED)]
    assert sorted((one["report"], one["digest"], one["team"]) for one in told) == sorted(
        [("chat", "owner", RISK), *(("all", "owner", team) for team in (NOBODY, RISK, SHOP)),
         *(("parts", "project", team) for team in ("", "lending", "shop"))]
    )  # fmt: skip
    assert {one.model for one in entries(world, since=EPOCH, action=DELIVERED)} == {""}, "no entry makes a model"


def test_a_team_that_no_model_is_of_fails_by_name_and_keeps_no_other_waiting(
    world: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    asked = scheduled(f"name: few, digest: owner, owners: [gone, {RISK}], formats: [md], folder: {tmp_path}")
    assert Reporter(world, asked).once(UNTIL + HOUR) == 1
    assert "no model is of owner 'gone'; there is" in caplog.text
    assert len(list(tmp_path.rglob("*.md"))) == 1
    assert json.loads(entries(world, since=EPOCH, action=FAILED)[0].details)["team"] == "gone"


def test_a_digest_asks_as_many_questions_whatever_the_models(world: Store, store: Store) -> None:
    """The same number of queries of a store with one model, and of one with several teams."""
    serve(store, "alone", 3)

    def asked(of: Store) -> int:
        count = 0
        rows = of.rows

        def counted(*given: Any, **named: Any) -> Any:
            nonlocal count
            count += 1
            return rows(*given, **named)

        of.rows = counted  # type: ignore[method-assign]
        try:
            digest(of)
        finally:
            del of.rows  # type: ignore[method-assign]
        return count

    asked(world), asked(store)  # what is kept until something is written is read once
    assert asked(world) <= asked(store) + 1, "a window with too few rows is looked at with the one before"


@pytest.fixture
def modelspan(world: Store, engine_dsn: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., int]:
    monkeypatch.chdir(tmp_path)
    return lambda *words: main([*words, "--store", engine_dsn, "--database", world.database])


@pytest.mark.parametrize("ending", [".html", ".md", ".json", ".pdf"])
def test_the_command_writes_every_form(modelspan: Callable[..., int], ending: str, tmp_path: Path) -> None:
    file = tmp_path / f"risk{ending}"
    assert modelspan("digest", "--owner", RISK, "-o", str(file)) == 0
    assert file.stat().st_size > 2000
    if ending == ".json":
        jsonschema_rs.validate(
            json.loads((ROOT / "docs/schemas/digest.schema.json").read_text()), json.loads(file.read_text())
        )


def test_what_is_wrong_is_said_in_a_sentence(modelspan: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    for words, why in (
        (["--owner", "risk-taem"], "no model is of owner 'risk-taem'; there is risk-team"),
        (["--project", "nothing"], "there is "),
        (["--since", "yesterday"], "is no time"),
        (["--until", "2099-01-01"], "`until` has not come"),
        (["--since", "5m", "--until", (UNTIL + HOUR / 2).isoformat()], "a digest is of whole hours"),
    ):
        assert modelspan("digest", *words) == 1
        assert why in capsys.readouterr().err


def test_monitors_check_names_a_filter_that_nobody_matches(
    modelspan: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And whose models no digest has; without a store it says that it did not look."""
    file = tmp_path / "monitors.yaml"
    file.write_text(f"version: 1\nreports:\n- {{name: chat, digest: owner, owners: [{RISK}, typo], folder: /r}}\n")
    assert modelspan("monitors", "check", str(file)) == 0
    said = capsys.readouterr().err
    assert "report chat: no model is of owner 'typo' in this store" in said
    assert "models without owner are in no digest: orphan; add '' to the `owners` of one" in said
    assert main(["monitors", "check", str(file)]) == 0
    assert "was not looked at: there is no modelspan data" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        ("owners: [a]", "say `digest: owner`"),
        ("digest: project, owners: [a]", "say `digest: owner`"),
        ("digest: owner, models: [a]", "or choose `owners`"),
        ("digest: owner, summary: true", "leave out `summary`"),
        ("digest: team", "owner"),
        ("digest: owner, every: 30m", "give `every` at least 1h"),
        ("digest: owner, cron: '*/30 * * * *'", "its `cron` comes more than once an hour: name one minute"),
        ("digest: owner, cron: '0 6 * * *', covers: 20m", "give `covers` at least 1h"),
    ],
)
def test_what_is_wrong_in_the_file_is_said_before_it_runs(lines: str, why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        parse(f"version: 1\nreports:\n- {{name: weekly, folder: /r, {lines}}}\n")


def test_the_published_schema_is_what_the_command_prints() -> None:
    published = json.loads((ROOT / "docs/schemas/digest.schema.json").read_text())
    assert published == json_schema(Digest), "hint: modelspan digest --schema > docs/schemas/digest.schema.json"


def test_names_are_text_in_every_form(world: Store) -> None:
    """A team's name cannot become markup."""
    made = digest(world, owner=SHOP)
    assert "<shop>" not in write(made, ".html").decode()
    assert "&lt;shop&gt;" in write(made, ".html").decode()
    assert "\\<shop\\>" in write(made, ".md").decode()


def test_a_webhook_that_fails_is_tried_again_after_an_hour(world: Store) -> None:
    with receiving() as chat:
        chat.status = 503
        asked = scheduled(f"name: retried, digest: project, projects: [lending], formats: [md], webhook: '{chat.url}'")
        reporter = Reporter(world, asked)
        assert reporter.once(UNTIL + HOUR) == 1
        chat.status = 200
        assert reporter.once(UNTIL + HOUR + timedelta(minutes=5)) == 0
        assert len(chat.posts) == 1
        assert reporter.once(UNTIL + HOUR + timedelta(minutes=61)) == 0
    assert len(chat.posts) == 2
    assert isinstance(chat, Taken)
