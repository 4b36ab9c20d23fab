"""`modelspan labels`: load what was true, from a CSV or Parquet file."""

from __future__ import annotations

import argparse
from pathlib import Path

from modelspan_analyzer.performance.load import LabelsError, load_labels
from modelspan_cli.errors import CommandError
from modelspan_cli.reach import add_data_argument, writing


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the file and its columns."""
    parser.add_argument("file", type=Path, help="CSV or Parquet")
    parser.add_argument("--id", default="prediction_id", metavar="COL", help="default: %(default)s")
    parser.add_argument("--label", default="label", metavar="COL", help="a class or a number (default: %(default)s)")
    parser.add_argument("--time", default="", metavar="COL", help="when the label became known (default: now)")
    parser.add_argument("--model", default="", help="name of the model")
    add_data_argument(parser)


def run(args: argparse.Namespace) -> int:
    """Load the file and say how many labels it held."""
    try:
        with writing(args) as store:
            count = load_labels(store, args.file, id_column=args.id, label=args.label, time=args.time, model=args.model)
    except LabelsError as error:
        raise CommandError(str(error)) from error
    print(f"{count} labels loaded from {args.file}")
    return 0
