"""The quickstart says what is true: its Python runs as one script, and its commands work on the result."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

from modelspan_cli.demo.stack import Stack

QUICKSTART = Path(__file__).resolve().parents[2] / "docs" / "quickstart.md"


def blocks(language: str) -> list[str]:
    """The fenced blocks of one language, in order."""
    return re.findall(rf"```{language}\n(.*?)```", QUICKSTART.read_text(), re.DOTALL)


def test_quickstart_runs(tmp_path: Path) -> None:
    """Predictions and the label of the page arrive, and every command of the page succeeds and prints something."""
    stack = Stack(tmp_path)
    running = stack.wait()
    try:
        environment = {**os.environ, "OTEL_EXPORTER_OTLP_ENDPOINT": running.otlp_url, "MODELSPAN_DATA": str(tmp_path)}
        script = subprocess.run(
            [sys.executable, "-c", "\n".join(blocks("python"))],
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert script.returncode == 0, script.stderr
        assert script.stderr == ""
    finally:
        stack.stop()
    for command in "".join(blocks("sh")).splitlines():
        ended = subprocess.run(
            [sys.executable, "-m", "modelspan_cli", *shlex.split(command)[1:]],
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert ended.returncode == 0, (command, ended.stderr)
        assert ended.stdout.strip() or "monitor_results" in command, command
        if "FROM predictions WHERE" in command:
            assert "1001" in ended.stdout
        if "USING (prediction_id)" in command:
            assert ended.stdout.split()[-1] == "1"
