"""The options of commands that read what others captured, and the reading itself, in place of a plain file."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from modelspan_analyzer.captures.capture import Options
from modelspan_analyzer.captures.table import FORMATS
from modelspan_analyzer.captures.whole import read_captured
from modelspan_analyzer.files.read import read
from modelspan_analyzer.files.roles import Roles
from modelspan_analyzer.files.rows import FileError, FileRows
from modelspan_cli.file_options import names, written


def add_columns(parser: argparse.ArgumentParser) -> None:
    """Declare `--columns` and `--outputs`."""
    parser.add_argument(
        "--columns",
        default="",
        metavar="a,b,...|FILE",
        help="names of a capture's inputs where it has none, or SageMaker's statistics.json or constraints.json",
    )
    parser.add_argument("--outputs", type=names, default=(), metavar="a,b,...", help="names of a capture's outputs")


def add_format(parser: argparse.ArgumentParser) -> None:
    """Declare `--format` and what goes with it."""
    parser.add_argument(
        "--format", choices=FORMATS, default="", help="of what others captured, as `modelspan import` has it"
    )
    add_columns(parser)


def options(args: argparse.Namespace) -> Options:
    """What was said of a capture's columns.

    Raises:
        FileError: the file that should name them does not, or a name stands twice.
    """
    given = names(args.columns)
    by_file = len(given) == 1 and given[0].endswith(".json")
    if by_file:
        given = _named_by(Path(given[0]))
    for listed in (given, args.outputs):
        if twice := next((name for name in listed if listed.count(name) > 1), ""):
            raise FileError(f"the column {twice!r} is named twice")
    return Options(given, args.outputs, outcome_first=by_file)


def _named_by(path: Path) -> tuple[str, ...]:
    """The columns that SageMaker's statistics or constraints tell of."""
    try:
        return tuple(str(feature["name"]) for feature in json.loads(path.read_bytes())["features"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise FileError(f"{path} names no columns: expected `features`, each with a `name` ({error})") from error


def rows_of(args: argparse.Namespace, path: Path, roles: Roles) -> tuple[FileRows, Roles]:
    """The rows of a file, or of a capture, with the roles of its columns.

    Raises:
        FileError: there are none in it.
    """
    if not args.format:
        return read(path, roles.texts, written(args)), roles
    captured = read_captured(args.format, [path], options(args))
    return captured.rows, captured.roles(roles)
