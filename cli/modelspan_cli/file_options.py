"""The options by which a user settles what a file leaves open, and how what was assumed of it is said."""

from __future__ import annotations

import argparse
import sys

from modelspan_analyzer.files.outcomes import LOG_ODDS, TASKS
from modelspan_analyzer.files.roles import Hints
from modelspan_analyzer.files.rows import Remarks
from modelspan_analyzer.files.times import UNITS


def names(text: str) -> tuple[str, ...]:
    """Column names of a list such as `a,b`."""
    return tuple(part.strip() for part in text.split(",") if part.strip())


def add_hints(parser: argparse.ArgumentParser, *, times: bool = True) -> None:
    """Declare `--task`, `--time-unit`, `--score-scale` and `--feature`."""
    parser.add_argument("--task", choices=TASKS, default="", help="what the model does (default: told by the columns)")
    if times:
        add_time_unit(parser)
    parser.add_argument(
        "--score-scale", default="", metavar=f"N|{LOG_ODDS}", help="what a sure score is, such as 100 (default: 1)"
    )
    parser.add_argument(
        "--feature", action="append", default=[], metavar="COL", help="a column that is one though it looks like an id"
    )


def add_time_unit(parser: argparse.ArgumentParser) -> None:
    """Declare `--time-unit`."""
    parser.add_argument("--time-unit", choices=tuple(UNITS), default="", help="of times that are numbers since 1970")


def hints(args: argparse.Namespace) -> Hints:
    """What was said of them."""
    return Hints(args.task, getattr(args, "time_unit", ""), args.score_scale)


def say(remarks: Remarks) -> None:
    """Print what was assumed and left out, a line each, beside the output."""
    for line in remarks.lines():
        print(line, file=sys.stderr)
