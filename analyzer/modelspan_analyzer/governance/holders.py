"""Which tenants have what a subject is named by: two of them may use the same id, or the same tag, for two people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from modelspan.conventions import PREDICTION_ID, TAG_PREFIX
from modelspan_analyzer.governance import requests
from modelspan_analyzer.governance.holds import TENANT
from modelspan_analyzer.governance.marks import Marks, table_of
from modelspan_analyzer.governance.names import ID, VALUE, Names
from modelspan_analyzer.governance.subject import Subject
from modelspan_collector.otlp.wire import TENANT_ATTRIBUTE
from modelspan_collector.store.connect import Store
from modelspan_collector.wal.erase import CollectorFiles

_IN_TABLES: Final = f"""
SELECT DISTINCT {TENANT["predictions"]} AS tenant FROM predictions
WHERE prediction_id IN {{ids}} OR ({{tag:String}} != '' AND tags[{{tag:String}}] IN {{values}})
UNION DISTINCT
SELECT DISTINCT {TENANT["labels"]} FROM labels WHERE tenant != '' AND prediction_id IN {{ids}}
UNION DISTINCT
SELECT DISTINCT tags['tenant'] FROM reference_predictions WHERE tags['tenant'] != ''
  AND (prediction_id IN {{ids}} OR ({{tag:String}} != '' AND tags[{{tag:String}}] IN {{values}}))
UNION DISTINCT
SELECT DISTINCT ResourceAttributes['{TENANT_ATTRIBUTE}'] FROM otel_traces
WHERE SpanAttributes['{PREDICTION_ID}'] IN {{ids}}
   OR ({{tag:String}} != '' AND SpanAttributes[concat('{TAG_PREFIX}', {{tag:String}})] IN {{values}})
"""


class Holder(NamedTuple):
    """Who may have meant somebody else."""

    tenant: str
    """Empty where rows name none."""
    database: str
    """Of rows that name no tenant, as it may be one's own; empty of the others."""

    def __str__(self) -> str:
        return self.tenant or f"whoever names no tenant in the database {self.database}"


def need_one(stores: Sequence[Store], subject: Subject, names: Names, files: CollectorFiles) -> None:
    """Refuse a subject whose name several tenants use, unless it is said whose it is.

    Raises:
        ValueError: they do.
    """
    if subject.tenant or subject.every_tenant:
        return
    found = {holder for each in stores for holder in _in_tables(each, subject, names)}
    found |= set(_in_files(files, Marks.of(subject, names), stores[0].database))
    if len(found) > 1:
        named = f"the tag {subject.tag}" if subject.tag else "an id"
        raise ValueError(
            f"several use {named} of this name, and may mean different people: {', '.join(map(str, sorted(found)))}. "
            "Say whose is to be forgotten with --tenant NAME (or --database NAME), or all of them with --all-tenants"
        )


def _in_tables(store: Store, subject: Subject, names: Names) -> Iterator[Holder]:
    sql = _IN_TABLES.replace("{ids}", names.chosen(ID)).replace("{values}", names.chosen(VALUE))
    for row in store.rows(sql, {"tag": subject.tag}):
        yield Holder(row["tenant"], "" if row["tenant"] else store.database)


def _in_files(files: CollectorFiles, marks: Marks, database: str) -> Iterator[Holder]:
    """Of what is not stored yet, and of dead letters."""
    for held in files.requests():
        for tenant, entry in requests.told(held):
            body = entry.body.bytes_value if hasattr(entry, "body") else b""
            table = table_of(body)
            if marks.mine(entry) or (table is not None and any(marks.rows(table).to_pylist())):
                yield Holder(tenant, "" if tenant else held.database or database)
