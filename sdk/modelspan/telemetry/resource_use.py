"""What the serving process uses: CPU, memory and, where NVIDIA's library is present, GPUs.

Names of OpenTelemetry's semantic conventions for process and hardware metrics. Read when metrics are exported, never
in a call.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from opentelemetry.metrics import CallbackOptions, Observation, get_meter

from modelspan._failsafe import guard
from modelspan.telemetry.nvml import Gpu, gpus

_STATM = Path("/proc/self/statm")


def observe_resource_use(wanted: Callable[[], bool]) -> None:
    """Create the instruments; they say nothing where `wanted` is false."""
    meter = get_meter("modelspan")
    found = _Gpus()
    meter.create_observable_counter("process.cpu.time", [_guarded(wanted, _cpu_time)], "s", "CPU time of the process.")
    meter.create_observable_up_down_counter(
        "process.memory.usage", [_guarded(wanted, _memory)], "By", "Physical memory in use."
    )
    meter.create_observable_gauge(
        "hw.gpu.utilization", [_guarded(wanted, found.busy)], "1", "Share of time a GPU works."
    )
    meter.create_observable_up_down_counter(
        "hw.gpu.memory.usage", [_guarded(wanted, found.memory)], "By", "Memory of a GPU in use."
    )


def _guarded(
    wanted: Callable[[], bool], read: Callable[[], list[Observation]]
) -> Callable[[CallbackOptions], list[Observation]]:
    def callback(_options: CallbackOptions) -> list[Observation]:
        with guard("the use of resources could not be read"):
            return read() if wanted() else []
        return []

    return callback


def _cpu_time() -> list[Observation]:
    used = os.times()
    return [Observation(used.user, {"cpu.mode": "user"}), Observation(used.system, {"cpu.mode": "system"})]


def _memory() -> list[Observation]:
    """The resident set, where Linux tells it."""
    if not _STATM.exists():
        return []
    return [Observation(int(_STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE"))]


class _Gpus:
    """NVIDIA's GPUs, looked for at the first reading."""

    def __init__(self) -> None:
        self._gpus: list[Gpu] | None = None

    def _found(self) -> list[Gpu]:
        if self._gpus is None:
            self._gpus = []  # where the library fails, it is not asked again
            self._gpus = gpus()
        return self._gpus

    def busy(self) -> list[Observation]:
        """The share of time that each GPU worked, 0 to 1."""
        return [Observation(gpu.busy(), {"hw.id": gpu.uuid}) for gpu in self._found()]

    def memory(self) -> list[Observation]:
        """The bytes in use on each GPU."""
        return [Observation(gpu.memory_used(), {"hw.id": gpu.uuid}) for gpu in self._found()]
