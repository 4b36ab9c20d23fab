"""Who is to be forgotten: prediction ids, or a tag such as `subject=4711`, and what of theirs is in the store."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from modelspan_collector.store.connect import Store

_ROWS = """
SELECT prediction_id, trace_id, model, version, toString(toDate(timestamp)) AS day
FROM predictions
WHERE has({ids:Array(String)}, prediction_id) OR ({tag:String} != '' AND tags[{tag:String}] = {value:String})
UNION ALL
SELECT prediction_id, '', model, version, ''
FROM reference_predictions
WHERE has({ids:Array(String)}, prediction_id) OR ({tag:String} != '' AND tags[{tag:String}] = {value:String})
UNION ALL
SELECT SpanAttributes['modelspan.prediction.id'], TraceId, '', '', '' FROM otel_traces
WHERE has({ids:Array(String)}, SpanAttributes['modelspan.prediction.id'])
   OR ({tag:String} != '' AND SpanAttributes[concat('modelspan.tag.', {tag:String})] = {value:String})
"""


@dataclass(frozen=True, slots=True)
class Subject:
    """A person as named by the caller."""

    prediction_ids: frozenset[str] = frozenset()
    tag: str = ""
    value: str = ""

    def __post_init__(self) -> None:
        """Refuse a subject that names nobody, or everybody without the tag."""
        if not self.prediction_ids and not (self.tag and self.value):
            raise ValueError("name whom to forget: prediction ids, or a tag and its value such as subject=4711")
        if any(not one for one in self.prediction_ids):
            raise ValueError("a prediction id cannot be empty")

    @property
    def digest(self) -> str:
        """What the audit log may keep: SHA-256 of the name, which proves the deletion to who knows the name."""
        name = f"{self.tag}={self.value}" if self.tag else ",".join(sorted(self.prediction_ids))
        return hashlib.sha256(name.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Traces:
    """What of a subject was found: ids and where they left marks."""

    prediction_ids: frozenset[str]
    trace_ids: frozenset[str]
    days: frozenset[tuple[str, str, str]]
    """(model, version, day) whose sketches hold the subject."""


def find(store: Store, subject: Subject) -> Traces:
    """Look the subject up in predictions, baselines and spans."""
    names = {"ids": sorted(subject.prediction_ids), "tag": subject.tag, "value": subject.value}
    rows = store.rows(_ROWS, names)
    return Traces(
        subject.prediction_ids | {row["prediction_id"] for row in rows if row["prediction_id"]},
        frozenset(row["trace_id"] for row in rows if row["trace_id"]),
        frozenset((row["model"], row["version"], row["day"]) for row in rows if row["day"]),
    )
