"""The page on captures says what is true: its captures are made, and its commands bring them in as it says."""

from __future__ import annotations

import contextlib
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pages
import pytest

from modelspan_analyzer.captures.table import FORMATS
from modelspan_cli.main import main
from modelspan_collector.store.connect import DEFAULT_DATABASE, connect

PAGE = "docs/captures.md"
Run = Callable[[str], tuple[int, str, str]]


def section(language: str, title: str) -> list[str]:
    """The blocks of one language below a heading."""
    whole = (pages.ROOT / PAGE).read_text()
    part = whole.partition(f"\n## {title}\n")[2].partition("\n## ")[0]
    return [block.text for block in pages.blocks(PAGE, language) if block.text in part]


@pytest.fixture
def here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, engine_dsn: str, capsys: pytest.CaptureFixture[str]
) -> Iterator[Run]:
    """Run a command of the page in a folder of its own, on a store of its own."""
    monkeypatch.chdir(tmp_path)

    def run(command: str) -> tuple[int, str, str]:
        words = [*shlex.split(command)[1:], "--store", engine_dsn, "--data", str(tmp_path / "data")]
        status = main(words)
        printed = capsys.readouterr()
        return status, printed.out, printed.err

    yield run
    with contextlib.closing(connect(engine_dsn, DEFAULT_DATABASE)) as store:
        store.command(f"DROP DATABASE {DEFAULT_DATABASE}")


WHYLOGS = "From whylogs"
TITLES = re.findall(r"^## (From .+)$", (pages.ROOT / PAGE).read_text(), re.M)


def test_each_capture_is_imported_as_the_page_says(here: Run) -> None:
    """What the page makes is brought in by its commands, which say what it shows, all on one store."""
    imported = re.findall(r"modelspan import (\w+)", "".join(each for title in TITLES for each in section("sh", title)))
    assert {*imported} == FORMATS.keys()
    for title in TITLES:
        if title == WHYLOGS or not section("python", title):
            continue  # which needs no import
        subprocess.run([sys.executable, "-c", section("python", title)[0]], check=True, timeout=60)
        ended = [here(each) for each in section("sh", title)[0].splitlines()]
        assert {status for status, _, _ in ended} <= {0, 3}, ended
        said = "".join(printed + beside for _, printed, beside in ended)
        assert [line for line in section("text", title)[0].splitlines() if line not in said] == [], said


def test_profiles_of_whylogs_become_a_baseline_as_the_page_says(here: Run, whylogs_python: Path) -> None:
    """They are made where whylogs is, and read where it is not."""
    subprocess.run([str(whylogs_python), "-c", section("python", WHYLOGS)[0]], check=True, timeout=120)
    ended = [here(each) for each in section("sh", WHYLOGS)[0].splitlines()]
    assert {status for status, _, _ in ended} == {0}, ended
    said = "".join(printed + beside for _, printed, beside in ended)
    assert [line for line in section("text", WHYLOGS)[0].splitlines() if line not in said] == [], said
