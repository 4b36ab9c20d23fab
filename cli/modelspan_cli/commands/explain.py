"""`modelspan explain`: why one prediction was what it was."""

from __future__ import annotations

import argparse
import dataclasses
import json

from modelspan_analyzer.explain.local import LocalExplanation, explain
from modelspan_analyzer.explain.shapley import BACKGROUND
from modelspan_cli.console import console, plain_table
from modelspan_cli.errors import CommandError
from modelspan_cli.reach import add_data_argument, reading
from modelspan_cli.shown import as_shown


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the prediction and the way to explain it."""
    parser.add_argument("prediction_id", metavar="ID")
    parser.add_argument(
        "--model", default="", help="module:function, a model file or an MLflow model; default: stored attributions"
    )
    methods = ("auto", "tree", "linear", "permutation", "kernel", "surrogate")
    parser.add_argument("--method", choices=methods, default="auto", help="with --model: Shapley values or a surrogate")
    parser.add_argument(
        "--background",
        type=int,
        default=BACKGROUND,
        metavar="ROWS",
        help="with --model: predictions that Shapley values compare with (default: %(default)s)",
    )
    parser.add_argument("--top", type=int, default=10, help="reasons shown (default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    add_data_argument(parser)


def run(args: argparse.Namespace) -> int:
    """Print the reasons, the strongest first."""
    try:
        with reading(args) as store:
            told = explain(store, args.prediction_id, args.model, args.method, background=args.background)
            told = as_shown(args, store, told)
    except (LookupError, ValueError) as error:
        raise CommandError(str(error).strip("'\""), hint="" if args.model else "--model module:function") from error
    except ModuleNotFoundError as error:
        raise CommandError(str(error)) from error
    if args.json:
        print(json.dumps(dataclasses.asdict(told), default=str, indent=2))
        return 0
    _show(told, args.top)
    return 0


def _show(told: LocalExplanation, top: int) -> None:
    terminal = console()
    terminal.print(f"{told.model} {told.version} said {told.prediction} at {told.moment} ({told.method})")
    if told.fit is not None:
        terminal.print(f"the surrogate explains {told.fit:.0%} of the model's local behaviour")
    if told.background:
        terminal.print(
            f"compared with {told.background} of {told.of} other predictions, which answer {told.base_value:.4g}"
            f"{_error(told.base_error)} on average; ± is one standard error (more --background, less error)"
        )
    table = plain_table("feature", "value", "effect")
    for reason in told.reasons[:top]:
        table.add_row(reason.feature, reason.value, f"{reason.effect:+.4g}{_error(reason.error)}")
    terminal.print(table)


def _error(error: float | None) -> str:
    return "" if error is None else f" ± {error:.2g}"
