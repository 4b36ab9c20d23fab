"""All models at one look: what each version has by now, and what has changed since the last look."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from modelspan_analyzer.instants import EPOCH, utc
from modelspan_analyzer.results import Result, Window
from modelspan_collector.store.connect import Store

_VERSIONS = """
SELECT model, version, min(timestamp) AS first, max(timestamp) AS newest, count() AS rows,
       countIf(timestamp < {looked:DateTime64(9, 'UTC')}) AS before_looked,
       countIf(timestamp < {closed:DateTime64(9, 'UTC')}) AS before_closed
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
    before: Mapping[datetime, int] = field(default_factory=dict)
    """How many of the rows are of before the moments until which windows are closed, now and at the last look."""

    def rows_before(self, moment: datetime | None) -> int | None:
        """How many rows there are of before a moment; None where that was not counted."""
        return self.rows if moment is not None and self.newest < moment else self.before.get(moment or self.first)

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
    closed: int | None = None
    """How many of them were of before `upto`: while they are as many, no window has grown; None where not counted."""
    labels: Labels = ()
    """What labels there were when measured windows were last held against them."""
    still: Still | None = None
    ahead: set[Window] = field(default_factory=set)
    """Windows that were looked at before those that come before them, and wait to be judged again after these."""


@dataclass(frozen=True, slots=True)
class Still:
    """What was measured of a window without predictions: the next one without any gives the same."""

    window: Window
    newest: datetime
    """The last prediction before it."""
    baseline_id: str
    results: tuple[Result, ...] = field(repr=False)


def versions(store: Store, closed: datetime = EPOCH, looked: datetime | None = None) -> list[Version]:
    """Every version of every model, a model's beside each other.

    Args:
        store: where the predictions are.
        closed: rows of before this moment are counted ...
        looked: ... and of before this one, where the last look was.
    """
    moments = {"closed": closed, "looked": looked or closed}
    return [_version(row, moments) for row in store.rows(_VERSIONS, moments)]


def labels(store: Store) -> dict[str, tuple[int, str]]:
    """How many labels there are, and when the newest came, by the model that they name; '' for none."""
    return {str(row["model"]): (int(row["rows"]), str(row["newest"])) for row in store.rows(_LABELS)}


def _version(row: Mapping[str, object], moments: Mapping[str, datetime]) -> Version:
    first, newest = (utc(row[name]) for name in ("first", "newest"))  # type: ignore[arg-type]
    before = {moment: int(str(row[f"before_{name}"])) for name, moment in moments.items()}
    return Version(str(row["model"]), str(row["version"]), first, newest, int(str(row["rows"])), (), before)


def with_labels(every: Sequence[Version], of: Mapping[str, tuple[int, str]]) -> list[Version]:
    """The versions with the labels that name their model, or none."""
    return [replace(one, labels=tuple(of.get(name, (0, "")) for name in (one.model, ""))) for one in every]
