"""`modelspan report MODEL -o FILE`: what is on record of a model, for the file or for its owner."""

from __future__ import annotations

import argparse
import json
from datetime import UTC, datetime
from pathlib import Path

from modelspan_analyzer.config.settings import MonitorsConfig
from modelspan_analyzer.monitors_yaml import ConfigError, load
from modelspan_analyzer.reports import FORMS, write
from modelspan_analyzer.reports.pdf import MissingPackageError
from modelspan_analyzer.reports.schema import json_schema
from modelspan_analyzer.views.report import Report, read
from modelspan_cli.errors import CommandError
from modelspan_cli.known import KnownModel, KnownVersion
from modelspan_cli.reach import add_data_argument, reading
from modelspan_cli.shown import as_shown

ENDINGS = (*FORMS, ".json")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("model", type=KnownModel)
    parser.add_argument("--schema", action=_Schema, nargs=0, help="print the JSON Schema of `.json`, and end")
    parser.add_argument("--version", type=KnownVersion, help="default: the version that predicted last")
    parser.add_argument(
        "--since", default="", metavar="TIME", help="such as 30d, or 2026-01-31; default: newest windows"
    )
    parser.add_argument("--until", default="", metavar="TIME", help="default: now")
    parser.add_argument(
        "--summary", action="store_true", help="one page for its owner, instead of all that is on record"
    )
    parser.add_argument("--config", type=Path, metavar="FILE", help="the monitors.yaml that its monitors run by")
    parser.add_argument(
        "-o", "--output", type=_file, metavar="FILE", help=f"{', '.join(ENDINGS)}; default: print Markdown"
    )
    add_data_argument(parser)


def run(args: argparse.Namespace) -> int:
    """Write the report, or print it."""
    report = _read(args)
    if args.output is None:
        print(write(report, ".md", brief=args.summary).decode(), end="")
        return 0
    try:
        args.output.write_bytes(write(report, args.output.suffix.lower(), brief=args.summary))
    except MissingPackageError as error:
        raise CommandError(str(error)) from error
    except OSError as error:
        raise CommandError(f"cannot write {args.output}: {error.strerror or error}") from error
    print(report.sentence)
    print(f"report: {args.output}")
    return 0


class _Schema(argparse.Action):
    """Prints the schema instead of a report."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        """Print, and end."""
        print(json.dumps(json_schema(), indent=1))
        parser.exit()


def _read(args: argparse.Namespace) -> Report:
    given = {"model": args.model, "since": args.since, "until": args.until}
    given |= {} if args.version is None else {"version": args.version}
    try:
        config = load(args.config) if args.config else MonitorsConfig()
        with reading(args) as store:
            return as_shown(args, store, read(store, given, config, datetime.now(UTC)))
    except (ConfigError, ValueError) as error:
        raise CommandError(str(error)) from error


def _file(text: str) -> Path:
    path = Path(text)
    if path.suffix.lower() not in ENDINGS:
        raise argparse.ArgumentTypeError(f"a report is written as {', '.join(ENDINGS)}, not as {path.name!r}")
    return path
