"""Requests and answers that were captured apart, brought together by their id, whichever comes first.

What waits is kept as the bytes that it came in. A half whose other one never comes is counted and not imported, so that
it can be when a later import has both; only where a capture has no other halves at all are halves rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from modelspan_analyzer.captures.capture import Event
from modelspan_analyzer.captures.misfits import Misfits
from modelspan_collector.cloudevents.payloads import MisfitError, Payload

LOOKED_AT: Final = 200
"""Events of a file that show whether it has requests or answers."""


def one_sided(files: Iterable[Iterable[bool]]) -> bool:
    """Whether files hold requests alone, or answers alone, by whether each of their first events is an answer."""
    found: set[bool] = set()
    for events in files:
        found.update(events)
        if len(found) > 1:
            return False
    return True


class Half(NamedTuple):
    """A request or an answer, not yet decoded."""

    raw: bytes
    content: str
    """Its content type, if anything tells it."""
    time: Any
    version: str
    place: str
    model: str = ""
    """What the capture calls the model, where it does."""


@dataclass(slots=True)
class Pairs:
    """Halves by id, and the events that they made."""

    decode: Callable[[Half], Payload]
    misfits: Misfits
    alone: bool = False
    """Whether the capture has halves of one kind only."""
    events: list[Event] = field(default_factory=list)
    _places: list[str] = field(default_factory=list)
    _requests: dict[str, Half] = field(default_factory=dict)
    _answers: dict[str, Half] = field(default_factory=dict)

    def add(self, key: str, half: Half, *, answer: bool) -> None:
        """Take one half; with its other one it becomes an event."""
        own, others = (self._answers, self._requests) if answer else (self._requests, self._answers)
        if self.alone:
            self._event(key, None if answer else half, half if answer else None)
        elif (other := others.pop(key, None)) is not None:
            self._event(key, other if answer else half, half if answer else other)
        elif key in own:
            self.misfits.line("lines whose id another line had, which still waits for its other half", half.place)
        else:
            own[key] = half

    def _event(self, key: str, request: Half | None, answer: Half | None) -> None:
        payloads: list[Payload | None] = []
        for half in (request, answer):
            try:
                payloads.append(None if half is None else self.decode(half))
            except MisfitError as error:
                assert half is not None
                self.misfits.line(str(error), half.place)
                return
        first = request or answer
        assert first is not None
        time = first.time if first.time or answer is None else answer.time
        version = first.version or (answer.version if answer else "")
        at = len(self._places)
        self.events.append(Event(key, time, at, payloads[0], payloads[1], version, model=first.model))
        self._places.append(first.place)

    def place(self, at: int) -> str:
        """Where an event stood."""
        return self._places[at]

    def taken(self) -> None:
        """The events were taken."""
        self.events, self._places = [], []

    def close(self) -> None:
        """Count what still waits."""
        for waiting, reason in (
            (self._requests, "requests without an answer"),
            (self._answers, "answers without a request"),
        ):
            for half in waiting.values():
                self.misfits.line(reason, half.place)
