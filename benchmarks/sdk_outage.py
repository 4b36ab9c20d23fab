"""What a predict function feels of its telemetry while the collector is up, down, hanging, or answering garbage.

Each state of the collector is one process that calls the same function plain and observed in turns, every call timed
by itself. What an observed turn left behind is encoded before the plain turn begins, so that it cannot slow that. The
function is arithmetic in Python that never lets go of the interpreter's lock: whatever the background holds it for is
seen. Calls come as requests do, with a pause after each, or back to back, which is the most a process can do.
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
STATES = ("up", "down", "hanging", "garbage")
QUANTILES = {"p50": 0.5, "p99": 0.99, "p99.9": 0.999}
PAUSES = {"paced": 2e-4, "back to back": 0.0}
"""Seconds between two calls."""
SECONDS = 5.0
"""Of one state at one pace: eight of these, and their start, stay under a minute."""
CALLS = 4096
"""Calls of one turn."""


def predict(features: dict[str, float]) -> float:
    """About 50 µs of arithmetic."""
    total = 0.0
    for _ in range(140):
        for value in features.values():
            total += value * 0.5
    return total


# --- receivers ---------------------------------------------------------------------------------------


def receive(state: str, told: Any) -> None:
    """Be a receiver of the given state, in a process of its own."""
    listening = socket.create_server(("127.0.0.1", 0))
    told.put(listening.getsockname()[1])
    behave = {"hanging": _hang, "garbage": _answer_garbage, "up": _accept}[state]
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


def _accept(connection: socket.socket) -> None:
    reader = connection.makefile("rb")
    while reader.readline():
        length = 0
        while (line := reader.readline()) not in (b"\r\n", b""):
            name, _, value = line.partition(b":")
            length = int(value) if name.lower() == b"content-length" else length
        reader.read(length)
        connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")


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


def turn(call: Callable[[dict[str, float]], float], pause: float) -> list[float]:
    """Seconds that each call of a turn took."""
    clock, sleep, taken = time.perf_counter, time.sleep, []
    for _ in range(CALLS):
        began = clock()
        call(FEATURES)
        taken.append(clock() - began)
        if pause:
            sleep(pause)
    return taken


def measure(pace: str, endpoint: str) -> dict[str, Any]:
    """Both functions in turns for `SECONDS`: latencies in µs by quantile, and what became of the records."""
    import modelspan
    from modelspan import _runtime

    modelspan.configure(endpoint=endpoint)
    observed = modelspan.observe(model="bench", version="1")(predict)
    pipeline = _runtime.current().pipeline
    taken: dict[str, list[float]] = {"plain": [], "observed": []}
    turn(observed, 0.0)  # imports, connections
    modelspan.flush(1.0)
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        taken["plain"] += turn(predict, PAUSES[pace])
        taken["observed"] += turn(observed, PAUSES[pace])
        pipeline.flush(0.1)
    found = {name: _summary(latencies) for name, latencies in taken.items()}
    ratios = {name: found["observed"][name] / found["plain"][name] for name in found["plain"]}
    return {**found, "ratios": ratios, "calls": len(taken["plain"]), "records": pipeline.tally.read()}


def _summary(latencies: list[float]) -> dict[str, float]:
    ordered = sorted(latencies)
    quantiles = {name: ordered[int(share * len(ordered))] * 1e6 for name, share in QUANTILES.items()}
    return {**quantiles, "max": ordered[-1] * 1e6}


def run() -> dict[str, Any]:
    """Every pace in every state of the collector, each in a process of its own."""
    found: dict[str, Any] = {}
    for pace in PAUSES:
        for state in STATES:
            with collector(state) as endpoint:
                found[f"{pace}, {state}"] = _in_its_own_process(pace, endpoint)
    return found


def _in_its_own_process(pace: str, endpoint: str) -> Any:
    command = [sys.executable, __file__, pace, endpoint]
    environ = {**os.environ, "MODELSPAN_EXIT_TIMEOUT": "0"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, env=environ)
    if done.returncode:
        raise SystemExit(f"{pace}: {done.stderr.strip()[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def show(found: dict[str, Any]) -> None:
    columns = [*QUANTILES, "max"]
    print(f"{'µs a call':36}" + "".join(f"{name:>10}" for name in columns))
    for title, measured in found.items():
        for row in ("plain", "observed"):
            print(f"{title + ', ' + row:36}" + "".join(f"{measured[row][name]:>10.1f}" for name in columns))
        print(f"{'  ratio':36}" + "".join(f"{measured['ratios'][name]:>10.2f}" for name in columns))


if __name__ == "__main__":
    print(json.dumps(measure(*sys.argv[1:])))
    sys.stdout.flush()
    os._exit(0)
