"""How fast the collector is, end to end into tables, and what a million spans cost; beside Rotel writing into the
same kind of store.

    python benchmarks/collector.py [--spans 3000000] [--predictions 3000000] [--rotel] [--json]

Everything runs on this machine, producers included. CPU seconds are those of the collector and its store together
(for Rotel: of Rotel and of the store that it writes into). With `--rotel` the PyPI package `rotel` has to be
installed.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import collector_load as load

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


def measure(template: load.Template, table: str, total: int) -> dict[str, float]:
    """One run into a fresh store, with a warm-up that is not counted."""
    with tempfile.TemporaryDirectory() as folder:
        service = Service(Path(folder))
        try:
            load.send(service.ports["http"], template, 20 * template.items)
            before = service.flush()[table]
            cpu, began = cpu_seconds(service.process.pid), time.perf_counter()
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
            }
        finally:
            service.stop()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--spans", type=int, default=3_000_000)
    parser.add_argument("--predictions", type=int, default=3_000_000)
    parser.add_argument("--rotel", action="store_true", help="also run Rotel, which writes into the same kind of store")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    results: dict[str, Any] = {}
    if options.spans:
        results["spans"] = measure(load.spans(), "otel_traces", options.spans)
    if options.predictions:
        results["predictions"] = measure(load.predictions(), "predictions", options.predictions)
    print(json.dumps(results) if options.json else json.dumps(results, indent=2))


if __name__ == "__main__":
    main()
