"""Every example of the documentation runs, and what it says happens."""

from __future__ import annotations

import asyncio
import os
import shlex
import signal
import subprocess
import sys
import urllib.request
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pages
import pytest
from support import eventually, free_port

import modelspan
from modelspan.testing import Receiver


def blocks(page: str) -> list[tuple[str, str]]:
    """The Python examples of a page, with the file that each is to be in."""
    found = pages.blocks(page if page == "README.md" else f"docs/sdk/{page}", "python")
    assert found
    return [(block.options.get("file", ""), block.text) for block in found]


def page_command(name: str) -> list[str]:
    """The words of the page on processes after the name of a program."""
    commands = [shlex.split(block.text) for block in pages.blocks("docs/sdk/processes.md", "sh")]
    (words,) = [words[1:] for words in commands if words[0] == name]
    return words


@pytest.fixture
def example(
    sdk: Callable[..., None], receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], dict[str, Any]]:
    """Run the examples of a page, one after the other, in one namespace."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.endpoint)
    monkeypatch.setenv("MODELSPAN_REDACT_KEY", "key")
    sdk()

    def run(page: str) -> dict[str, Any]:
        namespace: dict[str, Any] = {"__name__": "example"}
        monkeypatch.setitem(sys.modules, "example", type(sys)("example"))
        sys.modules["example"].__dict__.update(namespace)
        for _, code in blocks(page):
            exec(compile(code, page, "exec"), sys.modules["example"].__dict__)
        return sys.modules["example"].__dict__

    return run


def test_decorator(example: Callable[[str], dict[str, Any]], receiver: Receiver) -> None:
    """The page's predictions, label and card arrive as the page says."""
    found = example("decorator.md")
    assert modelspan.flush(60)
    first, fraud, block = receiver.predictions()
    assert (first["value"], first["feature.tenure_months"]) == (0.7, 7.0)
    assert first["prediction_id"] == found["prediction_id"] == receiver.labels()[0]["prediction_id"]
    assert (fraud["label"], fraud["value"], fraud["prediction_id"]) == ("review", 0.61, "order-1")
    assert (fraud["modelspan.model.version"], fraud["tag.country"]) == ("2026-11", "CH")
    assert (block["modelspan.model.role"], block["tag.channel"]) == ("shadow", "batch")
    assert block["attribution.tenure_months"] == 0.2
    assert receiver.models()[0]["owner"] == "growth-team"


def test_logs(run: Callable[..., Any], receiver: Receiver) -> None:
    """A log line of the predict function arrives with the trace of its prediction."""
    from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

    ((_, code),) = blocks("logs.md")
    run(f"{code}\nprint(0)")
    bodies = [request.body for request in list(receiver.requests) if request.path == "/v1/logs"]
    resources = [one for body in bodies for one in ExportLogsServiceRequest.FromString(body).resource_logs]
    records = [record for one in resources for scope in one.scope_logs for record in scope.log_records]
    (line,) = [record for record in records if record.body.string_value.startswith("asked about a customer")]
    (row,) = receiver.predictions()
    assert line.trace_id == row["trace_id"] != b""
    assert line.severity_text == "INFO"


def test_readme(example: Callable[[str], dict[str, Any]], receiver: Receiver) -> None:
    """The function of the first page answers as before, and is a prediction."""
    assert example("README.md")["predict"]({"visits": 3}) == 0.5
    assert modelspan.flush(60)
    (row,) = receiver.predictions()
    assert (row["value"], row["feature.visits"]) == (0.5, 3.0)


def test_fastapi(example: Callable[[str], dict[str, Any]], receiver: Receiver) -> None:
    """FastAPI finds the body model behind the decorator, and the answer carries the record's id."""
    found = example("fastapi.md")
    told = asyncio.run(post(found["app"], {"tenure_months": 3, "plan": "pro"})).json()
    refused = asyncio.run(post(found["app"], {"plan": "pro"}))
    starlette = asyncio.run(post(found["starlette_app"], {"tenure_months": 30})).json()
    assert modelspan.flush(60)
    rows = {row["prediction_id"]: row for row in receiver.predictions()}
    assert refused.status_code == 422
    assert set(rows) == {told["prediction_id"], starlette["prediction_id"]}
    assert rows[told["prediction_id"]]["feature.plan"] == "pro"
    assert rows[starlette["prediction_id"]]["value"] == 0.1


async def post(app: Any, body: dict[str, Any]) -> httpx.Response:
    """Post to an ASGI application without a socket."""
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://example") as client:
        return await client.post("/score", json=body)


def test_flask(example: Callable[[str], dict[str, Any]], receiver: Receiver) -> None:
    """A request to the Flask example is one record with its tag."""
    client = example("flask.md")["app"].test_client()
    told = client.post("/score", json={"tenure_months": 3}, headers={"x-country": "CH"}).get_json()
    assert modelspan.flush(60)
    (row,) = receiver.predictions()
    assert (row["prediction_id"], row["label"], row["value"]) == (told["prediction_id"], "leaves", 0.7)
    assert row["tag.country"] == "CH"


def test_scikit_learn(example: Callable[[str], dict[str, Any]], receiver: Receiver) -> None:
    """A batch of the estimator is a row each, labelled by its ids; nested calls count once."""
    found = example("scikit-learn.md")
    found["model"].predict(found["X"].head(5))
    assert modelspan.flush(60)
    rows = receiver.predictions()
    assert len(rows) == 105
    assert [row["prediction_id"] for row in receiver.labels()] == found["ids"]
    assert rows[0]["score.1"] == pytest.approx(found["probabilities"][0, 1])
    assert "feature.mean radius" in rows[0]
    assert {row["label"] for row in rows} <= {"0", "1"}
    assert '"mean radius": "double"' in receiver.models()[-1]["signature"]


def test_ray(example: Callable[[str], dict[str, Any]], receiver: Receiver) -> None:
    """Methods of a served class are observed with the version of the object."""
    ranker = example("ray.md")["Ranker"]("7")
    assert asyncio.iscoroutinefunction(type(ranker).__call__)
    asyncio.run(ranker({"length": 3}))
    ranker.rank_many([{"length": 1}, {"length": 2}])
    assert modelspan.flush(60)
    rows = receiver.predictions()
    assert [row["label"] for row in rows] == ["b", "b", "b"]
    assert {row["modelspan.model.version"] for row in rows} == {"7"}


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """The example files of the page on processes."""
    for file, code in blocks("processes.md"):
        (tmp_path / file).write_text(code)
    (tmp_path / "queue").mkdir()
    return tmp_path


def start(files: Path, receiver: Receiver, *command: str) -> subprocess.Popen[str]:
    environ = {**os.environ, "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint, "MODELSPAN_EXIT_TIMEOUT": "20"}
    return subprocess.Popen(
        [sys.executable, *command], cwd=files, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def numbers(receiver: Receiver) -> Counter[float]:
    return Counter(row["feature.number"] for row in receiver.predictions())


def test_multiprocessing_page(files: Path, receiver: Receiver) -> None:
    """The pool's predictions arrive once each."""
    _, errors = start(files, receiver, "pool.py").communicate(timeout=60)
    assert numbers(receiver) == Counter(range(100)), errors


def test_gunicorn_page(files: Path, receiver: Receiver) -> None:
    """The page's service behind the page's command answers, and its prediction arrives."""
    port = free_port()
    words = [word.replace("127.0.0.1:8000", f"127.0.0.1:{port}") for word in page_command("gunicorn")]
    process = start(files, receiver, "-m", "gunicorn", *words)

    def answer() -> str:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/?7", timeout=60) as found:
                return str(found.read().decode())
        except OSError:
            return ""

    told = eventually(answer, "the service answers")
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=60)
    assert [row["prediction_id"] for row in receiver.predictions()] == [told], errors


def test_celery_page(files: Path, receiver: Receiver) -> None:
    """Tasks run by Celery's prefork workers arrive once each, the last ones included."""
    send = "import tasks\nfor number in range(20): tasks.predict.apply_async((number,), ignore_result=True)"
    _, errors = start(files, receiver, "-c", send).communicate(timeout=60)
    worker = start(files, receiver, "-m", "celery", *page_command("celery"))
    eventually(lambda: not any((files / "queue").iterdir()), "every task has been taken")
    worker.send_signal(signal.SIGTERM)
    _, errors = worker.communicate(timeout=60)
    assert numbers(receiver) == Counter(range(20)), errors
