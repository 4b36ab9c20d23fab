"""Whatever is asked of the web port, it answers with what was asked or with a sentence, and never with a 500."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest
from starlette.applications import Starlette
from starlette.routing import Route

from modelspan_analyzer.config.settings import MonitorsConfig
from modelspan_analyzer.web.app import build
from modelspan_analyzer.web.openapi.table import KNOWN
from modelspan_analyzer.web.owner import Owned
from modelspan_collector.config import CollectorConfig
from modelspan_collector.serve import AsgiServer
from modelspan_collector.service import Collector
from modelspan_collector.store import schema
from modelspan_collector.store.connect import Store, connect

SECRET = "s"
VALUES = [
    "",
    "x",
    "\x00",
    "%",
    "'; DROP TABLE predictions --",
    "{model:String}",
    "\ufffd\U0001f600",
    "-1",
    "1e999",
    "NaN",
    "2026-13-45",
    "0001-01-01",
    "9999-12-31T23:59:59.999999999",
    "2026-01-01T00:00:00+99:99",
    "2026-06-01 25:00",
    "999999999999999999h",
    "1" * 5000 + "h",
    "\u00b2h",
    "0h",
    "tag.x=",
    "tag.=y",
    "feature.a=b=c",
    "nonsense=1",
    "a" * 20_000,
]
"""What a name, a time, a number or a segment is not."""
BODIES: list[tuple[str, bytes]] = [
    *(
        (kind, body)
        for kind in ("application/json", "application/json; charset=utf-8", "")
        for body in (
            b"",
            b"null",
            b"[]",
            b"5",
            b'"text"',
            b"NaN",
            b"{",
            b"\xff\xfe",
            b"{}",
            b'{"opinion": null}',
            b'{"opinion": ["useful"]}',
            b'{"opinion": "useful", "actor": {"a": 1}}',
            b'{"opinion": "useful", "comment": "\\ud800"}',
            b'{"folder": 5}',
            b'{"folder": "relative"}',
            b'{"folder": "/dev/null/x"}',
            b'{"folder": "/\\u0000"}',
            b'{"prediction_ids": "p1"}',
            b'{"prediction_ids": [1, null]}',
            b'{"prediction_ids": {}, "tag": [], "value": 5}',
            b'{"prediction_ids": [], "databases": "x"}',
            b'{"prediction_ids": ["p"], "databases": ["no such", "a`b"]}',
            b"[" * 100_000,
            b'{"a":' * 100_000,
            b" " * (2 << 20),
        )
    ),
    ("application/vnd.apache.parquet", b""),
    ("application/vnd.apache.parquet", b"PAR1"),
    ("application/vnd.apache.parquet", b"PAR1" + bytes(100) + b"PAR1"),
    ("text/csv", b"a,b\n1\n"),
    ("text/csv", b""),
    ("application/octet-stream", bytes(1000)),
    ("multipart/form-data; boundary=x", b"--x"),
    ("application/x-www-form-urlencoded", b"a=b"),
]


QUERIES = (
    "",
    "?model=m",
    "?model=m&start=x&end=y",
    "?model=m&start=0001-01-01&end=9999-12-31",
    "?model=m&prediction=a&label=a&score=a&tag=a&features=a&id=a",
)
PATHS = ("/", "/api", "/api/", "/api/nothing", "/../etc/passwd", "//x", "/%00", "/api/incidents/%2e%2e", "/a" * 5000)


def parquet_of(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    parquet.write_table(table, sink)
    return sink.getvalue().to_pybytes()


BODIES += [
    ("application/vnd.apache.parquet", parquet_of(table))
    for table in (
        pa.table({}),
        pa.table({"a": pa.array([], pa.int64())}),
        pa.table([[1], [2]], names=["a", "a"]),
        pa.table({"": [1]}),
        pa.table({"a": [{"b": [1]}]}),
        pa.table({"a": [None, None]}),
    )
]


@pytest.fixture(scope="module")
def app(engine_dsn: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Starlette]:
    """The whole application of an instance, over an empty store."""
    store = connect(engine_dsn, "test_web_hostile")
    schema.apply(store)
    data = tmp_path_factory.mktemp("hostile")
    collector = Collector(store, CollectorConfig(data, grpc_port=0, http_port=0))
    collector.start()
    yield build(store, collector, MonitorsConfig(), Owned(store, collector, data, SECRET))
    collector.stop()
    store.command("DROP DATABASE test_web_hostile")
    store.close()


@pytest.fixture(scope="module")
def client(app: Starlette) -> Iterator[httpx.Client]:
    """Sends to it over a socket."""
    server = AsgiServer(app, "127.0.0.1", 0)
    server.start()
    with httpx.Client(base_url=f"http://127.0.0.1:{server.port}", timeout=60) as client:
        yield client
    server.stop()


def routes(app: Starlette, method: str) -> list[Route]:
    return [route for route in app.routes if isinstance(route, Route) and method in (route.methods or ())]


def assert_answered(answer: httpx.Response, asked: Any) -> None:
    """A success, or a status of the sender's fault with a sentence."""
    assert answer.status_code < 500, (asked, answer.status_code, answer.text[:300])
    if answer.status_code >= 400 and answer.request.method != "HEAD":
        sentence = json.loads(answer.text)["error"]
        assert len(sentence) > 10, (asked, sentence)
        assert "Traceback" not in sentence


def test_parameters_of_every_kind(app: Starlette, client: httpx.Client) -> None:
    """Each parameter of each question, with each value that makes no sense for it."""
    for route in [route for route in routes(app, "GET") if f"GET {route.path}" in KNOWN]:
        names = sorted(KNOWN[f"GET {route.path}"] | {"incident_id"})
        for name in names:
            for value in VALUES:
                path = route.path.replace("{incident_id}", "%00" if value == "\x00" else "x")
                others = {other: "m" for other in names if other in ("model", "about", "service") and other != name}
                given = {**others, name: value}
                if "kind" in names and name != "kind":
                    assert_answered(client.get(path, params={**given, "kind": "latency"}), (path, given))
                assert_answered(client.get(path, params=given), (path, given))


def test_unknown_parameters_are_refused_by_name(app: Starlette, client: httpx.Client) -> None:
    """A misspelt condition is not one that is left away."""
    for path in [route.path for route in routes(app, "GET") if route.path.startswith("/api/")]:
        answer = client.get(path.replace("{incident_id}", "x"), params={"modle": "m"})
        assert (answer.status_code, "'modle'" in answer.json()["error"]) == (400, True)
    for route in [route for route in routes(app, "POST") if route.path.startswith("/api/")]:
        answer = client.post(route.path.replace("{incident_id}", "x"), params={"lable": "y"})
        assert answer.status_code in (400, 401, 403), route.path
        assert "'lable'" in answer.json()["error"] or answer.status_code != 400, route.path


@pytest.mark.parametrize("secret", ["", SECRET], ids=["anyone", "owner"])
def test_bodies_of_every_kind(app: Starlette, client: httpx.Client, secret: str) -> None:
    """Each body to each route that takes one, and some to all others, which refuse them before they look."""
    for route in [route for route in app.routes if isinstance(route, Route)]:
        path = route.path.replace("{incident_id}", "x")
        for kind, body in BODIES if "POST" in (route.methods or ()) else BODIES[::12]:
            headers = {"content-type": kind} if kind else {}
            if secret:
                headers["authorization"] = f"Bearer {secret}"
            settling = {"task", "time_unit", "score_scale", "encoding", "skip_rows", "date_order"}
            names = sorted(KNOWN.get(f"POST {route.path}", frozenset()) - {"start", "end"} - settling)
            for query in dict.fromkeys(
                ["", "?model=m" if names else "", "?" + "&".join(f"{name}=a" for name in names)]
            ):
                assert_answered(
                    client.post(path + query, content=body, headers=headers), (path, query, kind, body[:60])
                )


def test_methods_and_paths_of_every_kind(app: Starlette, client: httpx.Client) -> None:
    """What is not there, and what is not done there, is said so."""
    for path in (
        "/",
        "/api",
        "/api/",
        "/api/nothing",
        "/../etc/passwd",
        "//x",
        "/%00",
        "/api/incidents/%2e%2e",
        "/a" * 5000,
    ):
        assert_answered(client.get(path), path)
    for route in [route for route in app.routes if isinstance(route, Route)]:
        for method in ("PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "HEAD"):
            assert_answered(client.request(method, route.path.replace("{incident_id}", "x")), (method, route.path))


def test_nothing_of_it_was_stored(store: Store, client: httpx.Client) -> None:
    """The last word: the instance still answers."""
    assert client.get("/readyz").json()["ready"] is True
