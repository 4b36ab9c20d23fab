"""The oldest release of OpenTelemetry that we accept and the newest send the same: we read private fields of both."""

from __future__ import annotations

import importlib.metadata
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from support import missing

OLDEST = "1.37"
PACKAGES = ("opentelemetry-api", "opentelemetry-sdk", "opentelemetry-exporter-otlp-proto-http")
SCRIPT = Path(__file__).with_name("sent_by_a_release.py")


@pytest.fixture(scope="module")
def oldest(request: pytest.FixtureRequest) -> Path:
    """A folder with the oldest release, installed once for all runs."""
    folder = Path(request.config.cache.mkdir(f"opentelemetry-{OLDEST}-{sys.version_info[0]}.{sys.version_info[1]}"))
    complete = folder / "complete"
    if not complete.exists():
        wanted = [f"{package}=={OLDEST}.*" for package in PACKAGES]
        command = [
            sys.executable,
            "-m",
            "pip",
            "install",
            "-q",
            "--retries",
            "1",
            "--upgrade",
            "--target",
            str(folder),
            *wanted,
        ]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=150)
        except subprocess.TimeoutExpired:
            missing("the package registry does not answer")
        if done.returncode and "connection" in done.stderr.lower():
            missing("the package registry cannot be reached")
        assert done.returncode == 0, done.stderr
        complete.touch()
    return folder


def sent(path: Path | None = None) -> dict[str, Any]:
    """What a service sends with the release in a folder, or else with the environment's."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "MODELSPAN_"))}
    if path is not None:
        environ["PYTHONPATH"] = str(path)
    done = subprocess.run([sys.executable, SCRIPT], env=environ, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    assert "this is said once" not in done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def test_the_oldest_and_the_newest_release_send_the_same(oldest: Path) -> None:
    """Spans with events, links and errors, histograms, and records: equal, field by field."""
    old, new = sent(oldest), sent()
    assert old.pop("release").startswith(f"{OLDEST}.")
    assert new.pop("release") == importlib.metadata.version("opentelemetry-sdk")
    assert old == new
    assert new["values"]
    assert len(new["spans"]) == 4
    assert sorted(row["feature.age"] for row in new["records"]) == [-1.0, 41.0]
    assert new["metrics"]["modelspan.prediction.value"] == "histogram"


def test_the_oldest_release_is_what_the_package_asks_for() -> None:
    """The lower bounds that users install with are the release that is tested."""
    told = importlib.metadata.requires("modelspan") or []
    bounds = [line for line in told if line.startswith(PACKAGES) and "extra" not in line]
    assert sorted(bounds) == sorted(f"{package}>={OLDEST}" for package in PACKAGES)
