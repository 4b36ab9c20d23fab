"""A subject in what a collector keeps in files: what tells of it there, and what is left of a request without it."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow.compute as pc

from modelspan import conventions
from modelspan_analyzer.governance import requests
from modelspan_analyzer.governance.marks import Marks, attributes, table_of
from modelspan_analyzer.governance.names import ID, TRACE, Names
from modelspan_analyzer.governance.subject import Subject
from modelspan_collector.wal.erase import CollectorFiles, Held


@dataclass(frozen=True, slots=True)
class SubjectEraser:
    """Tells a collector's files what of a request is the subject's."""

    marks: Marks

    def within(self, data: bytes) -> bool:
        """True where bytes name the subject."""
        return self.marks.within(data)

    def blanked(self, data: bytes) -> bytes:
        """Bytes that nobody can read, with zeros where they name the subject."""
        for mark in self.marks.raw:
            data = data.replace(mark, bytes(len(mark)))
        return data

    def names(self, held: Held) -> bool:
        """True where a request names the subject, whatever it is in."""
        return requests.names(held, self.marks)

    def without(self, held: Held) -> bytes | None:
        """What is left of a request without the subject."""
        return requests.without(held, self.marks)

    def unreadable(self, held: Held) -> bool:
        """True where a request holds a stream that cannot be looked into."""
        return requests.unreadable(held)


def look_files(files: CollectorFiles, subject: Subject, names: Names) -> int:
    """Note what files tell of a subject that no table does yet; returns how many names are new."""
    marks, ids, traces = Marks.of(subject, names), set[str](), set[str]()
    for held in files.requests():
        for tenant, entry in requests.told(held):
            if not subject.may_be_of(tenant):
                continue
            if marks.mine(entry):
                ids.add(attributes(entry).get(conventions.PREDICTION_ID, ""))
                traces.add(entry.trace_id.hex() if hasattr(entry, "trace_id") else "")
            if hasattr(entry, "body") and entry.body.HasField("bytes_value"):
                found = _told(entry.body.bytes_value, marks)
                ids, traces = ids | found[0], traces | found[1]
    return names.add(ID, ids - {""}) + names.add(TRACE, traces - {""})


def _told(stream: bytes, marks: Marks) -> tuple[set[str], set[str]]:
    """Ids and traces of the subject's rows in a stream."""
    table = table_of(stream)
    if table is None or conventions.COL_PREDICTION_ID not in table.column_names:
        return set(), set()
    rows = table.filter(marks.rows(table))
    traces = rows[conventions.COL_TRACE_ID].to_pylist() if conventions.COL_TRACE_ID in rows.column_names else []
    ids = pc.unique(rows[conventions.COL_PREDICTION_ID]).to_pylist()
    return set(map(str, filter(None, ids))), {one.hex() for one in traces if isinstance(one, bytes)}
