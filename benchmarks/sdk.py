"""What observing a predict function costs: inside the call, and for the whole process with its background work.

Each row is measured in a process of its own, against a receiver in another, so that nobody's work counts for another. A
call has 20 features and returns a number. Inline is the median wall time of a call in runs too short to wake the
background; CPU is the process's own time divided by the calls, export included, and every span and record arrives (it
is checked).

    python benchmarks/sdk.py               a table
    python benchmarks/sdk.py --json        one object, with the ratios
    python benchmarks/sdk.py --peers       also Logfire, Langfuse and MLflow, in an environment made for them
    python benchmarks/sdk.py --outage      instead, a call's latency while the collector is up, down, hanging or mad
"""

from __future__ import annotations

import argparse
import http.server
import json
import multiprocessing
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
import venv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import sdk_outage

FEATURES = {f"feature_{number}": number * 1.5 for number in range(20)}
PAUSE_CALLS = 256
"""Calls in a row that are timed: fewer than wake any background thread."""
DRAIN_CALLS = 1024
"""Calls after which the background is let finish, so that no queue overflows."""
BATCHES = (1, 100, 10_000, 100_000)
BATCH_WIDTH = 30


class Sink(http.server.BaseHTTPRequestHandler):
    """Takes everything, answers nothing, and tells how many bytes came."""

    protocol_version = "HTTP/1.1"
    received = 0

    def do_GET(self) -> None:
        told = str(Sink.received).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(told)))
        self.end_headers()
        self.wfile.write(told)

    def do_POST(self) -> None:
        Sink.received += len(self.rfile.read(int(self.headers.get("content-length", 0))))
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_args: Any) -> None:
        pass


def serve(port: Any) -> None:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Sink)
    port.put(server.server_address[1])
    server.serve_forever()


# --- what is measured --------------------------------------------------------------------------------


def predict(_features: dict[str, float]) -> float:
    """Stands for a model that costs nothing, so that only the observing is seen."""
    return 0.5


Prepared = tuple[Callable[[], Any], Callable[[], None]]
"""One call, and a wait until everything called so far has been exported."""


def plain(_endpoint: str) -> Prepared:
    return lambda: predict(FEATURES), lambda: None


def bare_span(endpoint: str, sampled: bool = True) -> Prepared:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON

    provider = TracerProvider(sampler=ALWAYS_ON if sampled else ALWAYS_OFF)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=f"{endpoint}/v1/traces")))
    tracer = provider.get_tracer("bench")

    def call() -> float:
        with tracer.start_as_current_span("predict") as span:
            span.set_attributes(FEATURES)
            return predict(FEATURES)

    return call, lambda: assert_true(provider.force_flush())


def bare_unsampled_span(endpoint: str) -> Prepared:
    return bare_span(endpoint, sampled=False)


def observed(endpoint: str, sampler: str = "always_on") -> Prepared:
    from opentelemetry import trace

    import modelspan
    from modelspan import _runtime

    os.environ["OTEL_TRACES_SAMPLER"] = sampler
    modelspan.configure(endpoint=endpoint)
    function = modelspan.observe(model="bench", version="1")(predict)
    pipeline = _runtime.current().pipeline
    provider: Any = trace.get_tracer_provider()

    def drain() -> None:
        assert_true(pipeline.flush(60.0))
        assert_true(provider.force_flush())
        outcomes = pipeline.tally.read()
        assert_true(outcomes["dropped"] == outcomes["failed"] == 0)

    return lambda: function(FEATURES), drain


def observed_unsampled(endpoint: str) -> Prepared:
    return observed(endpoint, "always_off")


def one_row(endpoint: str, table: Any, result: Any) -> Prepared:
    """A table of one row, as a service makes of each request, to a model that returns a vector or a matrix of one."""
    import modelspan

    _, drain = observed(endpoint, "always_off")
    function = modelspan.observe(model="bench", version="1", feature_names=list(FEATURES))(lambda _table: result)
    return lambda: function(table), drain


def one_row_frame(endpoint: str) -> Prepared:
    import numpy as np
    import pandas as pd

    return one_row(endpoint, pd.DataFrame([FEATURES]), np.array([0.5]))


def one_row_mixed_frame(endpoint: str) -> Prepared:
    """Numbers, flags, texts, a category and an instant, as a pipeline is given them."""
    import numpy as np
    import pandas as pd

    numbers: dict[str, Any] = dict(list(FEATURES.items())[:10])
    others = {f"count_{at}": at for at in range(4)} | {f"text_{at}": "abc" for at in range(3)} | {"flag": True}
    frame = pd.DataFrame([numbers | others])
    frame["plan"] = pd.Categorical(["basic"], categories=["basic", "plus", "pro"])
    frame["since"] = pd.to_datetime(["2026-01-31T12:00:00Z"])
    return one_row(endpoint, frame, np.array([[0.25, 0.75]]))


def one_row_polars(endpoint: str) -> Prepared:
    import numpy as np
    import polars as pl

    return one_row(endpoint, pl.DataFrame([FEATURES]), np.array([0.5]))


def one_row_matrix(endpoint: str) -> Prepared:
    import numpy as np

    return one_row(endpoint, np.array([list(FEATURES.values())]), np.array([0.5]))


def one_row_list(endpoint: str) -> Prepared:
    return one_row(endpoint, [FEATURES], [0.5])


def one_row_nested_list(endpoint: str) -> Prepared:
    return one_row(endpoint, [list(FEATURES.values())], [0.5])


def observed_disabled(endpoint: str) -> Prepared:
    import modelspan

    modelspan.configure(endpoint=endpoint, disabled=True)
    function = modelspan.observe(model="bench", version="1")(predict)
    return lambda: function(FEATURES), lambda: None


def logfire(endpoint: str) -> Prepared:
    import logfire as peer  # type: ignore[import-not-found]

    os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"] = endpoint
    peer.configure(send_to_logfire=False, console=False)

    def call() -> float:
        with peer.span("predict", **FEATURES):
            return predict(FEATURES)

    return call, lambda: assert_true(peer.force_flush())


def langfuse(endpoint: str) -> Prepared:
    from langfuse import Langfuse, observe  # type: ignore[import-not-found]

    client = Langfuse(public_key="pk", secret_key="sk", host=endpoint)  # the receiver takes any key
    function = observe(name="predict")(predict)
    return lambda: function(FEATURES), client.flush


def mlflow(endpoint: str) -> Prepared:
    import mlflow as peer  # type: ignore[import-not-found]

    os.environ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"] = f"{endpoint}/v1/traces"
    os.environ["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"] = "http/protobuf"
    peer.set_tracking_uri(endpoint)  # never asked, as traces go to OTLP; without one, it looks for a store of files
    function = peer.trace(name="predict")(predict)

    def drain() -> None:
        from opentelemetry import trace

        provider: Any = peer.tracing.provider.provider.get() or trace.get_tracer_provider()
        assert_true(provider.force_flush())

    return lambda: function(FEATURES), drain


ROWS: dict[str, tuple[str, Callable[[str], Prepared], int]] = {
    "plain": ("plain call", plain, 200_000),
    "bare_span": ("bare OpenTelemetry span, exported", bare_span, 20_480),
    "bare_unsampled_span": ("bare OpenTelemetry span, unsampled", bare_unsampled_span, 51_200),
    "observed": ("@observe, span recorded", observed, 20_480),
    "observed_unsampled": ("@observe, span unsampled", observed_unsampled, 51_200),
    "observed_disabled": ("@observe, disabled", observed_disabled, 200_000),
    "one_row_frame": ("@observe, pandas frame of one row", one_row_frame, 4_096),
    "one_row_mixed_frame": ("@observe, pandas frame of one row, mixed", one_row_mixed_frame, 4_096),
    "one_row_polars": ("@observe, polars frame of one row", one_row_polars, 4_096),
    "one_row_matrix": ("@observe, NumPy matrix of one row", one_row_matrix, 4_096),
    "one_row_list": ("@observe, list of one mapping", one_row_list, 4_096),
    "one_row_nested_list": ("@observe, list of one list", one_row_nested_list, 4_096),
}
PEERS: dict[str, tuple[str, Callable[[str], Prepared], int]] = {
    "logfire": ("Logfire span", logfire, 10_240),
    "langfuse": ("Langfuse @observe", langfuse, 10_240),
    "mlflow": ("MLflow @trace", mlflow, 5_120),
}


PEER_PACKAGES = {
    "logfire": ["logfire"],
    "langfuse": ["langfuse"],
    "mlflow": ["mlflow-tracing", "opentelemetry-exporter-otlp-proto-http"],
}


def assert_true(condition: bool) -> None:
    if not condition:
        raise SystemExit("something was lost or not exported in time: the numbers would not be comparable")


def measure_calls(prepare: Callable[[str], Prepared], endpoint: str, calls: int) -> dict[str, float]:
    call, drain = prepare(endpoint)
    for _ in range(DRAIN_CALLS):
        call()
    drain()
    inline: list[float] = []
    began = time.process_time()
    done = 0
    while done < calls:
        for _ in range(DRAIN_CALLS // PAUSE_CALLS):
            start = time.perf_counter()
            for _ in range(PAUSE_CALLS):
                call()
            inline.append((time.perf_counter() - start) / PAUSE_CALLS)
            done += PAUSE_CALLS
        drain()
    return {"inline_us": statistics.median(inline) * 1e6, "cpu_us": (time.process_time() - began) / done * 1e6}


def measure_batch(endpoint: str, rows: int, kind: str) -> dict[str, float]:
    import numpy as np
    import pandas as pd

    os.environ["OTEL_TRACES_SAMPLER"] = "always_off"
    _, drain = observed(endpoint, "always_off")
    import modelspan

    matrix = np.random.default_rng(7).normal(size=(rows, BATCH_WIDTH))
    frame = pd.DataFrame(matrix, columns=[f"feature_{number}" for number in range(BATCH_WIDTH)])
    scores = np.random.default_rng(8).uniform(size=rows)
    given: Any = frame if kind == "pandas" else matrix
    function = modelspan.observe(model="bench", version="1", feature_names=list(frame.columns))(lambda _table: scores)
    repeats = max(3, min(500, 400_000 // rows))
    for _ in range(2):
        function(given)
    drain()
    inline: list[float] = []
    began = time.process_time()
    for _ in range(repeats):
        start = time.perf_counter()
        function(given)
        inline.append(time.perf_counter() - start)
        drain()
    cpu = (time.process_time() - began) / repeats / rows * 1e6
    return {"inline_us": statistics.median(inline) / rows * 1e6, "cpu_us": cpu}


# --- running it --------------------------------------------------------------------------------------


def in_its_own_process(what: str, endpoint: str, python: str = sys.executable) -> dict[str, float]:
    command = [python, __file__, "--one", what, "--endpoint", endpoint]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    if done.returncode:
        raise SystemExit(f"{what}: {done.stderr.strip()[-2000:]}")
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def one(what: str, endpoint: str) -> dict[str, float]:
    if what.startswith("batch:"):
        _, kind, rows = what.split(":")
        return measure_batch(endpoint, int(rows), kind)
    _, prepare, calls = (ROWS | PEERS)[what]
    before = received(endpoint)
    found = measure_calls(prepare, endpoint, calls)
    assert_true(what not in PEERS or received(endpoint) > before + 10_000)
    return found


def received(endpoint: str) -> int:
    """Bytes that the receiver has got."""
    with urllib.request.urlopen(endpoint, timeout=10) as answer:
        return int(answer.read())


def python_of(peer: str) -> str:
    """The interpreter of an environment of a peer's own, as their requirements differ; made at the first time."""
    version = f"{sys.version_info.major}{sys.version_info.minor}"
    folder = Path(tempfile.gettempdir()) / f"modelspan-peers-{version}" / peer
    python = folder / "bin" / "python"
    if not (folder / "complete").exists():
        venv.create(folder, clear=True, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "-q", *PEER_PACKAGES[peer]], check=True, stdout=sys.stderr)
        (folder / "complete").touch()
    return str(python)


def run(rounds: int, peers: bool) -> dict[str, Any]:
    port: Any = multiprocessing.Queue()
    receiver = multiprocessing.Process(target=serve, args=(port,), daemon=True)
    receiver.start()
    endpoint = f"http://127.0.0.1:{port.get()}"
    pythons = {peer: python_of(peer) for peer in PEERS} if peers else {}
    names = [*ROWS, *pythons]
    names += [f"batch:{kind}:{rows}" for kind in ("pandas", "numpy") for rows in BATCHES]
    try:
        found = {}
        for name in names:
            try:
                python = pythons.get(name, sys.executable)
                found[name] = [in_its_own_process(name, endpoint, python) for _ in range(rounds)]
            except SystemExit as failure:
                if name not in PEERS:
                    raise
                print(f"left out: {failure}", file=sys.stderr)
    finally:
        receiver.terminate()
        receiver.join()
    best = {name: {key: min(each[key] for each in tries) for key in tries[0]} for name, tries in found.items()}
    bare = best["bare_span"]
    largest = [best[f"batch:{kind}:{BATCHES[-1]}"]["cpu_us"] for kind in ("pandas", "numpy")]
    ratios = {
        "unsampled_cpu": best["observed_unsampled"]["cpu_us"] / bare["cpu_us"],
        "recorded_cpu": best["observed"]["cpu_us"] / bare["cpu_us"],
        "unsampled_inline": best["observed_unsampled"]["inline_us"] / bare["inline_us"],
        "recorded_inline": best["observed"]["inline_us"] / bare["inline_us"],
        "one_row_frame_cpu": best["one_row_frame"]["cpu_us"] / bare["cpu_us"],
        "one_row_frame_inline": best["one_row_frame"]["inline_us"] / bare["inline_us"],
        "batch_us_a_row": max(largest),
    }
    targets = {
        "unsampled_cpu": 0.25,
        "recorded_cpu": 1.3,
        "unsampled_inline": 0.6,
        "one_row_frame_cpu": 1.0,
        "one_row_frame_inline": 1.0,
        "batch_us_a_row": 1.0,
    }
    return {"rounds": rounds, "rows": best, "ratios": ratios, "targets": targets}


def show(found: dict[str, Any]) -> None:
    names = {name: text for name, (text, _, _) in (ROWS | PEERS).items()}
    print(f"{'':44}{'inline µs':>12}{'CPU µs':>12}")
    for name, row in found["rows"].items():
        text = names.get(name) or "@observe, {1}, batch of {2}, per row".format(*name.split(":"))
        print(f"{text:44}{row['inline_us']:>12.2f}{row['cpu_us']:>12.2f}")
    for name, ratio in found["ratios"].items():
        target = found["targets"].get(name)
        print(f"{name:44}{ratio:>12.3f}" + (f"   at most {target}" if target else ""))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument(
        "--peers", action="store_true", help="measure the peers, too; installs them into an own environment"
    )
    parser.add_argument("--outage", action="store_true", help="measure latencies in outages instead (a minute)")
    parser.add_argument("--rounds", type=int, default=3, help="measure each so often, and keep the best (default 3)")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    parser.add_argument("--endpoint", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        print(json.dumps(one(arguments.one, arguments.endpoint)))
        sys.stdout.flush()
        threading.Thread(target=lambda: (time.sleep(10), os._exit(0)), daemon=True).start()
        return
    if arguments.outage:
        latencies = sdk_outage.run()
        print(json.dumps(latencies, indent=2)) if arguments.json else sdk_outage.show(latencies)
        return
    found = run(arguments.rounds, arguments.peers)
    print(json.dumps(found, indent=2)) if arguments.json else show(found)


if __name__ == "__main__":
    main()
