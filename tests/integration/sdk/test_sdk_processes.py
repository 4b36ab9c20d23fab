"""Every prediction arrives exactly once, however processes begin and end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import urllib.request
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support import eventually, free_port

from modelspan.testing import Receiver

PREDICT = """
import modelspan
modelspan.configure()
predict = modelspan.observe(model="m", version="1")(lambda row: 0.5)
"""


def arrived(receiver: Receiver) -> Counter[float]:
    """How often each number arrived; every id is of one row only."""
    rows = receiver.predictions()
    assert len({row["prediction_id"] for row in rows}) == len(rows)
    return Counter(row["feature.number"] for row in rows)


def start(receiver: Receiver, *command: str, cwd: Path | None = None) -> subprocess.Popen[str]:
    environ = {**os.environ, "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint, "MODELSPAN_EXIT_TIMEOUT": "20"}
    return subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=cwd)


def test_exit(run: Callable[..., Any], receiver: Receiver) -> None:
    """A process that just ends has sent what it made, spans included."""
    run(PREDICT + "for number in range(1500): predict({'number': number})")
    assert arrived(receiver) == Counter(range(1500))
    assert len(receiver.spans()) == 1500


@pytest.mark.parametrize(
    "ready",
    ["print('ready', flush=True)\nwhile True: time.sleep(0.01)", "print('ready', flush=True)\nwhile True: pass"],
)
def test_sigterm(ready: str, receiver: Receiver) -> None:
    """What was made in the last moment before SIGTERM arrives, and the process dies of the signal as it would have."""
    script = f"import time\n{PREDICT}for number in range(50): predict({{'number': number}})\n{ready}"
    process = start(receiver, sys.executable, "-c", script)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert process.returncode == -signal.SIGTERM
    assert arrived(receiver) == Counter(range(50))


def test_own_handler_stays(run: Callable[..., Any], receiver: Receiver) -> None:
    """A handler of SIGTERM that the application has set is not replaced."""
    script = (
        "import signal\nsignal.signal(signal.SIGTERM, lambda *a: None)\nbefore = signal.getsignal(signal.SIGTERM)\n"
    )
    run(script + PREDICT + "predict({'number': 1})\nassert signal.getsignal(signal.SIGTERM) is before")
    assert arrived(receiver) == Counter([1])


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_multiprocessing(method: str, receiver: Receiver, tmp_path: Path) -> None:
    """Children of every start method send what they made, and what the parent holds is sent once, by it."""
    (tmp_path / "job.py").write_text(
        PREDICT
        + f"""
import multiprocessing, sys
def work(start):
    for number in range(start, start + 100): predict({{"number": number}})
if __name__ == "__main__":
    for number in range(100): predict({{"number": number}})
    context = multiprocessing.get_context({method!r})
    children = [context.Process(target=work, args=(start,)) for start in (100, 200, 300)]
    [child.start() for child in children], [child.join() for child in children]
    assert all(child.exitcode == 0 for child in children)
    with context.Pool(2) as pool:
        pool.map(work, [400, 500])
        pool.close(), pool.join()
    predict({{"number": 600}})
"""
    )
    process = start(receiver, sys.executable, "job.py", cwd=tmp_path)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    assert arrived(receiver) == Counter(range(601))


def test_terminated_child(receiver: Receiver, tmp_path: Path) -> None:
    """A child ended by `Process.terminate` has sent what it made."""
    (tmp_path / "job.py").write_text(
        PREDICT
        + """
import multiprocessing, time
def work(ready):
    for number in range(30): predict({"number": number})
    ready.set()
    while True: time.sleep(0.01)  # a signal that comes just before a sleep is handled after it
if __name__ == "__main__":
    context = multiprocessing.get_context("fork")
    ready = context.Event()
    child = context.Process(target=work, args=(ready,))
    child.start()
    ready.wait()
    child.terminate()
    child.join()
"""
    )
    process = start(receiver, sys.executable, "job.py", cwd=tmp_path)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    assert arrived(receiver) == Counter(range(30))


def test_threads(run: Callable[..., Any], receiver: Receiver) -> None:
    """Calls from many threads are neither lost nor mixed up."""
    run(
        PREDICT
        + """
from concurrent.futures import ThreadPoolExecutor
with ThreadPoolExecutor(8) as pool:
    list(pool.map(lambda number: predict({"number": number}), range(4000)))
"""
    )
    assert arrived(receiver) == Counter(range(4000))


@pytest.mark.parametrize("worker", ["sync", "gthread"])
def test_gunicorn_preload(worker: str, receiver: Receiver, tmp_path: Path) -> None:
    """Under gunicorn with a preloaded application and four workers, each request is one record."""
    (tmp_path / "service.py").write_text(
        PREDICT
        + """
def application(environ, start_response):
    number = int(environ["PATH_INFO"].strip("/"))
    predict({"number": number})
    start_response("200 OK", [("content-type", "text/plain")])
    return [(modelspan.prediction_id() or "").encode()]
predict({"number": -1})  # before the fork: the parent's, sent by the parent once
"""
    )
    port = free_port()
    command = [
        sys.executable,
        "-m",
        "gunicorn",
        "--preload",
        "-w",
        "4",
        "-k",
        worker,
        "--threads",
        "2",
        "-b",
        f"127.0.0.1:{port}",
        "service:application",
    ]
    process = start(receiver, *command, cwd=tmp_path)
    told = [get(port, number) for number in range(200)]
    process.send_signal(signal.SIGTERM)  # at once: the last second is what counts
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    assert arrived(receiver) == Counter([-1, *range(200)])
    assert {row["prediction_id"] for row in receiver.predictions() if row["feature.number"] >= 0} == set(told)


def get(port: int, number: int) -> str:
    def answer() -> str:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/{number}", timeout=60) as found:
                return str(found.read().decode())
        except ConnectionError:
            return ""
        except urllib.error.URLError as error:
            if isinstance(error.reason, ConnectionError):
                return ""
            raise

    return eventually(answer, "the service answers")


def test_existing_providers_are_used(run: Callable[..., Any], receiver: Receiver) -> None:
    """Global providers of the application get the spans and metrics, and stay; its resource describes the records."""
    found = run("""
import json, modelspan
from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
exporter, reader = InMemorySpanExporter(), InMemoryMetricReader()
own = TracerProvider(resource=Resource.create({"service.name": "theirs"}))
own.add_span_processor(SimpleSpanProcessor(exporter))
meter = MeterProvider([reader])
trace.set_tracer_provider(own), metrics.set_meter_provider(meter)
modelspan.configure()
predict = modelspan.observe(model="m", version="1")(lambda row: 0.5)
with trace.get_tracer("app").start_as_current_span("parent") as parent:
    predict({"number": 1})
assert modelspan.flush()
assert trace.get_tracer_provider() is own and metrics.get_meter_provider() is meter
spans = exporter.get_finished_spans()
names = sorted(m.name for r in reader.get_metrics_data().resource_metrics for s in r.scope_metrics for m in s.metrics)
print(json.dumps([[s.name for s in spans], spans[0].parent.span_id == parent.get_span_context().span_id, names]))
""")
    assert found[:2] == [["predict m", "parent"], True]
    assert {"modelspan.predict.duration", "modelspan.predictions", "modelspan.prediction.value"} <= set(found[2])
    assert receiver.spans() == []
    assert b"theirs" in next(request.body for request in receiver.requests if request.path == "/v1/logs")
    (row,) = receiver.predictions()
    assert row["trace_id"] is not None


@pytest.mark.parametrize("flush", ["modelspan.flush()", ""])
def test_providers_shut_down_by_the_application(flush: str, receiver: Receiver) -> None:
    """At exit, providers that the application has shut down are left alone: nothing complains, the record arrives."""
    script = f"""{PREDICT}
predict({{"number": 1}})
{flush}
from opentelemetry import metrics, trace
trace.get_tracer_provider().shutdown(), metrics.get_meter_provider().shutdown()
"""
    process = start(receiver, sys.executable, "-c", script)
    assert process.communicate(timeout=60) == ("", "")
    assert arrived(receiver) == Counter([1])


def test_disabled(run: Callable[..., Any], receiver: Receiver) -> None:
    """Switched off, nothing is sent, nothing starts, and the function works."""
    for variable in ("OTEL_SDK_DISABLED", "MODELSPAN_DISABLED"):
        script = (
            PREDICT + "import threading\nassert predict({'number': 1}) == 0.5 and modelspan.prediction_id() is None\n"
        )
        run(script + "assert threading.active_count() == 1", **{variable: "true"})
    assert receiver.requests == []


def test_sampling(run: Callable[..., Any], receiver: Receiver) -> None:
    """Records are kept by the rate and carry its weight; spans follow the trace's decision, metrics count all."""
    script = PREDICT + "for number in range(2000): predict({'number': number})"
    run(script, MODELSPAN_SAMPLE_RATE="0.25", OTEL_TRACES_SAMPLER="traceidratio", OTEL_TRACES_SAMPLER_ARG="0.1")
    rows = receiver.predictions()
    assert 400 < len(rows) < 600  # 500 expected, standard deviation 19
    assert {row["sample_weight"] for row in rows} == {4.0}
    assert 120 < len(receiver.spans()) < 280  # 200 expected, standard deviation 13
    assert all(row["trace_id"] is not None for row in rows)
    counted = [metric for metric in receiver.metrics() if metric.name == "modelspan.predictions"]
    assert counted[-1].sum.data_points[0].as_int == 2000
