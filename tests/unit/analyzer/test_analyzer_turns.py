"""Lanes of work take turns: a slow one, a long one and a failing one keep no other waiting."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from modelspan_analyzer.runner.turns import in_turn


def lane(name: str, steps: int) -> Iterator[str]:
    """Steps that say which they are."""
    for number in range(steps):
        yield f"{name}{number}"


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_every_step_of_every_lane_is_taken_once(workers: int) -> None:
    """Whatever the number of workers."""
    lanes = [lane("a", 3), lane("b", 0), lane("c", 1), lane("d", 5)]
    steps, left = in_turn(lanes, workers)
    assert sorted(steps) == sorted([*lane("a", 3), *lane("c", 1), *lane("d", 5)])
    assert left == 0


def test_the_first_steps_of_all_come_before_the_second_of_any() -> None:
    """A lane with a thousand steps delays no other's first, and shares what follows."""
    steps, _ = in_turn([lane("long", 1000), lane("a", 2), lane("b", 2)], 1)
    assert steps[:6] == ["long0", "a0", "b0", "long1", "a1", "b1"]


def test_a_lane_that_does_not_come_on_leaves_the_others_alone() -> None:
    """One worker waits for it; the others take all the rest."""
    others = threading.Event()

    def slow() -> Iterator[str]:
        assert others.wait(30), "the others waited for the slow lane"
        yield "slow"

    def last() -> Iterator[str]:
        yield from lane("a", 20)
        others.set()

    steps, _ = in_turn([slow(), last(), lane("b", 20)], 2)
    assert len(steps) == 41 and "slow" in steps


def test_what_is_enough_leaves_no_lane_without_its_first_step() -> None:
    """What is left is counted."""
    steps, left = in_turn([lane("a", 3), lane("b", 3), lane("c", 0)], 1, lambda: True)
    assert steps == ["a0", "b0"]
    assert left == 2


@pytest.mark.parametrize("workers", [1, 3])
def test_what_a_step_raises_reaches_the_caller(workers: int) -> None:
    """The work ends then."""

    def failing() -> Iterator[str]:
        yield "one"
        raise LookupError("no such window")

    with pytest.raises(LookupError, match="no such window"):
        in_turn([failing(), lane("a", 3)], workers)
