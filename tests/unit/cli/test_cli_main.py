"""The command line names its commands, and says which extra a missing package belongs to."""

import subprocess
import sys
from pathlib import Path

import pytest

from modelspan_cli.main import COMMANDS, main

HIDE = """
import sys
from pathlib import Path
class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {hidden!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Hidden())
from modelspan_cli.main import main
sys.exit(main({arguments!r}))
"""


def run_without(hidden: tuple[str, ...], *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command line in a process in which some packages cannot be imported."""
    script = HIDE.format(hidden=hidden, arguments=arguments)
    return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_every_command_has_help(command, capsys: pytest.CaptureFixture[str]) -> None:
    """`modelspan COMMAND --help` works for every line of the table."""
    with pytest.raises(SystemExit) as ended:
        main([command.name, "--help"])
    assert ended.value.code == 0
    assert command.name in capsys.readouterr().out


def test_overview_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    """`modelspan` alone shows what there is."""
    with pytest.raises(SystemExit):
        main([])
    shown = capsys.readouterr().out
    assert all(command.name in shown for command in COMMANDS)


@pytest.mark.parametrize(("command", "extra"), [("sql", "collector"), ("up", "analyzer"), ("replay", "analyzer")])
def test_missing_extra_is_named(command: str, extra: str) -> None:
    """Where a package is missing, the message is the line that installs it."""
    ended = run_without(("clickhouse_connect", "chdb", "starlette", "rich", "prometheus_client"), command)
    assert ended.returncode == 1
    assert f"pip install 'modelspan[{extra}]'" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_version_and_overview_need_only_the_base_install() -> None:
    """`modelspan --version` imports nothing of an extra."""
    ended = run_without(("clickhouse_connect", "chdb", "starlette", "rich", "numpy", "pyarrow"), "--version")
    assert ended.returncode == 0
    assert ended.stdout.strip()


@pytest.mark.parametrize("option", ["--start", "--end"])
@pytest.mark.parametrize("command", [("baseline", "set", "--model", "m"), ("compare", "m", "1", "2")])
def test_a_time_that_is_none_is_said_with_one_that_is(
    command: tuple[str, ...], option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every option that takes a time names what to write instead of a wrong one."""
    with pytest.raises(SystemExit):
        main([*command, option, "yesterday"])
    assert "'yesterday' is no time; write 2026-01-31" in capsys.readouterr().err


def test_a_baseline_of_no_row_is_refused_for_having_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file of a header alone is said to have no row; a running instance complained of the pages it was sent as."""
    (tmp_path / "empty.csv").write_text("a,prediction\n")
    told = ["baseline", "set", "--model", "m", "--file", str(tmp_path / "empty.csv"), "--data", str(tmp_path)]
    assert main(told) == 1
    assert "empty.csv has no row" in capsys.readouterr().err
