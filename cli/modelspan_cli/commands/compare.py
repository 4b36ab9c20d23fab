"""`modelspan compare`: champion against challenger."""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
from datetime import UTC, datetime, timedelta
from pathlib import Path

from rich.table import Table

from modelspan_analyzer.comparison.compare import Comparison, compare
from modelspan_analyzer.comparison.reasons import ReasonsCompared
from modelspan_analyzer.config.outcome_settings import PerformanceSettings
from modelspan_analyzer.config.settings import MonitorsConfig
from modelspan_analyzer.monitors_yaml import ConfigError, load
from modelspan_analyzer.results import Window
from modelspan_analyzer.statistics.performance.counts import Estimate
from modelspan_analyzer.verdicts.p_value import p_text
from modelspan_cli.console import console
from modelspan_cli.errors import CommandError
from modelspan_cli.known import KnownModel, KnownVersion, moment
from modelspan_cli.reach import add_data_argument, reading
from modelspan_cli.shown import as_shown


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the two versions and the period."""
    parser.add_argument("model", type=KnownModel)
    parser.add_argument("champion", type=KnownVersion, help="version in use")
    parser.add_argument("challenger", type=KnownVersion, help="version that might replace it")
    parser.add_argument("--start", type=moment, help="start of the time looked at (default: 7 days before its end)")
    parser.add_argument(
        "--end", type=moment, help="end of it (default: now); what is compared is the part in which both answered"
    )
    parser.add_argument("--positive-class", default="", help="where it cannot be guessed")
    parser.add_argument("--config", type=Path, metavar="FILE", help="the monitors.yaml that says task and threshold")
    parser.add_argument("--top", type=int, default=10, help="reasons shown (default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    add_data_argument(parser)


def run(args: argparse.Namespace) -> int:
    """Print both versions' measures and the recommendation."""
    end = args.end or datetime.now(UTC)
    try:
        settings = _settings(args)
        window = Window(args.start or end - timedelta(days=7), end)
        with reading(args) as store:
            if args.champion == args.challenger:
                raise CommandError(f"{args.champion} is both: name two versions of {args.model} to compare")
            found = as_shown(args, store, compare(store, args.model, args.champion, args.challenger, window, settings))
    except (ConfigError, LookupError, ValueError) as error:
        raise CommandError(str(error).strip("'\"")) from error
    if args.json:
        print(json.dumps(dataclasses.asdict(found), default=str, indent=2))
        return 0
    table = Table(
        "measure", f"champion {args.champion}", f"challenger {args.challenger}", "p", box=None, pad_edge=False
    )
    for one in found.measures:
        table.add_row(one.metric, _text(one.champion), _text(one.challenger), _probability(one.p_value))
    console().print(table)
    console().print(f"{found.period}.")
    console().print(f"{found.matched}.")
    for line in (found.taken, found.left_out, *_of_common_classes(found)):
        if line:
            console().print(f"{line}.")
    console().print(found.recommendation)
    if found.reasons:
        _show_reasons(found.reasons, args)
    return 0


def _settings(args: argparse.Namespace) -> PerformanceSettings:
    """How the challenger's performance is measured; what is given here counts before the file.

    Raises:
        ConfigError: the file is not right.
    """
    config = load(args.config) if args.config else MonitorsConfig()
    found = config.for_model(args.model, args.challenger).performance
    return found.model_copy(update={"positive_class": args.positive_class}) if args.positive_class else found


def _of_common_classes(found: Comparison) -> list[str]:
    """Which measures are means over the classes of both versions alone."""
    without: dict[tuple[str, ...], list[str]] = {}
    for one in found.measures:
        without.setdefault(one.left_out, []).append(one.metric)
    return [
        f"{', '.join(names)}: compared over the classes that both have, without {', '.join(classes)}"
        for classes, names in without.items()
        if classes
    ]


def _show_reasons(reasons: ReasonsCompared, args: argparse.Namespace) -> None:
    terminal = console()
    table = Table(
        "reason", f"champion {args.champion}", f"challenger {args.challenger}", "moved", box=None, pad_edge=False
    )
    for one in reasons.features[: args.top]:
        champion = _share(one.champion_rank, one.champion_share, one.champion_direction)
        challenger = _share(one.challenger_rank, one.challenger_share, one.challenger_direction)
        table.add_row(one.feature, champion, challenger, f"{one.moved:+.1%}")
    terminal.print(table)
    shared = "" if reasons.shared_ndcg is None else f", {reasons.shared_ndcg:.3f} over the features of both"
    terminal.print(f"The champion's ranking holds with an NDCG of {reasons.ndcg:.3f}{shared}.")
    for what, names in (("Gained", reasons.gained), ("Lost", reasons.lost)):
        if names:
            terminal.print(f"{what}: {', '.join(names)}.")


def _share(rank: int | None, share: float | None, direction: str) -> str:
    return "not used" if rank is None else f"{rank}. {share:.1%}, {direction}"


def _text(estimate: Estimate) -> str:
    if math.isnan(estimate.value):
        return "undefined"
    if math.isnan(estimate.lower):
        return f"{estimate.value:.4g}"
    return f"{estimate.value:.4g} ({estimate.lower:.4g} to {estimate.upper:.4g})"


def _probability(p_value: float) -> str:
    return "" if math.isnan(p_value) else p_text(p_value)
