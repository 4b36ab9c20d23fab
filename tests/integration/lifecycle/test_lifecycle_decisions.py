"""People decide in which stage a version is, and whether it is approved: what they say is kept."""

from __future__ import annotations

import json
import threading
from datetime import UTC, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lifecycle_world import START, World

from modelspan_analyzer.governance import audit
from modelspan_analyzer.governance.decisions import DECISIONS, decide
from modelspan_analyzer.reading.names import UnknownNameError
from modelspan_analyzer.reading.stages import VersionStage, stages
from modelspan_collector.store.connect import Store


@pytest.fixture
def world(store: Store) -> World:
    """A model with nothing yet."""
    return World(store)


def test_nothing_is_known_of_what_nobody_told(store: Store, world: World) -> None:
    """A card makes no stage, and so does no prediction."""
    world.register("1")
    assert stages(store) == {}


def test_the_newest_stage_and_the_newest_approval_count_each_with_who_why_and_when(store: Store, world: World) -> None:
    """The digest, the pages and analysts read the same."""
    world.register("1")
    world.tell("candidate")
    world.tell("approve", after=1, actor="eve", reason="validation of March")
    told = world.tell("production", after=2)
    assert stages(store)["churn", "1"] == told
    assert (told.stage, told.stage_by, told.stage_reason) == ("production", "ann", "because of production")
    assert told.stage_at == START + timedelta(hours=2)
    assert (told.approval, told.approved_by, told.approval_reason) == ("approved", "eve", "validation of March")
    assert told.approval_at == START + timedelta(hours=1)
    assert [one.decision for one in told.history] == ["candidate", "approved", "production"]
    assert told.as_of(START + timedelta(minutes=90)).stage == "candidate"
    assert told.as_of(START - timedelta(hours=1)) == VersionStage("churn", "1")


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.tuples(st.sampled_from("12"), st.sampled_from(list(DECISIONS))), max_size=6))
def test_the_view_for_analysts_says_what_the_product_reads(
    store: Store, world: World, steps: list[tuple[str, str]]
) -> None:
    """Both fold the same rows, in whatever order people decided."""
    for version, decision in steps:
        world.tell(decision, version, unseen=True)
    rows = {(row["model"], row["version"]): row for row in store.rows("SELECT * FROM model_stages")}
    found = stages(store)
    assert rows.keys() == found.keys()
    for name, row in rows.items():
        for column in ("stage_at", "approval_at"):
            row[column] = row[column] and row[column].replace(tzinfo=UTC)
        assert row == {column: getattr(found[name], column) for column in row}


def test_a_decision_after_another_is_the_later_one_whatever_the_clocks_say(store: Store, world: World) -> None:
    """A machine whose clock is late does not decide in vain."""
    world.register("1")
    world.tell("production")
    assert world.tell("retired", after=-3).stage == "retired"


def test_telling_the_same_stage_once_more_begins_nothing_anew(world: World) -> None:
    """Who retires what is retired does not hide what it predicted since."""
    world.register("1")
    for hour, stage in enumerate(("retired", "production", "retired", "retired")):
        told = world.tell(stage, after=hour)
    assert (told.stage_since, told.stage_at) == (START + timedelta(hours=2), START + timedelta(hours=3))


def test_people_who_decide_at_once_lose_nothing(store: Store, world: World) -> None:
    """Each row is kept, and all readers agree on which of them counts."""
    world.register("1")
    barrier = threading.Barrier(4)

    def vote(name: str) -> None:
        barrier.wait()
        world.tell("approve" if name in "ab" else "reject", actor=name)

    voting = [threading.Thread(target=vote, args=(name,)) for name in "abcd"]
    for one in voting:
        one.start()
    for one in voting:
        one.join()
    told = stages(store)["churn", "1"]
    assert {one.actor for one in told.history} == set("abcd")
    assert told.approved_by == store.scalar("SELECT approved_by FROM model_stages")


def test_an_approval_is_of_the_card_as_it_was(store: Store, world: World) -> None:
    """What the card said has to stand; its owner and the signature that the SDK learns may come later."""
    world.register("1", training_data='{"rows": 10}', hyperparameters="{}")
    world.tell("approve")
    more = {"hyperparameters": '{"depth": 3}', "owner": "eve", "signature": '{"a": 1}'}
    world.register("1", -2, training_data='{"rows": 10}', **more)
    assert stages(store)["churn", "1"].card_changed == ()
    world.register("1", -1, training_data='{"rows": 99}')
    assert stages(store)["churn", "1"].card_changed == ("training_data",)
    assert world.tell("approve", after=3).card_changed == ()


@pytest.mark.parametrize("card", [{"task": "", "owner": "eve"}, None], ids=["that says nothing", "that is not there"])
def test_an_approval_of_a_card_approves_none_that_comes_later(
    store: Store, world: World, card: dict[str, Any] | None
) -> None:
    """Nobody has seen what it says; decided once more, it is approved as it is then."""
    world.predict("1", -1)
    if card:
        world.register("1", **card)
    assert world.tell("approve").card_changed == ()
    world.register("1", 1, hyperparameters='{"depth": 3}')
    assert stages(store)["churn", "1"].card_changed == ("task", "hyperparameters")
    assert world.tell("approve", after=2).card_changed == ()


def test_a_version_that_nobody_has_seen_is_staged_only_on_purpose(store: Store, world: World) -> None:
    """A slip of the pen is refused with what there is."""
    world.register("1")
    with pytest.raises(UnknownNameError, match="no model 'chrun' in this store; it has churn"):
        decide(store, "chrun", "1", "retired", reason="old", actor="ann", now=START)
    with pytest.raises(UnknownNameError, match=r"no version '1\.0' of churn; it has 1"):
        world.tell("retired", "1.0")
    audit.record(store, "baseline set", model="churn", version="2", details={})
    with pytest.raises(ValueError, match="version '2' of churn has neither a card nor a prediction"):
        world.tell("candidate", "2")
    assert stages(store) == {}
    assert world.tell("candidate", "3", unseen=True).stage == "candidate"
    assert world.tell("reject", "3").approval == "rejected"


@pytest.mark.parametrize(
    ("decision", "reason", "says"),
    [("live", "x", "'live' is nothing to decide; say candidate, shadow"), ("retired", " \n", "needs a reason")],
)
def test_what_is_no_decision_is_refused(store: Store, world: World, decision: str, reason: str, says: str) -> None:
    """A word that is not known, or one without a reason, changes nothing."""
    world.register("1")
    with pytest.raises(ValueError, match=says):
        world.tell(decision, reason=reason)
    assert store.scalar("SELECT count() FROM model_decisions") == 0


def test_who_decides_is_a_name_on_one_line(store: Store, world: World) -> None:
    """In the audit log and wherever else it stands, it is nothing that ends a line, or turns one round."""
    world.register("1")
    assert world.tell("approve", "1", actor="ann\n2026-03-02 bob \u202ea").approved_by == "ann 2026-03-02 bob a"
    with pytest.raises(ValueError, match="201 characters: a name has at most 200"):
        world.tell("approve", "1", actor="a" * 201)


def test_the_audit_log_has_who_moved_it(store: Store, world: World) -> None:
    """With what it was before."""
    world.register("1")
    world.tell("shadow")
    world.tell("production", after=1, actor="eve", reason="better by 2 points")
    (entry, _) = audit.entries(store, since=START - timedelta(days=9000), model="churn", action="model stage told")
    details = json.loads(entry.details)
    assert (entry.actor, entry.version) == ("eve", "1")
    assert (details["before"], details["stage"], details["reason"]) == ("shadow", "production", "better by 2 points")
