"""A batch that is sent again is split among the shards as it was, so that each of them recognises its part."""

from __future__ import annotations

import json
import re
import time
from typing import Any

import pytest
from support import eventually

from modelspan_collector.store import cluster, schema
from modelspan_collector.store.connect import Store

ROWS = 400
SHARDS = 4
TABLES = {name: ddl for _, ddl in schema.statements() if (name := cluster.stored_table(ddl))}
NAMES = re.compile(r"([A-Za-z]\w*)\(")
TRACED = ("otel_traces", "otel_logs")
METRICS = [name for name in TABLES if name.startswith("otel_metrics_")]


def fill(store: Store, table: str, traced: bool = False) -> None:
    """Rows as other writers insert them too, most of their columns left to the defaults."""
    columns = {row["name"]: row["type"] for row in store.rows(f"DESCRIBE {table}") if not row["default_type"]}
    values: dict[str, str] = {}
    for name, kind in columns.items():
        if kind.startswith(("String", "LowCardinality(String)")):
            values[name] = f"concat('{name} ', toString(number))"
        elif kind.startswith("Map(LowCardinality(String), String)"):
            values[name] = "map('key', toString(number % 7), 'other', 'x')"
        elif kind.startswith(("Float64", "UInt64", "Int64")):
            values[name] = "number"
        elif kind.startswith("DateTime64"):
            values[name] = "toDateTime64('2026-01-05 00:00:00', 9, 'UTC') + intDiv(number, 10)"
    if "TraceId" in values and not traced:
        values["TraceId"] = "''"
    store.command(
        f"INSERT INTO {table} ({', '.join(values)}) SELECT {', '.join(values.values())} FROM numbers({ROWS})"
        " SETTINGS insert_deduplicate = 0"
    )


def split(store: Store, table: str, order: str) -> list[Any]:
    """Which shard each row goes to, as the engine evaluates the key, the rows in one order."""
    key = cluster.sharding_key(TABLES[table])
    rows = store.rows(f"SELECT {key} % {SHARDS} AS shard, * EXCEPT ('ReceivedAt') FROM {table} ORDER BY {order}")
    return sorted(json.dumps(row, default=str) for row in rows)


@pytest.mark.parametrize("table", TABLES)
def test_no_key_depends_on_anything_but_the_row(store: Store, table: str) -> None:
    """Every function of it is deterministic, and what comes out is a whole number, never missing."""
    key = cluster.sharding_key(TABLES[table])
    found = set(NAMES.findall(key))
    known = store.rows(
        "SELECT name FROM system.functions WHERE name IN {names:Array(String)} AND deterministic",
        {"names": list(found)},
    )
    assert {row["name"] for row in known} == found
    assert "now" not in key
    described = store.rows(f"DESCRIBE (SELECT {key} AS key FROM {table})")
    assert described[0]["type"] in ("UInt64", "LowCardinality(UInt64)")


@pytest.mark.parametrize("table", [*TRACED, *METRICS])
def test_the_same_rows_are_split_the_same_way(store: Store, table: str) -> None:
    """Sent again later, evaluated again, and in another order; and spread evenly, though nothing names a trace."""
    fill(store, table)
    first = split(store, table, "ServiceName")
    assert split(store, table, "rand()") == first
    store.command(f"TRUNCATE TABLE {table}")
    arrived = int(time.time())
    eventually(lambda: int(time.time()) > arrived, "rows of another second have another time of arrival")
    fill(store, table)
    assert split(store, table, "ServiceName DESC") == first
    counts = [sum(f'"shard": {shard},' in row for row in first) for shard in range(SHARDS)]
    assert sum(counts) == ROWS
    assert min(counts) > ROWS / SHARDS / 2


def test_a_trace_is_on_one_shard(store: Store) -> None:
    """Rows of one trace id go together, whatever else is in them, in every table that has it."""
    keys = {
        name: cluster.sharding_key(ddl) for name, ddl in TABLES.items() if "TraceId = ''" in cluster.sharding_key(ddl)
    }
    assert set(keys) >= {"otel_traces", "otel_logs", "otel_traces_trace_id_ts"}
    places = []
    for table in TRACED:
        fill(store, table, traced=True)
        for half in ("SpanId < 'SpanId 2'", "SpanId >= 'SpanId 2'"):
            places.append(
                store.rows(f"SELECT 'one' AS TraceId, {keys[table]} AS place FROM {table} WHERE {half} LIMIT 1")
            )
    assert len({row[0]["place"] for row in places}) == 1


@pytest.mark.parametrize("table", [name for name, ddl in TABLES.items() if "ReplacingMergeTree" in ddl])
def test_rows_that_replace_each_other_meet(table: str) -> None:
    """The key of such a table is made of what it is sorted by, and of nothing else."""
    order = cluster._ORDER.search(TABLES[table])
    assert order is not None
    names = set(re.findall(r"\w+", cluster.sharding_key(TABLES[table]))) - {"cityHash64"}
    settled = {"model"} if table == "incidents" else set()  # an incident stays with its model
    assert names <= set(re.findall(r"\w+", order[1])) | settled


VIEW = re.compile(r"MATERIALIZED VIEW IF NOT EXISTS (\w+) TO (\w+)")
SOURCE = re.compile(r"\b(?:FROM|JOIN) (\w+)")


def test_every_view_reads_and_writes_where_its_rows_are() -> None:
    """Stored tables are read on the shard, and written there where the rows stay on it or are states; else over all.

    What passes a table that keeps nothing on its way is on the shard still.
    """
    written = cluster.statements(cluster.Cluster("c"), "modelspan")
    views = {ddl.split("EXISTS ")[1].split()[0]: ddl for ddl in written if "MATERIALIZED VIEW" in ddl}
    single = {
        found[1]: (found[2], set(SOURCE.findall(ddl))) for _, ddl in schema.statements() if (found := VIEW.search(ddl))
    }
    assert single.keys() == views.keys()
    passing = {target: read & TABLES.keys() for target, read in single.values() if target not in TABLES}
    for name, (target, read) in single.items():
        sources = read & TABLES.keys()
        assert all(f"FROM {source}_local" in views[name] for source in sources), name
        sources = sources.union(*(passing.get(source, set()) for source in read))
        keys = {cluster.sharding_key(TABLES[table]) for table in (*sources, target) if table in TABLES}
        stays = len(keys) == 1 or "AggregatingMergeTree" in TABLES.get(target, "")
        assert (f"TO {target}_local AS" in views[name]) is bool(sources and target in TABLES and stays), name
    assert "/**/" not in "".join(written)
