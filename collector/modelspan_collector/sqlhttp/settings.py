"""Which of a client's settings are applied, capped, passed over or refused."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from modelspan_collector.sqlhttp import allowed, errors
from modelspan_collector.store.quote import quote_string


@dataclass(frozen=True, slots=True)
class Limits:
    """What one query may take. A client may lower these for itself, never raise them; 0 means no limit."""

    execution_seconds: float = 60.0
    result_rows: int = 0
    result_bytes: int = 0
    memory_bytes: int = 2 * 1024**3
    spill_bytes: int = 8 * 1024**3
    """What sorting and grouping may put on the disk."""
    threads: int = os.cpu_count() or 1
    concurrent_queries: int = 16
    statement_bytes: int = 1024**2
    external_bytes: int = 32 * 1024**2
    """For the external tables of one request, which are held in memory."""
    insert_bytes: int = 1024**3
    """For the rows of one INSERT, as sent and after decompression; they are kept in a file."""
    memory_held_bytes: int = 256 * 1024**2
    """For what all requests together are made of: statements, forms, external tables."""
    files_held_bytes: int = 8 * 1024**3
    """For what all requests and answers together keep in temporary files."""
    answer_seconds: float = 600.0
    """For the whole answer, so that a client that stops reading does not hold a query open."""

    def engine_settings(self) -> dict[str, str]:
        """The limits that the engine enforces, as its settings."""
        values = {
            "max_execution_time": self.execution_seconds,
            "max_result_rows": self.result_rows,
            "max_result_bytes": self.result_bytes,
            "max_memory_usage": self.memory_bytes,
            "max_temporary_data_on_disk_size_for_query": self.spill_bytes,
            "max_threads": self.threads,
            "max_insert_threads": self.threads,
        }
        return {
            name: f"{value:g}" if isinstance(value, float) else str(value) for name, value in values.items() if value
        }


def effective(asked: Mapping[str, str], limits: Limits) -> dict[str, str]:
    """The settings to apply: the client's, as far as they are harmless, within the limits.

    Raises:
        ClickHouseError: a setting that a client may not change.
    """
    limited = limits.engine_settings()
    applied = dict(limited)
    for name, value in asked.items():
        if name in allowed.CAPPED:
            applied[name] = _lower(name, value, limited.get(name))
        elif name in allowed.SETTINGS:
            applied[name] = _checked(name, value)
        elif name not in allowed.IGNORED and not (name == "readonly" and value in ("1", "2")):
            raise refused(name)
    return applied


def refused(name: str) -> errors.ClickHouseError:
    """The error for a setting that a client may not change."""
    return errors.readonly(
        f"Cannot modify {name[:100]!r} setting in readonly mode: it is not among those that this endpoint allows"
    )


def clause(settings: Mapping[str, str]) -> str:
    """`name = 'value', ...` for SET."""
    return ", ".join(f"{name} = {quote_string(value)}" for name, value in settings.items())


def _checked(name: str, value: str) -> str:
    values = allowed.VALUES.get(name)
    if values is not None and value not in values:
        raise errors.bad_request(f"the setting {name} takes one of: {', '.join(sorted(values))}")
    return value


def _lower(name: str, value: str, cap: str | None) -> str:
    try:
        asked = float(value)
    except ValueError:
        raise errors.bad_request(f"the setting {name} must be a number, found {value[:100]!r}") from None
    if cap is None:
        return value
    return value if 0 < asked <= float(cap) else cap
