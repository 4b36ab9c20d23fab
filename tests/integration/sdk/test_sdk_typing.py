"""The type checker sees through the decorator."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def test_signatures_survive() -> None:
    """Right calls pass and wrong calls are errors, for every kind of function (unused ignores would be errors)."""
    calls = ROOT / "tests" / "typing" / "sdk_calls.py"
    command = [sys.executable, "-m", "mypy", "--strict", "--python-version", "3.11", "--config-file=", str(calls)]
    done = subprocess.run(command, cwd=ROOT / "sdk", capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
