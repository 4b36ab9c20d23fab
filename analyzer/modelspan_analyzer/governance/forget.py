"""Erases a person everywhere, proves it, and writes down that it was done without saying whom it was."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

from modelspan_analyzer.governance import audit
from modelspan_analyzer.governance.erase import LONG_ID, SKETCHES, drop_old_parts, erase, tables
from modelspan_analyzer.governance.segments import erase_files, files, find_ids
from modelspan_analyzer.governance.subject import Subject, find
from modelspan_collector.store.connect import Store, quote_identifier


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What was erased."""

    predictions: int
    rows: Mapping[str, int]
    """Rows deleted, by table."""
    records: int
    """Records of log segments and dead letters that were rewritten or dropped."""
    sketched_days: int
    """Days of a model's version whose sketches were made anew."""
    left: tuple[str, ...]
    """Tables and files in which a trace is still found: none, unless something wrote while this ran."""


def forget(
    store: Store,
    subject: Subject,
    data: Path | None = None,
    *,
    actor: str = "",
    patience: float = 120.0,
    still: AbstractContextManager[None] | None = None,
) -> Forgotten:
    """Erase a subject from all tables, sketches, log segments and dead letters, then search for what is left.

    Args:
        store: the store.
        subject: whom to forget.
        data: the collector's folder; no collector may run on it, but for one that holds still. None where there is
            none on this machine.
        actor: who asks, for the audit log.
        patience: seconds to wait until the deleted rows are off the disk as well; 0 does not wait.
        still: holds a running collector still, while rows and files are erased.
    """
    with still or nullcontext():
        found = find(store, subject)
        if data is not None:
            found = replace(found, prediction_ids=found.prediction_ids | find_ids(data, subject))
        rows = erase(store, subject, found)
        records = erase_files(data, subject, found) if data is not None else 0
    changed = [*rows, *(SKETCHES if found.days else ())]
    held = [f"old parts of {table}" for table in drop_old_parts(store, changed, patience)] if patience else []
    left = (
        *held,
        *search_tables(store, subject, found.prediction_ids | found.trace_ids),
        *search_files(data, subject, found.prediction_ids),
    )
    done = Forgotten(len(found.prediction_ids), rows, records, len(found.days), left)
    details = {
        "subject_sha256": subject.digest,
        "predictions": done.predictions,
        "rows": rows,
        "records": records,
        "left": len(left),
    }
    audit.record(store, "subject forgotten", actor=actor, details=details)
    return done


def search_tables(store: Store, subject: Subject, ids: frozenset[str]) -> list[str]:
    """Tables in any column of which an id of a prediction or a trace, or the subject's tag, is still found.

    A trace may have been of several people: the predictions that are left keep its id, though it is gone.
    """
    quoted = [mark + one + mark for one in sorted(ids) for mark in ("'", '"')]
    needles = quoted + [one for one in sorted(ids) if len(one) >= LONG_ID]
    return [table for table, columns in tables(store).items() if _holds(store, table, columns, subject, needles)]


def _holds(store: Store, table: str, columns: Mapping[str, str], subject: Subject, needles: list[str]) -> bool:
    """True where a table holds one of the needles in the text of any column."""
    readable = [f"`{c}`" for c, kind in columns.items() if "AggregateFunction" not in kind and c != "trace_id"]
    text = f"toString(tuple({', '.join(readable)}))"
    found = f"arrayExists(needle -> position({text}, needle) > 0, {{needles:Array(String)}})"
    if subject.tag and "tags" in columns:
        found += " OR tags[{tag:String}] = {value:String}"
    names = {"needles": needles, "tag": subject.tag, "value": subject.value}
    return bool(store.scalar(f"SELECT count() FROM {quote_identifier(table)} WHERE {found}", names))


def search_files(data: Path | None, subject: Subject, ids: frozenset[str]) -> list[str]:
    """Files of the collector whose bytes still hold an id, plain or inside a compressed stream."""
    if data is None:
        return []
    needles = [one.encode() for one in ids if len(one) >= LONG_ID]
    hits = [str(path) for path in files(data) if any(needle in path.read_bytes() for needle in needles)]
    return hits + [f"{data}: {one}" for one in find_ids(data, subject)]
