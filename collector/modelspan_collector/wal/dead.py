"""Dead letters: requests that the store refuses, each a file beside the reason, until somebody decides. And what the
disk damaged in the log, which nobody can read any more.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from modelspan_collector.wal.journal import RETRY_SUFFIX
from modelspan_collector.wal.segment import BROKEN_SUFFIX, SUFFIX


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One request that the store refused."""

    path: Path
    database: str
    signal: str
    reason: str


def list_dead(data: Path) -> Iterator[DeadLetter]:
    """The dead letters in a collector's folder, oldest first."""
    for path in sorted((data / "dead").glob(f"*/*/*{SUFFIX}"), key=lambda each: each.stat().st_mtime):
        about = path.with_suffix(".json")
        reason = json.loads(about.read_text())["reason"] if about.exists() else ""
        yield DeadLetter(path, path.parent.parent.name, path.parent.name, reason)


def list_broken(data: Path) -> list[Path]:
    """Files of what was found damaged in the log and in the queues of forwarding."""
    return sorted(
        path for folder in ("log", "forward", "events") for path in (data / folder).rglob(f"*{BROKEN_SUFFIX}")
    )


def retry(data: Path) -> int:
    """Put every dead letter back into its log, where a running or the next collector takes it up; returns how many."""
    letters = list(list_dead(data))
    for letter in letters:
        folder = data / "log" / letter.database / letter.signal
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        letter.path.with_suffix(".json").unlink(missing_ok=True)
        letter.path.rename(folder / f"{letter.path.stem}{RETRY_SUFFIX}")
    return len(letters)
