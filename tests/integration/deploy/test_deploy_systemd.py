"""The units of systemd: systemd itself takes them, finds them closed, and what they start is real."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import deploying
import pytest
from deploying import DEPLOY
from support import missing

UNITS = sorted(path.name for path in (DEPLOY / "systemd").glob("*.service"))
MOST_EXPOSED = 1.5
"""Of 10, by `systemd-analyze security`, which takes network and the host's root for exposure."""


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """The units, with this machine's modelspan in the place of the installed one."""
    program = tmp_path / "modelspan"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m modelspan_cli "$@"\n')
    program.chmod(0o755)
    for name in UNITS:
        text = (DEPLOY / "systemd" / name).read_text()
        assert text.count("/opt/modelspan/bin/modelspan ") == 1
        (tmp_path / name).write_text(text.replace("/opt/modelspan/bin/modelspan ", f"{program} "))
    return tmp_path


def analyze(*arguments: str) -> str:
    """What systemd-analyze says, which has to be content."""
    if shutil.which("systemd-analyze") is None:
        missing("systemd-analyze is not installed")
    done = subprocess.run(["systemd-analyze", *arguments], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_systemd_takes_the_units(here: Path) -> None:
    """Without a warning."""
    assert analyze("verify", *(str(here / name) for name in UNITS)).strip() == ""


@pytest.mark.parametrize("name", UNITS)
def test_a_unit_is_closed(here: Path, name: str) -> None:
    """Its level of exposure is among the lowest."""
    said = analyze("security", "--offline=true", str(here / name))
    level = re.search(r"exposure level for \S+: ([\d.]+)", said)
    assert level
    assert float(level[1]) <= MOST_EXPOSED


@pytest.mark.parametrize("name", UNITS)
def test_a_unit_starts_the_real_command(name: str, tmp_path: Path) -> None:
    """In the folder that is its own; the store's address comes from a credential, not from the list of processes."""
    args = deploying.parsed(deploying.started(name), tmp_path)
    assert str(args.data) == "/var/lib/modelspan"
    if name != "modelspan.service":
        assert args.store == deploying.DSN
        assert deploying.unit(name)["LoadCredential"] == ["store:/etc/modelspan/store"]
