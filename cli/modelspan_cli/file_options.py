"""The options by which a user settles what a file leaves open, and how what was assumed of it is said."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from modelspan_analyzer.files import places
from modelspan_analyzer.files.date_order import ORDERS
from modelspan_analyzer.files.outcomes import TASKS
from modelspan_analyzer.files.roles import Hints
from modelspan_analyzer.files.rows import FileError, Remarks
from modelspan_analyzer.files.scores import LOG_ODDS
from modelspan_analyzer.files.times import UNITS
from modelspan_analyzer.files.written import Written


def place(text: str) -> Path:
    """A file or folder, of this machine or at an address such as `s3://bucket/folder`."""
    try:
        return places.place(text)
    except FileError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def names(text: str) -> tuple[str, ...]:
    """Column names of a list such as `a,b`."""
    return tuple(part.strip() for part in text.split(",") if part.strip())


def add_hints(parser: argparse.ArgumentParser, *, times: bool = True) -> None:
    """Declare `--task`, `--time-unit`, `--score-scale`, `--feature`, and how the text is written."""
    parser.add_argument("--task", choices=TASKS, default="", help="what the model does (default: told by the columns)")
    if times:
        add_time_unit(parser)
    parser.add_argument(
        "--score-scale", default="", metavar=f"N|{LOG_ODDS}", help="what a sure score is, such as 100 (default: 1)"
    )
    parser.add_argument(
        "--feature", action="append", default=[], metavar="COL", help="a column that is one though it looks like an id"
    )
    add_written(parser)


def add_written(parser: argparse.ArgumentParser) -> None:
    """Declare `--encoding`, `--skip-rows` and `--date-order`."""
    parser.add_argument(
        "--encoding", default="", metavar="NAME", help="of a text, such as cp1251 (default: told by it)"
    )
    parser.add_argument(
        "--skip-rows",
        type=_lines,
        default=None,
        metavar="N",
        help="lines above the header (default: told by the lines)",
    )
    parser.add_argument(
        "--date-order", choices=ORDERS, default="", help="of dates such as 26/01/31 (default: told by the column)"
    )


def _lines(text: str) -> int:
    """A number of lines."""
    count = int(text)
    if count < 0:
        raise ValueError(text)
    return count


def written(args: argparse.Namespace) -> Written:
    """What was said of how the text is written."""
    return Written(args.encoding, args.skip_rows, args.date_order)


def add_time_unit(parser: argparse.ArgumentParser) -> None:
    """Declare `--time-unit`."""
    parser.add_argument("--time-unit", choices=tuple(UNITS), default="", help="of times that are numbers since 1970")


def hints(args: argparse.Namespace) -> Hints:
    """What was said of them."""
    return Hints(args.task, getattr(args, "time_unit", ""), args.score_scale, args.date_order)


def say(remarks: Remarks) -> None:
    """Print what was assumed and left out, a line each, beside the output."""
    for line in remarks.lines():
        print(line, file=sys.stderr)
