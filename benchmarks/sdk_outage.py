"""What a predict function feels while the collector is up, down, hanging, refusing, or answering garbage.

For each state of the collector, with spans recorded and unsampled, a process calls the same function plain, in a span
of the bare OpenTelemetry SDK with its 20 features as attributes, and observed, in turns, back to back, every call timed
by itself. What a turn left behind is encoded before the next begins, so that it cannot slow that. One function computes
for about half a millisecond, in NumPy and in Python; the other does nothing, so that all that is seen is ours.

The noise is what the plain function does to itself: how its quantile differs from one of these processes to the next.
"""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

FEATURES = {f"feature_{number}": number * 1.5 for number in range(20)}
STATES = ("up", "down", "hanging", "refusing", "garbage")
SAMPLERS = {"recorded": "always_on", "unsampled": "always_off"}
QUANTILES = {"p50": 0.5, "p99": 0.99, "p99.9": 0.999}
TURNS = {"model": (3000, 2.0), "empty": (5000, 0.2)}
"""Calls of one turn, long enough for the background to work in the midst of it, and seconds after which none begins."""

Predict = Callable[[dict[str, float]], float]


def empty(_features: dict[str, float]) -> float:
    """Nothing."""
    return 0.5


def model() -> Predict:
    """About half a millisecond: layers of a small network, and arithmetic that holds the interpreter's lock."""
    import numpy as np

    random = np.random.default_rng(7)
    inner, outer = random.normal(size=(20, 256)), random.normal(size=(256, 256)) / 16

    def predict(features: dict[str, float]) -> float:
        layer = np.array(list(features.values())) @ inner
        for _ in range(24):
            layer = np.tanh(layer @ outer)
        total = 0.0
        for _ in range(500):
            for value in features.values():
                total += value * 0.5
        return float(layer[0]) + total

    return predict


# --- receivers ---------------------------------------------------------------------------------------


def receive(state: str, told: Any) -> None:
    """Be a receiver of the given state, in a process of its own."""
    listening = socket.create_server(("127.0.0.1", 0))
    told.put(listening.getsockname()[1])
    behave = {"hanging": _hang, "garbage": _answer_garbage, "up": _accept, "refusing": _refuse}[state]
    while True:
        connection, _ = listening.accept()
        threading.Thread(target=_guarded, args=(behave, connection), daemon=True).start()


def _guarded(behave: Callable[[socket.socket], None], connection: socket.socket) -> None:
    with contextlib.suppress(OSError), connection:
        behave(connection)


def _hang(connection: socket.socket) -> None:
    while connection.recv(65_536):
        pass


def _answer_garbage(connection: socket.socket) -> None:
    connection.recv(65_536)
    connection.sendall(b"\x00\xff not HTTP at all\r\n\r\n")


def _accept(connection: socket.socket, status: bytes = b"200 OK") -> None:
    reader = connection.makefile("rb")
    while reader.readline():
        length = 0
        while (line := reader.readline()) not in (b"\r\n", b""):
            name, _, value = line.partition(b":")
            length = int(value) if name.lower() == b"content-length" else length
        reader.read(length)
        connection.sendall(b"HTTP/1.1 " + status + b"\r\ncontent-length: 0\r\n\r\n")


def _refuse(connection: socket.socket) -> None:
    _accept(connection, b"503 Service Unavailable")


@contextlib.contextmanager
def collector(state: str) -> Any:
    """The endpoint of a collector in a state."""
    if state == "down":
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
        yield f"http://127.0.0.1:{port}"
        return
    told: Any = multiprocessing.Queue()
    process = multiprocessing.Process(target=receive, args=(state, told), daemon=True)
    process.start()
    try:
        yield f"http://127.0.0.1:{told.get(timeout=20)}"
    finally:
        process.terminate()
        process.join()


# --- measuring ---------------------------------------------------------------------------------------


def turn(call: Predict, calls: int) -> list[float]:
    """Seconds that each call of a turn took."""
    clock, taken = time.perf_counter, []
    for _ in range(calls):
        began = clock()
        call(FEATURES)
        taken.append(clock() - began)
    return taken


def bare_provider(endpoint: str) -> Any:
    """The bare SDK: its batch processor, its exporter, and the sampler of the environment."""
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=f"{endpoint}/v1/traces")))
    return provider


def flushed(provider: Any, before: threading.Thread | None) -> threading.Thread:
    """Flush the bare SDK, which waits for its receiver however long that takes; here a tenth of a second is enough."""
    flushing = before
    if flushing is None or not flushing.is_alive():
        flushing = threading.Thread(target=provider.force_flush, daemon=True)
        flushing.start()
    flushing.join(0.1)
    return flushing


def in_a_span(tracer: Any, predict: Predict) -> Predict:
    """The function as an application would trace it by hand."""

    def call(features: dict[str, float]) -> float:
        with tracer.start_as_current_span("predict") as span:
            span.set_attributes(features)
            return predict(features)

    return call


def measure(endpoint: str) -> dict[str, Any]:
    """Both functions, plain, bare and observed in turns: latencies in µs by quantile, and the records by outcome."""
    import modelspan
    from modelspan import _runtime

    modelspan.configure(endpoint=endpoint)
    pipeline, provider = _runtime.current().pipeline, bare_provider(endpoint)
    tracer = provider.get_tracer("bench")
    found: dict[str, Any] = {}
    for name, predict in {"model": model(), "empty": empty}.items():
        arms = {"plain": predict, "bare": in_a_span(tracer, predict)}
        arms["observed"] = modelspan.observe(model=name, version="1")(predict)
        calls, seconds = TURNS[name]
        taken: dict[str, list[float]] = {arm: [] for arm in arms}
        for call in arms.values():
            turn(call, 200)  # connections
        pipeline.flush(1.0)
        flushing = flushed(provider, None)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for arm, call in arms.items():
                taken[arm] += turn(call, calls)
                pipeline.flush(0.1)
                flushing = flushed(provider, flushing)
        found[name] = {arm: _summary(latencies) for arm, latencies in taken.items()}
    return {**found, "records": pipeline.tally.read()}


def _summary(latencies: list[float]) -> dict[str, float]:
    ordered = sorted(latencies)
    quantiles = {name: ordered[int(share * len(ordered))] * 1e6 for name, share in QUANTILES.items()}
    return {**quantiles, "max": ordered[-1] * 1e6, "calls": len(ordered)}


def run() -> dict[str, Any]:
    """Every state of the collector, spans recorded and not, each in a process of its own; and the noise."""
    found: dict[str, Any] = {}
    for sampled, sampler in SAMPLERS.items():
        for state in STATES:
            with collector(state) as endpoint:
                found[f"{state}, {sampled}"] = _in_its_own_process(endpoint, sampler)
    noise = {
        name: {quantile: _spread([each[name]["plain"][quantile] for each in found.values()]) for quantile in QUANTILES}
        for name in TURNS
    }
    ratios = {
        f"{title}, {quantile}": each["model"]["observed"][quantile] / each["model"]["bare"][quantile]
        for title, each in found.items()
        for quantile in ("p99", "p99.9")
    }
    within = {title: each["model"]["observed"]["p99.9"] <= noise["model"]["p99.9"][1] for title, each in found.items()}
    return {"states": found, "noise": noise, "p99.9 within noise": within, "observed over bare": ratios}


def _spread(values: list[float]) -> tuple[float, float]:
    """Lowest and highest, but for one outlier at each end."""
    ordered = sorted(values)
    return ordered[1], ordered[-2]


def _in_its_own_process(endpoint: str, sampler: str) -> Any:
    command = [sys.executable, __file__, endpoint]
    environ = {**os.environ, "MODELSPAN_EXIT_TIMEOUT": "0", "OTEL_TRACES_SAMPLER": sampler, "OMP_NUM_THREADS": "1"}
    environ["OPENBLAS_NUM_THREADS"] = "1"
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300, env=environ)
    if done.returncode:
        raise SystemExit(f"{endpoint}: {done.stderr.strip()[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def show(found: dict[str, Any]) -> None:
    for name in TURNS:
        columns = [*QUANTILES, "max"]
        print(f"{name + ', µs a call':32}" + "".join(f"{column:>10}" for column in columns))
        for title, each in found["states"].items():
            for arm, measured in each[name].items():
                print(f"{f'  {title}, {arm}':32}" + "".join(f"{measured[column]:>10.1f}" for column in columns))
        ranges = "".join(f"{low:.0f}-{high:.0f}".rjust(10) for low, high in found["noise"][name].values())
        print(f"{'  noise of the plain function':32}{ranges}\n")
    print(
        "\n".join(
            f"{f'observed over bare, {title}':48}{ratio:>8.2f}" for title, ratio in found["observed over bare"].items()
        )
    )
    outside = [title for title, within in found["p99.9 within noise"].items() if not within]
    print(f"p99.9 within noise: {'everywhere' if not outside else 'not ' + '; '.join(outside)}")


if __name__ == "__main__":
    print(json.dumps(measure(*sys.argv[1:])))
    sys.stdout.flush()
    os._exit(0)
