"""Which of a client's settings are applied, capped, passed over or refused."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass

from modelspan_collector.sqlhttp import errors

_PREFIXES = (
    "allow_experimental_", "allow_suspicious_", "cast_", "date_time_", "describe_", "format_", "group_by_",
    "input_format_", "join_", "json_", "optimize_", "output_format_", "query_plan_", "show_", "type_json_",
)  # fmt: skip
_NEVER = ("allow_experimental_eval", "format_avro_schema_registry", "format_schema", "format_template")
_ALLOWED = frozenset(
    """aggregate_functions_null_for_empty any_join_distinct_right_table_keys async_insert async_insert_busy_timeout_ms
    async_insert_max_data_size bool_false_representation bool_true_representation count_distinct_implementation
    deduplicate_blocks_in_dependent_materialized_views default_table_engine enable_analyzer enable_json_type
    enable_materialized_cte enable_time_time64_type enable_unaligned_array_join extremes final flatten_nested
    insert_deduplicate insert_deduplication_token insert_null_as_default limit
    materialize_skip_indexes_on_insert max_block_size max_bytes_before_external_group_by
    max_bytes_before_external_sort max_bytes_to_read max_columns_to_read max_insert_block_size
    max_insert_threads max_partitions_per_insert_block max_rows_in_distinct max_rows_in_join
    max_rows_to_group_by max_rows_to_read max_rows_to_sort max_subquery_depth max_threads
    min_insert_block_size_bytes min_insert_block_size_rows offset parallel_view_processing
    prefer_column_name_to_alias preferred_block_size_bytes read_overflow_mode result_overflow_mode
    session_timezone timeout_overflow_mode totals_mode transform_null_in union_default_mode use_query_cache
    use_skip_indexes use_skip_indexes_if_final wait_for_async_insert""".split()  # noqa: SIM905
)
_IGNORED = frozenset(
    """add_http_cors_header buffer_size cancel_http_readonly_queries_on_client_close client_protocol_version compress
    connect_timeout database database_replicated_enforce_synchronous_settings decompress default_format
    enable_http_compression insert_quorum load_balancing log_comment log_queries log_query_threads
    max_network_bandwidth max_query_size network_compression_method network_zstd_compression_level password
    priority query query_id quota_key receive_timeout role select_sequential_consistency send_logs_level
    send_progress_in_http_headers send_timeout session_check session_id session_timeout stacktrace user
    wait_end_of_query workload""".split()  # noqa: SIM905
)
"""Parameters of the protocol itself, and settings that mean nothing to an embedded engine; so are all of `http_*`."""

_NAME = re.compile(r"[A-Za-z_]\w*")


@dataclass(frozen=True, slots=True)
class Limits:
    """What one query may take. A client may lower these for itself, never raise them; 0 means no limit."""

    execution_seconds: float = 60.0
    result_rows: int = 0
    result_bytes: int = 0
    memory_bytes: int = 2 * 1024**3
    threads: int = os.cpu_count() or 1
    concurrent_queries: int = 16
    statement_bytes: int = 1024**2
    external_bytes: int = 32 * 1024**2
    """For the external tables of one request, which are held in memory."""
    answer_seconds: float = 600.0
    """For the whole answer, so that a client that stops reading does not hold a query open."""

    def engine_settings(self) -> dict[str, str]:
        """The limits that the engine enforces, as its settings."""
        values = {
            "max_execution_time": self.execution_seconds,
            "max_result_rows": self.result_rows,
            "max_result_bytes": self.result_bytes,
            "max_memory_usage": self.memory_bytes,
            "max_threads": self.threads,
        }
        return {
            name: f"{value:g}" if isinstance(value, float) else str(value) for name, value in values.items() if value
        }


def effective(asked: Mapping[str, str], limits: Limits) -> dict[str, str]:
    """The settings to apply: the client's, as far as they are harmless, within the limits.

    Raises:
        ClickHouseError: a setting that a client may not change.
    """
    capped = limits.engine_settings()
    applied = dict(capped)
    for name, value in asked.items():
        if name.startswith("http_"):
            continue
        if name in ("max_execution_time", "max_result_rows", "max_result_bytes", "max_memory_usage", "max_threads"):
            applied[name] = _lower(name, value, capped.get(name))
        elif _allowed(name):
            applied[name] = value
        elif name not in _IGNORED and not (name == "readonly" and value in ("1", "2")):
            raise errors.readonly(f"Cannot modify '{name}' setting in readonly mode: clients of this endpoint may not")
    return applied


def clause(settings: Mapping[str, str]) -> str:
    """`name = 'value', ...` for SET."""
    return ", ".join(f"{name} = {_quote(value)}" for name, value in settings.items())


def _allowed(name: str) -> bool:
    if not _NAME.fullmatch(name) or name.startswith(_NEVER):
        return False
    return name in _ALLOWED or name.startswith(_PREFIXES)


def _lower(name: str, value: str, cap: str | None) -> str:
    try:
        asked = float(value)
    except ValueError:
        raise errors.bad_request(f"the setting {name} must be a number, found {value!r}") from None
    if cap is None:
        return value
    return cap if asked <= 0 or asked > float(cap) else value


def _quote(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
