"""Pages made from what is elsewhere: commands from their parsers, tables from the schema, the API from docstrings.

And those that stand beside this folder, where a contributor looks for them.
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path

import modelspan
from modelspan_cli.main import COMMANDS, Command
from modelspan_collector.store import schema

BESIDE = {"contributing.md": "CONTRIBUTING.md", "security.md": "SECURITY.md"}
"""Pages of the site by the files beside this folder that they are."""
_LINK = re.compile(r"\]\((?!https?:|#)([^)]+)\)")
_TABLE = re.compile(r"CREATE TABLE IF NOT EXISTS (?P<name>\w+)\s*\((?P<body>.*?)\n\)", re.DOTALL)
_COLUMN = re.compile(r"^ {4}(?P<name>\w+) +(?P<type>.+)$")
_NO_COLUMN = ("INDEX", "PROJECTION", "CONSTRAINT")
_AFTER_TYPE = re.compile(r" (?:CODEC|DEFAULT|MATERIALIZED|ALIAS|EPHEMERAL)\b.*$")


def write(folder: Path) -> None:
    """Write the pages into a folder; a page that is as it was is left alone, so that a rebuild is quick."""
    folder.mkdir(exist_ok=True)
    pages = {"commands.md": commands(), "tables.md": tables(), "api.md": api()}
    pages |= {page: beside(file) for page, file in BESIDE.items()}
    for name, text in pages.items():
        page = folder / name
        if not page.exists() or page.read_text() != text:
            page.write_text(text)


def beside(file: str) -> str:
    """A page that stands beside this folder, its links led from the folder of reference pages."""
    pages = {name: page for page, name in BESIDE.items()}

    def led(link: re.Match[str]) -> str:
        inside = link[1].startswith("docs/")
        return f"]({'../' + link[1].removeprefix('docs/') if inside else pages.get(link[1], link[1])})"

    return _LINK.sub(led, (Path(__file__).parent.parent / file).read_text())


def commands() -> str:
    """Every command with its options, as `--help` prints them."""
    parts = ["# Commands\n\nAs `modelspan COMMAND --help` prints them.\n"]
    for command in COMMANDS:
        parts.append(f"## modelspan {command.name}\n\n{_sentence(command.help)} Needs the extra `{command.extra}`.\n")
        parts += [_help(parser) for parser in _parsers(command)]
    return "\n".join(parts)


def _parsers(command: Command) -> list[argparse.ArgumentParser]:
    """The parser of a command and those of what can follow it."""
    parser = command.parser()
    following = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    return [parser, *(each for action in following for each in action.choices.values())]


def _help(parser: argparse.ArgumentParser) -> str:
    parser.formatter_class = lambda prog: argparse.HelpFormatter(prog, width=88)
    return f"```text\n{parser.format_help().strip()}\n```\n"


def tables() -> str:
    """Every table with its columns and the comments of the schema."""
    head = "# Tables and columns\n\nOf the database `modelspan`. `modelspan schema print` prints the statements.\n"
    parts: dict[str, str] = {}
    for _, statement in schema.statements():
        found = _TABLE.search(statement)
        columns = _columns(found["body"]) if found else []
        if found and columns:  # those that OTLP passes through hold no row, and no column that anyone reads
            table = "\n".join(["| column | type | what it holds |", "|---|---|---|", *columns])
            parts[found["name"]] = f"## {found['name']}\n\n{_comment(statement[: found.start()])}\n\n{table}\n"
    return "\n".join([head, *(parts[name] for name in sorted(parts, key=_read_last))])


def _read_last(table: str) -> bool:
    """Whether a table is another's format, or the schema's own, and not what one comes to the page for."""
    return table.startswith(("otel_", "schema_"))


def _comment(text: str) -> str:
    return "\n".join(line.removeprefix("--").strip() for line in text.splitlines() if line.startswith("--"))


def _columns(body: str) -> list[str]:
    rows = []
    for line in body.splitlines():
        found = _COLUMN.match(line.rstrip(","))
        if found is None or found["name"] in _NO_COLUMN:
            continue
        declared, _, comment = found["type"].partition("--")
        kind = _AFTER_TYPE.sub("", declared.strip().rstrip(",")).strip()
        words = comment.strip().replace("|", "\\|").replace("''", "empty")
        rows.append(f"| `{found['name']}` | `{kind}` | {words} |")
    return rows


def api() -> str:
    """The SDK's whole API: what `modelspan.__all__` names, and the receiver for tests."""
    names = "\n".join(f".. autofunction:: modelspan.{name}" for name in sorted(modelspan.__all__))
    return (
        "# Python API\n\n`modelspan.__all__` is the whole API of the SDK.\n\n"
        f"```{{eval-rst}}\n{names}\n```\n\n## Testing a service\n\n"
        "```{eval-rst}\n.. automodule:: modelspan.testing\n   :members: Receiver\n```\n"
    )


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + "."
