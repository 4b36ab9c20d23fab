"""The documentation builds as a site without a warning, and its reference names everything that there is."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import modelspan
from modelspan_cli.main import COMMANDS
from modelspan_collector.store import schema

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site as `make docs` builds it: a warning, such as a link that leads nowhere, is an error."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-d", f"{folder}/doctrees", "docs", folder]
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=170)
    assert built.returncode == 0, built.stderr
    return folder


def test_every_command_is_in_the_reference(site: Path) -> None:
    """Each command has its section, with the options of its parser."""
    page = (site / "reference/commands.html").read_text()
    assert [command.name for command in COMMANDS if f"usage: modelspan {command.name}" not in page] == []


def test_every_table_that_holds_rows_is_in_the_reference(site: Path) -> None:
    """Each table of the schema whose rows anyone reads has its section."""
    page = (site / "reference/tables.html").read_text()
    stored = [text.split("IF NOT EXISTS ")[1].split()[0] for _, text in schema.statements() if "MergeTree" in text]
    assert stored
    assert [table for table in stored if f'id="{table.replace("_", "-")}"' not in page] == []


def test_the_way_in_for_contributors_is_in_the_site(site: Path) -> None:
    """The pages beside `docs/` are read there too, and the first page leads to them."""
    first = (site / "index.html").read_text()
    for name, heading in (("contributing", "The house"), ("security", "Security")):
        assert f'href="reference/{name}.html"' in first
        assert heading.lower() in (site / f"reference/{name}.html").read_text().lower()


def test_the_whole_api_is_in_the_reference(site: Path) -> None:
    """Each name of `modelspan.__all__` is there, with its docstring."""
    page = (site / "reference/api.html").read_text()
    assert [name for name in modelspan.__all__ if f'id="modelspan.{name}"' not in page] == []
