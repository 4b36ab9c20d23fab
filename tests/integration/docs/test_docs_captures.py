"""The page on captures says what is true: its captures are made, and its commands bring them in as it says."""

from __future__ import annotations

import contextlib
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pages
import pytest

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


def test_the_capture_of_sagemaker_is_imported_as_the_page_says(here: Run) -> None:
    """Once, with its labels; and it is a baseline."""
    subprocess.run([sys.executable, "-c", section("python", "From SageMaker")[0]], check=True, timeout=60)
    imported, again, counted, baseline, labels = [
        here(each) for each in section("sh", "From SageMaker")[0].splitlines()
    ]
    assert imported[0] == 3
    left_out, summary = section("text", "From SageMaker")[0].splitlines()
    assert left_out in imported[2]
    assert summary in imported[1]
    assert (again[0], "0 predictions of churn imported; 1,200 were there already" in again[1]) == (3, True)
    assert counted[1].splitlines()[1].split("\t")[0] == "1200"
    assert (baseline[0], "1200 rows" in baseline[1]) == (0, True), baseline[2]
    assert (labels[0], "1200 labels loaded" in labels[1]) == (0, True)
