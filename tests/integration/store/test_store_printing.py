"""What commands print is what the store holds: apostrophes, brackets, nulls, whatever the format and the pipe."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from modelspan_analyzer.governance import audit
from modelspan_cli.commands.sql import readable
from modelspan_cli.main import main
from modelspan_collector.store.connect import Store

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(store: Store, engine_dsn: str, capsysbinary: pytest.CaptureFixture[bytes]) -> Run:
    """Run a command on the test's database; its status, output and messages."""

    def command(*arguments: str) -> tuple[int, str, str]:
        status = main([*arguments, "--store", engine_dsn, "--database", store.database])
        printed = capsysbinary.readouterr()
        return status, printed.out.decode(), printed.err.decode()

    return command


TEXT = r"""it's "5 \ 6" [null, x] :smile: ü"""
LONG = "0123456789abcdef" * 20
PIPED = {
    "SELECT 'it''s' AS a": "a\nit's\n",
    "SELECT 'it''s' AS a;  ": "a\nit's\n",
    "SELECT 'a\\tb' AS a, 'c\\nd' AS b": "a\tb\na\\tb\tc\\nd\n",
    r"SELECT '\\\'' AS a": "a\n\\\\'\n",
    "SELECT ['it''s'] AS a, 'it''s' AS b": "a\tb\n['it\\'s']\tit's\n",
    "SELECT map('it''s', 1) AS a, NULL AS b": "a\tb\n{'it\\'s':1}\t\\N\n",
    "SELECT 1 AS a WHERE 0": "a\n",
    "SELECT 'x' AS `it's`": "it's\nx\n",
    "SELECT 'it''s' AS a FORMAT CSV": '"it\'s"\n',
    "SELECT 'it''s' AS a format JSONEachRow": '{"a":"it\'s"}\n',
    "SELECT 'it''s' AS a FORMAT TSV;": "it\\'s\n",
    "SELECT 'FORMAT JSON' AS a": "a\nFORMAT JSON\n",
}
"""Queries, and what they print into a pipe."""


@pytest.mark.parametrize("query", PIPED)
def test_a_pipe_gets_values_as_they_are(run: Run, query: str) -> None:
    """No escaped apostrophe outside of lists; a line stays a row; a FORMAT in the text is what it says."""
    assert run("sql", query)[:2] == (0, PIPED[query])


@pytest.mark.parametrize(
    "form", ["CSVWithNames", "JSON", "JSONEachRow", "TSVRaw", "Vertical", "PrettyCompact", "Markdown"]
)
def test_any_format_prints_a_text_unchanged_or_by_its_own_rule(run: Run, form: str) -> None:
    """Nothing of ours touches a format that was asked for."""
    status, said, _ = run("sql", "SELECT 'it''s [null]' AS a", "--format", form)
    assert (status, "[null]" in said) == (0, True)


def test_a_format_said_twice_is_refused(run: Run) -> None:
    """One of them would be ignored."""
    status, _, message = run("sql", "SELECT 1 FORMAT JSON", "--format", "CSV")
    assert (status, "say one of them" in message) == (1, True)


def test_types_are_not_printed() -> None:
    """They are asked for only to know what an apostrophe means."""
    assert readable(b"a\nString\nit\\'s\n") == b"a\nit's\n"


def test_details_of_the_audit_log_are_printed_whole(run: Run, store: Store) -> None:
    """Values that look like markup, emoji or nulls are values, in the table and as JSON."""
    audit.record(
        store, "settings changed", actor="ann [b]", details={"window.size": [None, "1h"], "x": TEXT, "y": LONG}
    )
    _, said, _ = run("audit")
    flat = "".join(said.split())
    assert "…" not in said
    assert LONG in flat
    assert '"window.size":[null,"1h"]' in flat
    assert ":smile:" in flat
    assert "ann[b]" in flat
    (entry,) = json.loads(run("audit", "--json")[1])
    assert json.loads(entry["details"])["x"] == TEXT


def test_an_empty_answer_says_what_was_asked(run: Run) -> None:
    """No entry is said, with the filters; neither is a table without rows printed."""
    status, said, message = run("audit", "--action", "nothing of the kind", "--days", "3")
    assert (status, said) == (0, "")
    assert "no entry" in message
    assert "nothing of the kind" in message
