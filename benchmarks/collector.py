"""How fast the collector is, end to end into tables, and what a million spans cost; beside Rotel writing into the
same kind of store.

    python benchmarks/collector.py [--spans 2000000] [--predictions 2000000] [--rotel] [--steps] [--json]

Everything runs on this machine, producers included. CPU seconds are those of the collector and its store together
(for Rotel: of Rotel and of the store that it writes into). With `--rotel` the PyPI package `rotel` has to be
installed. `floor_ratio` is what a prediction costs over what the same columns cost as a plain insert into a plain wide
table, in the same run; `--steps` adds what each step costs.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import collector_load as load
import collector_steps

TICKS = os.sysconf("SC_CLK_TCK")


class Service:
    """The collector and its store in a process of their own."""

    def __init__(self, folder: Path) -> None:
        script = Path(__file__).with_name("collector_service.py")
        self.process = subprocess.Popen(
            [sys.executable, str(script), str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.ports: dict[str, int] = self._answer()

    def _answer(self) -> Any:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError("the collector's process ended")
        return json.loads(line)

    def flush(self) -> dict[str, int]:
        assert self.process.stdin is not None
        self.process.stdin.write("flush\n")
        self.process.stdin.flush()
        rows: dict[str, int] = self._answer()
        return rows

    def stop(self) -> None:
        self.process.communicate("stop\n", timeout=60)


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def peak_megabytes(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


class Memory:
    """Resident megabytes of a process, looked at twice a second while it works."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._seen: list[int] = []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Memory:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._ended.wait(0.5):
            status = Path(f"/proc/{self._pid}/status").read_text()
            self._seen.append(int(status.split("VmRSS:")[1].split()[0]) // 1024)

    def curve(self, points: int = 10) -> list[int]:
        """The mean of each tenth of the time."""
        parts = [self._seen[len(self._seen) * i // points : len(self._seen) * (i + 1) // points] for i in range(points)]
        return [sum(part) // len(part) for part in parts if part]


def measure(template: load.Template, table: str, total: int) -> dict[str, Any]:
    """One run into a fresh store, with a warm-up that is not counted."""
    with tempfile.TemporaryDirectory() as folder:
        service = Service(Path(folder))
        try:
            load.send(service.ports["http"], template, 20 * template.items)
            before = service.flush()[table]
            cpu, began = cpu_seconds(service.process.pid), time.perf_counter()
            with Memory(service.process.pid) as memory:
                acknowledged = load.send(service.ports["http"], template, total)
                stored = service.flush()[table] - before
            seconds = time.perf_counter() - began
            cpu = cpu_seconds(service.process.pid) - cpu
            if stored != acknowledged:
                raise RuntimeError(f"{acknowledged} acknowledged, {stored} stored")
            return {
                "rows": stored,
                "rows_per_second": round(stored / seconds),
                "cpu_seconds_per_million": round(cpu / stored * 1e6, 2),
                "peak_megabytes": round(peak_megabytes(service.process.pid)),
                "megabytes_over_time": memory.curve(),
            }
        finally:
            service.stop()


class Rotel:
    """Rotel, its ClickHouse exporter writing through the SQL endpoint of a service."""

    def __init__(self, service: Service, folder: Path) -> None:
        found = importlib.util.find_spec("rotel")
        if found is None or found.origin is None:
            raise SystemExit("--rotel needs Rotel: pip install rotel")
        self.port, grpc_port = free_port(), free_port()
        settings = {
            "ROTEL_OTLP_HTTP_ENDPOINT": f"127.0.0.1:{self.port}",
            "ROTEL_OTLP_GRPC_ENDPOINT": f"127.0.0.1:{grpc_port}",
            "ROTEL_EXPORTER": "clickhouse",
            "ROTEL_CLICKHOUSE_EXPORTER_ENDPOINT": f"http://127.0.0.1:{service.ports['sql']}",
            "ROTEL_CLICKHOUSE_EXPORTER_DATABASE": "modelspan",
            "ROTEL_CLICKHOUSE_TABLE_PREFIX": "otel",
            "ROTEL_CLICKHOUSE_EXPORTER_COMPRESSION": "lz4",
            "ROTEL_CLICKHOUSE_EXPORTER_ASYNC_INSERT": "false",
            "ROTEL_PID_FILE": str(folder / "rotel.pid"),
            "ROTEL_LOG_FILE": str(folder / "rotel.log"),
        }
        agent = Path(found.origin).parent / "rotel-agent"
        self.process = subprocess.Popen(
            [agent, "start"], env={**os.environ, **settings}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        deadline = time.monotonic() + 30
        while socket.socket().connect_ex(("127.0.0.1", self.port)):
            if time.monotonic() > deadline:
                raise RuntimeError("Rotel did not start")
            time.sleep(0.05)

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(timeout=30)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def measure_rotel(template: load.Template, table: str, total: int) -> dict[str, float]:
    """The same run through Rotel. It answers before it stores, so the run ends when the rows stop coming."""
    with tempfile.TemporaryDirectory() as folder:
        service = Service(Path(folder))
        rotel = Rotel(service, Path(folder))
        pids = (service.process.pid, rotel.process.pid)
        try:
            warm = load.send(rotel.port, template, 20 * template.items)
            before = settled(service, table, warm)[0]
            cpu, began = sum(map(cpu_seconds, pids)), time.perf_counter()
            acknowledged = load.send(rotel.port, template, total)
            stored, ended = settled(service, table, before + acknowledged)
            stored -= before
            cpu = sum(map(cpu_seconds, pids)) - cpu
            return {
                "acknowledged": acknowledged,
                "rows": stored,
                "rows_per_second": round(stored / (ended - began)),
                "cpu_seconds_per_million": round(cpu / stored * 1e6, 2),
                "peak_megabytes": round(sum(map(peak_megabytes, pids))),
            }
        finally:
            rotel.stop()
            service.stop()


def settled(service: Service, table: str, expected: int, patience: float = 20.0) -> tuple[int, float]:
    """Rows of a table once all expected are there, or none has come for a while; and when the last one came."""
    rows, changed = service.flush()[table], time.perf_counter()
    while rows < expected and time.perf_counter() - changed < patience:
        time.sleep(0.2)
        now = service.flush()[table]
        if now != rows:
            rows, changed = now, time.perf_counter()
    return rows, changed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--spans", type=int, default=2_000_000)
    parser.add_argument("--predictions", type=int, default=2_000_000)
    parser.add_argument("--rotel", action="store_true", help="also run Rotel, which writes into the same kind of store")
    parser.add_argument("--steps", action="store_true", help="also print what each step costs, CPU microseconds a row")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    results: dict[str, Any] = {}
    if options.spans:
        results["spans"] = measure(load.spans(), "otel_traces", options.spans)
        if options.rotel:
            results["rotel_spans"] = measure_rotel(load.spans(), "otel_traces", options.spans)
            for name in ("cpu_seconds_per_million", "rows_per_second"):
                results[f"{name}_ratio"] = round(results["spans"][name] / results["rotel_spans"][name], 3)
    if options.predictions:
        results["predictions"] = measure(load.predictions(), "predictions", options.predictions)
        steps = collector_steps.measure()
        cost = results["predictions"]["cpu_seconds_per_million"]
        results["predictions"]["floor_ratio"] = round(cost / steps["floor"], 2)
        if options.steps:
            results["steps"] = steps
    print(json.dumps(results) if options.json else json.dumps(results, indent=2))


if __name__ == "__main__":
    main()
