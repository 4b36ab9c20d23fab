"""What is kept of a store: asked once, for as long as the store is there, and no more than is said."""

from __future__ import annotations

import gc
import weakref
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from modelspan_analyzer.reading.cache import bytes_of, kept, kept_of_rows


class Place:
    """Something with a life of its own, as a store has."""


class Answer:
    """Something whose end can be seen."""


def test_a_question_is_read_once_for_each_store_and_the_latest_are_kept() -> None:
    """The same question reads nothing; another store does; beyond the bound, what was asked longest ago goes."""
    asked: list[str] = []

    @kept(2, room=0)
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


def test_small_answers_of_a_fleet_are_all_kept_and_large_ones_are_not() -> None:
    """What counts beyond the bound is the memory that they take."""
    asked: list[int] = []

    @kept(2, room=10_000)
    def read(_: Place, size: int, name: int) -> np.ndarray:
        asked.append(name)
        return np.zeros(size)

    place = Place()
    for _ in range(2):
        for name in range(50):
            read(place, 10, name)
    assert asked == list(range(50))
    for name in range(100, 104):
        read(place, 1000, name)
    asked.clear()
    read(place, 1000, 103)
    read(place, 1000, 100)
    assert asked == [100]


def test_what_takes_memory_is_weighed_wherever_it_lies() -> None:
    """In tuples, mappings and records; what does not tell counts as large."""

    @dataclass
    class Record:
        values: np.ndarray
        names: tuple[str, ...]

    weighed = bytes_of({"a": Record(np.zeros(1000), ("x", "y")), "b": [np.zeros(500)]})
    assert 12_000 <= weighed <= 13_000
    assert bytes_of(object()) >= 1_000_000


def test_rows_with_a_stamp_are_read_once_until_it_changes_and_others_each_time() -> None:
    """As a baseline's are while no label comes in."""

    @dataclass(frozen=True)
    class Stamped:
        stamp: str

    asked: list[str] = []

    @kept_of_rows(4)
    def read(_: Place, rows: Stamped, facets: list[str]) -> int:
        asked.append(rows.stamp)
        return len(facets)

    place = Place()
    for stamp in ("1", "1", "2", "", "", "1"):
        assert read(place, Stamped(stamp), ["a", "b"]) == 2
    assert asked == ["1", "2", "", ""]
