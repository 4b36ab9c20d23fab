"""The schema for a ClickHouse cluster: replicated tables on every shard, and distributed ones over them.

`predictions` becomes `predictions_local` on each node and a Distributed `predictions` over all shards, so that every
query and insert reads as it does on one server. A view fed by an ingest table (ENGINE = Null) writes into the
distributed table, which routes each row to its shard; a view fed by a stored table works on its own shard.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from modelspan_collector.store.quote import quote_identifier, quote_string

SHARDING_COLUMNS = ("prediction_id", "TraceId", "model")
"""By the first of these columns that a table has: predictions meet their labels, spans their trace, on one shard."""

_TABLE = re.compile(r"^(?:--.*\n)*CREATE TABLE IF NOT EXISTS (\w+)", re.MULTILINE)
_VIEW = re.compile(r"CREATE MATERIALIZED VIEW IF NOT EXISTS (\w+)\s+TO (\w+)")
_PLAIN_VIEW = re.compile(r"CREATE (?:OR REPLACE )?VIEW (?:IF NOT EXISTS )?(\w+)")
_ENGINE = re.compile(r"^ENGINE\s*=\s*(\w+)(?:\((.*?)\))?", re.MULTILINE)
_ORDER = re.compile(r"^ORDER BY (.+)$", re.MULTILINE)
_COLUMN = re.compile(r"^ {4}`?(\w+)`?\s+([A-Z].*)$", re.MULTILINE)
_NO_COLUMNS = frozenset({"INDEX", "CONSTRAINT", "PROJECTION"})
_NOT_SENT = ("Nested", "DEFAULT", "ALIAS", "MATERIALIZED")
"""What is nested or follows from other columns, or from the time of the insert, is not hashed."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """Where the tables go."""

    name: str
    """As in the server's `remote_servers`."""
    replicated: bool = True
    """Replicate every table within its shard; needs ClickHouse Keeper."""


def statements(single: list[str], cluster: Cluster, database: str) -> list[str]:
    """Rewrite the DDL of a single server for a cluster.

    Args:
        single: the DDL, in order, as `schema.statements()` gives it.
        cluster: the cluster.
        database: the database that holds the tables.
    """
    stored = {name: ddl for ddl in single if (name := _stored_table(ddl))}
    rewritten = [f"CREATE DATABASE IF NOT EXISTS {quote_identifier(database)} {_on(cluster)}"]
    for ddl in single:
        name = _stored_table(ddl)
        if name:
            rewritten += [_local(ddl, cluster), _distributed(ddl, name, cluster, database)]
        elif _VIEW.search(ddl):
            rewritten.append(_view(ddl, stored, cluster))
        else:
            rewritten.append(_everywhere(ddl, cluster))
    return rewritten


def _on(cluster: Cluster) -> str:
    return f"ON CLUSTER {quote_string(cluster.name)}"


def _stored_table(ddl: str) -> str:
    """The table's name, where it keeps rows."""
    table, engine = _TABLE.search(ddl), _ENGINE.search(ddl)
    return table[1] if table and engine and engine[1].endswith("MergeTree") else ""


def _local(ddl: str, cluster: Cluster) -> str:
    ddl = _TABLE.sub(lambda found: f"{found[0]}_local {_on(cluster)}", ddl, count=1)
    if not cluster.replicated:
        return ddl
    ddl = _ENGINE.sub(_replicated, ddl, count=1)
    return ddl.replace("non_replicated_deduplication_window", "replicated_deduplication_window")


def _replicated(engine: re.Match[str]) -> str:
    arguments = f", {engine[2]}" if engine[2] else ""
    path = "/clickhouse/tables/{shard}/{database}/{table}"
    return f"ENGINE = Replicated{engine[1]}('{path}', '{{replica}}'{arguments})"


def _distributed(ddl: str, name: str, cluster: Cluster, database: str) -> str:
    over = ", ".join((quote_string(cluster.name), quote_string(database), f"{name}_local", sharding_key(ddl)))
    return f"CREATE TABLE IF NOT EXISTS {name} {_on(cluster)} AS {name}_local\nENGINE = Distributed({over})"


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


def _view(ddl: str, stored: dict[str, str], cluster: Cluster) -> str:
    """A view writes locally where its rows belong to its shard, or are states, which merge wherever they are."""
    found = _VIEW.search(ddl)
    if found is None:
        raise ValueError(f"not a materialized view: {ddl[:80]!r}")
    select, target = ddl[found.end() :], found[2]
    sources = {name for name in re.findall(r"\b(?:FROM|JOIN)\s+(\w+)", select) if name in stored}
    for source in sources:
        select = re.sub(rf"\b(FROM|JOIN)(\s+){source}\b", rf"\1\2{source}_local", select)
    keys = {sharding_key(stored[name]) for name in (*sources, target) if name in stored}
    states = target in stored and "AggregatingMergeTree" in stored[target]
    if sources and (states or len(keys) == 1):
        target += "_local"
    return (
        f"{ddl[: found.start()]}CREATE MATERIALIZED VIEW IF NOT EXISTS {found[1]} {_on(cluster)}\nTO {target}{select}"
    )


def _everywhere(ddl: str, cluster: Cluster) -> str:
    """Ingest tables and plain views are the same on every node."""
    for pattern in (_TABLE, _PLAIN_VIEW):
        if pattern.search(ddl):
            return pattern.sub(lambda found: f"{found[0]} {_on(cluster)}", ddl, count=1)
    raise ValueError(f"neither a table nor a view: {ddl[:80]!r}")
