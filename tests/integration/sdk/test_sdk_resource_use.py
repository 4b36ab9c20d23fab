"""CPU, memory and GPUs of the serving process, as metrics."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support import missing

from modelspan.testing import Receiver

SCRIPT = "import modelspan\nmodelspan.configure()\nmodelspan.observe(model='m')(lambda row: 0.5)({'age': 3.0})"


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a library of the driver's name and interface, for machines without a GPU."""
    compiler = shutil.which("cc") or shutil.which("gcc") or missing("there is no C compiler")
    folder = tmp_path_factory.mktemp("driver")
    source = Path(__file__).with_name("nvml_stand_in.c")
    subprocess.run([compiler, "-shared", "-fPIC", "-o", folder / "libnvidia-ml.so.1", source], check=True)
    return folder


def points(receiver: Receiver, name: str) -> dict[str, float]:
    """The latest values of a metric, by device or mode."""
    latest = [metric for metric in receiver.metrics() if metric.name == name][-1]
    data = latest.sum if latest.HasField("sum") else latest.gauge
    return {
        point.attributes[0].value.string_value if point.attributes else "": point.as_double or point.as_int
        for point in data.data_points
    }


def test_gpus(driver: Path, run: Callable[..., Any], receiver: Receiver) -> None:
    """Each GPU's share of busy time and its memory in use, by its id."""
    run(SCRIPT, LD_LIBRARY_PATH=str(driver))
    assert points(receiver, "hw.gpu.utilization") == {"GPU-0": 0.25, "GPU-1": 0.5}
    assert points(receiver, "hw.gpu.memory.usage") == {"GPU-0": 2**33, "GPU-1": 2**34}


def test_without_a_gpu(run: Callable[..., Any], receiver: Receiver) -> None:
    """CPU time by mode, and memory; of GPUs, nothing is said where there is no driver."""
    run(SCRIPT)
    assert set(points(receiver, "process.cpu.time")) == {"user", "system"}
    assert points(receiver, "process.memory.usage")[""] > 10 * 2**20
    if shutil.which("nvidia-smi") is None:
        assert not [metric for metric in receiver.metrics() if metric.name.startswith("hw.gpu")]


def test_resource_use_can_be_switched_off(driver: Path, run: Callable[..., Any], receiver: Receiver) -> None:
    """One variable switches all of it off; the metrics of predictions stay."""
    run(SCRIPT, LD_LIBRARY_PATH=str(driver), MODELSPAN_RESOURCE_METRICS="false")
    names = {metric.name for metric in receiver.metrics()}
    assert "modelspan.predictions" in names
    assert not [name for name in names if name.startswith(("process.", "hw."))]
