"""`modelspan forget` looks at what was named, or refuses: a misspelt folder or database is never "nothing found"."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from modelspan_cli.main import main
from modelspan_collector.store.connect import Store

Run = Callable[..., tuple[int, str, str]]
PERSON = 'it\'s "4711"/ü %'


@pytest.fixture
def run(engine_dsn: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command on the engine, beside a folder without a collector; its status, output and messages."""

    def command(*arguments: str) -> tuple[int, str, str]:
        status = main([*arguments, "--store", engine_dsn, "--data", str(tmp_path / "nothing")])
        printed = capsys.readouterr()
        return status, printed.out, printed.err

    return command


def test_a_tenants_database_is_forgotten_by_its_name(run: Run, store: Store) -> None:
    """What went is told by table; what was not looked at is told too; a second run says that nothing is there."""
    tags = pa.array([[("subject", PERSON)]], pa.map_(pa.string(), pa.string()))
    store.insert("predictions", pa.table({"model": ["m"], "prediction_id": ["an id of sixteen"], "tags": tags}))
    asked = ("forget", "--tag", f"subject={PERSON}", "--database", store.database)
    status, said, told = run(*asked)
    assert status == 0
    assert f"{store.database}.predictions\t1 rows" in said
    assert "not looked at: files of collectors" in told
    status, _, told = run(*asked)
    assert (status, "nothing was there" in told) == (0, True)


REFUSED: dict[str, tuple[tuple[str, ...], str]] = {
    "a database that is not there": (("--prediction-id", "x", "--database", "acne"), "no database 'acne'"),
    "nobody": ((), "name whom to forget"),
    "a tag without a value": (("--tag", "subject"), "name whom to forget"),
    "an empty id": (("--prediction-id", ""), "cannot be empty"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_names_nobody_or_nothing_is_refused(run: Run, case: str) -> None:
    """With exit status 1 and what is wrong; nothing is made on the way."""
    given, words = REFUSED[case]
    status, said, told = run("forget", *given)
    assert (status, said, words in told) == (1, "", True)


READERS = (
    ("sql", "SELECT 1"),
    ("audit",),
    ("incidents",),
    ("feedback",),
    ("why", "m"),
    ("why", "m", "--breakdown"),
    ("why", "m", "--service"),
)
"""Commands that read."""


@pytest.mark.parametrize("command", READERS, ids=" ".join)
def test_every_reader_refuses_a_database_and_a_folder_that_are_not_there(
    run: Run, tmp_path: Path, command: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    """One sentence that names what there is, and neither the database nor the folder is made."""
    status, said, told = run(*command, "--database", "acne")
    assert (status, said, "no database 'acne'" in told) == (1, "", True)
    status, said, told = run(*command, "--database", "acne")
    assert "no database 'acne'" in told
    folder = tmp_path / "typo"
    status = main([*command, "--data", str(folder)])
    printed = capsys.readouterr()
    assert (status, printed.out, "there is no modelspan data" in printed.err) == (1, "", True)
    assert not folder.exists()


@pytest.mark.parametrize("command", READERS, ids=" ".join)
def test_every_reader_survives_an_empty_store(run: Run, store: Store, command: tuple[str, ...]) -> None:
    """Nothing there is said, with exit status 1 where an answer was asked for; never a traceback or a zero."""
    status, _, told = run(*command, "--database", store.database)
    assert status == (1 if command[0] == "why" else 0)
    assert command[0] == "sql" or told
    assert "Traceback" not in told
