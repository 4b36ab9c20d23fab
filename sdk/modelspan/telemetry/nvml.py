"""The few calls of NVIDIA's management library that we need, straight from the driver's `libnvidia-ml.so.1`.

Reference: https://docs.nvidia.com/deploy/nvml-api/.
"""

from __future__ import annotations

import ctypes
import sys
from typing import Any, NamedTuple

_UUID_BYTES = 96


class _Utilization(ctypes.Structure):
    _fields_ = (("gpu", ctypes.c_uint), ("memory", ctypes.c_uint))


class _Memory(ctypes.Structure):
    _fields_ = (("total", ctypes.c_ulonglong), ("free", ctypes.c_ulonglong), ("used", ctypes.c_ulonglong))


class NvmlError(Exception):
    """The library answered with an error code."""


class Gpu(NamedTuple):
    """One device."""

    library: Any
    handle: Any
    uuid: str

    def busy(self) -> float:
        """The share of time in which it worked, 0 to 1, over the driver's last sample period.

        Raises:
            NvmlError: The driver cannot tell.
        """
        rates = _Utilization()
        _check(self.library.nvmlDeviceGetUtilizationRates(self.handle, ctypes.byref(rates)))
        return float(rates.gpu / 100)

    def memory_used(self) -> int:
        """The bytes of its memory that are in use.

        Raises:
            NvmlError: The driver cannot tell.
        """
        memory = _Memory()
        _check(self.library.nvmlDeviceGetMemoryInfo(self.handle, ctypes.byref(memory)))
        return int(memory.used)


def gpus() -> list[Gpu]:
    """The devices of this machine; none where there is no driver.

    Raises:
        NvmlError: The driver does not work.
    """
    try:
        library = ctypes.CDLL("nvml.dll" if sys.platform == "win32" else "libnvidia-ml.so.1")
    except OSError:
        return []
    _check(library.nvmlInit_v2())
    count = ctypes.c_uint()
    _check(library.nvmlDeviceGetCount_v2(ctypes.byref(count)))
    return [_gpu(library, at) for at in range(count.value)]


def _gpu(library: Any, at: int) -> Gpu:
    handle, uuid = ctypes.c_void_p(), ctypes.create_string_buffer(_UUID_BYTES)
    _check(library.nvmlDeviceGetHandleByIndex_v2(ctypes.c_uint(at), ctypes.byref(handle)))
    _check(library.nvmlDeviceGetUUID(handle, uuid, ctypes.c_uint(_UUID_BYTES)))
    return Gpu(library, handle, uuid.value.decode())


def _check(code: int) -> None:
    if code:
        raise NvmlError(f"error {code}")
