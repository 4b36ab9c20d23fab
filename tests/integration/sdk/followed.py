"""Unmodified applications that predict behind FastAPI, run under `opentelemetry-instrument`."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any, NamedTuple

from support import need

from modelspan.testing import Receiver

ROOT = Path(__file__).resolve().parents[3]
INSTRUMENT = "from opentelemetry.instrumentation.auto_instrumentation import run; run()"
SERVE = """
from fastapi import FastAPI
from fastapi.testclient import TestClient

app = FastAPI()

@app.post("/score")
def score(row: list[float]):
    return {"answer": answer(row)}

client = TestClient(app)
for number in range(5):
    assert client.post("/score", json=[number / 5, 1.0]).status_code == 200
"""
DATA = """
import numpy as np
import pandas as pd
X = pd.DataFrame({"age": np.tile([0.1, 0.4, 0.6, 0.9], 30), "visits": np.repeat([1.0, 2.0], 60)})
y = (X["age"] > 0.5).astype(int)
"""


class Seen(NamedTuple):
    """What came of an application."""

    predictions: list[dict[str, Any]]
    spans: list[Any]
    """Those of predictions."""
    requests: list[Any]
    """Those of FastAPI."""
    log: str


def declared(folder: Path) -> Path:
    """The entry points of `pyproject.toml` as an installation of the packages has them, whatever is installed here."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    info = folder / f"modelspan-{project['version']}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: modelspan\nVersion: {project['version']}\n")
    points = project["entry-points"]["opentelemetry_instrumentor"]
    lines = ["[opentelemetry_instrumentor]", *(f"{name} = {target}" for name, target in points.items())]
    (info / "entry_points.txt").write_text("\n".join(lines) + "\n")
    return folder


def environment(receiver: Receiver, folder: Path, **environ: str) -> dict[str, str]:
    """What a process under `opentelemetry-instrument` is started with."""
    need("opentelemetry.distro")
    need("opentelemetry.instrumentation.fastapi")
    points = folder / "installed"
    points.mkdir()
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, [str(declared(points)), os.environ.get("PYTHONPATH", "")])),
        "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint,
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        "MODELSPAN_EXIT_TIMEOUT": "20",
        **environ,
    }


def follow(script: str, receiver: Receiver, folder: Path, **environ: str) -> Seen:
    """Run a script under `opentelemetry-instrument` to its end, and say what it sent."""
    (folder / "app.py").write_text(script)
    told = environment(receiver, folder, **environ)
    done = subprocess.run(
        [sys.executable, "-c", INSTRUMENT, sys.executable, "app.py"],
        env=told,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=150,
    )
    assert done.returncode in (0, -signal.SIGTERM), done.stderr
    spans = receiver.spans()
    return Seen(
        receiver.predictions(),
        [span for span in spans if span.name.startswith("predict ")],
        [span for span in spans if span.name == "POST /score"],
        done.stderr,
    )
