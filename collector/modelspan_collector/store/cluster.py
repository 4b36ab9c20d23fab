"""The schema for a ClickHouse cluster: replicated tables on every shard, and distributed ones over them.

`predictions` becomes `predictions_local` on each node and a Distributed `predictions` over all shards, so that every
query and insert reads as it does on one server. A view fed by an ingest table (ENGINE = Null) writes into the
distributed table, which routes each row to its shard; a view fed by a stored table works on its own shard, and writes
there too where its rows belong to that shard, or are states, which merge wherever they are.

The schema files say what differs, in places that a single server leaves as they stand: `local` after a table of the
shard, `on_cluster` after the name of a table, `to` between a view and its target, and for replication `replicated`
before an engine, `replica` before its arguments or `replica_only` where it has none, and `window`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from modelspan_collector.store import schema
from modelspan_collector.store.quote import quote_identifier, quote_string

SHARDING_COLUMNS = ("prediction_id", "TraceId", "model")
"""By the first of these columns that a table has: predictions meet their labels, spans their trace, on one shard."""

_TABLE = re.compile(r"^CREATE TABLE IF NOT EXISTS (\w+)", re.MULTILINE)
_ENGINE = re.compile(r"^ENGINE\s*=\s*(\w+)", re.MULTILINE)
_ORDER = re.compile(r"^ORDER BY (.+)$", re.MULTILINE)
_COLUMN = re.compile(r"^ {4}`?(\w+)`?\s+([A-Z].*)$", re.MULTILINE)
_NO_COLUMNS = frozenset({"INDEX", "CONSTRAINT", "PROJECTION"})
_NOT_SENT = ("Nested", "DEFAULT", "ALIAS", "MATERIALIZED")
"""What is nested or follows from other columns, or from the time of the insert, is not hashed."""
_REPLICA = "'/clickhouse/tables/{shard}/{database}/{table}', '{replica}'"


@dataclass(frozen=True, slots=True)
class Cluster:
    """Where the tables go."""

    name: str
    """As in the server's `remote_servers`."""
    replicated: bool = True
    """Replicate every table within its shard; needs ClickHouse Keeper."""


def statements(cluster: Cluster, database: str) -> list[str]:
    """The DDL for a cluster, in the order in which it is applied.

    Args:
        cluster: the cluster.
        database: the database that holds the tables.
    """
    on_cluster = f" ON CLUSTER {quote_string(cluster.name)}"
    places = {"local": "_local", "on_cluster": on_cluster, "to": f"{on_cluster}\nTO "}
    if cluster.replicated:
        places |= {"replicated": "Replicated", "replica": f"{_REPLICA}, ", "replica_only": f"({_REPLICA})"}
        places |= {"window": "replicated_deduplication_window"}
    ddl = [f"CREATE DATABASE IF NOT EXISTS {quote_identifier(database)}{on_cluster}"]
    for (_, single), (_, here) in zip(schema.statements(), schema.statements(places), strict=True):
        ddl.append(here)
        if name := stored_table(single):
            over = ", ".join(
                (quote_string(cluster.name), quote_string(database), f"{name}_local", sharding_key(single))
            )
            ddl.append(f"CREATE TABLE IF NOT EXISTS {name}{on_cluster} AS {name}_local\nENGINE = Distributed({over})")
    return ddl


def stored_table(ddl: str) -> str:
    """The name of the table that a single server's DDL makes, where it keeps rows; '' where it does not."""
    table, engine = _TABLE.search(ddl), _ENGINE.search(ddl)
    return table[1] if table and engine and engine[1].endswith("MergeTree") else ""


def sharding_key(ddl: str) -> str:
    """The sharding key of a table's DDL: always a hash of what is in the row.

    A retry rests on deduplication, which is by shard: a batch that is sent again has to be split as it was.
    """
    columns = {name: rest for name, rest in _COLUMN.findall(ddl) if name not in _NO_COLUMNS}
    key = next((column for column in SHARDING_COLUMNS if column in columns), "")
    if key == "TraceId":
        return f"cityHash64(if(TraceId = '', toString({_row_hash(ddl, columns)}), TraceId))"
    return f"cityHash64({key})" if key else _row_hash(ddl, columns)


def _row_hash(ddl: str, columns: dict[str, str]) -> str:
    """A hash of all of a row; of the sorting key where rows of the same key replace each other or merge."""
    engine, order = _ENGINE.search(ddl), _ORDER.search(ddl)
    if engine and engine[1] != "MergeTree" and order:
        return f"cityHash64({order[1]})"
    return f"cityHash64({', '.join(name for name, rest in columns.items() if not any(n in rest for n in _NOT_SENT))})"
