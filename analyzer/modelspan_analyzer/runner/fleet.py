"""All models at one look: what each version has by now, and what has changed since the last look."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from modelspan_analyzer.instants import utc
from modelspan_analyzer.results import Result, Window
from modelspan_collector.store.connect import Store

_VERSIONS = """
SELECT model, version, min(timestamp) AS first, max(timestamp) AS newest, count() AS rows
FROM predictions GROUP BY model, version ORDER BY model, version
"""
_LABELS = "SELECT model, count() AS rows, toString(max(received_at)) AS newest FROM labels GROUP BY model"

Labels = Sequence[tuple[int, str]]
"""How many labels there are, and when the newest came: of a model's own, and of those that name no model."""


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a model, with what one query tells of all."""

    model: str
    version: str
    first: datetime
    newest: datetime
    rows: int
    labels: Labels

    @property
    def key(self) -> tuple[str, str]:
        """By which it is known."""
        return self.model, self.version


@dataclass(slots=True)
class Known:
    """What this analyzer remembers of a version, so that it asks nothing again that cannot have changed."""

    upto: datetime | None = None
    """Until when every window that ended has been looked at; None where the store has to be asked."""
    rows: int = -1
    """How many predictions there were when grown windows were last looked for; -1 to look again."""
    labels: Labels = ()
    """What labels there were when measured windows were last held against them."""
    still: Still | None = None


@dataclass(frozen=True, slots=True)
class Still:
    """What was measured of a window without predictions: the next one without any gives the same."""

    window: Window
    newest: datetime
    """The last prediction before it."""
    baseline_id: str
    results: tuple[Result, ...] = field(repr=False)


def versions(store: Store) -> list[Version]:
    """Every version of every model, a model's beside each other."""
    labels = {str(row["model"]): (int(row["rows"]), str(row["newest"])) for row in store.rows(_LABELS)}
    return [_version(row, labels) for row in store.rows(_VERSIONS)]


def _version(row: Mapping[str, object], labels: Mapping[str, tuple[int, str]]) -> Version:
    model = str(row["model"])
    known = tuple(labels.get(name, (0, "")) for name in (model, ""))
    first, newest = (utc(row[name]) for name in ("first", "newest"))  # type: ignore[arg-type]
    return Version(model, str(row["version"]), first, newest, int(str(row["rows"])), known)
