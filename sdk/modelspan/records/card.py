"""Model cards: the event `modelspan.model`."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from modelspan import conventions
from modelspan.records.call import Stream
from modelspan.records.record import Record
from modelspan.records.stream import write

MOST_CARDS = 1000
"""Models and versions whose cards observers declare."""


@dataclass(frozen=True, slots=True)
class Card:
    """What a team says of a model and its version."""

    stream: Stream
    owner: str = ""
    task: str = ""
    classes: Sequence[str] = ()
    hyperparameters: Mapping[str, Any] | None = None
    signature: Mapping[str, Any] | None = None
    training_data: Mapping[str, Any] | None = None
    deployed_at_ns: int | None = None
    project: str = ""


class Cards:
    """The cards of a process that still lack a signature."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._unsigned: dict[tuple[str, str], Card] = {}
        self._known: set[tuple[str, str]] = set()

    def add(self, card: Card) -> Record:
        """A card to be sent at once; without a signature, it is sent again when that is learnt."""
        key = (card.stream.model, card.stream.version)
        with self._lock:
            declared = self._unsigned.pop(key, None)
            if declared is not None:
                card = replace(card, task=card.task or declared.task, classes=card.classes or declared.classes)
            self._known.add(key)
            if card.signature is None:
                self._unsigned[key] = card
        return encode_card(card)

    def declare(self, card: Card) -> None:
        """A card made of what is known without a word of the team; a registered one goes before it."""
        key = (card.stream.model, card.stream.version)
        with self._lock:
            if key not in self._known and len(self._known) < MOST_CARDS:
                self._known.add(key)
                self._unsigned[key] = card

    def learn(self, stream: Stream, features: Iterable[tuple[str, str]]) -> Record | None:
        """The card of a model whose features are seen for the first time, as names and Arrow types; None otherwise."""
        if not self._unsigned:
            return None
        with self._lock:
            card = self._unsigned.pop((stream.model, stream.version), None)
        return None if card is None else encode_card(replace(card, signature={"features": dict(features)}))


def encode_card(card: Card) -> Record:
    """A card as a record of one row."""
    import pyarrow as pa

    now = time.time_ns()
    instant = pa.timestamp("ns", "UTC")
    table = {
        conventions.COL_TIMESTAMP: pa.array([now], instant),
        "owner": pa.array([card.owner], pa.string()),
        "task": pa.array([card.task], pa.string()),
        "classes": pa.array([list(card.classes)], pa.list_(pa.string())),
        "hyperparameters": pa.array([_json(card.hyperparameters)], pa.string()),
        "signature": pa.array([_json(card.signature)], pa.string()),
        "training_data": pa.array([_json(card.training_data)], pa.string()),
        "deployed_at": pa.array([card.deployed_at_ns], instant),
    }
    if card.project:  # collectors of before leave the column out, and say so
        table["project"] = pa.array([card.project], pa.string())
    metadata = {
        conventions.META_MODEL: card.stream.model,
        conventions.META_VERSION: card.stream.version,
        conventions.META_ROLE: card.stream.role,
    }
    return Record(conventions.EVENT_MODEL, write(table, metadata), 1, now)


def _json(value: Mapping[str, Any] | None) -> str:
    return "{}" if value is None else json.dumps(value, default=str)
