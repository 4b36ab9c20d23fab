"""`modelspan replay`: what the monitors would have said of a past that was never instrumented."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from modelspan_analyzer.checking import JUDGED, not_checked
from modelspan_analyzer.files.roles import Hints, Roles
from modelspan_analyzer.files.rows import FileError, Remarks
from modelspan_analyzer.instance import Instance, InstanceConfig
from modelspan_analyzer.reading.cards import told_task
from modelspan_analyzer.replay.history import split
from modelspan_analyzer.replay.run import Outcome, outcomes, prepare
from modelspan_analyzer.replay.send import SendError
from modelspan_analyzer.replay.windows import parse
from modelspan_analyzer.results import Result, Verdict
from modelspan_cli.capture_options import add_format, rows_of
from modelspan_cli.console import console
from modelspan_cli.errors import CommandError
from modelspan_cli.file_options import add_hints, hints, names, place, say
from modelspan_cli.reach import DEFAULT_DATA, reading
from modelspan_collector.config import CollectorConfig
from modelspan_collector.running import COLLECTOR_FOLDER, find_running
from modelspan_collector.store.connect import DEFAULT_DATABASE
from modelspan_collector.store.errors import StoreError

SHOWN_ALARMS = 4
_COLOURS = {"alarm": "red", "ok": "green"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("file", type=place, metavar="FILE", help="history of predictions: CSV, JSON lines, Parquet …")
    parser.add_argument("--model", required=True)
    parser.add_argument("--version", required=True)
    parser.add_argument("--prediction", metavar="COL", help="what the model returned: class or number")
    parser.add_argument("--score", metavar="COL", help="score or probability behind the prediction")
    parser.add_argument("--label", metavar="COL", help="what was true in the end")
    parser.add_argument("--time", metavar="COL", help="when it was predicted (without: the order of the rows)")
    parser.add_argument("--id", metavar="COL", help="ids of the predictions (without: made from the row's number)")
    parser.add_argument(
        "--features", type=names, default=(), metavar="a,b,...", help="default: all other columns that describe a row"
    )
    add_hints(parser)
    add_format(parser)
    parser.add_argument(
        "--segments", type=names, default=(), metavar="a,b,...", help="columns to slice by, kept as tags"
    )
    parser.add_argument(
        "--baseline",
        default="0.2",
        metavar="FRACTION|COL=VALUE|FILE",
        help="rows to compare with: the first part in time, those of a condition, or a file (default: %(default)s)",
    )
    parser.add_argument(
        "--window", metavar="30d|1000", help="length of a window in time or rows (default: by the data)"
    )
    parser.add_argument("--monitors", type=Path, metavar="FILE", help="monitors.yaml (default: built-in monitors)")
    parser.add_argument("--data", type=Path, default=DEFAULT_DATA, help="folder to store in (default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(args: argparse.Namespace) -> int:
    """Replay and print the verdicts; exit status 0 whatever they are."""
    if (owner := find_running(args.data)) is not None:
        raise CommandError(
            f"an instance (process {owner.pid}) runs on {str(args.data)!r}",
            hint="replay into another folder with --data",
        )
    roles = Roles(
        args.prediction, args.score, args.label, args.id, args.time, args.segments, args.features, tuple(args.feature)
    )
    try:
        rows, roles = rows_of(args, args.file, roles)
        if roles.prediction is None:
            raise CommandError("say with --prediction which column holds what the model returned")
        history = split(rows, roles, args.baseline, _hints(args), args.encoding)
        step = parse(args.window) if args.window else None
        collector = CollectorConfig(args.data / COLLECTOR_FOLDER, grpc_port=0, http_port=0)
        instance = Instance(
            InstanceConfig(
                args.data, collector=collector, sql_port=0, web_port=0, monitors=args.monitors, analyze=False
            )
        )
    except (FileError, StoreError, OSError) as error:
        raise CommandError(str(error)) from error
    instance.runner.config = instance.runner.config.with_segments(f"tag.{name}" for name in args.segments)
    instance.start()
    try:
        with _progress() as bar:
            tell = _Teller(bar)
            cuts = prepare(instance, args.model, args.version, history, step, tell)
            found = list(outcomes(instance, args.model, args.version, cuts, tell))
    except (ValueError, SendError) as error:
        raise CommandError(str(error)) from error
    finally:
        instance.stop()
    (_print_json if args.json else _print_table)(args, history.remarks, found)
    return 0


def _hints(args: argparse.Namespace) -> Hints:
    """What the user said, and where nothing was said of the task, what the model's card says."""
    given = hints(args)
    if given.task or not (args.data / "store").is_dir():
        return given
    with reading(argparse.Namespace(data=args.data, store="", database=DEFAULT_DATABASE)) as store:
        return replace(given, task=told_task(store, args.model))


def _progress() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=console(stderr=True), transient=True)


class _Teller:
    """Turns progress calls into one bar a step."""

    def __init__(self, bar: Progress) -> None:
        self._bar = bar
        self._tasks: dict[str, Any] = {}

    def __call__(self, step: str, done: int, total: int) -> None:
        if step not in self._tasks:
            self._tasks[step] = self._bar.add_task(step, total=total)
        self._bar.update(self._tasks[step], completed=done)


def _alarms(outcome: Outcome) -> list[Result]:
    return [result for result in outcome.results if result.verdict is Verdict.ALARM]


def _unchecked(outcome: Outcome) -> str:
    """Why nothing is known of a window, by the rule of `modelspan check`; '' where something is."""
    judged = {result.signal for result in outcome.results if result.verdict.value in JUDGED and result.n}
    return not_checked(outcome.rows, judged, {result.signal for result in outcome.results})


def _verdict(outcome: Outcome) -> str:
    return "alarm" if _alarms(outcome) else "not checked" if _unchecked(outcome) else "ok"


def _name(result: Result) -> str:
    subject = f" {result.feature}" if result.feature else ""
    return f"{result.signal}{subject}"


def _print_table(args: argparse.Namespace, remarks: Remarks, found: list[Outcome]) -> None:
    say(remarks)
    terminal = console()
    table = Table(
        "window", "rows", "verdict", "alarms", title=f"{args.model} {args.version}", title_justify="left", box=None
    )
    for outcome in found:
        alarms = list(dict.fromkeys(map(_name, _alarms(outcome))))
        more = f" and {len(alarms) - SHOWN_ALARMS} more" if len(alarms) > SHOWN_ALARMS else ""
        verdict = _verdict(outcome)
        shown = Text(verdict, style=_COLOURS.get(verdict, "yellow"))
        start, alarmed = f"{outcome.window.start:%Y-%m-%d %H:%M}", ", ".join(alarms[:SHOWN_ALARMS]) + more
        rows = f"{outcome.rows:,}{' (partial)' if outcome.partial else ''}"
        table.add_row(start, rows, shown, alarmed)
    terminal.print(table)
    terminal.print(_summary(found))
    print(f"query it: modelspan sql --data {args.data} 'SELECT count() FROM predictions'", file=sys.stderr)


def _summary(found: list[Outcome]) -> str:
    first: dict[str, Outcome] = {}
    for outcome in found:
        for result in _alarms(outcome):
            first.setdefault(result.signal, outcome)
    unchecked = [why for outcome in found if (why := _unchecked(outcome))]
    told = f", {len(unchecked)} of them not checked: {unchecked[0]}" if unchecked else ""
    failed = {f"{_name(each)} failed: {each.reason}": None for one in found for each in one.results if _failed(each)}
    if not first:
        return "\n".join([f"no alarm in {len(found)} windows{told}", *failed])
    return "\n".join(
        [
            *(
                f"{signal}: first alarm in the window from {outcome.window.start:%Y-%m-%d %H:%M}, "
                f"alarms in {_alarming(found, signal)} of {len(found)} windows"
                for signal, outcome in first.items()
            ),
            *failed,
        ]
    )


def _failed(result: Result) -> bool:
    return result.verdict is Verdict.ERROR


def _alarming(found: list[Outcome], signal: str) -> int:
    return sum(any(result.signal == signal for result in _alarms(outcome)) for outcome in found)


def _print_json(args: argparse.Namespace, remarks: Remarks, found: list[Outcome]) -> None:
    report = {
        "model": args.model,
        "version": args.version,
        "assumed": remarks.assumed,
        "left_out": remarks.left_out,
        "windows": [
            {
                "start": outcome.window.start.isoformat(),
                "end": outcome.window.end.isoformat(),
                "rows": outcome.rows,
                "partial": outcome.partial,
                "verdict": _verdict(outcome),
                "results": [_as_json(result) for result in outcome.results],
            }
            for outcome in found
        ],
    }
    json.dump(report, sys.stdout, default=str)
    print()


def _as_json(result: Result) -> dict[str, Any]:
    fields = ("signal", "metric", "feature", "segment", "value", "threshold", "p_value", "n", "reason")
    return {**{name: getattr(result, name) for name in fields}, "verdict": result.verdict.value}
