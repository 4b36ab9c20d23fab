"""What tests share that is no fixture."""

from __future__ import annotations

import importlib
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import NoReturn

import pytest

REQUIRE_ALL = os.environ.get("MODELSPAN_TEST_REQUIRE_ALL") == "1"


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
