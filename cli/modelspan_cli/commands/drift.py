"""`modelspan drift`: two files compared in one line, without a store or a server."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from modelspan_analyzer.files.roles import Roles
from modelspan_analyzer.files.rows import FileError
from modelspan_analyzer.two_frames import Comparison, Options, compare_files, with_choices
from modelspan_analyzer.two_frames.comparison import FORMS
from modelspan_cli.errors import CommandError
from modelspan_cli.file_options import add_hints, hints, names, place, say, written

_SHOWN = 20
"""Findings that are printed; the report has all of them."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.epilog = (
        "exit status: 0 nothing stands against it; 3 alarms; 4 not checked: too few rows, nothing to compare"
    )
    parser.add_argument("reference", type=place, help="what is compared with: CSV, JSON lines, Parquet, a folder …")
    parser.add_argument("current", type=place, help="what is compared")
    for role, what in (
        ("prediction", "predictions, or of scores where they are all there is"),
        ("score", "the positive class' score"),
        ("label", "what was true; the current file may lack it"),
        ("id", "ids of rows, which is no feature"),
    ):
        parser.add_argument(f"--{role}", metavar="COL", help=f"the column of {what}")
    parser.add_argument(
        "--tag",
        action="append",
        default=[],
        metavar="COL[,COL...]",
        help="groups to compare the fairness of; no feature",
    )
    parser.add_argument(
        "--features", type=names, default=(), metavar="a,b,...", help="default: all that describe a row"
    )
    add_hints(parser, times=False)
    parser.add_argument("--positive-class", default="", metavar="CLASS", help="the positive of two classes")
    parser.add_argument("--min-rows", type=int, metavar="N", help="fewer rows give 'not enough data' (default: 50)")
    parser.add_argument("-o", "--output", type=_report, metavar="FILE", help=f"write a report: {', '.join(FORMS)}")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(args: argparse.Namespace) -> int:
    """Compare, print, write the report, and return the answer as status."""
    tags = tuple(name for given in args.tag for name in names(given))
    roles = Roles(
        args.prediction,
        args.score,
        args.label,
        args.id,
        segments=tags,
        features=args.features,
        asked_back=tuple(args.feature),
    )
    options = with_choices(Options(), positive_class=args.positive_class, min_rows=args.min_rows)
    try:
        comparison = compare_files(args.reference, args.current, roles, hints(args), options, written(args))
    except (FileError, ValueError) as error:
        raise CommandError(str(error)) from error
    if args.output:
        try:
            comparison.save(args.output)
        except OSError as error:
            raise CommandError(f"cannot write {args.output}: {error.strerror or error}") from error
    if args.json:
        json.dump(comparison.as_json(), sys.stdout)
        print()
    else:
        _print(comparison, args.output)
    return int(comparison.status)


def _print(comparison: Comparison, output: Path | None) -> None:
    findings = comparison.findings
    for side in (findings.reference, findings.current):
        say(side.remarks)
    print(comparison.sentence)
    told = [*findings.against, *findings.warnings]
    for signal, one in told[:_SHOWN]:
        about = " ".join(part for part in (signal, one.metric, one.seen.feature, one.seen.segment) if part)
        print(f"  {one.judged.verdict.value}: {about}: {one.judged.reason}")
    if (more := len(told) - _SHOWN) > 0:
        print(f"  and {more:,} more")
    for signal, why in findings.not_looked_at.items():
        print(f"  not looked at: {signal}: {why}")
    if output:
        print(f"report: {output}")


def _report(text: str) -> Path:
    path = Path(text)
    if path.suffix.lower() not in FORMS:
        raise argparse.ArgumentTypeError(f"a report is written as {', '.join(FORMS)}, not as {path.name!r}")
    return path
