"""What is published: the wheel and the archive of sources are whole, and the wheel works where nothing else is ours."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import venv
import zipfile
from importlib.metadata import version
from pathlib import Path

import pytest
from support import need

ROOT = Path(__file__).resolve().parents[3]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PACKAGES = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
LOOK = """
import json, sys
from importlib.metadata import entry_points
import modelspan, modelspan_analyzer, modelspan_cli, modelspan_collector
places = [each.__file__ for each in (modelspan, modelspan_analyzer, modelspan_cli, modelspan_collector)]
followed = sorted(one.name for one in entry_points(group="opentelemetry_instrumentor") if one.dist.name == "modelspan")
json.dump([places, followed], sys.stdout)
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of both, built from the checkout as it is."""
    for module in ("build", "hatchling"):
        need(module)
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=170, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def only(folder: Path, pattern: str) -> Path:
    (found,) = folder.glob(pattern)
    return found


def sources(root: Path) -> dict[str, str]:
    """What the packages consist of: path in the wheel, and in the checkout."""
    ignored = {"__pycache__", ".mypy_cache", ".ruff_cache"}
    return {
        str(path.relative_to((root / package).parent)): str(path.relative_to(root))
        for package in PACKAGES
        for path in (root / package).rglob("*")
        if path.is_file() and not ignored & set(path.parts)
    }


def test_the_wheel_holds_every_file_of_the_packages_and_nothing_else(built: Path) -> None:
    """Tables, templates, styles, scripts and marks of types as well as modules; tests and benchmarks stay at home."""
    held = set(zipfile.ZipFile(only(built, "*.whl")).namelist())
    own = {name for name in held if ".dist-info/" not in name}
    assert own == set(sources(ROOT))
    for package in PACKAGES:
        assert f"{Path(package).name}/py.typed" in own
    assert any(name.endswith("/licenses/LICENSE") for name in held)


def test_a_wheel_can_be_built_of_the_archive_of_sources(built: Path) -> None:
    """It holds what the packages consist of, and what the build reads."""
    with tarfile.open(only(built, "*.tar.gz")) as archive:
        held = {name.partition("/")[2] for name in archive.getnames()}
    needed = {"pyproject.toml", PROJECT["project"]["readme"], *PROJECT["project"]["license-files"]}
    assert needed | set(sources(ROOT).values()) <= held


def test_the_wheel_works_alone(built: Path, tmp_path: Path) -> None:
    """Installed into an environment that has the dependencies and no checkout: version, entry points and a replay."""
    place = tmp_path / "env"
    venv.create(place, with_pip=False)
    python = place / "bin" / "python"
    clean = {name: text for name, text in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME")}
    install = [sys.executable, "-m", "pip", "--python", str(python), "install", "-q", "--no-deps", "--no-index"]
    subprocess.run([*install, str(only(built, "*.whl"))], check=True, timeout=120, env=clean)
    own = Path(only(place / "lib", "python*") / "site-packages")
    (own / "dependencies.pth").write_text("".join(f"{one}\n" for one in dependencies()))

    def run(*command: str) -> str:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=170, env=clean, cwd=tmp_path, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    places, followed = json.loads(run(str(python), "-c", LOOK))
    assert all(Path(one).is_relative_to(own) for one in places)
    assert followed == sorted(PROJECT["project"]["entry-points"]["opentelemetry_instrumentor"])
    modelspan = str(place / "bin" / "modelspan")
    assert run(modelspan, "--version").strip() == PROJECT["project"]["version"] == version("modelspan")
    rows = [
        f"2026-03-0{1 + number // 60} {number // 60:02d}:{number % 60:02d}:00,{number % 7},0.5" for number in range(240)
    ]
    (tmp_path / "past.csv").write_text("\n".join(["time,age,prediction", *rows]) + "\n")
    replay = ["replay", "past.csv", "--model", "m", "--version", "1", "--time", "time", "--prediction", "prediction"]
    run(modelspan, *replay, "--data", "store")
    counted = "SELECT (SELECT count() FROM predictions) + (SELECT count() FROM reference_predictions)"
    assert run(modelspan, "sql", counted, "--data", "store", "--format", "TSV").strip() == "240"


def dependencies() -> list[str]:
    """Where this interpreter finds packages that are not ours."""
    own = sysconfig.get_path("purelib")
    shared = [path for path in sys.path if path.endswith("site-packages")]
    return list(dict.fromkeys([own, *shared]))
