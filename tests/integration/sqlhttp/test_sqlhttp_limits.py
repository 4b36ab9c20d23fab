"""What a query may set and take, and what becomes of an insert that fails or breaks off."""

from __future__ import annotations

import socket

import httpx

from modelspan_collector.sqlhttp.server import SqlServer
from modelspan_collector.sqlhttp.settings import Limits
from modelspan_collector.store.connect import Store


def test_settings_are_vetted_and_capped(sql_store: Store) -> None:
    """A client may lower its limits, never raise them, and may not touch what the endpoint relies on."""
    server = SqlServer(sql_store, port=0, limits=Limits(execution_seconds=5, memory_bytes=10**9))
    server.start()
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{server.port}") as client:

            def applied(name: str, value: str) -> str:
                return client.post("/", params={name: value}, content=f"SELECT getSetting('{name}')").text.strip()

            assert applied("max_execution_time", "2") == "2"
            assert applied("max_execution_time", "100") == "5"
            assert applied("max_memory_usage", "0") == str(10**9)
            assert client.post("/", content="SELECT getSetting('readonly')").text == "1\n"
            for name in ("allow_introspection_functions", "format_schema", "dialect", "allow_ddl", "profile"):
                assert client.post("/", params={name: "1"}, content="SELECT 1").status_code == 403, name
            too_long = client.post(
                "/",
                params={"max_execution_time": "0.3"},
                content="SELECT sum(sipHash64(number)) FROM numbers(10000000000)",
            )
            assert too_long.headers["X-ClickHouse-Exception-Code"] == "159"
    finally:
        server.stop()


def test_memory_and_row_limits_hold(sql_store: Store) -> None:
    """The engine stops a query that takes more than its share."""
    server = SqlServer(sql_store, port=0, limits=Limits(memory_bytes=50_000_000, result_rows=1000))
    server.start()
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{server.port}", timeout=30) as client:
            heavy = client.post("/", content="SELECT length(groupArray(number)) FROM numbers(100000000)")
            assert heavy.headers["X-ClickHouse-Exception-Code"] == "241"
            assert (
                client.post("/", content="SELECT number FROM numbers(2000)").headers["X-ClickHouse-Exception-Code"]
                == "396"
            )
    finally:
        server.stop()


def test_a_refused_row_is_an_error(writable_sql: httpx.Client, sql_store: Store) -> None:
    """An insert that breaks a constraint fails with ClickHouse's code, and stores nothing."""
    sql_store.command("CREATE TABLE checked (name String, CONSTRAINT named CHECK name != '') ENGINE = Memory")
    question = {"query": f"INSERT INTO {sql_store.database}.checked FORMAT CSV"}
    refused = writable_sql.post("/", params=question, content=b'"a"\n""\n')
    assert (refused.status_code, refused.headers["x-clickhouse-exception-code"]) == (500, "469")
    assert writable_sql.post("/", params=question, content=b'"b"\n').status_code == 200
    assert sql_store.rows("SELECT name FROM checked") == [{"name": "b"}]


def test_an_insert_that_breaks_off_stores_nothing(writable_server: SqlServer, sql_store: Store) -> None:
    """A client that goes away in the middle of its rows has inserted none of them."""
    sql_store.command("CREATE TABLE broken_off (name String) ENGINE = Memory")
    path = f"/?query=INSERT%20INTO%20{sql_store.database}.broken_off%20FORMAT%20CSV"
    with socket.create_connection(("127.0.0.1", writable_server.port)) as client:
        client.sendall(f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\na\nb\n".encode())
        client.shutdown(socket.SHUT_WR)
        assert client.recv(1024) == b""  # the server has read the rows, and what follows them: the end
    with httpx.Client(base_url=f"http://127.0.0.1:{writable_server.port}") as other:
        assert other.post(path, content=b"whole\n").status_code == 200
    assert sql_store.rows("SELECT name FROM broken_off") == [{"name": "whole"}]
