"""The list of what modelspan runs on: every dependency that it declares, each with a version and a licence."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[3]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def listed(*extras: str) -> tuple[dict[str, Any], str]:
    """The document, and what was said beside it."""
    command = [sys.executable, str(ROOT / "deploy" / "sbom.py"), *extras]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    return json.loads(done.stdout), done.stderr


def test_it_names_what_is_declared_with_versions_and_licences() -> None:
    """Of the base and of the extras that `all` brings; what these need is there too, and no tool of developers."""
    told, beside = listed()
    assert (told["bomFormat"], told["specVersion"]) == ("CycloneDX", "1.6")
    assert told["metadata"]["component"]["name"] == "modelspan"
    held = {one["name"]: one for one in told["components"]}
    extras = PROJECT["optional-dependencies"]
    asked = [*PROJECT["dependencies"], *extras["grpc"], *extras["collector"], *extras["analyzer"]]
    declared = {canonicalize_name(Requirement(one).name) for one in asked} - {"modelspan"}
    assert declared | {"protobuf", "joblib"} <= set(held)
    assert not {"pytest", "ruff", "modelspan"} & set(held)
    for name, one in held.items():
        assert one["version"] == version(name)
        assert one["bom-ref"] == one["purl"] == f"pkg:pypi/{name}@{one['version']}"
        assert one.get("licenses") or f"states no licence: {name} " in beside


def test_other_extras_bring_what_they_need() -> None:
    """The base alone is the SDK's; reports as PDF bring their compiler."""
    names = {one["name"] for one in listed("pdf")[0]["components"]}
    assert "typst" in names
    assert "scikit-learn" not in {one["name"] for one in listed("grpc")[0]["components"]}
