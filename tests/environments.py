"""Environments of their own for what the tests need in other versions than the project has, made by uv.

uv links what other environments have too, so that one costs seconds.
"""

from __future__ import annotations

import hashlib
import importlib.util
import subprocess
import sys
from pathlib import Path

from support import missing


def installed(packages: tuple[str, ...], folder: Path) -> Path:
    """The Python of an environment with the packages, which is made once for all tests of a session."""
    folder = folder / hashlib.sha256(repr(packages).encode()).hexdigest()[:8]
    python = folder / "bin/python"
    if python.exists():
        return python
    if importlib.util.find_spec("uv") is None:
        missing("the package uv, which makes environments of their own, is not installed")
    from uv import find_uv_bin

    base = Path(sys.base_prefix, "bin", f"python{sys.version_info.major}.{sys.version_info.minor}")
    for told in (["venv", "--python", str(base), str(folder)], ["pip", "install", "--python", str(python), *packages]):
        done = subprocess.run([find_uv_bin(), *told], capture_output=True, text=True)
        if done.returncode:
            missing(f"uv cannot install {', '.join(packages)}: {done.stderr[-2000:]}")
    return python
