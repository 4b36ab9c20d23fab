"""Whatever server serves, and however it ends its workers: what was predicted arrives once each.

Nothing is sent before the end here (`MODELSPAN_FLUSH_INTERVAL`), so that each row depends on what the end does.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support import eventually, free_port, need

from modelspan.testing import Receiver

APPLICATION = """
import modelspan
CONFIGURE

@modelspan.observe(model="m", version="1")
def predict(number):
    return 0.5


def wsgi(environ, start_response):
    predict(float(environ["QUERY_STRING"]))
    start_response("200 OK", [("content-type", "text/plain"), ("content-length", "2")])
    return [b"ok"]


async def asgi(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": message["type"] + ".complete"})
            if message["type"] == "lifespan.shutdown":
                return
    if scope["path"] == "/thread":  # as FastAPI runs functions that are not asynchronous
        import asyncio
        await asyncio.to_thread(predict, float(scope["query_string"]))
    else:
        predict(float(scope["query_string"]))
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})
"""
SCRIPT = """
import asyncio, sys, uvicorn, service
config = uvicorn.Config(service.asgi, port=int(sys.argv[1]), log_level="warning")
asyncio.run(uvicorn.Server(config).serve())
"""
TASKS = """
import celery, modelspan
modelspan.configure()
app = celery.Celery("tasks")
queue = {"data_folder_in": "queue", "data_folder_out": "queue"}
app.conf.update(broker_url="filesystem://", broker_transport_options=queue)


@app.task
@modelspan.observe(model="m", version="1")
def predict(number):
    return 0.5
"""
REQUESTS = 20
PORT = "PORT"
SERVERS = {
    "uvicorn": ["-m", "uvicorn", "service:asgi", "--port", PORT],
    "uvicorn with workers": ["-m", "uvicorn", "service:asgi", "--port", PORT, "--workers", "2"],
    "uvicorn that reloads": ["-m", "uvicorn", "service:asgi", "--port", PORT, "--reload"],
    "uvicorn in a script": ["-c", SCRIPT, PORT],
    "gunicorn sync": ["-m", "gunicorn", "service:wsgi", "--bind", f"127.0.0.1:{PORT}", "--workers", "2"],
    "gunicorn preloaded": ["-m", "gunicorn", "service:wsgi", "--bind", f"127.0.0.1:{PORT}", "--preload"],
    "gunicorn gthread": ["-m", "gunicorn", "service:wsgi", "--bind", f"127.0.0.1:{PORT}", "--threads", "4"],
    "gunicorn with uvicorn": [
        "-m", "gunicorn", "service:asgi", "--bind", f"127.0.0.1:{PORT}", "--workers", "2",
        "--worker-class", "uvicorn.workers.UvicornWorker",
    ],
    "hypercorn": ["-m", "hypercorn", "service:asgi", "--bind", f"127.0.0.1:{PORT}"],
    "hypercorn with workers": ["-m", "hypercorn", "service:asgi", "--bind", f"127.0.0.1:{PORT}", "--workers", "2"],
    "granian": ["-m", "granian", "service:asgi", "--interface", "asgi", "--port", PORT],
    "granian with wsgi": ["-m", "granian", "service:wsgi", "--interface", "wsgi", "--port", PORT],
}  # fmt: skip
INTERRUPTED = ("uvicorn", "uvicorn with workers", "gunicorn sync", "hypercorn with workers", "granian")
"""Servers that are also ended by Ctrl-C. uvicorn's worker class for gunicorn ignores the signal by which that is passed
on, and is killed: what it had not sent yet is lost (docs/sdk/processes.md)."""


@contextmanager
def serving(
    folder: Path, receiver: Receiver, command: list[str], configure: str
) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A server of the application, on a port of its own, in a group of processes of its own."""
    (folder / "service.py").write_text(APPLICATION.replace("CONFIGURE", configure))
    port = free_port()
    environ = {
        **os.environ,
        "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint,
        "MODELSPAN_EXIT_TIMEOUT": "20",
        "MODELSPAN_FLUSH_INTERVAL": "600",
    }
    words = [word.replace(PORT, str(port)) for word in command]
    process = subprocess.Popen(
        [sys.executable, *words], cwd=folder, env=environ, text=True, stderr=subprocess.PIPE, start_new_session=True
    )
    try:
        yield process, port
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        if process.stderr:
            process.stderr.close()


def ask(port: int, number: int, path: str = "/") -> bool:
    """Whether the service answers a request for one prediction."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}?{number}", timeout=30) as answer:
            return bool(answer.read() == b"ok")
    except OSError:
        return False


def arrived(receiver: Receiver) -> Counter[float]:
    return Counter(row["feature.number"] for row in receiver.predictions())


@pytest.mark.parametrize(
    ("server", "end"),
    [*((server, signal.SIGTERM) for server in SERVERS), *((server, signal.SIGINT) for server in INTERRUPTED)],
)
def test_every_row_arrives_when_a_server_ends(
    server: str, end: signal.Signals, receiver: Receiver, tmp_path: Path
) -> None:
    """All requests that were answered are rows, whether the server is told to stop or interrupted."""
    command = SERVERS[server]
    need(command[1] if command[0] == "-m" else "uvicorn")
    with serving(tmp_path, receiver, command, "modelspan.configure()") as (process, port):
        eventually(lambda: ask(port, 0), f"{server} answers")
        assert all(ask(port, number) for number in range(1, REQUESTS))
        process.send_signal(end)
        errors = process.communicate(timeout=60)[1]
        assert arrived(receiver) == Counter(range(REQUESTS)), errors


def test_every_row_arrives_where_the_first_call_is_in_a_thread(receiver: Receiver, tmp_path: Path) -> None:
    """Without `configure`, and with functions that run in threads, where no signal can be watched."""
    command = SERVERS["uvicorn with workers"]
    with serving(tmp_path, receiver, command, "") as (process, port):
        eventually(lambda: ask(port, 0, "/thread"), "it answers")
        process.send_signal(signal.SIGTERM)
        errors = process.communicate(timeout=60)[1]
        assert arrived(receiver) == Counter([0]), errors


def test_a_worker_still_dies_of_the_signal(receiver: Receiver, tmp_path: Path) -> None:
    """What started it reads the status that it had without us."""
    words = ["-c", "import uvicorn; uvicorn.run('service:asgi', port=PORT)"]
    with serving(tmp_path, receiver, words, "modelspan.configure()") as (process, port):
        eventually(lambda: ask(port, 0), "it answers")
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
        assert process.returncode == -signal.SIGTERM
        assert arrived(receiver) == Counter([0])


def test_every_row_arrives_when_workers_of_celery_end(receiver: Receiver, tmp_path: Path) -> None:
    """Its prefork pool ends workers by `os._exit`, after a few tasks and with the pool: all that was done are rows."""
    need("celery")
    (tmp_path / "tasks.py").write_text(TASKS)
    (tmp_path / "queue").mkdir()
    send = f"import tasks\nfor number in range({REQUESTS}): tasks.predict.apply_async((number,), ignore_result=True)"
    subprocess.run([sys.executable, "-c", send], cwd=tmp_path, check=True)
    command = ["-m", "celery", "--app", "tasks", "worker", "--concurrency", "2", "--max-tasks-per-child", "7"]
    with serving(tmp_path, receiver, command, "") as (process, _):
        eventually(lambda: not any((tmp_path / "queue").iterdir()), "every task has been taken")
        process.send_signal(signal.SIGTERM)
        errors = process.communicate(timeout=60)[1]
        assert arrived(receiver) == Counter(range(REQUESTS)), errors
