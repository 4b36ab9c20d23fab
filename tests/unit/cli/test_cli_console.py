"""Tables of the terminal: what senders named cannot hide what stands beside it, nor command the terminal."""

from __future__ import annotations

import json

import pytest

from modelspan_cli.console import console, plain_table


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("churn", "churn"),
        ("模型 😀 é", "模型 😀 é"),
        ("[bold]x[/]", "[bold]x[/]"),
        ("two\nlines\tand a tab", "two\\nlines\\tand a tab"),
        ("\x1b[2J\x1b]0;title\x07gone", "\\x1b[2J\\x1b]0;title\\x07gone"),
        ("left\u202eright", "left\\u202eright"),
    ],
)
def test_a_name_is_shown_as_it_is_spelt(name: str, shown: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever is not printable by its escape, all else untouched."""
    table = plain_table("model", "state")
    table.add_row(name, "alarm")
    console().print(table)
    assert capsys.readouterr().out.splitlines()[1].split("  ")[0] == shown


def test_a_name_without_end_leaves_the_others_in_sight(capsys: pytest.CaptureFixture[str]) -> None:
    """It is shortened in its middle, so that both its ends are told; a cell of some sentences is whole."""
    table, sentences = plain_table("model", "why"), " ".join(["the prices of the feature store"] * 25)
    table.add_row("a" + "L" * 100_000 + "z", "short")
    table.add_row("churn", sentences)
    console().print(table)
    said = capsys.readouterr().out
    assert len(said.splitlines()) < 60
    assert "…" in said and "z" in said
    assert json.dumps(" ".join(said.split())).count("the prices of the feature store") >= 20
