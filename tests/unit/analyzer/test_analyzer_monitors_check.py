"""`monitors check`: what a file sets is said, so that a wrong or empty one is not taken for settings."""

from __future__ import annotations

from pathlib import Path

import pytest

from modelspan_cli.main import main


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "sets nothing: the built-in monitors run"),
        ("# later\n", "sets nothing"),
        ("version: 1\n", "sets nothing"),
        ("defaults: {}\nmodels: []\n", "sets nothing"),
        ("defaults: {performance: {min_rows: 7}}\n", "is right\n"),
        ("models: [{model: churn}]\n", "settings of churn"),
    ],
)
def test_a_file_that_sets_nothing_is_said_to(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, said: str
) -> None:
    """It is right, and what runs is the built-in settings."""
    file = tmp_path / "monitors.yaml"
    file.write_text(text)
    assert main(["monitors", "check", str(file)]) == 0
    assert said in capsys.readouterr().out
