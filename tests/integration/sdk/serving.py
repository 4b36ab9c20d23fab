"""Applications of serving frameworks, each in an environment of its own, run under `opentelemetry-instrument`.

A framework pins what the project's own tests need in other versions, so it is installed beside them by uv, which links
what other environments have too.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import httpx
from environments import installed
from followed import INSTRUMENT, ROOT, declared
from support import eventually, free_port

from modelspan.testing import Receiver

OURS = ("opentelemetry-distro", "opentelemetry-exporter-otlp-proto-http", "pyarrow", "numpy", "scikit-learn")
"""What a service has that is followed: the SDK's own dependencies, and the model's library."""
MODEL = """
import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

X = np.array([[0.1, 1.0], [0.4, 2.0], [0.6, 1.0], [0.9, 2.0]])

def fitted():
    return make_pipeline(StandardScaler(), LogisticRegression()).fit(X, [0, 0, 1, 1])
"""


class Framework(NamedTuple):
    """One framework's application, its server's command and how it is asked."""

    packages: tuple[str, ...]
    files: dict[str, str]
    """PORT stands for a free port, PORT2 for another."""
    command: tuple[str, ...]
    """As arguments of Python."""
    path: str
    ready: str
    """What is answered with 200 once requests are taken."""
    body: dict[str, Any]
    """A request; ROW stands for its features, AGE and VISITS for one each."""
    called: tuple[str, str]
    """What its model and version are called, where the environment says `named` and `1`."""


class Trace(NamedTuple):
    """The trace that a client sends its request in."""

    number: int

    @property
    def id(self) -> bytes:
        return self.number.to_bytes(16)

    @property
    def header(self) -> dict[str, str]:
        return {"traceparent": f"00-{self.id.hex()}-00000000000000ab-01"}


@contextmanager
def served(
    framework: Framework, receiver: Receiver, folder: Path, environments: Path, **environ: str
) -> Iterator[httpx.Client]:
    """The framework's application, ready to be asked; it is ended as its operator would.

    Args:
        framework: which.
        receiver: where it sends to.
        folder: for its files.
        environments: where what frameworks are installed into is kept.
        environ: what else its process is told.
    """
    python = installed((*framework.packages, *OURS), environments)
    ports = {"PORT2": str(free_port()), "PORT": str(free_port())}
    for name, text in {**framework.files, "model.py": MODEL}.items():
        (folder / name).write_text(_filled(text, ports))
    (folder / "installed").mkdir()
    paths = [str(declared(folder / "installed")), str(ROOT / "sdk"), str(folder)]
    command = [_filled(word, ports) for word in framework.command]
    told = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "MODELSPAN_"))},
        "PYTHONDONTWRITEBYTECODE": "",  # its processes import the same
        "PATH": f"{python.parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": os.pathsep.join(paths),
        "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint,
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        "OTEL_METRICS_EXPORTER": "none",
        "OTEL_LOGS_EXPORTER": "none",
        "OTEL_BSP_SCHEDULE_DELAY": "200",
        **environ,
    }
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [str(python), "-c", INSTRUMENT, str(python), *command],
            env=told,
            cwd=folder,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{ports['PORT']}", timeout=60) as client:
            eventually(lambda: _is_ready(client, framework.ready, process, folder), "the server answers")
            yield client
    finally:
        process.terminate()
        process.wait(60)
        with suppress(ProcessLookupError):  # processes of LitServe outlive the one that started them
            os.killpg(process.pid, signal.SIGKILL)


def _filled(text: str, ports: dict[str, str]) -> str:
    for name, port in ports.items():
        text = text.replace(name, port)
    return text


def _is_ready(client: httpx.Client, path: str, process: subprocess.Popen[bytes], folder: Path) -> bool:
    assert process.poll() is None, (folder / "log").read_text()
    try:
        return client.get(path).status_code == 200
    except httpx.TransportError:
        return False


def asked(body: Any, row: list[float]) -> Any:
    """The request with the features in it."""
    if isinstance(body, dict):
        return {name: asked(value, row) for name, value in body.items()}
    if isinstance(body, list):
        return [asked(value, row) for value in body]
    return {"ROW": row, "AGE": row[0], "VISITS": row[1]}.get(body, body)
