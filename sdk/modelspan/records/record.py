"""What is sent."""

from __future__ import annotations

from typing import Any, NamedTuple


class Record(NamedTuple):
    """One event to be sent."""

    event: str
    body: Any
    """The bytes, as anything that has the buffer protocol; empty where the rows could not be encoded."""
    rows: int
    time_ns: int
