"""The quickstart says what is true: its Python runs as one script, and its commands work on the result.

The other ways in that need a running instance are tried on the same one: those of README and of the page on SQL.
"""

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from pages import blocks, commands
from support import eventually

from modelspan_cli.demo.stack import Stack
from modelspan_collector.running import Running

QUICKSTART, README, SQL = "docs/quickstart.md", "README.md", "docs/store/sql.md"
VALIDATION = "visits,country,age,score,predicted,churned\n" + "\n".join(
    f"{row % 10},{'DE' if row % 3 else 'FR'},{20 + row % 50},{0.1 + row % 9 / 10},{row % 2},{row % 2}"
    for row in range(600)
)


def run(*command: str, folder: Path, **environment: str) -> str:
    """Run a command in a folder; what it prints, once it has succeeded."""
    given = {**os.environ, "MODELSPAN_DATA": str(folder), **environment}
    ended = subprocess.run(command, cwd=folder, env=given, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 0, (command, ended.stdout, ended.stderr)
    assert command[1:2] != ("-c",) or ended.stderr == ""
    return ended.stdout


def modelspan(words: list[str], folder: Path) -> str:
    """Run one modelspan command of a page."""
    return run(sys.executable, "-m", "modelspan_cli", *words, folder=folder)


def readers(running: Running, folder: Path) -> None:
    """What README and the page on SQL show beside a running instance, on the ports of this one."""
    port = running.sql_dsn.rpartition(":")[2].partition("/")[0]
    (asked,) = blocks(SQL, "python")
    code = asked.text.replace("port=8123", f"port={port}") + "assert len(frame) > 0\n"
    run(sys.executable, "-c", code, folder=folder)
    for block in blocks(SQL, "sh"):
        for words in commands(block):
            assert "churn" in modelspan(words, folder)
        for line in block.text.splitlines():
            if line.startswith("curl "):
                assert run(*shlex.split(line.replace(":8123", f":{port}")), "--silent", folder=folder).strip()
    for words in [words for block in blocks(README, "sh") if not block.why_not_run for words in commands(block)]:
        if words[0] != "replay":  # which tests/e2e/test_replay_real.py runs
            assert "churn" in modelspan(words, folder)


@pytest.mark.timeout(300)
def test_quickstart_runs(tmp_path: Path) -> None:
    """Predictions and the label of the page arrive, and every command of the page succeeds and prints something."""
    stack = Stack(tmp_path)
    running = stack.wait()
    try:
        script = "\n".join(block.text for block in blocks(QUICKSTART, "python"))
        run(sys.executable, "-c", script, folder=tmp_path, OTEL_EXPORTER_OTLP_ENDPOINT=running.otlp_url)
        stored = ["sql", "SELECT count() FROM predictions"]
        eventually(lambda: modelspan(stored, tmp_path).split()[-1] == "1001", "what was taken can be read")
        readers(running, tmp_path)
    finally:
        stack.stop()
    (tmp_path / "validation.parquet").write_text(VALIDATION)  # a file is read by what it holds, not by its name
    for block in [block for block in blocks(QUICKSTART, "sh") if not block.why_not_run]:
        for words in commands(block):
            said = modelspan(words, tmp_path)
            assert said.strip() or "monitor_results" in words[-1], words
            if "FROM predictions WHERE" in words[-1]:
                assert "1001" in said
            if "USING (prediction_id)" in words[-1]:
                assert said.split()[-1] == "1"
