"""What people did follows from an incident's events, in whatever order and however often they come."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from modelspan_analyzer.incidents import Event, Incident, Severity
from modelspan_analyzer.incidents.incident import EVENT_KINDS, OPEN, RESOLVED
from modelspan_analyzer.incidents.work import worked

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
EMPTY = Incident(
    "1", "churn", "1", OPEN, Severity.WARNING, "data_drift", "", "", "", "", "", NOON, NOON, NOON
)  # fmt: skip


def event(kind: str, minute: int, actor: str = "", value: str = "") -> Event:
    return Event(NOON + timedelta(minutes=minute), kind, f"{actor} {kind} {value}", actor, value)


EVENTS = st.lists(
    st.builds(event, st.sampled_from(EVENT_KINDS), st.integers(0, 60), st.sampled_from(["", "ann"]), st.text("ab")),
    max_size=8,
)


@given(EVENTS, st.randoms())
def test_the_order_and_number_of_copies_of_events_do_not_matter(events: list[Event], random) -> None:
    """Merges, replicas and analyzers that write twice give the same state."""
    shuffled = events * 2
    random.shuffle(shuffled)
    once = worked(EMPTY, events)
    assert worked(EMPTY, shuffled) == once
    assert worked(once, events) == once


def test_the_newest_of_each_counts() -> None:
    """Who has it, whose it is, what was done last."""
    found = worked(EMPTY, [
        event("acknowledged", 1, "ann"), event("acknowledged", 2, "bob"), event("assigned", 3, "ann", "eve"),
        event("action", 4, "eve", "restarted"), event("action", 5, "eve", "rolled back"),
    ])  # fmt: skip
    assert (found.acknowledged_by, found.assignee, found.action) == ("bob", "eve", "rolled back")
    assert (found.status, found.resolved_at, found.closed_by) == (OPEN, None, "")


def test_who_closes_ends_it_and_what_was_said_is_the_outcome() -> None:
    """The word given with it replaces an earlier outcome; without one that stands."""
    told, closed = event("outcome", 1, "ann", "a bad join"), event("closed", 2, "ann", "fixed in 4.2")
    found = worked(EMPTY, [told, closed])
    assert (found.status, found.resolved_at, found.closed_by) == (RESOLVED, closed.at, "ann")
    assert found.outcome == "fixed in 4.2"
    assert worked(EMPTY, [told, event("closed", 2, "ann")]).outcome == "a bad join"


def test_what_comes_back_or_becomes_graver_is_not_acknowledged_any_more() -> None:
    """Somebody has to hear of it again; whose task it is stays."""
    had = [event("acknowledged", 1, "ann"), event("assigned", 1, "ann", "eve"), event("closed", 2, "ann", "done")]
    graver, back = worked(EMPTY, [had[0], event("severity", 2)]), worked(EMPTY, [*had, event("reopened", 3)])
    assert (graver.acknowledged_at, graver.acknowledged_by) == (None, "")
    assert (back.acknowledged_at, back.closed_by, back.outcome, back.assignee) == (None, "", "", "eve")


def test_findings_decide_unless_somebody_said_something_later() -> None:
    """What findings resolved stays resolved; what somebody reopened after that is open."""
    resolved = [event("opened", 0), event("resolved", 5)]
    over = worked(EMPTY, [])
    assert worked(over, resolved) == over
    assert worked(EMPTY, [*resolved, event("reopened", 6, "ann")]).status == OPEN
