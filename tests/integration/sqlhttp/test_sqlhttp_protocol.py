"""ClickHouse's HTTP protocol, header by header, as a plain HTTP client sees it."""

from __future__ import annotations

import gzip
import socket
import threading
from pathlib import Path

import httpx
import lz4.frame
import pytest
import zstandard
from support import eventually

from modelspan_collector.sqlhttp import frames
from modelspan_collector.sqlhttp.server import SqlServer
from modelspan_collector.sqlhttp.settings import Limits
from modelspan_collector.store.connect import Store

LEFT_BEHIND = "SELECT count() FROM system.processes WHERE position(query, concat('left_', 'behind')) > 0"


@pytest.mark.parametrize("path", ["/", "/ping", "/replicas_status"])
def test_health_paths_answer_ok(sql: httpx.Client, path: str) -> None:
    """Load balancers and drivers ask these before anything else."""
    assert sql.get(path).text == "Ok.\n"


def test_query_comes_from_url_body_or_both(sql: httpx.Client) -> None:
    """The statement is what the URL says, then what the body says."""
    assert sql.get("/", params={"query": "SELECT 1"}).text == "1\n"
    assert sql.post("/", content="SELECT 1;").text == "1\n"
    assert sql.post("/", params={"query": "SELECT 1"}, content="FORMAT CSVWithNames").text == '"1"\n1\n'


def test_bound_parameters_reach_the_engine_as_values(sql: httpx.Client) -> None:
    """A parameter is a typed value, never SQL, whatever it holds."""
    hostile = "'; DROP TABLE predictions; --"
    answer = sql.post(
        "/", params={"param_text": hostile, "param_n": "41"}, content="SELECT {text:String}, {n:Int32} + 1"
    )
    assert answer.text == "\\'; DROP TABLE predictions; --\t42\n"


def test_format_clause_wins_over_header_and_parameter(sql: httpx.Client) -> None:
    """FORMAT, then the header, then `default_format`, then TabSeparated."""
    url = {"default_format": "CSV"}
    assert sql.post("/", params=url, content="SELECT 'a'").text == '"a"\n'
    header = {"X-ClickHouse-Format": "JSONEachRow"}
    assert sql.post("/", params=url, headers=header, content="SELECT 'a' AS x").json() == {"x": "a"}
    answer = sql.post("/", params=url, headers=header, content="SELECT 'a' FORMAT TSV")
    assert answer.text == "a\n"
    assert answer.headers["X-ClickHouse-Format"] == "TSV"


def test_answer_carries_clickhouse_headers(sql: httpx.Client) -> None:
    """Query id, time zone and the summary of what was read."""
    answer = sql.post("/", params={"query_id": "mine-1"}, content="SELECT number FROM numbers(1000)")
    assert answer.headers["X-ClickHouse-Query-Id"] == "mine-1"
    assert answer.headers["X-ClickHouse-Timezone"]
    assert '"read_rows":"1000"' in answer.headers["X-ClickHouse-Summary"]
    assert '"result_rows":"1000"' in answer.headers["X-ClickHouse-Summary"]


def test_query_id_cannot_smuggle_a_header(sql: httpx.Client) -> None:
    """An id that does not fit a header is replaced."""
    answer = sql.post("/", params={"query_id": "x\r\nSet-Cookie: a=b"}, content="SELECT 1")
    assert "Set-Cookie" not in answer.headers
    assert "\r" not in answer.headers["X-ClickHouse-Query-Id"]


@pytest.mark.parametrize(
    ("statement", "code", "status"),
    [
        ("SELEC 1", "62", 400),
        ("SELECT nope", "47", 404),
        ("SELECT * FROM nowhere", "60", 404),
        ("SELECT 1; SELECT 2", "62", 400),
        ("SELECT 1 FORMAT Nope", "73", 404),
        ("SELECT throwIf(1)", "395", 500),
        ("SELECT 1 SETTINGS no_such_setting = 1", "164", 403),
        ("", "62", 400),
    ],
)
def test_errors_have_clickhouse_code_and_status(sql: httpx.Client, statement: str, code: str, status: int) -> None:
    """Clients branch on the header, people read the text."""
    answer = sql.post("/", content=statement)
    assert answer.headers["X-ClickHouse-Exception-Code"] == code
    assert answer.status_code == status
    assert answer.text.startswith(f"Code: {code}. DB::Exception: ")


def test_unknown_database_is_named(sql: httpx.Client) -> None:
    """A database that is not there, or whose name is hostile, is an error of its own."""
    for name in ("nowhere", "../../etc", "a`b'; --"):
        assert (
            sql.post("/", params={"database": name}, content="SELECT 1").headers["X-ClickHouse-Exception-Code"] == "81"
        )


@pytest.mark.parametrize(
    ("coding", "decode"),
    [
        ("lz4", lz4.frame.decompress),
        ("zstd", lambda data: zstandard.ZstdDecompressor().decompressobj().decompress(data)),
        ("gzip", gzip.decompress),
    ],
)
def test_answer_is_compressed_as_asked(sql: httpx.Client, coding: str, decode: object) -> None:
    """`enable_http_compression` with Accept-Encoding, streamed."""
    request = sql.build_request(
        "POST",
        "/",
        params={"enable_http_compression": "1"},
        headers={"Accept-Encoding": coding},
        content="SELECT number FROM numbers(500000)",
    )
    answer = sql.send(request, stream=True)
    raw = b"".join(answer.iter_raw())
    assert answer.headers["Content-Encoding"] == coding
    assert decode(raw).count(b"\n") == 500_000  # type: ignore[operator]


def test_answer_is_plain_unless_compression_is_enabled(sql: httpx.Client) -> None:
    """As in ClickHouse, Accept-Encoding alone does not switch compression on."""
    answer = sql.post("/", headers={"Accept-Encoding": "gzip"}, content="SELECT 1")
    assert "Content-Encoding" not in answer.headers


def test_native_frames_round_trip(sql: httpx.Client, writable_sql: httpx.Client) -> None:
    """`compress=1` and `decompress=1` speak ClickHouse's checksummed blocks."""
    answer = sql.post("/", params={"compress": "1"}, content="SELECT number FROM numbers(300000)")
    decoder = frames.Decompressor(len(answer.content) * 100)
    assert b"".join(decoder.pieces(answer.content)).count(b"\n") == 300_000
    decoder.finish()
    framed = frames.compress(b"SELECT 7")
    assert sql.post("/", params={"decompress": "1"}, content=framed).text == "7\n"
    broken = framed[:-1] + bytes([framed[-1] ^ 1])
    assert sql.post("/", params={"decompress": "1"}, content=broken).headers["X-ClickHouse-Exception-Code"] == "40"


@pytest.mark.parametrize("coding", ["gzip", "zstd", "lz4"])
def test_request_body_may_be_compressed(sql: httpx.Client, coding: str) -> None:
    """Content-Encoding is honoured, a wrong one refused."""
    encoded = {"gzip": gzip.compress, "zstd": zstandard.compress, "lz4": lz4.frame.compress}[coding](b"SELECT 5")
    assert sql.post("/", headers={"Content-Encoding": coding}, content=encoded).text == "5\n"
    assert sql.post("/", headers={"Content-Encoding": coding}, content=b"nonsense").status_code == 400
    assert (
        sql.post("/", headers={"Content-Encoding": "br"}, content=b"x").headers["X-ClickHouse-Exception-Code"] == "89"
    )


@pytest.mark.parametrize(
    ("statement", "part"),
    [
        ("SHOW TABLES", "labels\n"),
        ("SHOW DATABASES", "default\n"),
        ("SHOW CREATE TABLE labels", "CREATE TABLE"),
        ("SHOW COLUMNS FROM labels FORMAT JSONEachRow", '"field":"prediction_id"'),
        ("DESCRIBE TABLE labels", "prediction_id\tString"),
        ("EXISTS TABLE labels", "1\n"),
        ("EXPLAIN SELECT 1", "ReadFrom"),
        ("WITH 1 AS one SELECT one", "1\n"),
        ("(SELECT 1) UNION ALL (SELECT 1)", "1\n1\n"),
    ],
)
def test_every_way_to_read_answers(sql: httpx.Client, statement: str, part: str) -> None:
    """What the engine runs as another query has its rows too."""
    answer = sql.post("/", content=statement)
    assert answer.status_code == 200, answer.text
    assert part in answer.text


def test_sessions_keep_settings_and_database(sql: httpx.Client, sql_store: Store) -> None:
    """SET and USE last for the session, and only there."""
    session = {"session_id": "s1", "session_timeout": "30"}
    assert sql.post("/", params=session, content="SET output_format_json_quote_64bit_integers = 1").status_code == 200
    assert sql.post("/", params=session, content="USE system").status_code == 200
    answer = sql.post(
        "/", params=session, content="SELECT currentDatabase() AS db, toUInt64(1) AS n FORMAT JSONEachRow"
    )
    assert answer.json() == {"db": "system", "n": "1"}
    assert sql.post("/", content="SELECT currentDatabase()").text.strip() == sql_store.database
    missing = sql.post("/", params={"session_id": "s2", "session_check": "1"}, content="SELECT 1")
    assert missing.headers["X-ClickHouse-Exception-Code"] == "372"


def test_late_failure_is_tagged_and_cuts_the_answer(sql: httpx.Client) -> None:
    """After the first megabyte an error travels in the body, and the body is visibly incomplete."""
    failing = "SELECT throwIf(number = 3000000) FROM numbers(10000000)"
    received = b""
    with (
        pytest.raises(httpx.RemoteProtocolError),
        sql.stream("POST", "/", content=failing) as answer,
    ):
        tag = answer.headers["X-ClickHouse-Exception-Tag"].encode()
        for chunk in answer.iter_raw():
            received += chunk
    assert b"__exception__\r\n" + tag in received[-2000:]
    assert b"FUNCTION_THROW_IF_VALUE_IS_NON_ZERO" in received[-2000:]


def test_waiting_for_the_end_turns_late_failures_into_a_status(sql: httpx.Client) -> None:
    """`wait_end_of_query=1` answers only once the statement has succeeded."""
    whole = {"wait_end_of_query": "1"}
    failed = sql.post("/", params=whole, content="SELECT throwIf(number = 3000000) FROM numbers(10000000)")
    assert failed.headers["X-ClickHouse-Exception-Code"] == "395"
    fine = sql.post("/", params=whole, content="SELECT number FROM numbers(2000000)")
    assert fine.text.count("\n") == 2_000_000
    assert '"result_rows":"2000000"' in fine.headers["X-ClickHouse-Summary"]


def test_disconnect_stops_the_query(sql_server: SqlServer, sql: httpx.Client) -> None:
    """A client that goes away takes its query with it."""
    with socket.create_connection(("127.0.0.1", sql_server.port)) as connection:
        statement = b"SELECT count() FROM numbers(100000000000) WHERE NOT ignore(sipHash64(number, 'left_behind'))"
        head = f"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(statement)}\r\n\r\n".encode()
        connection.sendall(head + statement)
        eventually(lambda: _running(sql) == 1)
    eventually(lambda: _running(sql) == 0)


def test_reader_that_stalls_does_not_buffer_the_result(sql_server: SqlServer, sql: httpx.Client) -> None:
    """The pipe fills, the query waits, and memory stays flat until the client goes on or away."""
    with sql.stream("POST", "/", content="SELECT number, 'left_behind' FROM numbers(10000000000)") as answer:
        stream = answer.iter_raw()
        next(stream)
        assert _running(sql) == 1
        before = _resident_bytes()
        for _ in range(200):
            next(stream)
        assert _resident_bytes() - before < 100_000_000
    eventually(lambda: _running(sql) == 0)


def test_too_many_queries_are_turned_away(sql_store: Store) -> None:
    """Beyond the limit a client is told to come back, at once."""
    server = SqlServer(sql_store, port=0, limits=Limits(concurrent_queries=1))
    server.start()
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{server.port}", timeout=30) as client:
            blocked = threading.Thread(target=lambda: client.post("/", content="SELECT sleep(3), 'left_behind'"))
            blocked.start()
            eventually(lambda: sql_store.scalar(LEFT_BEHIND) == 1)
            assert client.post("/", content="SELECT 1").headers["X-ClickHouse-Exception-Code"] == "202"
            blocked.join()
            eventually(lambda: client.post("/", content="SELECT 1").status_code == 200)
    finally:
        server.stop()


def test_users_need_their_password(sql_store: Store) -> None:
    """Headers, basic authentication and URL parameters, as the drivers send them."""
    server = SqlServer(sql_store, port=0, users={"analyst": "secret"})
    server.start()
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{server.port}") as client:
            keys = {"X-ClickHouse-User": "analyst", "X-ClickHouse-Key": "secret"}
            assert client.post("/", headers=keys, content="SELECT 1").text == "1\n"
            assert client.post("/", auth=("analyst", "secret"), content="SELECT 1").text == "1\n"
            assert client.post("/", params={"user": "analyst", "password": "secret"}, content="SELECT 1").text == "1\n"
            for wrong in (
                {},
                {"user": "analyst"},
                {"user": "analyst", "password": "no"},
                {"user": "x", "password": "secret"},
            ):
                refused = client.post("/", params=wrong, content="SELECT 1")
                assert refused.headers["X-ClickHouse-Exception-Code"] == "516"
                assert refused.status_code == 403
    finally:
        server.stop()


def _running(sql: httpx.Client) -> int:
    listed = sql.post("/", content=LEFT_BEHIND)
    return int(listed.text)


def _resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096
