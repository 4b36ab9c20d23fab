"""What the serving process uses: CPU, memory and, where NVIDIA's library is present, GPUs.

Names of OpenTelemetry's semantic conventions for process and hardware metrics. Read when metrics are exported, never
in a call.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from opentelemetry.metrics import CallbackOptions, Observation, get_meter

from modelspan._failsafe import swallowed

_STATM = Path("/proc/self/statm")


def observe_resource_use(wanted: Callable[[], bool]) -> None:
    """Create the instruments; they say nothing where `wanted` is false."""
    meter = get_meter("modelspan")
    gpus = _Gpus()
    meter.create_observable_counter("process.cpu.time", [_guarded(wanted, _cpu_time)], "s", "CPU time of the process.")
    meter.create_observable_up_down_counter(
        "process.memory.usage", [_guarded(wanted, _memory)], "By", "Physical memory in use."
    )
    meter.create_observable_gauge(
        "hw.gpu.utilization", [_guarded(wanted, gpus.busy)], "1", "Share of time a GPU works."
    )
    meter.create_observable_up_down_counter(
        "hw.gpu.memory.usage", [_guarded(wanted, gpus.memory)], "By", "Memory of a GPU in use."
    )


def _guarded(
    wanted: Callable[[], bool], read: Callable[[], list[Observation]]
) -> Callable[[CallbackOptions], list[Observation]]:
    def callback(_options: CallbackOptions) -> list[Observation]:
        try:
            return read() if wanted() else []
        except Exception as error:
            swallowed("the use of resources could not be read", error)
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
    """NVIDIA's GPUs through `pynvml`, looked for at the first reading."""

    def __init__(self) -> None:
        self._devices: list[tuple[dict[str, str], Any]] | None = None
        self._library: Any = None

    def _found(self) -> list[tuple[dict[str, str], Any]]:
        if self._devices is None:
            self._devices = self._look()
        return self._devices

    def _look(self) -> list[tuple[dict[str, str], Any]]:
        try:
            import pynvml

            pynvml.nvmlInit()
        except Exception:  # no library, or no driver: most machines
            return []
        self._library = pynvml
        handles = [pynvml.nvmlDeviceGetHandleByIndex(at) for at in range(pynvml.nvmlDeviceGetCount())]
        return [({"hw.id": str(pynvml.nvmlDeviceGetUUID(each))}, each) for each in handles]

    def busy(self) -> list[Observation]:
        """The share of time that each GPU worked, 0 to 1."""
        return [
            Observation(self._library.nvmlDeviceGetUtilizationRates(each).gpu / 100, name)
            for name, each in self._found()
        ]

    def memory(self) -> list[Observation]:
        """The bytes in use on each GPU."""
        return [Observation(self._library.nvmlDeviceGetMemoryInfo(each).used, name) for name, each in self._found()]
