"""Clients as people install them, against the endpoint: clickhouse-connect, curl, and Node's official client."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import clickhouse_connect
import pyarrow as pa
import pytest
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError, Error
from clickhouse_connect.driver.external import ExternalData
from support import install_node_packages, need

from modelspan_collector.sqlhttp.server import SqlServer
from modelspan_collector.store.connect import Store, connect


@pytest.fixture
def reader(sql_server: SqlServer) -> Iterator[Client]:
    """clickhouse-connect on the read-only endpoint."""
    client = clickhouse_connect.get_client(host="127.0.0.1", port=sql_server.port)
    yield client
    client.close()


@pytest.fixture
def writer(writable_server: SqlServer) -> Iterator[Client]:
    """clickhouse-connect on the writable endpoint."""
    client = clickhouse_connect.get_client(host="127.0.0.1", port=writable_server.port)
    yield client
    client.close()


def test_connect_queries_with_parameters_and_settings(reader: Client, sql_store: Store) -> None:
    """Typed parameters, settings, external types and the database default work unchanged."""
    assert reader.database in (None, sql_store.database, "__default__")
    assert reader.query("SELECT currentDatabase()").first_row == (sql_store.database,)
    moment = dt.datetime(2026, 11, 21, 3, 4, 5)
    result = reader.query(
        "SELECT {t:DateTime} AS t, {a:Array(String)} AS a, {f:Float64} AS f",
        parameters={"t": moment, "a": ["x'y", "z\n"], "f": 1.5},
        settings={"max_threads": 1},
    )
    assert result.first_row == (moment, ["x'y", "z\n"], 1.5)
    assert result.summary["result_rows"] == "1"


def test_connect_streams_arrow_and_frames(reader: Client) -> None:
    """Blocks, Arrow and pandas streams come through whole."""
    with reader.query_row_block_stream("SELECT number FROM numbers(500000)") as blocks:
        assert sum(len(block) for block in blocks) == 500_000
    table = reader.query_arrow("SELECT number, toString(number) AS s FROM numbers(1000)")
    assert isinstance(table, pa.Table)
    assert table.num_rows == 1000
    with reader.query_df_stream("SELECT number FROM numbers(300000)") as frames:
        assert sum(len(frame) for frame in frames) == 300_000
    assert reader.raw_query("SELECT 1 AS a", fmt="JSONEachRow") == b'{"a":1}\n'
    assert reader.query("SELECT * FROM numbers(0)").result_rows == []


def test_connect_reports_late_errors(reader: Client) -> None:
    """An error in the middle of a stream is raised, never taken for the end of the data."""
    with pytest.raises(Error, match="FUNCTION_THROW_IF"):
        reader.query("SELECT throwIf(number = 5000000) FROM numbers(10000000)")


def test_connect_inserts_where_allowed(writer: Client, reader: Client) -> None:
    """Native inserts, inserts of frames of Arrow, commands and DDL through the writable endpoint."""
    writer.command("CREATE TABLE IF NOT EXISTS inserted (a UInt32, b String) ENGINE = MergeTree ORDER BY a")
    writer.insert("inserted", [[1, "x"], [2, "y\n"]], column_names=["a", "b"])
    writer.insert_arrow("inserted", pa.table({"a": pa.array([3], pa.uint32()), "b": ["z"]}))
    writer.command("INSERT INTO inserted VALUES (4, 'w'), (5, 'v')")
    summary = writer.raw_insert("inserted", ["a", "b"], b"6,u\n7,t\n", fmt="CSV", compression=None)
    assert summary.written_rows == 2
    assert reader.query("SELECT groupArray(a), count() FROM inserted").first_row[1] == 7
    with pytest.raises(DatabaseError, match="read-only"):
        reader.insert("inserted", [[9, "no"]], column_names=["a", "b"])


def test_connect_sends_rows_along_with_a_query(reader: Client, writer: Client) -> None:
    """External tables, of any format and of bytes that are no text, join with what is stored, read-only as well."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, pa.schema({"name": pa.string(), "raw": pa.binary()})) as file:
        file.write_table(pa.table({"name": ["a", "b"], "raw": pa.array([b"\r\n--\xff\x00", b""], pa.binary())}))
    asked = ExternalData(file_name="ids.tsv", data=b"1\tx\n3\ty\n", fmt="TSV", types="UInt64,String")
    asked.add_file(
        file_name="blobs.arrow", data=bytes(sink.getvalue()), fmt="Arrow", structure="name String, raw String"
    )
    sql = "SELECT number, _2 FROM numbers(5) AS n JOIN ids ON number = _1 ORDER BY number"
    for client in (reader, writer):
        assert client.query(sql, external_data=asked).result_rows == [(1, "x"), (3, "y")]
        assert client.query("SELECT hex(raw) FROM blobs ORDER BY name", external_data=asked).first_row == (
            "0D0A2D2DFF00",
        )
    with pytest.raises(DatabaseError, match="ids"):
        reader.query("SELECT * FROM ids")
    hostile = (
        "a UInt8) ENGINE = File(TSV) AS SELECT (1",
        "a String DEFAULT file('/etc/hostname')",
        "a UInt8) ENGINE = Log --",
    )
    for structure in hostile:
        rows = ExternalData(file_name="ids.tsv", data=b"1\n", fmt="TSV", structure=structure)
        with pytest.raises(DatabaseError):
            reader.query("SELECT * FROM ids", external_data=rows)


def test_connect_keeps_temporary_tables_in_a_session(writable_server: SqlServer, sql_server: SqlServer) -> None:
    """A session's own tables last from statement to statement, and are nobody else's; a reader makes none."""
    options = {"host": "127.0.0.1", "port": writable_server.port}
    with clickhouse_connect.get_client(**options) as mine, clickhouse_connect.get_client(**options) as other:
        mine.command("CREATE TEMPORARY TABLE mine (a UInt32, b String)")
        mine.insert("mine", [[1, "x"], [2, "y"]], column_names=["a", "b"])
        assert mine.query("SELECT sum(a) FROM mine", settings={"max_threads": 1}).first_row == (3,)
        with pytest.raises(DatabaseError, match="throwIf"):
            mine.query("SELECT throwIf(a > 0) FROM mine", settings={"max_rows_to_read": 5})
        assert mine.query("SELECT count(), getSetting('max_rows_to_read') FROM mine").first_row == (2, 0)
        with pytest.raises(DatabaseError, match="mine"):
            other.query("SELECT * FROM mine")
        mine.command("DROP TABLE mine")
        with pytest.raises(DatabaseError, match="mine"):
            mine.query("SELECT * FROM mine")
    with (
        clickhouse_connect.get_client(host="127.0.0.1", port=sql_server.port) as reading,
        pytest.raises(DatabaseError, match="read-only"),
    ):
        reading.command("CREATE TEMPORARY TABLE mine (a UInt32)")


def test_connect_inserts_after_a_common_table_expression(writer: Client) -> None:
    """`WITH ... INSERT` takes its rows from the body or from a SELECT; a query that only looks like one does not."""
    writer.command("CREATE OR REPLACE TABLE withs (s String) ENGINE = MergeTree ORDER BY s")
    writer.command("WITH (SELECT 1) AS y INSERT INTO withs (s) FORMAT TabSeparated\none;\n")
    writer.command("WITH {SELECT:Int32} AS y INSERT INTO withs VALUES ('two')", parameters={"SELECT": 1})
    writer.command("WITH 'three' AS y INSERT INTO withs SELECT y")
    assert writer.query("SELECT s FROM withs ORDER BY s").result_rows == [("one;",), ("three",), ("two",)]
    assert writer.query("WITH 13 AS INSERT SELECT INSERT").first_row == (13,)
    assert writer.query("WITH x AS (SELECT 'INSERT INTO t VALUES' AS v) SELECT v FROM x").row_count == 1


def test_connect_async_client(sql_server: SqlServer) -> None:
    """The asynchronous client sees the same endpoint."""
    need("aiohttp")

    async def ask() -> int:
        async with await clickhouse_connect.get_async_client(host="127.0.0.1", port=sql_server.port) as client:
            results = await asyncio.gather(*(client.query(f"SELECT {n}") for n in range(5)))
            return sum(result.first_row[0] for result in results)

    assert asyncio.run(ask()) == 10


def test_store_opens_the_endpoint_as_a_server(writable_server: SqlServer, sql_store: Store) -> None:
    """`clickhouse://` runs the code path of a server over real HTTP: schema, insert with a token, Arrow."""
    remote = connect(f"clickhouse://127.0.0.1:{writable_server.port}", sql_store.database)
    assert not remote.embedded
    remote.command(
        "CREATE TABLE IF NOT EXISTS once (a UInt32) ENGINE = MergeTree ORDER BY a "
        "SETTINGS non_replicated_deduplication_window = 100"
    )
    rows = pa.table({"a": pa.array([1, 2, 3], pa.uint32())})
    remote.insert("once", rows, token="segment-1")
    remote.insert("once", rows, token="segment-1")
    assert remote.scalar("SELECT count() FROM once") == 3
    assert remote.arrow("SELECT a FROM once ORDER BY a").column("a").to_pylist() == [1, 2, 3]
    remote.close()


def test_curl_posts_a_file_and_reads_compressed(sql_server: SqlServer, tmp_path: Path) -> None:
    """The two lines that everyone tries first."""
    query = tmp_path / "query.sql"
    query.write_text("SELECT number AS n\n-- a comment\nFROM numbers(3)\nFORMAT JSONEachRow\n")
    url = f"http://127.0.0.1:{sql_server.port}/?enable_http_compression=1"
    done = subprocess.run(
        ["curl", "-sS", "--fail", "--compressed", "--data-binary", f"@{query}", url], capture_output=True, check=True
    )
    assert [int(json.loads(line)["n"]) for line in done.stdout.splitlines()] == [0, 1, 2]


NODE_SCRIPT = """
const { createClient } = require('@clickhouse/client');
(async () => {
  const client = createClient({ url: process.argv[2], compression: { request: true, response: true } });
  const answer = await client.query({ query: 'SELECT {n:UInt32} + number AS v FROM numbers(3)',
    query_params: { n: 5 }, format: 'JSONEachRow', clickhouse_settings: { max_threads: 1 } });
  const rows = await answer.json();
  const stream = await client.query({ query: 'SELECT number FROM numbers(200000)', format: 'CSV' });
  let streamed = 0;
  for await (const chunk of stream.stream()) streamed += chunk.length;
  await client.command({ query: 'CREATE TABLE IF NOT EXISTS node (a UInt32) ENGINE = MergeTree ORDER BY a' });
  await client.insert({ table: 'node', values: [{ a: 1 }, { a: 2 }], format: 'JSONEachRow' });
  const count = await (await client.query({ query: 'SELECT count() AS c FROM node', format: 'JSON' })).json();
  let refused = '';
  try { await client.query({ query: "SELECT file('/etc/hostname')" }); } catch (error) { refused = error.code; }
  console.log(JSON.stringify({ values: rows.map(row => Number(row.v)), streamed,
    count: Number(count.data[0].c), refused, alive: (await client.ping()).success }));
  await client.close();
})();
"""


def test_node_client(writable_server: SqlServer, tmp_path: Path, pytestconfig: pytest.Config) -> None:
    """ClickHouse's JavaScript client: parameters, compression both ways, streaming, inserts, error codes."""
    cache = Path(pytestconfig.cache.mkdir("modelspan-node-clickhouse"))
    modules = str(install_node_packages(cache, ["@clickhouse/client"]))
    script = tmp_path / "client.cjs"
    script.write_text(NODE_SCRIPT)
    url = f"http://127.0.0.1:{writable_server.port}"
    environment = {**os.environ, "NODE_PATH": modules}
    done = subprocess.run(["node", script, url], capture_output=True, text=True, env=environment, timeout=60)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "values": [5, 6, 7],
        "streamed": 200_000,
        "count": 2,
        "refused": "164",
        "alive": True,
    }


def test_connect_sends_long_parameters_as_a_form(sql_server: SqlServer) -> None:
    """Beyond a URL's length the driver turns parameters into form fields."""
    client = clickhouse_connect.get_client(host="127.0.0.1", port=sql_server.port, form_encode_query_params=True)
    ids = [f"id-{n}\n'é" for n in range(5000)]
    found = client.query("SELECT length({ids:Array(String)}), {ids:Array(String)}[5000]", parameters={"ids": ids})
    assert found.first_row == (5000, "id-4999\n'é")
    client.close()
