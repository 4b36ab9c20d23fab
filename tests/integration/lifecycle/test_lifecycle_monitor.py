"""A version that does what its stage or its approval does not allow is found, once; what nobody told is not judged."""

from __future__ import annotations

import pytest
from lifecycle_world import HOUR, START, World

from modelspan_analyzer.checking import Status, ask
from modelspan_analyzer.config.settings import MonitorsConfig
from modelspan_analyzer.incidents import load, load_open
from modelspan_analyzer.respond import Responder
from modelspan_analyzer.results import Result, Verdict
from modelspan_analyzer.runner import Runner
from modelspan_collector.store.connect import Store

QUIET = {"schedule": {"catch_up": "30d"}}


@pytest.fixture
def world(store: Store) -> World:
    """A model of two versions with cards."""
    made = World(store)
    made.register("1")
    made.register("2")
    return made


def looked(runner: Runner, until: float) -> dict[tuple[str, str], list[Result]]:
    """What the monitor of the lifecycle says by some hours after the start: by version and metric, in order of time."""
    found: dict[tuple[str, str], list[Result]] = {}
    now = START + until * HOUR + HOUR / 30
    runner._clock = lambda: now
    every = [one for one in runner.once(now) if one.signal == "lifecycle"]
    for one in sorted(every, key=lambda one: one.window.start):
        found.setdefault((one.version, one.metric), []).append(one)
    return found


def verdicts(found: dict[tuple[str, str], list[Result]], version: str, metric: str) -> list[tuple[Verdict, float]]:
    return [(one.verdict, one.value or 0.0) for one in found[version, metric]]


def runner_of(store: Store) -> Runner:
    config = MonitorsConfig.model_validate({"defaults": QUIET})
    return Runner(store, config, respond=Responder(store, config))


def test_where_no_stage_was_told_nothing_is_written(store: Store, world: World) -> None:
    """An approval alone makes no stage, and a stage of another model is none of this one's."""
    world.predict("1", 0)
    world.tell("reject", "1", -1)
    World(store, "fraud").tell("production", "1", -1, unseen=True)
    assert looked(runner_of(store), 2) == {}
    assert store.scalar("SELECT count() FROM monitor_results WHERE signal = 'lifecycle'") == 0


def test_what_a_retired_version_answers_alarms_and_its_silence_does_not(store: Store, world: World) -> None:
    """Counted from when it was retired: one incident, over when nobody asks it any more, and none of the silence."""
    world.tell("production", "1", -2)
    world.tell("approve", "1", -2)
    world.predict("1", 0, 160, hours=4)
    world.tell("retired", "1", 2.5)
    runner = runner_of(store)
    found = looked(runner, 4)
    expected = [(Verdict.OK, 0), (Verdict.OK, 0), (Verdict.ALARM, 20), (Verdict.ALARM, 40)]
    assert verdicts(found, "1", "stage") == expected
    assert "20 answers of it as the primary version, and it is retired since 2026-03-02 14:30 UTC by ann" in (
        found["1", "stage"][2].reason
    )
    (incident,) = load_open(store)
    assert (incident.title, incident.affected) == ("churn 1: predictions that its stage does not allow", 40)
    for hour in range(5, 12):
        looked(runner, hour)
    assert [one.status for one in load(store)] == ["resolved"]
    silent = store.rows(
        "SELECT DISTINCT metric, verdict FROM monitor_results FINAL WHERE n = 0 AND verdict NOT IN ('skipped') "
        "AND signal = 'data_quality' AND window_start > {last:DateTime64(9, 'UTC')}",
        {"last": START + 4 * HOUR},
    )
    assert sorted((row["metric"], row["verdict"]) for row in silent) == [
        ("freshness", "not_compared"),
        ("volume", "ok"),
    ]


@pytest.mark.parametrize("stage", ["shadow", "candidate"])
def test_a_version_that_answers_before_it_is_promoted_alarms(store: Store, world: World, stage: str) -> None:
    """As a shadow it may predict; what reaches somebody is counted; a promotion ends it."""
    world.tell("production", "1", -2)
    world.tell(stage, "2", -2)
    world.predict("1", 0, 120, hours=3)
    world.predict("2", 0, 40, role="shadow")
    world.predict("2", 1, 30)
    world.tell("production", "2", 2.2)
    world.predict("2", 2.5, 30, hours=0.5)
    found = looked(runner_of(store), 3)
    assert verdicts(found, "2", "stage") == [(Verdict.OK, 0), (Verdict.ALARM, 30), (Verdict.OK, 0)]
    assert f"it is a {stage} since" in found["2", "stage"][1].reason


def test_a_retired_version_that_is_asked_as_a_shadow_is_a_warning(store: Store, world: World) -> None:
    """Its answers reach nobody."""
    world.tell("retired", "1", -1)
    world.predict("1", 0, 40, role="shadow")
    assert verdicts(looked(runner_of(store), 1), "1", "stage") == [(Verdict.WARNING, 40)]


def test_what_is_in_production_has_to_be_approved_and_as_it_is(store: Store, world: World) -> None:
    """A warning where nobody approves any version, else an alarm; a rejection alarms; a changed card warns."""
    world.predict("1", 0, 280, hours=7)
    world.predict("2", 0, 280, hours=7)
    world.tell("production", "1", -1)
    world.tell("approve", "2", 1.5)
    world.tell("reject", "1", 2.5)
    world.tell("approve", "1", 3.5)
    runner = runner_of(store)
    found = looked(runner, 5)
    first = [Verdict.WARNING, Verdict.ALARM, Verdict.ALARM, Verdict.OK, Verdict.OK]
    assert [one.verdict for one in found["1", "approval"]] == first
    assert "though ann rejected it on 2026-03-02 14:30 UTC" in found["1", "approval"][2].reason
    assert len(load(store)) == 1  # of two windows that alarm
    assert [one.verdict for one in found["2", "stage"]] == [Verdict.WARNING] * 5
    assert "40 predictions of a version whose stage nobody told" in found["2", "stage"][0].reason
    world.register("1", 4.0, training_data='{"rows": 5}', task="regression")
    (changed,) = looked(runner, 6)["1", "approval"]
    assert (changed.verdict, changed.value) == (Verdict.WARNING, 40)
    assert (
        "not the one that was approved (ann approved it on 2026-03-02 15:30 UTC): it now says something else of task"
        in (changed.reason)
    )


def test_what_is_told_in_a_silence_counts_at_once(store: Store, world: World) -> None:
    """The windows after it are not as those before, though nothing comes in either."""
    world.predict("1", 0)
    world.tell("production", "1", -1)
    runner = runner_of(store)
    for hour in (1, 2, 3):
        found = looked(runner, hour)
    assert verdicts(found, "1", "approval") == [(Verdict.WARNING, 0)]
    world.tell("approve", "1", 3.5)
    assert verdicts(looked(runner, 5), "1", "approval")[-1] == (Verdict.OK, 0)


def test_it_is_no_sign_that_a_model_is_as_it_was(store: Store, world: World) -> None:
    """A version that may answer, of which nothing else could be judged, does not pass."""
    world.tell("production", "1", -1)
    world.tell("approve", "1", -1)
    world.predict("1", 0)
    looked(runner_of(store), 1)
    assert ask(store, "churn", "1", now=START + 2 * HOUR, signals=[]).status is Status.NOT_CHECKED
