"""What a reader of the SQL endpoint tries, and may not do."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import ClassVar

import httpx
import pytest

from modelspan_collector.sqlhttp import statement
from modelspan_collector.sqlhttp.server import SqlServer
from modelspan_collector.store.connect import Store

SECRET = "the-secret-of-the-file"

WAYS_TO_A_FILE = [
    "SELECT file('{path}')",
    "SELECT * FROM file('{path}', 'LineAsString')",
    "SELECT * FROM `file`('{path}', 'LineAsString')",
    "SELECT arrayMap(file, ['{path}'])",
    "SELECT arrayMap(x -> file(x), ['{path}'])",
    "WITH (x -> file(x)) AS f SELECT f('{path}')",
    "WITH file AS f SELECT arrayMap(f, ['{path}'])",
    "SELECT * APPLY file FROM (SELECT '{path}' AS p)",
    "SELECT * APPLY(x -> file(x)) FROM (SELECT '{path}' AS p)",
    "SELECT COLUMNS('p') APPLY(file) FROM (SELECT '{path}' AS p)",
    "SELECT * REPLACE(file(p) AS p) FROM (SELECT '{path}' AS p)",
    "SHOW TABLES WHERE throwIf(1, file('{path}'))",
    "DESCRIBE TABLE file('{path}')",
    "DESCRIBE TABLE (SELECT file('{path}'))",
    "EXPLAIN SELECT file('{path}')",
    "SELECT * FROM (EXPLAIN SELECT file('{path}'))",
    "SELECT 1 IN file('{path}')",
    "SELECT * FROM numbers(1) WHERE number = length(file('{path}'))",
    "SELECT * FROM view(SELECT file('{path}'))",
    "SELECT /* */ file/**/('{path}')",
    "SELECT 1 -- ' \n , file('{path}')",
    "SELECT $$'$$, file('{path}')",
    "SELECT '\\\\', file('{path}')",
    "SELECT * FROM '{path}'",
    "SELECT * FROM sqlite('{path}', 't')",
    "SELECT * FROM fileCluster('default', '{path}', 'LineAsString')",
    "SELECT * FROM executable('cat {path}', 'TSV', 'line String')",
    "SELECT * FROM filesystem('{path}')",
    "SELECT * FROM icebergLocal('{path}')",
    "SELECT * FROM python('{path}')",
    "SELECT catboostEvaluate('{path}', 1)",
    "INSERT INTO models (owner) FROM INFILE '{path}' FORMAT LineAsString",
    "ATTACH TABLE x FROM '{path}' (a String) ENGINE = MergeTree ORDER BY a",
    "CREATE TABLE x (a String) ENGINE = File(TSV, '{path}')",
    "CREATE DICTIONARY x (a String) PRIMARY KEY a SOURCE(FILE(PATH '{path}' FORMAT TSV)) LAYOUT(FLAT()) LIFETIME(1)",
    "RESTORE TABLE x FROM File('{path}')",
    "SELECT 1 PARALLEL WITH SELECT file('{path}')",
]

WAYS_TO_WRITE = [
    "INSERT INTO models (owner) VALUES ('x')",
    "INSERT INTO FUNCTION file('{path}', 'TSV', 'a String') VALUES ('x')",
    "INSERT INTO models (owner) SELECT 'x'",
    "EXPLAIN PIPELINE INSERT INTO models (owner) SELECT 'x'",
    "SELECT 1 INTO OUTFILE '{path}.out'",
    "SELECT 1 into\noutfile '{path}.out' truncate",
    "SELECT 1 INTO/**/OUTFILE '{path}.out' FORMAT TSV",
    "SHOW TABLES INTO OUTFILE '{path}.out'",
    "EXPLAIN SELECT 1 INTO OUTFILE '{path}.out'",
    "DESCRIBE TABLE models INTO OUTFILE '{path}.out'",
    "CREATE TABLE x (a Int8) ENGINE = Memory",
    "CREATE TEMPORARY TABLE x (a Int8)",
    "CREATE VIEW x AS SELECT 1",
    "CREATE DATABASE x",
    "CREATE FUNCTION x AS a -> a",
    "CREATE USER x",
    "CREATE NAMED COLLECTION x AS a = 1",
    "DROP TABLE models",
    "TRUNCATE TABLE models",
    "RENAME TABLE models TO x",
    "ALTER TABLE models DELETE WHERE 1",
    "ALTER TABLE models FREEZE",
    "DELETE FROM models WHERE 1",
    "UPDATE models SET owner = 'x' WHERE 1",
    "OPTIMIZE TABLE models FINAL",
    "DETACH TABLE models",
    "EXCHANGE TABLES models AND labels",
    "SYSTEM STOP MERGES",
    "SYSTEM SHUTDOWN",
    "SYSTEM FLUSH LOGS",
    "KILL QUERY WHERE 1",
    "BACKUP TABLE models TO File('{path}')",
    "GRANT ALL ON *.* TO default",
    "SET readonly = 0",
    "SET max_memory_usage = 0, readonly = 0",
    "SELECT 1 SETTINGS readonly = 0",
    "SELECT 1 SETTINGS allow_ddl = 1",
    "SELECT * FROM (SELECT 1 SETTINGS max_threads = 1, readonly = 0)",
    "SELECT * FROM (SELECT file('{path}') SETTINGS readonly = 0)",
    "WITH x AS (SELECT 1 SETTINGS readonly = 0) SELECT * FROM x",
    "SELECT (SELECT 1 SETTINGS allow_ddl = 1, readonly = 0)",
    "SELECT 1 SETTINGS max_threads = 1, readonly = 0 UNION ALL SELECT 2",
    "SELECT 1 SETTINGS allow_introspection_functions = 1",
    "SELECT 1; DROP TABLE models",
    "SELECT 1 PARALLEL WITH DROP TABLE models",
    "CHECK TABLE models",
    "EXECUTE AS default SELECT 1",
    "exit",
    "\\q",
]

WAYS_OUT = [
    "SELECT * FROM url('http://127.0.0.1:{port}/', 'LineAsString')",
    "SELECT * FROM urlCluster('default', 'http://127.0.0.1:{port}/', 'LineAsString')",
    "DESCRIBE TABLE url('http://127.0.0.1:{port}/')",
    "EXPLAIN SELECT * FROM url('http://127.0.0.1:{port}/', 'CSV')",
    "SELECT * FROM s3('http://127.0.0.1:{port}/bucket/x', 'TSV', 'a String')",
    "DESCRIBE TABLE s3('http://127.0.0.1:{port}/bucket/x.csv')",
    "SELECT * FROM gcs('http://127.0.0.1:{port}/bucket/x', 'TSV', 'a String')",
    "SELECT * FROM deltaLake('http://127.0.0.1:{port}/bucket/x')",
    "SELECT * FROM iceberg('http://127.0.0.1:{port}/bucket/x')",
    "SELECT * FROM hdfs('hdfs://127.0.0.1:{port}/x', 'TSV', 'a String')",
    "SELECT * FROM azureBlobStorage('http://127.0.0.1:{port}/a', 'c', 'x')",
    "SELECT * FROM remote('127.0.0.1:{port}', system.one)",
    "SELECT * FROM remoteSecure('127.0.0.1:{port}', system.one)",
    "SELECT * FROM cluster('default', system.one)",
    "SELECT * FROM mysql('127.0.0.1:{port}', 'd', 't', 'u', 'p')",
    "SELECT * FROM postgresql('127.0.0.1:{port}', 'd', 't', 'u', 'p')",
    "SELECT * FROM mongodb('127.0.0.1:{port}', 'd', 't', 'u', 'p', 'a String')",
    "SELECT * FROM redis('127.0.0.1:{port}', 'k', 'k String')",
    "SELECT * FROM jdbc('http://127.0.0.1:{port}/', 'd', 't')",
    "SELECT * FROM eval('SELECT * FROM url(\\'http://127.0.0.1:{port}/\\')')",
    "SELECT reverseDNSQuery('127.0.0.1')",
    "SELECT aiGenerate('hello')",
    "SELECT addressToLine(1)",
    "SELECT * FROM system.stack_trace",
    "CREATE TABLE x (a String) ENGINE = URL('http://127.0.0.1:{port}/', CSV)",
    "CREATE TABLE x AS url('http://127.0.0.1:{port}/', 'LineAsString')",
    "CREATE DATABASE x ENGINE = MySQL('127.0.0.1:{port}', 'd', 'u', 'p')",
]


class _Listener(BaseHTTPRequestHandler):
    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.asked.append(self.path)
        self.send_error(404)

    do_HEAD = do_POST = do_PUT = do_GET

    def log_message(self, *_: object) -> None:
        """Stay quiet."""


@pytest.fixture
def listener() -> HTTPServer:
    """Something on the network that nobody may reach."""
    server = HTTPServer(("127.0.0.1", 0), _Listener)
    _Listener.asked.clear()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def secret_file(tmp_path: Path) -> Path:
    """A file that nobody may read."""
    path = tmp_path / "secret.txt"
    path.write_text(SECRET)
    return path


def _counts(store: Store) -> list[tuple[str, int]]:
    listed = store.rows("SELECT name, total_rows FROM system.tables WHERE database = currentDatabase() ORDER BY name")
    return [(row["name"], row["total_rows"] or 0) for row in listed]


def test_reader_cannot_read_files(sql: httpx.Client, secret_file: Path) -> None:
    """No way of ClickHouse's to a file gives a byte of it."""
    for way in WAYS_TO_A_FILE:
        answer = sql.post("/", content=way.replace("{path}", str(secret_file)))
        assert answer.status_code >= 400, way
        assert SECRET not in answer.text, way


def test_reader_cannot_write(sql: httpx.Client, sql_store: Store, secret_file: Path) -> None:
    """Nothing changes: no table, no row, no file, no setting, no merge."""
    before = _counts(sql_store)
    for way in WAYS_TO_WRITE:
        answer = sql.post("/", content=way.replace("{path}", str(secret_file)))
        assert answer.status_code >= 400 or "PIPELINE" in way, way
    assert _counts(sql_store) == before
    assert [path.name for path in secret_file.parent.iterdir()] == [secret_file.name]


def test_reader_cannot_reach_the_network(sql: httpx.Client, listener: HTTPServer) -> None:
    """No statement makes the engine connect anywhere."""
    for way in WAYS_OUT:
        assert sql.post("/", content=way.replace("{port}", str(listener.server_port))).status_code >= 400, way
    assert _Listener.asked == []


def test_writer_cannot_leave_the_database(
    writable_sql: httpx.Client, listener: HTTPServer, secret_file: Path, sql_store: Store
) -> None:
    """An exporter may write tables; files, the network and the server stay out of reach."""
    for way in WAYS_TO_A_FILE:
        answer = writable_sql.post("/", content=way.replace("{path}", str(secret_file)))
        assert answer.status_code >= 400, way
        assert SECRET not in answer.text, way
    for way in WAYS_OUT:
        assert writable_sql.post("/", content=way.replace("{port}", str(listener.server_port))).status_code >= 400, way
    assert _Listener.asked == []
    for way in (
        "CREATE TABLE x (a Int8) ENGINE = MergeTree ORDER BY a SETTINGS disk = disk(type = local, path = '/tmp/x/')",
        "CREATE USER x",
        "CREATE FUNCTION x AS a -> a",
        "CREATE NAMED COLLECTION x AS a = 1",
        "CREATE TABLE x (a Int8) ENGINE = Distributed('c', 'd', 't')",
        "CREATE TABLE x (a Int8) ENGINE = Kafka('127.0.0.1:1', 't', 'g', 'TSV')",
        "SYSTEM STOP MERGES",
        "ATTACH TABLE x (a Int8) ENGINE = MergeTree ORDER BY a",
    ):
        assert writable_sql.post("/", content=way).status_code >= 400, way


def test_get_never_writes(writable_sql: httpx.Client, sql_store: Store) -> None:
    """A link cannot change a table, even where POST may."""
    refused = writable_sql.get("/", params={"query": "INSERT INTO models (owner) VALUES ('x')"})
    assert refused.headers["X-ClickHouse-Exception-Code"] == "164"
    assert sql_store.scalar("SELECT count() FROM models") == 0


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Host": "evil.example:8123"},
        {"Host": "127.0.0.1.evil.example"},
    ],
)
def test_web_pages_cannot_use_a_visitors_browser(writable_sql: httpx.Client, headers: dict[str, str]) -> None:
    """Neither cross-site requests nor a rebound host name reach the store."""
    answer = writable_sql.post("/", headers=headers, content="SELECT 1")
    assert answer.headers["X-ClickHouse-Exception-Code"] == "497"


def test_identifier_parameters_cannot_name_a_function(sql: httpx.Client, secret_file: Path) -> None:
    """A bound Identifier is a name like any other."""
    statement_text = f"SELECT arrayMap({{f:Identifier}}, ['{secret_file}'])"
    answer = sql.post("/", params={"param_f": "file"}, content=statement_text)
    assert answer.headers["X-ClickHouse-Exception-Code"] == "164"


def test_every_table_function_of_the_engine_is_classified(sql: httpx.Client, sql_store: Store) -> None:
    """A table function that a new engine brings is refused, or not even parsed, until someone has looked at it."""
    names = [row["name"] for row in sql_store.rows("SELECT name FROM system.table_functions")]
    for name in names:
        if name not in statement.TABLE_FUNCTIONS:
            answer = sql.post("/", content=f"SELECT * FROM {name}('http://127.0.0.1:1/', 'a')")
            assert answer.headers["X-ClickHouse-Exception-Code"] in ("164", "62"), name


def test_ordinary_words_are_not_mistaken(sql: httpx.Client) -> None:
    """Strings and columns may be called like what is refused, where that is harmless."""
    harmless = (
        "SELECT 'file(x) INTO OUTFILE ''y''' AS a, 1 AS url, 2 AS remote, 3 AS cluster, 4 AS input FORMAT JSONEachRow"
    )
    assert sql.post("/", content=harmless).json()["remote"] == 2
    assert sql.post("/", content="SELECT 'x\nINTO OUTFILE y\nFORMAT CSV' AS `a\nb`").status_code == 200


def test_endpoint_is_not_opened_to_the_world_by_accident(sql_store: Store) -> None:
    """Beyond loopback it takes users, or saying so."""
    with pytest.raises(ValueError, match="users with passwords"):
        SqlServer(sql_store, "0.0.0.0", 0)
    SqlServer(sql_store, "0.0.0.0", 0, users={"analyst": "secret"}).stop()
    SqlServer(sql_store, "0.0.0.0", 0, insecure=True).stop()
