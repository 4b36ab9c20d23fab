"""The SDK's surface: what is public, and what an import costs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import modelspan

NOT_AT_IMPORT = (
    "pandas",
    "scipy",
    "sklearn",
    "chdb",
    "clickhouse_connect",
    "pyarrow",
    "polars",
    "numpy",
    "requests",
    "opentelemetry.sdk",
)


def test_exported_names() -> None:
    """What can be seen in the package is what it says it exports, in order."""
    assert modelspan.__all__ == sorted(modelspan.__all__)
    modules = {path.stem for path in Path(modelspan.__file__).parent.iterdir()}
    seen = {name for name in vars(modelspan) if not name.startswith("_")} - modules
    assert seen == set(modelspan.__all__)


def test_every_name_is_documented() -> None:
    """Every exported name has a docstring."""
    assert [name for name in modelspan.__all__ if not getattr(modelspan, name).__doc__] == []


def test_import_is_light() -> None:
    """An import takes less than 0.3 s of CPU and leaves the heavy libraries alone."""
    script = (
        "import time, sys, json; began = time.process_time(); import modelspan;"
        "print(json.dumps([time.process_time() - began, sorted(sys.modules)]))"
    )
    tries = [json.loads(subprocess.check_output([sys.executable, "-c", script])) for _ in range(3)]
    assert min(seconds for seconds, _ in tries) < 0.3
    assert [name for name in NOT_AT_IMPORT if name in tries[0][1]] == []
