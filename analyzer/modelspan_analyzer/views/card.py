"""What is known of a version beside its numbers: its model card, its owner, and what it is compared with."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from modelspan_analyzer.instants import utc
from modelspan_analyzer.reading import baselines
from modelspan_collector.store.connect import Store

_CARD: Final = """
SELECT owner, task, classes, hyperparameters, signature, training_data, deployed_at, timestamp
FROM models FINAL WHERE model = {model:String} AND version = {version:String} ORDER BY timestamp DESC LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class Card:
    """What `modelspan.register` said of a version."""

    owner: str
    task: str
    classes: tuple[str, ...]
    hyperparameters: str
    signature: str
    training_data: str
    deployed_at: datetime | None
    registered: datetime


@dataclass(frozen=True, slots=True)
class Compared:
    """The baseline that counts now."""

    kind: str
    source: str
    rows: int
    created_at: datetime
    of_all_versions: bool


def card(store: Store, model: str, version: str) -> Card | None:
    """The newest card; None where there is none."""
    for row in store.rows(_CARD, {"model": model, "version": version}):
        deployed = row["deployed_at"]
        return Card(
            **{name: row[name] for name in ("owner", "task", "hyperparameters", "signature", "training_data")},
            classes=tuple(row["classes"]),
            deployed_at=utc(deployed) if deployed else None,
            registered=utc(row["timestamp"]),
        )
    return None


def compared(store: Store, model: str, version: str) -> Compared | None:
    """What windows are compared with; None where that is nothing, or comes with each window's settings."""
    found = baselines.active(store, model, version)
    if found is None:
        return None
    return Compared(found.kind, found.source, found.rows, found.created_at, found.version is None)
