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
OF_OPENTELEMETRY = ("typing_extensions", "importlib_metadata", "zipp", "deprecated", "wrapt")
"""What OpenTelemetry's API itself imports, in one release or another."""


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
    """An import brings Python's own modules and OpenTelemetry's API alone, no heavy libraries."""
    script = (
        "import sys, json; before = set(sys.modules); import modelspan;"
        "print(json.dumps(sorted(set(sys.modules) - before)))"
    )
    brought = json.loads(subprocess.check_output([sys.executable, "-c", script]))
    packages = {name.partition(".")[0] for name in brought} - sys.stdlib_module_names
    assert packages <= {"modelspan", "opentelemetry", *OF_OPENTELEMETRY}
    assert [name for name in NOT_AT_IMPORT if name in brought] == []
