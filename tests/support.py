"""What tests share that is no fixture."""

from __future__ import annotations

import importlib
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import NoReturn, TypeVar

import pytest

PATIENCE = 120.0
"""Seconds that a condition may take to come: far more than it needs, on a machine that has much else to do."""
REQUIRE_ALL = os.environ.get("MODELSPAN_TEST_REQUIRE_ALL") == "1"
T = TypeVar("T")


def eventually(condition: Callable[[], T], what: str = "the condition came", seconds: float = PATIENCE) -> T:
    """Wait for a condition, and return what it returned; all waiting of tests is here.

    What takes long to ask is asked less often, so that asking takes at most a quarter of the time.

    Args:
        condition: what has to become true.
        what: what should have happened, for the message where it does not.
        seconds: how long it may take.
    """
    asked = time.monotonic()
    deadline = asked + seconds
    while not (found := condition()):
        now = time.monotonic()
        assert now < deadline, f"not within {seconds:g} s: {what}"
        time.sleep(min(1.0, max(0.02, 3 * (now - asked))))
        asked = time.monotonic()
    return found


def free_port() -> int:
    """A port of the loopback interface that nobody listens on, for now."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


def missing(what: str) -> NoReturn:
    """Skip a test that needs a component which is not here; fail where all are required."""
    if REQUIRE_ALL:
        pytest.fail(f"{what}, and MODELSPAN_TEST_REQUIRE_ALL=1 demands it")
    pytest.skip(what)


def need(module: str) -> ModuleType:
    """Import a package that a test needs beyond the project's own."""
    try:
        return importlib.import_module(module)
    except ImportError:
        missing(f"the package {module} is not installed")


def install_node_packages(folder: Path, packages: Sequence[str]) -> Path:
    """Install packages from the npm registry into a folder, once; returns its `node_modules`."""
    if shutil.which("npm") is None or shutil.which("node") is None:
        missing("npm and node are not installed")
    modules = folder / "node_modules"
    if not all((modules / package).is_dir() for package in packages):
        command = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", *packages]
        try:
            subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=150)
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
            missing(f"{', '.join(packages)} could not be installed from npm")
    return modules
