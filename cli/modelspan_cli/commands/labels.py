"""`modelspan labels`: load what was true, from a file, into a data folder or beside the instance that runs on it."""

from __future__ import annotations

import argparse

from clickhouse_connect.driver.exceptions import Error as DriverError

from modelspan.conventions import OUTCOME_LABEL
from modelspan_analyzer.captures.capture import Options
from modelspan_analyzer.captures.table import FORMATS
from modelspan_analyzer.captures.whole import read_labels
from modelspan_analyzer.files.labels import ID, LABEL, TIME, VALUE, LabelRows, label_rows
from modelspan_analyzer.files.outcomes import REGRESSION, TASKS
from modelspan_analyzer.files.read import read
from modelspan_analyzer.files.roles import Hints
from modelspan_analyzer.load_labels import load_labels, outcome_named
from modelspan_analyzer.people import user
from modelspan_cli.errors import CommandError
from modelspan_cli.file_options import add_time_unit, add_written, place, say, written
from modelspan_cli.reach import add_data_argument, post_table, running, writing
from modelspan_collector.running import Running
from modelspan_collector.store.connect import DEFAULT_DATABASE

_ROWS_A_POST = 1_000_000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the file and its columns."""
    parser.add_argument("file", type=place, help="CSV, JSON lines, Parquet …, or a folder of them")
    parser.add_argument("--id", default="prediction_id", metavar="COL", help="default: %(default)s")
    parser.add_argument("--label", default="label", metavar="COL", help="a class or a number (default: %(default)s)")
    parser.add_argument("--time", default="", metavar="COL", help="when the label became known (default: now)")
    parser.add_argument("--model", default="", help="name of the model")
    parser.add_argument(
        "--outcome",
        default=OUTCOME_LABEL,
        metavar="NAME",
        help="what they are of, such as revenue (default: %(default)s)",
    )
    parser.add_argument("--task", choices=TASKS, default="", help="what the model does (default: told by the labels)")
    add_time_unit(parser)
    add_written(parser)
    parser.add_argument("--format", choices=FORMATS, default="", help="of what others captured, with labels in it")
    add_data_argument(parser)


def run(args: argparse.Namespace) -> int:
    """Load the file and say how many labels it held."""
    owner = running(args)
    if owner and not args.store and args.database != DEFAULT_DATABASE:
        raise CommandError(
            f"labels for the database {args.database!r} cannot be loaded from a file while an instance runs",
            hint="send them over OTLP with the tenant's token, or stop the instance first",
        )
    try:
        if args.format:
            rows, args.time = read_labels(args.format, [args.file], Options()), args.time or TIME
        else:
            rows = read(args.file, (args.id, args.time), written(args))
        hints = Hints(args.task, args.time_unit, date_order=args.date_order)
        outcome = outcome_named(args.outcome)
        given = label_rows(rows, args.id, args.label, args.time, hints, named=bool(outcome))
        if owner and not args.store:
            count = _post(owner, args, given)
        else:
            with writing(args) as store:
                count = load_labels(store, given, model=args.model, source=args.file.name, outcome=outcome)
    except (ValueError, DriverError) as error:
        raise CommandError(str(error)) from error
    say(given.remarks)
    what = f"outcomes ({outcome})" if outcome else "labels"
    print(f"{count} {what} loaded from {args.file}")
    return 0


def _post(owner: Running, args: argparse.Namespace, given: LabelRows) -> int:
    """Load them through the instance that has the store open, in parts."""
    table, count = given.table, 0
    numbers = table[VALUE].null_count < table.num_rows
    asked = [("id", ID), ("label", VALUE if numbers else LABEL), ("time", TIME), ("model", args.model)]
    asked += [("task", REGRESSION if numbers else ""), ("source", args.file.name), ("actor", user())]
    asked += [("outcome", args.outcome)]
    for start in range(0, table.num_rows, _ROWS_A_POST):
        answer = post_table(owner, "/api/labels", asked, table.slice(start, _ROWS_A_POST))
        count += answer["labels"]
        for sentence in answer["assumed"]:
            given.remarks.assume(sentence)
        for sentence in answer["left_out"]:
            given.remarks.leave_out(sentence)
    return count
