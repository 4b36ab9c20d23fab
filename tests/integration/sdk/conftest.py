"""A real receiver for each test, and the SDK of this process configured to send to it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from swallowing import note_log, nothing_swallowed_unasked

import modelspan
from modelspan.testing import Receiver

__all__ = ["nothing_swallowed_unasked"]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """An OTLP/HTTP receiver that accepts everything."""
    with Receiver() as opened:
        yield opened


@pytest.fixture
def sdk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """`configure` for this process, without global providers; switched off afterwards."""
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "none")
    monkeypatch.setenv("OTEL_METRICS_EXPORTER", "none")
    monkeypatch.setenv("MODELSPAN_EXIT_TIMEOUT", "0.2")
    yield modelspan.configure
    modelspan.configure(disabled=True)


@pytest.fixture
def run(receiver: Receiver) -> Callable[..., Any]:
    """Run a script in a process of its own, configured by its environment; what it prints, as JSON."""

    def in_its_own_process(script: str, *arguments: str, **environ: str) -> Any:
        done = subprocess.run(
            [sys.executable, "-c", script, *arguments],
            env={
                **os.environ,
                "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint,
                "MODELSPAN_EXIT_TIMEOUT": "20",
                **environ,
            },
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        note_log(done.stderr)
        return json.loads(done.stdout.splitlines()[-1]) if done.stdout.strip() else None

    return in_its_own_process


@pytest.fixture(scope="module")
def environments(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where frameworks are installed, a gigabyte."""
    folder = tmp_path_factory.mktemp("environments")
    yield folder
    shutil.rmtree(folder)
