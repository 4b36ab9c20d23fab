"""One run a window, however many analyzers run: the store's own insert deduplication decides who has it."""

from __future__ import annotations

import os
import socket
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

import pyarrow as pa

from modelspan_analyzer.instants import utc
from modelspan_analyzer.results import Window
from modelspan_collector.store.connect import Store

_NANOSECONDS = pa.timestamp("ns", "UTC")
_MILLISECONDS = pa.timestamp("ms", "UTC")

_NEWEST = """
SELECT attempt, run_id, owner, expires_at FROM monitor_claims
WHERE model = {model:String} AND version = {version:String}
  AND window_start = {start:DateTime64(9, 'UTC')} AND window_end = {end:DateTime64(9, 'UTC')}
ORDER BY attempt DESC LIMIT 1
"""


def new_owner() -> str:
    """A name for one analyzer: machine, process, and a part that a restart changes."""
    return f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to run the monitors over one window, until it expires."""

    run_id: str
    window: Window
    attempt: int
    expires_at: datetime


def claim(
    store: Store,
    model: str,
    version: str,
    window: Window,
    owner: str,
    now: datetime,
    lease: timedelta,
    *,
    first: bool = False,
) -> Claim | None:
    """Take a window that nobody holds; None where another analyzer has it.

    `first` says that nobody can have held it before this moment, so that earlier claims are not asked for.
    A claim whose holder is gone is taken over: on the embedded store at once where it was another process, which can
    only be a dead one since it owned the engine, and on a server when it has expired.
    """
    scope = {"model": model, "version": version, "start": window.start, "end": window.end}
    newest = None if first else next(iter(store.rows(_NEWEST, scope)), None)
    if newest is not None and not _gone(store, newest["owner"], utc(newest["expires_at"]), owner, now):
        return None
    attempt = int(newest["attempt"]) + 1 if newest else 0
    made = Claim(uuid.uuid4().hex, window, attempt, now + lease)
    token = f"claim/{store.database}/{model}/{version}/{window.start.timestamp()}/{window.end.timestamp()}/{attempt}"
    row = {
        "model": [model],
        "version": [version],
        "window_start": pa.array([window.start], _NANOSECONDS),
        "window_end": pa.array([window.end], _NANOSECONDS),
        "attempt": pa.array([attempt], pa.uint16()),
        "run_id": [made.run_id],
        "owner": [owner],
        "claimed_at": pa.array([now], _MILLISECONDS),
        "expires_at": pa.array([made.expires_at], _MILLISECONDS),
    }
    store.insert("monitor_claims", pa.table(row), token=token)
    winner = store.rows(_NEWEST, scope)[0]
    return made if winner["run_id"] == made.run_id else None


def _gone(store: Store, holder: str, expires_at: datetime, owner: str, now: datetime) -> bool:
    if now >= expires_at:
        return True
    return store.embedded and holder.split(":")[:2] != owner.split(":")[:2]
