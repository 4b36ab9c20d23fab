"""The audit log: one row a change, who made it, and the details as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import pyarrow as pa

from modelspan_analyzer.people import user
from modelspan_collector.store.connect import Store

EXPORTED: Final = "data exported"

_ENTRIES = """
SELECT timestamp, actor, action, model, version, details FROM audit_log
WHERE ({model:String} = '' OR model = {model:String}) AND ({action:String} = '' OR action = {action:String})
  AND timestamp >= {since:DateTime64(3, 'UTC')}
ORDER BY timestamp DESC LIMIT {limit:UInt32}
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """One change."""

    timestamp: datetime
    actor: str
    action: str
    model: str
    version: str
    details: str


def record(
    store: Store, action: str, *, model: str = "", version: str = "", actor: str = "", details: Mapping[str, Any]
) -> None:
    """Write an entry.

    Args:
        store: the store.
        action: what was done, such as `labels loaded` or `subject forgotten`.
        model: the model it concerns, if any.
        version: the version it concerns, if any.
        actor: who did it; the operating system's user if not given.
        details: JSON-serialisable facts.
    """
    row = {
        "actor": actor or user(),
        "action": action,
        "model": model,
        "version": version,
        "details": json.dumps(details, default=str, sort_keys=True),
    }
    store.insert("audit_log", pa.table({name: [value] for name, value in row.items()}))


def record_export(store: Store, folder: str, rows: int, actor: str = "") -> None:
    """Write that rows left the store for a folder."""
    record(store, EXPORTED, actor=actor, details={"folder": folder, "rows": rows})


def entries(store: Store, *, since: datetime, model: str = "", action: str = "", limit: int = 100) -> list[Entry]:
    """The newest entries first."""
    names = {"model": model, "action": action, "since": since, "limit": limit}
    return [Entry(**row) for row in store.rows(_ENTRIES, names)]
