"""What is kept of a store: asked once, for as long as the store is there, and no more than is said."""

from __future__ import annotations

import gc
import weakref
from concurrent.futures import ThreadPoolExecutor

from modelspan_analyzer.reading.cache import kept


class Place:
    """Something with a life of its own, as a store has."""


class Answer:
    """Something whose end can be seen."""


def test_a_question_is_read_once_for_each_store_and_the_latest_are_kept() -> None:
    """The same question reads nothing; another store does; beyond the bound, what was asked longest ago goes."""
    asked: list[str] = []

    @kept(2)
    def read(place: Place, name: str, *, times: int = 1) -> str:
        asked.append(name)
        return name * times

    here, there = Place(), Place()
    assert [read(here, "a"), read(here, "a"), read(here, "a", times=2), read(there, "a")] == ["a", "a", "aa", "a"]
    assert asked == ["a", "a", "a"]
    read(here, "a")
    read(here, "b")
    asked.clear()
    read(here, "a")
    assert asked == []
    read(here, "a", times=2)
    assert asked == ["a"]


def test_what_was_read_goes_with_its_store() -> None:
    """A store that is closed and forgotten takes its answers along."""

    @kept(8)
    def read(_: Place, name: str) -> Answer:
        return Answer()

    place = Place()
    answer = weakref.ref(read(place, "a"))
    assert answer() is not None
    del place
    gc.collect()
    assert answer() is None


def test_threads_may_ask_together_and_a_failure_is_not_kept() -> None:
    """Many threads get the same answers; what failed is read again."""
    failing = [True]

    @kept(4)
    def read(_: Place, number: int) -> int:
        if failing[0]:
            raise OSError("away")
        return number**2

    place = Place()
    try:
        read(place, 1)
    except OSError:
        failing[0] = False
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda number: read(place, number % 10), range(200))) == [
            n % 10 * (n % 10) for n in range(200)
        ]
