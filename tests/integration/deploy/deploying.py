"""What lies in deploy/, as data: the commands of every file, and the real parser of the command line."""

from __future__ import annotations

import argparse
import importlib.util
import json
import re
import shlex
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from support import missing

from modelspan_cli.main import COMMANDS

ROOT = Path(__file__).resolve().parents[3]
DEPLOY = ROOT / "deploy"
CHART = DEPLOY / "helm" / "modelspan"
DSN = "clickhouse://modelspan:secret@clickhouse:8123"


@dataclass(frozen=True)
class Instruction:
    """One instruction of a Dockerfile, with the stage it stands in."""

    stage: str
    word: str
    rest: str


def dockerfile() -> list[Instruction]:
    """The instructions of the Dockerfile, lines that go on put together."""
    text = re.sub(r"\\\n", " ", (DEPLOY / "docker" / "Dockerfile").read_text())
    found, stage = [], ""
    for line in text.splitlines():
        if line.strip() and not line.startswith("#"):
            word, _, rest = line.strip().partition(" ")
            stage = rest.split()[-1] if word == "FROM" else stage
            found.append(Instruction(stage, word, rest))
    return found


def chain(stage: str) -> list[Instruction]:
    """The instructions of a stage after those of the stages that it is built on."""
    own = [one for one in dockerfile() if one.stage == stage]
    base = own[0].rest.split()[0]
    stages = {one.stage for one in dockerfile()}
    return (chain(base) if base in stages else []) + own


def last(stage: str, word: str) -> str:
    """What the last instruction of a kind says in the stage's image."""
    return [one.rest for one in chain(stage) if one.word == word][-1]


def compose() -> dict[str, Any]:
    """The compose file."""
    loaded: dict[str, Any] = yaml.safe_load((DEPLOY / "docker" / "compose.yaml").read_text())
    return loaded


def unit(name: str) -> dict[str, list[str]]:
    """Settings of a unit of systemd, each with all its values."""
    found: dict[str, list[str]] = {}
    for line in (DEPLOY / "systemd" / name).read_text().splitlines():
        if "=" in line and not line.startswith("#"):
            key, _, value = line.partition("=")
            found.setdefault(key, []).append(value)
    return found


def started(name: str) -> list[str]:
    """The arguments that a unit starts modelspan with, without those of the operator's own file."""
    words = shlex.split(unit(name)["ExecStart"][0].replace("${STATE_DIRECTORY}", "/var/lib/modelspan"))
    return [word for word in words[1:] if not word.startswith("$")]


def rendered(values: dict[str, Any]) -> list[dict[str, Any]]:
    """The resources that Helm makes of the chart.

    Raises:
        RenderError: it refuses, with its words.
    """
    texts = helm("render", values)["texts"]
    found = [one for name, text in texts.items() if not name.endswith(".txt") for one in yaml.safe_load_all(text)]
    return [one for one in found if one]


class RenderError(Exception):
    """Helm does not take the chart with these values."""


def helm(verb: str, values: dict[str, Any]) -> dict[str, Any]:
    """What Helm itself says of the chart: in a process of its own, as its runtime and the engine's do not share one."""
    if importlib.util.find_spec("helm_python") is None:
        missing("the package helm-python-sdk is not installed")
    asked = json.dumps({"chart": str(CHART), "values": values})
    command = [sys.executable, "-c", _HELM, verb]
    done = subprocess.run(command, input=asked, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    if "refused" in told:
        raise RenderError(told["refused"])
    return told


_HELM = """
import json, sys
import helm_python
asked = json.load(sys.stdin)
try:
    if sys.argv[1] == "lint":
        told = helm_python.lint(asked["chart"], asked["values"], strict=True)
    else:
        with helm_python.Chart.load(asked["chart"]) as chart:
            told = {"texts": chart.render(values=asked["values"], name="demo", namespace="ml")}
except helm_python.HelmError as error:
    told = {"refused": str(error)}
json.dump(told, sys.stdout)
"""


def arguments(resources: Sequence[dict[str, Any]], part: str) -> list[str]:
    """The arguments of a part's container."""
    (found,) = (
        one["spec"]["template"]["spec"]["containers"][0]["args"]
        for one in resources
        if one["kind"] in ("StatefulSet", "Deployment") and one["metadata"]["name"].endswith(part)
    )
    return list(found)


def parsed(given: Sequence[str], folder: Path) -> argparse.Namespace:
    """What the real parser makes of arguments; files that hold the store's address are made for it."""
    address = folder / "store"
    address.write_text(f"{DSN}\n")
    given = [re.sub(r"@[^ =]*(store|dsn)$", f"@{address}", one) for one in given]
    (command,) = (one for one in COMMANDS if one.name == given[0])
    return command.parser().parse_args(given[1:])


def exec_form(text: str) -> list[str]:
    """The words of an instruction in its exec form."""
    words: list[str] = json.loads(text)
    return words
