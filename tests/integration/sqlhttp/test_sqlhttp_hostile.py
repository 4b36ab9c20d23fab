"""What a client does to the endpoint costs that client, and nobody else."""

from __future__ import annotations

import contextlib
import gzip
import itertools
import socket
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import zstandard

from modelspan_collector.sqlhttp import allowed, frames, sessions, slots
from modelspan_collector.sqlhttp.server import SqlServer
from modelspan_collector.sqlhttp.settings import Limits
from modelspan_collector.store.connect import Store

MIB = 1024**2
SMALL = Limits(
    concurrent_queries=2,
    statement_bytes=64 * 1024,
    external_bytes=MIB,
    insert_bytes=4 * MIB,
    memory_held_bytes=4 * MIB,
    files_held_bytes=8 * MIB,
)


@pytest.fixture(scope="module")
def small(sql_store: Store) -> Iterator[SqlServer]:
    """An endpoint that runs two queries at a time, and keeps little."""
    server = SqlServer(sql_store, port=0, writable=True, limits=SMALL)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def client(small: SqlServer) -> Iterator[httpx.Client]:
    """A client of it."""
    with httpx.Client(base_url=f"http://127.0.0.1:{small.port}", timeout=60) as client:
        yield client


def bomb(coding: str) -> tuple[dict[str, str], bytes]:
    """Headers and body of 64 MiB in a few bytes."""
    plain = b"SELECT 1" + b" " * 64 * MIB
    return {"Content-Encoding": coding}, {"gzip": gzip.compress, "zstd": zstandard.compress}[coding](plain)


@pytest.mark.parametrize("coding", ["gzip", "zstd"])
def test_a_body_that_is_large_inside_is_refused(client: httpx.Client, coding: str) -> None:
    """As a statement, as the rows of an INSERT, as a form; and the room that it took is free again."""
    headers, body = bomb(coding)
    for params in ({}, {"query": "SELECT 1"}, {"query": "INSERT INTO models (owner) FORMAT LineAsString"}):
        answer = client.post("/", params=params, headers=headers, content=body)
        assert (answer.status_code, answer.headers["x-clickhouse-exception-code"]) == (413, "637")
    form = {**headers, "Content-Type": "multipart/form-data; boundary=x"}
    assert client.post("/", headers=form, content=body).status_code == 413
    framed = frames.compress(bytes(8 * MIB))
    assert client.post("/", params={"decompress": "1"}, content=framed).status_code == 413
    assert client.post("/", content="SELECT 1").text == "1\n"


def test_a_body_larger_than_the_limit_is_refused_before_it_is_whole(small: SqlServer, sql_server: SqlServer) -> None:
    """A reader may send a statement and external tables, a writer the rows of an INSERT: no more is kept."""
    for server, limit in (
        (small, SMALL.insert_bytes),
        (sql_server, Limits().statement_bytes + Limits().external_bytes),
    ):
        with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
            connection.sendall(b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n")
            piece = b"10000\r\n" + b" " * 65536 + b"\r\n"
            with contextlib.suppress(ConnectionError):
                for _ in range(limit // 65536 + 1):
                    connection.sendall(piece)
            assert connection.recv(100).startswith(b"HTTP/1.1 413")


@pytest.mark.parametrize("sent", [b"", b"S", b"SELECT 1" + b" " * 91])
def test_a_body_that_stalls_holds_no_slot_and_no_session(small: SqlServer, client: httpx.Client, sent: bytes) -> None:
    """Clients that do not send the end of their statements keep nobody from running one, in the same session too."""
    head = b"POST /?session_id=shared HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n"
    held = [socket.create_connection(("127.0.0.1", small.port)) for _ in range(10 * SMALL.concurrent_queries)]
    for connection in held:
        connection.sendall(head + sent)
    for _ in range(3):
        assert client.post("/", params={"session_id": "shared"}, content="SELECT 1").text == "1\n"
    for connection in held:
        connection.close()


def test_an_answer_that_is_not_read_holds_no_slot_for_ever(
    small: SqlServer, client: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where others wait, the query whose client has not read for longest makes room."""
    monkeypatch.setattr(slots, "PATIENCE_SECONDS", 0.3)
    held = []
    for _ in range(SMALL.concurrent_queries):
        connection = socket.create_connection(("127.0.0.1", small.port))
        connection.sendall(b"GET /?query=SELECT+*+FROM+numbers(1000000000000) HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert connection.recv(100).startswith(b"HTTP/1.1 200")
        held.append(connection)
    answered = (client.post("/", content="SELECT 1") for _ in range(1000))  # until what they may leave unread is full
    assert next((answer.text for answer in answered if answer.status_code == 200), "") == "1\n"
    for connection in held:
        connection.close()


def test_sessions_of_one_client_do_not_keep_another_out(client: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """A new session takes the place of one with nothing to remember, or else of the one that was used last."""
    monkeypatch.setattr(sessions, "MAX_SESSIONS", 20)
    asked = "SELECT getSetting('max_block_size')"
    mine = {"session_id": "mine"}
    assert client.post("/", params=mine, content="SET max_block_size = 7").status_code == 200
    for number in range(100):
        assert client.post("/", params={"session_id": f"empty-{number}"}, content="SELECT 1").status_code == 200
    assert client.post("/", params=mine, content=asked).text == "7\n"
    for number in range(100):
        full = {"session_id": f"full-{number}"}
        assert client.post("/", params=full, content="SET max_block_size = 8").status_code == 200
        assert client.post("/", params=full, content=asked).text == "8\n"


def test_an_answer_that_is_held_until_its_end_has_a_bound(client: httpx.Client) -> None:
    """With `wait_end_of_query` the answer is kept first: what has no room there is an error that says what to do."""
    for _ in range(3):
        answer = client.post("/", params={"wait_end_of_query": "1"}, content="SELECT * FROM numbers(100000000)")
        assert answer.headers["x-clickhouse-exception-code"] == "396"
        assert "ask without wait_end_of_query" in answer.text
    whole = client.post("/", params={"wait_end_of_query": "1"}, content="SELECT * FROM numbers(100000)")
    assert whole.text.count("\n") == 100000


def test_who_takes_all_the_room_leaves_some_for_small_questions(small: SqlServer, client: httpx.Client) -> None:
    """Large bodies that stall take all there is for bodies; a statement, a small form and an answer need none of it."""
    held = []
    while len(held) < SMALL.files_held_bytes // SMALL.insert_bytes + 1:
        connection = socket.create_connection(("127.0.0.1", small.port))
        head = f"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: {SMALL.insert_bytes}\r\n\r\n"
        with contextlib.suppress(ConnectionError):  # the last one finds no room
            connection.sendall(head.encode() + b" " * (SMALL.insert_bytes - 1))
        held.append(connection)
    assert client.post("/", params={"wait_end_of_query": "1"}, content="SELECT 1").text == "1\n"
    form = client.post("/", data={"param_x": "2"}, params={"query": "SELECT {x:Int8}"}, files={"t": b""})
    assert form.status_code == 400, "the table has no structure"
    assert client.post("/", content="SELECT count() FROM numbers(10) FORMAT JSON").status_code == 200
    for connection in held:
        connection.close()


def test_a_query_may_not_fill_the_disk(sql_store: Store) -> None:
    """What grouping puts on the disk counts against a limit, whatever the client asks for."""
    server = SqlServer(sql_store, port=0, limits=Limits(spill_bytes=8 * MIB, memory_bytes=10**9))
    server.start()
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{server.port}", timeout=60) as client:
            answer = client.post(
                "/",
                params={"max_bytes_before_external_group_by": "1000000"},
                content="SELECT sipHash64(number) AS h, count() FROM numbers(20000000) GROUP BY h FORMAT Null",
            )
            assert answer.headers["x-clickhouse-exception-code"] == "396", answer.text
    finally:
        server.stop()


PARAMETERS = sorted(
    {
        *("query_id", "param_x", "param_", "param_a b", "no_such_parameter", "x_structure", "readonly"),
        *allowed.IGNORED - {"query"},
        *allowed.CAPPED,
        "join_algorithm",
        "max_block_size",
        "output_format_float_precision",
        "session_timezone",
    }
)
VALUES = (
    *("", "0", "1", "-1", "9" * 5000, "1e999", "nan", "\u0663", "true", "x" * 10_000, "'", "\\", "a'b\\", "\0", "\n"),
    *(
        "\r\nX-Injected: 1",
        "%",
        "{x:Int8}",
        "\ud83d\ude00".encode("utf-16", "surrogatepass").decode("utf-16"),
        "../..",
        "-9" * 3,
    ),
)


@pytest.mark.parametrize("name", PARAMETERS)
def test_no_value_of_a_parameter_is_an_internal_error(writable_sql: httpx.Client, name: str) -> None:
    """Whatever stands in the URL, the answer is a result or an error that says whose it is; never a 500."""
    for value in VALUES:
        answer = writable_sql.post("/", params={name: value}, content="SELECT 1 AS a WHERE a IN (1)")
        assert answer.status_code < 500 or answer.status_code == 501, (name, value[:40], answer.text)
        assert "x-injected" not in answer.headers


HEADERS = {
    "authorization": ("", "Basic", "Basic !", "Basic //8=", "Basic " + "QQ==" * 3000, "Bearer x"),
    "content-encoding": ("x" * 5000, "gzip, gzip", "br", "\xff", "GZIP"),
    "content-type": (
        "multipart/form-data",
        "multipart/form-data; boundary=\xff",
        'multipart/form-data; boundary="',
        "x" * 5000,
    ),
    "accept-encoding": ("x" * 5000, ";;;", "gzip;q=0, lz4;q=x", "*"),
    "content-length": ("9" * 40, "-1", "+8", "0x8", "8, 8"),
    "transfer-encoding": ("chunked, chunked", "x", "identity"),
    "x-clickhouse-database": ("default", "x'`\\", "\xff", "x" * 5000, "system"),
    "x-clickhouse-format": ("x", "TSV INTO OUTFILE 'x'", "\xff", "TSV\xa0", ""),
    "x-clickhouse-user": ("\xff", "x" * 5000),
    "expect": ("100-continue", "x"),
    "upgrade": ("websocket", "h2c"),
}


@pytest.mark.parametrize("name", HEADERS)
def test_no_value_of_a_header_is_an_internal_error(sql_server: SqlServer, name: str) -> None:
    """Whatever a head says, the answer is a result or an error that says whose it is."""
    for value in HEADERS[name]:
        own = b"" if name in ("content-length", "transfer-encoding") else b"Content-Length: 8\r\n"
        line = f"{name}: {value}\r\n".encode("latin-1")
        params = b"/?enable_http_compression=1" if name == "accept-encoding" else b"/"
        with socket.create_connection(("127.0.0.1", sql_server.port), timeout=60) as connection:
            connection.sendall(
                b"POST "
                + params
                + b" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
                + own
                + line
                + b"\r\nSELECT 1"
            )
            connection.shutdown(socket.SHUT_WR)
            received = b""
            with contextlib.suppress(ConnectionError):
                while piece := connection.recv(65536):
                    received += piece
        assert not received.startswith(b"HTTP/1.1 5"), (value[:40], received)


PIECES = (
    "/**/",
    "/*",
    "--\n",
    "'",
    "\\'",
    "`",
    '"',
    "(",
    "{",
    "$a$",
    "INSERT ",
    "FORMAT ",
    "SETTINGS a=1,",
    "WITH ",
    "[",
    "-",
)


@pytest.mark.parametrize(("before", "piece"), list(itertools.product(["", "INSERT INTO t ", "SELECT "], PIECES)))
def test_no_text_stops_the_endpoint(client: httpx.Client, before: str, piece: str) -> None:
    """A statement of nothing but beginnings is refused or answered, and what comes next is answered too."""
    text = before + piece * (30_000 // len(piece)) + "SELECT 1"
    assert client.post("/", content=text).status_code in (200, 400, 403, 404, 413)
    assert client.get("/ping").text == "Ok.\n"


def test_many_external_tables_and_columns_are_bounded(client: httpx.Client, tmp_path: Path) -> None:
    """A form of very many tables, or a table of very many columns, ends in an error or an answer, and in bounds."""
    many = {f"t{number}": b"1\n" for number in range(1500)}
    described = {f"{name}_types": "UInt8" for name in many}
    assert client.post("/", data={**described, "query": "SELECT 1"}, files=many).status_code == 400
    wide = {"t_types": ",".join(["UInt8"] * 5_000), "query": "SELECT count() FROM t"}
    assert client.post("/", data=wide, files={"t": b""}).status_code in (200, 400)
    assert list(tmp_path.iterdir()) == []
