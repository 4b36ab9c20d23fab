"""The options of commands that read what others captured, and the reading itself, in place of a plain file."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Final

import pyarrow as pa

from modelspan_analyzer.captures.capture import Options
from modelspan_analyzer.captures.table import FORMATS
from modelspan_analyzer.captures.whole import read_captured
from modelspan_analyzer.files.read import read
from modelspan_analyzer.files.roles import Roles
from modelspan_analyzer.files.rows import FileError, FileRows
from modelspan_cli.file_options import names, written

_INFERRED: Final = {"String": pa.string(), "Integral": pa.float64(), "Fractional": pa.float64()}


def add_columns(parser: argparse.ArgumentParser) -> None:
    """Declare `--columns` and `--outputs`."""
    parser.add_argument(
        "--columns",
        default="",
        metavar="a,b,...|FILE",
        help="names of a capture's inputs where it has none, or SageMaker's statistics.json or constraints.json",
    )
    parser.add_argument("--outputs", type=names, default=(), metavar="a,b,...", help="names of a capture's outputs")
    parser.add_argument(
        "--texts", type=names, default=(), metavar="a,b,...", help="a capture's inputs that are codes, digits or not"
    )


def add_format(parser: argparse.ArgumentParser, *others: str) -> None:
    """Declare `--format`, which may be something else than a capture, and what goes with it."""
    said = "of what others captured, as `modelspan import` has it"
    parser.add_argument("--format", choices=(*FORMATS, *others), default="", help=said)
    add_columns(parser)


def options(args: argparse.Namespace) -> Options:
    """What was said of a capture's columns.

    Raises:
        FileError: the file that should name them does not, or a name stands twice.
    """
    given, kinds = names(args.columns), dict.fromkeys(args.texts, pa.string())
    by_file = len(given) == 1 and given[0].endswith(".json")
    if by_file:
        told = _told_by(Path(given[0]))
        given, kinds = tuple(name for name, _ in told), {n: k for n, k in told if k is not None} | kinds
    for listed in (given, args.outputs):
        if twice := next((name for name in listed if listed.count(name) > 1), ""):
            raise FileError(f"the column {twice!r} is named twice")
    return Options(given, args.outputs, kinds, outcome_first=by_file)


def _told_by(path: Path) -> list[tuple[str, pa.DataType | None]]:
    """The columns that SageMaker's statistics or constraints tell of, each with its type."""
    try:
        features = json.loads(path.read_bytes())["features"]
        return [(str(each["name"]), _INFERRED.get(each.get("inferred_type"))) for each in features]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
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
