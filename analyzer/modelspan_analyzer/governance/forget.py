"""Erases a person everywhere, proves it, and writes down that it was done without saying whom it was."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Final

from modelspan_analyzer.governance import audit
from modelspan_analyzer.governance.collected import SubjectEraser, look_files
from modelspan_analyzer.governance.databases import chosen, need_single, opened
from modelspan_analyzer.governance.erase import drop_old_parts, erase, rebuild_sketches
from modelspan_analyzer.governance.holders import need_one
from modelspan_analyzer.governance.holds import SKETCHES, parameters, tables
from modelspan_analyzer.governance.marks import Marks
from modelspan_analyzer.governance.names import CHANGED, ID, LONG_ID, Names
from modelspan_analyzer.governance.subject import Subject
from modelspan_analyzer.governance.traces import look
from modelspan_collector.store.connect import Store
from modelspan_collector.wal.erase import NO_FILES, CollectorFiles

FORGOTTEN: Final = "subject forgotten"
UNFINISHED: Final = "subject not forgotten yet"


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What was erased."""

    predictions: int
    rows: Mapping[str, int]
    """Rows deleted or changed, by table; those of a tenant's database as `database.table`."""
    records: int
    """Records of log segments, queues and dead letters that were rewritten or dropped."""
    sketched_days: int
    """Days of a model's version whose sketches were made anew."""
    databases: Sequence[str]
    """Databases that were looked at."""
    left: Sequence[str]
    """Where the subject is still found, or may be: the names are kept until there is nothing."""
    not_covered: Sequence[str]
    """What was not looked at, and is for the reader to decide about."""


def forget(
    store: Store,
    subject: Subject,
    files: CollectorFiles = NO_FILES,
    *,
    databases: Collection[str] = (),
    actor: str = "",
    patience: float = 120.0,
    still: AbstractContextManager[None] | None = None,
) -> Forgotten:
    """Erase a subject from all tables, sketches, log segments and dead letters, then search for what is left.

    A run that was killed, or that found something left, is taken up by the next one of the same subject.

    Args:
        store: the store.
        subject: whom to forget.
        files: what the collector keeps; no collector may run on them, but for one that holds still.
        databases: only these; every database of the store with modelspan's tables if empty.
        actor: who asks, for the audit log.
        patience: seconds to wait until the deleted rows are off the disk as well; 0 does not wait.
        still: holds a running collector still, while rows and files are erased.

    Raises:
        ValueError: a database is not there, or is spread over a cluster; or several tenants use the subject's name, and
            it is not said whose is meant.
    """
    files = replace(files, databases=tuple(databases))
    wanted = chosen(store, databases)
    need_single(store, wanted)
    with opened(store, wanted) as stores:
        names = Names(store, subject)
        with still or nullcontext():
            try:
                need_one(stores, subject, names, files)
            except ValueError:
                names.drop_if_new()
                raise
            while sum(look(each, subject, names) for each in stores) + look_files(files, subject, names):
                pass
            rows = {
                _place(store, each, table): n for each in stores for table, n in erase(each, subject, names).items()
            }
            days = sum(rebuild_sketches(each, names) for each in stores)
            records = files.erase(SubjectEraser(Marks.of(subject, names)))
        left = [place for each in stores for place in _search(store, each, subject, names, patience)]
        left += files.left(SubjectEraser(Marks.of(subject, names)))
        searched, unsearched = [each.database for each in stores], list(_not_covered(store, names, databases, files))
        done = Forgotten(len(names.of(ID)), rows, records, days, searched, left, unsearched)
        unsearched += [where for each in stores for where in _nameless(store, each)]
        for each in stores:
            _record(each, subject, done, actor)
        if not left:
            names.drop()
    return done


def _place(store: Store, each: Store, table: str) -> str:
    return table if each is store else f"{each.database}.{table}"


def _search(store: Store, each: Store, subject: Subject, names: Names, patience: float) -> Iterator[str]:
    """Tables of a database in which something is left, and old parts of them that are still on the disk."""
    changed = [table for (table,) in names.of_database(CHANGED, each.database)]
    for table in drop_old_parts(each, changed, patience) if patience else ():
        yield f"{_place(store, each, table)}: old parts of it are still on the disk"
    for held in tables(each):
        if held.name in SKETCHES:
            continue
        counts = (
            int(each.scalar(f"SELECT count() FROM {held.quoted} WHERE {condition}", parameters(subject)))
            for condition in held.conditions(subject, names)
        )
        if rows := sum(counts):
            yield f"{_place(store, each, held.name)}: {rows} rows name the subject"


def _not_covered(store: Store, names: Names, databases: Collection[str], files: CollectorFiles) -> Iterator[str]:
    """What the reader has to know of and to decide about."""
    for entry in audit.entries(store, since=datetime(1970, 1, 1, tzinfo=UTC), action=audit.EXPORTED, limit=1000):
        folder = json.loads(entry.details).get("folder", "")
        yield f"the backup {folder} of {entry.timestamp:%Y-%m-%d}: delete it, or forget again after restoring it"
    if files.data is None:
        yield "files of collectors: none is on this machine; run this where they are, with --data"
    if others := [name for name in chosen(store) if name not in databases] if databases else []:
        yield f"the other databases of this store: {', '.join(others)}"
    if any(len(name) < LONG_ID for name in names.of(ID)):
        yield f"free texts, such as bodies of logs, for ids of fewer than {LONG_ID} characters"
    if waiting := names.others():
        yield f"{waiting} earlier erasures that are not proved: run their commands again"


def _nameless(store: Store, each: Store) -> Iterator[str]:
    """Baselines whose rows say nothing of whom they are about, so that nobody is found in them by an id."""
    if count := each.scalar(_NAMELESS):
        place = _place(store, each, "reference_predictions")
        words = "baselines without ids, as they were set without --id"
        yield f"{count} {words} ({place}): set them again without the person"


_NAMELESS = "SELECT uniqExact(baseline_id) FROM reference_predictions WHERE match(prediction_id, '^row-[0-9]+$')"
"""Ids that were made for rows without one."""


def _record(store: Store, subject: Subject, done: Forgotten, actor: str) -> None:
    action = UNFINISHED if done.left else FORGOTTEN
    details = asdict(done) | {"subject_sha256": subject.digest, "left": len(done.left)}
    audit.record(store, action, actor=actor, details={name: details[name] for name in details if name != "not_covered"})
