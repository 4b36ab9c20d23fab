"""What empty windows say again and again of a silence, so that it is neither read nor written until it changes."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from typing import Final

from modelspan_analyzer.incidents.incident import key_of
from modelspan_analyzer.reading.unchanged import Name, Standing
from modelspan_analyzer.results import Result, Verdict
from modelspan_analyzer.verdicts.labels_decide import is_left_to_labels
from modelspan_collector.store.connect import Store

RESTS_ON: Final = ("incidents", "incident_events", "models")
"""What incidents are, what people did about them, and whose they are."""
_LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)


@dataclass(slots=True)
class _Said:
    """What the windows of a version said."""

    words: Hashable
    held: Sequence[Result] = ()
    """The newest of them that incidents may not have been told of as such."""
    written: Hashable = None
    """How the tables were when it was told last; None before it was told again."""
    seen: datetime = _LONG_AGO
    """When they were first seen to be so."""
    told: datetime = _LONG_AGO
    """When it was told last ..."""
    began: datetime = _LONG_AGO
    """... and when the window began that said it."""

    def stands(self, written: Hashable, now: datetime) -> bool:
        """Whether telling it once more changes nothing: it was told since anybody wrote, of a window that began since,
        as windows that had begun before somebody closed an incident say nothing of it, and within this hour."""
        known = written is not None and self.written == written and self.began >= self.seen
        return known and _hour(self.told) == _hour(now)

    def tell(self, window: Sequence[Result], written: Hashable, now: datetime) -> None:
        """It is told of another window."""
        if self.written != written:
            self.written, self.seen = written, now
        self.told, self.began = now, window[0].window.start


@dataclass(frozen=True, slots=True)
class News:
    """The results of a run, as incidents are to be told of them: in this order."""

    held: Sequence[Result]
    """What was held back of versions that say something else now."""
    fresh: Sequence[Result]
    again: Sequence[Result]
    """What was said before, and has to be looked at all the same: somebody wrote, or the hour is over."""


class Lasting:
    """Sorts the results of runs: of an empty window that says what the one before it said, incidents know.

    What a repeated window changes (good ones are counted, a finding without news is ended) it changes until telling it
    once more writes nothing. From then on it is left out until somebody writes to an incident, or the hour is over.
    """

    def __init__(self, store: Store) -> None:
        """Nothing is known before the first run."""
        self._standing = Standing(store, *RESTS_ON)
        self._said: dict[Name, _Said] = {}

    def sorted(self, results: Iterable[Result], now: datetime) -> News:
        """What is told of the results of a run, at a moment of the clock by which an hour passes."""
        held: list[Result] = []
        fresh: list[Result] = []
        repeated: list[tuple[_Said, Sequence[Result]]] = []
        for name, window in _windows(results):
            known, words = self._said.get(name), _words(window)
            if known is not None and known.words == words:
                repeated.append((known, window))
                continue
            if known is not None:
                held += known.held
                del self._said[name]
            if words:
                self._said[name] = _Said(words)
            fresh += window
        return News(held, fresh, self._again(repeated, now) if repeated else [])

    def _again(self, repeated: Sequence[tuple[_Said, Sequence[Result]]], now: datetime) -> list[Result]:
        self._standing.look(now)
        written = self._standing.state(*RESTS_ON)
        standing = {id(known) for known, _ in repeated if known.stands(written, now)}
        again: list[Result] = []
        for known, window in repeated:
            known.held = max(known.held or window, window, key=lambda one: one[0].window.end)
            if id(known) not in standing:
                known.tell(window, written, now)
                again += window
        return again


def _hour(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)


def _windows(results: Iterable[Result]) -> list[tuple[Name, list[Result]]]:
    """The results by version and window, in their order in time."""

    def place(one: Result) -> tuple[datetime, datetime, str, str]:
        return one.window.end, one.window.start, one.model, one.version

    grouped = groupby(sorted(results, key=place), key=place)
    return [((model, version), list(window)) for (*_, model, version), window in grouped]


def _words(window: Sequence[Result]) -> Hashable:
    """All that incidents take from the results of an empty window; None of one that is not empty."""
    return None if any(one.n for one in window) else frozenset(map(_word, window))


def _word(one: Result) -> Hashable:
    said = (key_of(one), one.verdict, is_left_to_labels(one))
    alarmed = one.reason, one.value, one.threshold, one.direction, one.n_baseline
    return said, alarmed if one.verdict is Verdict.ALARM else None
