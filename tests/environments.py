"""Environments of their own for what the tests need in other versions than the project has, made by uv.

uv links what other environments have too, so that one costs seconds: each is made once for all workers of a run.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest
from support import missing


def of_the_run(temporary: pytest.TempPathFactory) -> Path:
    """The folder of a run's environments: its workers share the one above their own."""
    base = temporary.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "environments"
    folder.mkdir(exist_ok=True)
    return folder


def installed(packages: tuple[str, ...], folder: Path) -> Path:
    """The Python of an environment with the packages, which is made where it is not there yet."""
    folder = folder / hashlib.sha256(repr(packages).encode()).hexdigest()[:8]
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # the first makes it, and others wait for it
        whole = folder / "whole"
        if not whole.exists():
            _make(packages, folder)
            whole.touch()
    return folder / "bin/python"


def _make(packages: tuple[str, ...], folder: Path) -> None:
    python = folder / "bin/python"
    if importlib.util.find_spec("uv") is None:
        missing("the package uv, which makes environments of their own, is not installed")
    from uv import find_uv_bin

    base = Path(sys.base_prefix, "bin", f"python{sys.version_info.major}.{sys.version_info.minor}")
    for told in (
        ["venv", "--clear", "--python", str(base), str(folder)],
        ["pip", "install", "--python", str(python), *packages],
    ):
        done = subprocess.run([find_uv_bin(), *told], capture_output=True, text=True)
        if done.returncode:
            missing(f"uv cannot install {', '.join(packages)}: {done.stderr[-2000:]}")
