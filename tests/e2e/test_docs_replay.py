"""The page on files says what is true: its history is made, and its commands read it and say what they assumed."""

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pages
from support import missing

from modelspan_cli.demo.stack import Stack

PAGE = "docs/replay.md"


def blocks(language: str) -> list[str]:
    """The fenced blocks of one language, in order."""
    return [block.text for block in pages.blocks(PAGE, language)]


def test_the_page_on_files_runs(tmp_path: Path) -> None:
    """Every command succeeds, and the lines that the page shows are among those that it says."""
    environment = {**os.environ, "MODELSPAN_DATA": str(tmp_path / "data")}
    subprocess.run([sys.executable, "-c", blocks("python")[0]], cwd=tmp_path, check=True, timeout=60)
    ended = []
    for command in blocks("sh")[0].splitlines():
        ended.append(
            subprocess.run(
                [sys.executable, "-m", "modelspan_cli", *shlex.split(command)[1:]],
                cwd=tmp_path,
                env=environment,
                capture_output=True,
                text=True,
                timeout=170,
            )
        )
        assert ended[-1].returncode == 0, (command, ended[-1].stderr)
    replayed, groups, labels, baseline = ended
    shown = blocks("text")[0].splitlines()
    assert [line for line in shown if line not in replayed.stderr] == []
    assert "of 3,000 rows without 'city' are its group (missing)" in replayed.stderr
    assert {"Zürich", "Genève", "(missing)"} <= {line.split("\t")[0] for line in groups.stdout.splitlines()}
    assert "3000 labels loaded" in labels.stdout
    assert "spellings of one class" in labels.stderr
    assert "3000 rows" in baseline.stdout


def test_labels_are_posted_as_the_page_says(tmp_path: Path) -> None:
    """The page's request to a running instance is answered as the page shows."""
    if shutil.which("curl") is None:
        missing("curl is not installed")
    subprocess.run([sys.executable, "-c", blocks("python")[0]], cwd=tmp_path, check=True, timeout=60)
    stack = Stack(tmp_path)
    try:
        url = stack.wait().web_url
        words = shlex.split(blocks("sh")[1].replace("\\\n", " ").replace("http://127.0.0.1:8600", url))
        answer = subprocess.run(words, cwd=tmp_path, check=True, capture_output=True, text=True, timeout=60).stdout
    finally:
        stack.stop()
    shown, _, _ = blocks("text")[1].partition(", …")
    assert answer.startswith(shown)
