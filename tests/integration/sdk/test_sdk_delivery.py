"""Receivers that are down, hang, refuse or answer garbage: calls do not wait, memory is bounded, losses are counted."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from support import eventually, free_port

import modelspan
from modelspan import _runtime
from modelspan.delivery import retry
from modelspan.testing import Answer, Receiver, Request

ROW = {f"f{number}": float(number) for number in range(20)}


@contextlib.contextmanager
def raw_server(behave: Callable[[socket.socket], None]) -> Iterator[str]:
    """A TCP server that does as it likes with each connection."""
    listening = socket.create_server(("127.0.0.1", 0))
    open_sockets: list[socket.socket] = []

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listening.accept()
                open_sockets.append(connection)
                threading.Thread(target=serve, args=(connection,), daemon=True).start()

    def serve(connection: socket.socket) -> None:
        with contextlib.suppress(OSError):
            behave(connection)

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        for each in (listening, *open_sockets):
            each.close()


def hang(connection: socket.socket) -> None:
    while connection.recv(65_536):
        pass


def garbage(connection: socket.socket) -> None:
    connection.recv(65_536)
    connection.sendall(b"\x00\xff not HTTP at all\r\n\r\n")
    connection.close()


def endless(connection: socket.socket) -> None:
    connection.recv(65_536)
    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        connection.sendall(b"x" * 65_536)


def drops(connection: socket.socket) -> None:
    connection.close()


@contextlib.contextmanager
def down() -> Iterator[str]:
    """An address where nobody listens."""
    yield f"http://127.0.0.1:{free_port()}"


BAD: dict[str, Callable[[], contextlib.AbstractContextManager[str]]] = {
    "down": down,
    "hangs": lambda: raw_server(hang),
    "garbage": lambda: raw_server(garbage),
    "endless": lambda: raw_server(endless),
    "drops": lambda: raw_server(drops),
}


@pytest.mark.parametrize("kind", BAD)
@pytest.mark.swallows("does not answer", "5000 rows had not been sent when the process ended")
def test_losses_are_counted_exactly(kind: str, sdk: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    """No call waits for the receiver, and every row that was not sent is counted as dropped in the end.

    A request may take an hour, and the receiver stays as it is for the whole test: had a call, a flush or the end
    waited for an answer even once, the test would not come to its end.
    """
    monkeypatch.setenv("MODELSPAN_MAX_BYTES", "300000")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "3600")
    with BAD[kind]() as endpoint:
        sdk(endpoint=endpoint)
        predict = modelspan.observe(model="m", version="1")(lambda row: 0.5)
        for _ in range(5000):
            predict(ROW)
        pipeline = _runtime.current().pipeline
        assert not modelspan.flush(0.5)
        modelspan.configure(disabled=True)
        # an encoder at work when the end came counts its rows when it is done
        eventually(lambda: pipeline.tally.read()["dropped"] >= 5000)
    assert pipeline.tally.read() == {"sent": 0, "dropped": 5000, "failed": 0}


@pytest.mark.swallows("does not answer", "rows were dropped", "had not been sent")
def test_memory_is_bounded(sdk: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    """What waits never exceeds the bounds by rows and by bytes, batches included; the newest is what stays."""
    monkeypatch.setenv("MODELSPAN_MAX_BYTES", "20000")
    with down() as endpoint:
        sdk(endpoint=endpoint)
        predict = modelspan.observe(model="m", version="1")(lambda table: [0.5] * len(table))
        for _ in range(50):
            predict([{"age": float(number)} for number in range(100)])
        pipeline = _runtime.current().pipeline
        eventually(lambda: pipeline.tally.read()["dropped"] >= 2000)
        waiting = pipeline._outbox._bytes + pipeline._batch_bytes
        modelspan.configure(disabled=True)
    assert waiting <= 40_000
    assert pipeline.tally.read() == {"sent": 0, "dropped": 5000, "failed": 0}


@pytest.mark.swallows("does not answer", "status 503")
def test_a_flush_does_not_sit_out_the_back_off(sdk: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that ends soon after its receiver is back still sends all that it holds."""
    monkeypatch.setattr(retry, "FIRST_WAIT", 36000.0)  # hours, as it is after a long while but for the jitter
    monkeypatch.setattr(retry, "LONGEST_WAIT", 36000.0)
    asked: list[Request] = []

    def back_by_now(request: Request) -> Answer:
        asked.append(request)
        return Answer(503) if len(asked) == 1 else Answer()

    with Receiver(back_by_now) as receiver:
        sdk(endpoint=receiver.endpoint)
        predict = modelspan.observe(model="m", version="1")(lambda row: 0.5)
        predict(ROW)
        eventually(lambda: asked, "it was tried once")
        eventually(lambda: modelspan.flush(0.2), "a flush tries again at once")
        assert len(receiver.predictions()) == 1


def log_without_a_receiver(script: str) -> str:
    """What a process writes to standard error that runs a script while nobody receives; it ends well."""
    with down() as endpoint:
        given = {"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, "MODELSPAN_EXIT_TIMEOUT": "0.5"}
        command = [sys.executable, "-c", script]
        done = subprocess.run(command, env=os.environ | given, capture_output=True, text=True, timeout=60, check=True)
    return done.stderr


def test_what_was_lost_at_the_end_is_counted_in_the_log() -> None:
    """The last line of a process whose receiver is away says how many rows go with it."""
    script = (
        "import modelspan\nmodelspan.configure()\n"
        "predict = modelspan.observe(model='m', version='1')(lambda row: 0.5)\n"
        "for number in range(7): predict({'number': number})"
    )
    assert "7 rows had not been sent when the process ended" in log_without_a_receiver(script)


def test_metrics_that_cannot_be_exported_are_one_line() -> None:
    """OpenTelemetry's exporter would write four an export, and goes on to do so for the application's own."""
    script = (
        "import modelspan\nmodelspan.configure()\n"
        "from opentelemetry import metrics\n"
        "for _ in range(3): metrics.get_meter_provider().force_flush(400)\n"
        "from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter, _logger\n"
        "_logger.warning('of the application')"
    )
    lines = log_without_a_receiver(script).splitlines()
    lines = [line for line in lines if "metrics" in line or "application" in line]
    assert [("modelspan: metrics could not be exported" in line, line == "of the application") for line in lines] == [
        (True, False),
        (False, True),
    ]


@pytest.mark.parametrize("status", [400, 401, 404, 413, 500])
@pytest.mark.swallows("refused records")
def test_refusal_is_final(status: int, sdk: Callable[..., None]) -> None:
    """A request that will never be accepted is not tried again, and counts as failed."""
    asked: list[Request] = []

    def refuse(request: Request) -> Answer:
        asked.append(request)
        return Answer(status, b"no")

    with Receiver(refuse) as receiver:
        sdk(endpoint=receiver.endpoint)
        modelspan.observe(model="m")(lambda row: 0.5)(ROW)
        assert not modelspan.flush(60)
        assert _runtime.current().pipeline.tally.read() == {"sent": 0, "dropped": 0, "failed": 1}
    assert len(asked) == 1


@pytest.mark.swallows("status 503")
def test_retry_honours_the_wait(sdk: Callable[..., None]) -> None:
    """A receiver that asks for patience gets the same request again, not before it wished, exactly once."""
    asked: list[float] = []

    def later(request: Request) -> Answer:
        asked.append(time.monotonic())
        return Answer(503, b"", (("Retry-After", "1"),)) if len(asked) == 1 else Answer()

    with Receiver(later) as receiver:
        sdk(endpoint=receiver.endpoint)
        modelspan.observe(model="m")(lambda row: 0.5)(ROW)
        assert modelspan.flush(60)
        assert len(receiver.predictions()) == 1
    assert len(asked) == 2
    assert asked[1] - asked[0] >= 1.0


@pytest.mark.swallows("rejected a record")
def test_partial_success_is_read(sdk: Callable[..., None]) -> None:
    """A record that an accepted request names as rejected counts as failed."""
    from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
        ExportLogsPartialSuccess,
        ExportLogsServiceResponse,
    )

    told = ExportLogsServiceResponse(partial_success=ExportLogsPartialSuccess(rejected_log_records=1))
    with Receiver(lambda request: Answer(200, told.SerializeToString())) as receiver:
        sdk(endpoint=receiver.endpoint)
        modelspan.observe(model="m")(lambda row: 0.5)(ROW)
        assert not modelspan.flush(60)
        assert _runtime.current().pipeline.tally.read() == {"sent": 0, "dropped": 0, "failed": 1}


@pytest.mark.swallows("does not answer")
def test_recovers(sdk: Callable[..., None]) -> None:
    """What was made while the receiver was away arrives when it is back, in full."""
    with down() as endpoint:
        sdk(endpoint=endpoint)
        predict = modelspan.observe(model="m")(lambda row: 0.5)
        for _ in range(100):
            predict(ROW)
        assert not modelspan.flush(0.3)
        port = int(endpoint.rsplit(":", 1)[1])
    received = threading.Event()

    def accept(connection: socket.socket) -> None:
        connection.recv(65_536)
        connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
        received.set()

    listening = socket.create_server(("127.0.0.1", port))
    with listening:
        listening.settimeout(40)
        connection, _ = listening.accept()
        with connection:
            accept(connection)
            assert received.wait(1)
            assert modelspan.flush(60)
    assert _runtime.current().pipeline.tally.read() == {"sent": 100, "dropped": 0, "failed": 0}


def test_metrics_and_own_counts(run: Callable[..., object], receiver: Receiver) -> None:
    """Counters and histograms are exact, their label sets bounded, and the SDK counts its own rows."""
    run("""
import modelspan, numpy as np
modelspan.configure()
predict = modelspan.observe(model="m", version="1")(lambda row: row["x"])
for x in (0.15, 0.25, 0.25): predict({"x": x})
modelspan.observe(model="m", version="1")(lambda table: table[:, 0])(np.full((1000, 2), 0.55))
label = modelspan.observe(model="l")(lambda row: row["x"])
for number in range(150): label({"x": f"label {number}"})
def fail(row): raise ValueError
try: modelspan.observe(model="m", version="1")(fail)({"x": 1})
except ValueError: pass
modelspan.flush()
""")
    latest = {metric.name: metric for metric in receiver.metrics()}

    def points(name: str, model: str) -> dict[str, object]:
        metric = latest[name]
        data = metric.sum if metric.HasField("sum") else metric.histogram
        told = {}
        for point in data.data_points:
            attributes = {each.key: each.value.string_value for each in point.attributes}
            if attributes.pop("modelspan.model.name") == model:
                del attributes["modelspan.model.version"]
                told[json.dumps(attributes)] = point
        return told

    made = {key: point.as_int for key, point in points("modelspan.predictions", "m").items()}  # type: ignore[attr-defined]
    assert made == {"{}": 1003, '{"error.type": "ValueError"}': 1}
    (values,) = points("modelspan.prediction.value", "m").values()
    assert (values.count, round(values.sum, 6)) == (1003, 550.65)  # type: ignore[attr-defined]
    durations = points("modelspan.predict.duration", "m")
    calls = {key: point.count for key, point in durations.items()}  # type: ignore[attr-defined]
    assert calls == {"{}": 4, '{"error.type": "ValueError"}': 1}
    labels = points("modelspan.prediction.labels", "l")
    assert len(labels) == 101
    assert labels['{"modelspan.prediction.label": "(other)"}'].as_int == 50  # type: ignore[attr-defined]
    outcomes = latest["modelspan.sdk.records"].sum.data_points
    records = {point.attributes[0].value.string_value: point.as_int for point in outcomes}
    assert records == {"sent": 1154, "dropped": 0, "failed": 0}
    assert {"process.cpu.time", "process.memory.usage"} <= set(latest)
