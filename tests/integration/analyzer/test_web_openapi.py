"""What `/api/openapi.json` describes is what the web port does: all routes, all parameters, all answers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from starlette.applications import Starlette
from starlette.routing import Route
from support import need

from modelspan_analyzer.config.settings import MonitorsConfig
from modelspan_analyzer.incidents import update
from modelspan_analyzer.results import Result, Verdict, Window, write_results
from modelspan_analyzer.web.app import build
from modelspan_analyzer.web.openapi.table import OPERATIONS
from modelspan_analyzer.web.owner import Owned
from modelspan_analyzer.web.uploads import TABLE_TYPES
from modelspan_collector.config import CollectorConfig
from modelspan_collector.serve import AsgiServer
from modelspan_collector.service import Collector
from modelspan_collector.store.connect import Store

EXAMPLES = 8
"""Of each operation, valid and not: some hundred requests, in a few seconds."""
NOW = datetime.now(UTC).replace(microsecond=0)
WINDOW = Window(NOW - timedelta(hours=1), NOW)


@pytest.fixture(scope="module")
def filled(databases: Any) -> Iterator[Store]:
    """A store in which every list has a member."""
    with databases.one() as store:
        stamp = pa.array([NOW] * 2, pa.timestamp("ns", "UTC"))
        numbers = pa.array([[("age", 1.0)], [("age", 2.0)]], pa.map_(pa.string(), pa.float64()))
        rows = {"model": ["m"] * 2, "version": ["1"] * 2, "prediction_id": ["x", "y"], "label": ["a", "b"]}
        store.insert("predictions", pa.table({**rows, "timestamp": stamp, "numeric_features": numbers}))
        alarm = Result("m", "1", WINDOW, "data_drift", "psi", 0.5, Verdict.ALARM, feature="age", threshold=0.1)
        unmeasured = Result(
            "m", "1", WINDOW, "performance", "accuracy", None, Verdict.NOT_ENOUGH_DATA, reason="no label"
        )
        write_results(store, [alarm, unmeasured], "run")
        update(store, [alarm], NOW)
        yield store


@pytest.fixture(scope="module")
def app(filled: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Starlette]:
    """The whole application of an instance."""
    data = tmp_path_factory.mktemp("openapi")
    collector = Collector(filled, CollectorConfig(data, grpc_port=0, http_port=0))
    collector.start()
    yield build(filled, collector, MonitorsConfig(), Owned(filled, collector, data, "secret"))
    collector.stop()


@pytest.fixture(scope="module")
def url(app: Starlette) -> Iterator[str]:
    """Where it answers."""
    server = AsgiServer(app, "127.0.0.1", 0)
    server.start()
    yield f"http://127.0.0.1:{server.port}"
    server.stop()


@pytest.fixture(scope="module")
def described(url: str) -> dict[str, Any]:
    """The description that is served."""
    return httpx.get(f"{url}/api/openapi.json", timeout=60).json()


def test_every_route_is_described_and_every_description_is_a_route(app: Starlette, described: dict[str, Any]) -> None:
    """A route that the table does not have, or a line that no route answers, fails here."""
    api = [route for route in app.routes if isinstance(route, Route) and is_api(route.path)]
    there = {f"{method} {route.path}" for route in api for method in route.methods or () if method != "HEAD"}
    told = {f"{method.upper()} {path}" for path, methods in described["paths"].items() for method in methods}
    assert there == {operation.door for operation in OPERATIONS}
    assert told == {f"{operation.method} {operation.told_path}" for operation in OPERATIONS}
    named = {parameter for path in described["paths"] for parameter in re.findall(r"{(\w+)}", path)}
    assert named == {"incident_id", "model"}


def is_api(path: str) -> bool:
    return path.startswith("/api/") or path in ("/healthz", "/readyz", "/metrics")


@pytest.fixture(scope="module")
def schema(url: str) -> Any:
    """The description as schemathesis reads it, with a way to send each type of table."""
    need("schemathesis")
    import schemathesis

    for kind in TABLE_TYPES:
        if kind not in ("application/octet-stream", "text/csv", "application/x-ndjson"):
            schemathesis.serializer(kind)(lambda _, value: value if isinstance(value, bytes) else str(value).encode())
    return schemathesis.openapi.from_url(f"{url}/api/openapi.json")


@pytest.mark.parametrize(
    ("door", "mode"),
    [
        (operation.door, mode)
        for operation in OPERATIONS
        for mode in ("positive", "negative")
        if mode == "positive" or operation.names or (operation.body and operation.body.schema)
    ],
)
def test_nothing_that_is_asked_is_a_server_error(url: str, schema: Any, door: str, mode: str) -> None:
    """Whatever the description allows, and whatever it forbids: no 5xx, and an answer of the type and shape told."""
    from schemathesis import GenerationMode
    from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance

    method, _, path = door.partition(" ")
    operation = schema[path.replace(":path}", "}")][method]

    @given(case=operation.as_strategy(generation_mode=GenerationMode(mode)))
    @settings(
        max_examples=EXAMPLES, phases=[Phase.generate], derandomize=True, database=None, deadline=None,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    def ask(case: Any) -> None:
        response = case.call(base_url=url)
        assert response.status_code < 500, (response.status_code, case.as_curl_command())
        case.validate_response(response, checks=[content_type_conformance, response_schema_conformance])

    ask()


LISTS = (
    "/api/models",
    "/api/results?model=m",
    "/api/incidents",
    "/api/why?about=m&kind=drift&feature=age",
    "/api/results?model=m&verdict=alarm&limit=1&since=2h",
)


@pytest.mark.parametrize("path", LISTS)
def test_answers_that_hold_something_have_the_shape_described(
    url: str, schema: Any, described: dict[str, Any], path: str
) -> None:
    """An empty list fits any description: each list is asked where it has a member."""
    import jsonschema_rs

    answer = httpx.get(url + path, timeout=60).json()
    told = described["paths"][path.partition("?")[0]]["get"]["responses"]["200"]["content"]["application/json"][
        "schema"
    ]
    assert answer
    jsonschema_rs.validate(told, answer)


def test_results_that_were_not_looked_at_say_so(url: str) -> None:
    """A measurement without data has no value and says why; it is not 0, and not ok."""
    answer = httpx.get(f"{url}/api/results", params={"model": "m", "signal": "performance"}, timeout=60).json()
    assert [(row["verdict"], row["value"], row["reason"]) for row in answer] == [("not_enough_data", None, "no label")]
