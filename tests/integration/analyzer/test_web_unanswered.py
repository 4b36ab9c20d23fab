"""A store that does not answer is told of in plain words; what the engine says of itself goes to the log."""

from __future__ import annotations

import errno

import httpx
import pytest
from clickhouse_connect.driver.exceptions import DatabaseError, OperationalError
from starlette.requests import Request
from starlette.routing import Route

from modelspan_analyzer.web.asking import application
from modelspan_collector.serve import AsgiServer
from modelspan_collector.store.errors import SchemaError, StoreFullError, StoreUnavailableError

ENGINE = "Code: 241. DB::Exception: (for url http://10.0.0.7:8123) MEMORY_LIMIT_EXCEEDED"


def of_code(code: int) -> DatabaseError:
    error = DatabaseError(ENGINE)
    error.code = code
    return error


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (of_code(241), "ask for a shorter time"),
        (of_code(202), "try again in a minute"),
        (of_code(999), "try again"),
        (OperationalError(ENGINE), "try again"),
        (StoreUnavailableError(ENGINE), "try again"),
        (StoreFullError(ENGINE), "make room"),
        (SchemaError(ENGINE), "modelspan schema apply"),
        (OSError(errno.ENOSPC, ENGINE), "make room"),
    ],
)
@pytest.mark.parametrize("page", [True, False])
def test_what_is_the_matter_is_said_and_the_engine_is_not_quoted(
    error: Exception, words: str, page: bool, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail(_: Request) -> None:
        raise error

    server = AsgiServer(application([], [Route("/model", fail)]), "127.0.0.1", 0)
    server.start()
    try:
        asked = f"http://127.0.0.1:{server.port}/model"
        answer = httpx.get(asked, headers={"accept": "text/html" if page else "*/*"}, timeout=60)
    finally:
        server.stop()

    assert answer.status_code == 503
    assert words in answer.text
    assert "DB::Exception" not in answer.text
    assert "DB::Exception" in caplog.text
