"""`modelspan monitors check|show|schema`: is monitors.yaml right, what does it come to, and what may it hold."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import yaml

from modelspan_analyzer.config.expression import sentence, understood
from modelspan_analyzer.config.settings import ModelEntry, ModelSettings, MonitorsConfig
from modelspan_analyzer.instants import now
from modelspan_analyzer.monitors.table import MONITORS, SIGNALS
from modelspan_analyzer.monitors_yaml import ConfigError, json_schema, load
from modelspan_analyzer.reading.names import named
from modelspan_analyzer.reading.own_metrics import selected
from modelspan_analyzer.views.digest import OWNER, PROJECT
from modelspan_analyzer.views.fleet import members
from modelspan_cli.errors import CommandError
from modelspan_cli.reach import add_data_argument, reading
from modelspan_collector.sqlhttp.errors import ClickHouseError
from modelspan_collector.sqlhttp.reader import SqlReader
from modelspan_collector.store import schema
from modelspan_collector.store.connect import Store, connect
from modelspan_collector.store.errors import StoreError

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verbs."""
    verbs = parser.add_subparsers(dest="verb", required=True)
    checking = verbs.add_parser("check", help="say what is wrong in a monitors file, line by line")
    checking.add_argument("file", type=Path)
    add_data_argument(checking)
    showing = verbs.add_parser("show", help="print the settings that a model's monitors run with")
    showing.add_argument("file", type=Path, nargs="?", help="default: the built-in settings")
    showing.add_argument("--model", default="", help="with this model's own settings")
    showing.add_argument("--version", help="default: the settings of all versions")
    verbs.add_parser("schema", help="print the JSON Schema of monitors.yaml, for editors")


def run(args: argparse.Namespace) -> int:
    """Check, show, or print the schema."""
    if args.verb == "schema":
        print(json_schema(), end="")
        return 0
    try:
        config = load(args.file) if args.file else MonitorsConfig()
    except ConfigError as error:
        raise CommandError(str(error)) from error
    if args.verb == "check":
        _ask_engine(config)
        _ask_typesetter(config)
        _ask_teams(args, config)
        print(f"{args.file} is right{_holds(config)}")
        _say_slices(config)
        return 0
    settings = config.for_model(args.model, args.version)
    print("# monitors, in the order in which they run:")
    for monitor in MONITORS:
        needs = " and ".join(need.value for need in monitor.signal.needs) or "nothing"
        print(f"#   {monitor.name}: needs {needs}, reads {monitor.signal.cost.value}")
    print(yaml.safe_dump(settings.model_dump(mode="json"), sort_keys=False), end="")
    return 0


def _say_slices(config: MonitorsConfig) -> None:
    """Say which monitors look at the slices that a file names, and which at all rows alone."""
    if any(entry.slicing for entry in _entries(config)):
        taking = ", ".join(name for name, signal in SIGNALS.items() if not signal.whole_only)
        print(f"slices are looked at by {taking}; at all rows alone look:")
        print(*(f"  {name}: {one.whole_only}" for name, one in SIGNALS.items() if one.whole_only), sep="\n")


def _holds(config: MonitorsConfig) -> str:
    """What a file sets; one that sets nothing may be the wrong file."""
    if config == type(config)():
        return ", and sets nothing: the built-in monitors run as they are for every model"
    names = ", ".join(entry.model for entry in config.models)
    reports = ", ".join(report.name for report in config.reports)
    said = f": defaults, and settings of {names}" if names else ""
    return f"{said}{'; reports ' if said else ': reports '}{reports}" if reports else said


def _ask_typesetter(config: MonitorsConfig) -> None:
    """Say where PDFs are asked for and could not be made here; the analyzer may run elsewhere."""
    named = [report.name for report in config.reports if "pdf" in report.formats]
    if named and find_spec("typst") is None:
        print(
            f"reports {', '.join(named)}: a PDF needs the package 'typst', which is not installed here; where the "
            "analyzer runs: pip install 'modelspan[pdf]'",
            file=sys.stderr,
        )


def _ask_teams(args: argparse.Namespace, config: MonitorsConfig) -> None:
    """Say which digests are of nobody that the store knows, and whose models are in none; nothing stands against it."""
    digests = [report for report in config.reports if report.digest]
    if not any(report.teams for report in digests):
        return
    try:
        with reading(args) as store:
            everyone, _ = members(store, config, now())
    except CommandError as error:
        names = ", ".join(report.name for report in digests)
        print(f"reports {names}: whether any model is of these teams was not looked at: {error}", file=sys.stderr)
        return
    there = {OWNER: {one.owner for one in everyone}, PROJECT: {one.project for one in everyone}}
    for report in digests:
        by = report.digest or OWNER
        for team in report.teams:
            if team not in there[by]:
                known = named(team, sorted(there[by] - {""}), by)
                whom = f"of {by} {team!r}" if team else f"without {by}"
                print(f"report {report.name}: no model is {whom} in this store; there is {known}", file=sys.stderr)
    for by in (OWNER, PROJECT):
        own = [report for report in digests if report.digest == by]
        if own and "" in there[by] and all(report.teams and "" not in report.teams for report in own):
            lost = sorted({one.model for one in everyone if not getattr(one, by)})
            shown = ", ".join(lost[:10]) + (f" and {len(lost) - 10} more" if len(lost) > 10 else "")
            print(f"models without {by} are in no digest: {shown}; add '' to the `{by}s` of one", file=sys.stderr)


def _ask_engine(config: MonitorsConfig) -> None:
    """Whether ClickHouse understands every expression and SELECT, asked of an engine of its own with empty tables.

    Raises:
        CommandError: it does not.
    """
    written = [(entry.model if isinstance(entry, ModelEntry) else "defaults", entry) for entry in _entries(config)]
    if not any(_asked(entry) for _, entry in written):
        return
    with tempfile.TemporaryDirectory() as folder:
        try:
            store = connect(f"chdb://{folder}")
            schema.apply(store)
        except StoreError as error:
            print(f"expressions were only parsed, as no engine could be asked: {error}", file=sys.stderr)
            return
        with closing(store):
            wrong = [f"{name}: {why}" for name, entry in written for why in _not_understood(store, entry)]
    if wrong:
        raise CommandError("\n".join(wrong))


def _entries(config: MonitorsConfig) -> tuple[ModelSettings, ...]:
    return (config.defaults, *config.models)


def _asked(entry: ModelSettings) -> bool:
    """Whether anything of it is for the engine to understand."""
    return bool(entry.performance.value_expression or entry.costs.prediction or entry.metrics or entry.slices)


def _not_understood(store: Store, entry: ModelSettings) -> Iterator[str]:
    """What the engine cannot compute, and how to say it."""
    if (text := entry.performance.value_expression) and (why := understood(store, text)):
        yield f"performance.value_expression: {why}"
    if (text := entry.costs.prediction) and (why := understood(store, text, "cost")):
        yield f"costs.prediction: {why}"
    for name, text in entry.slices.items():
        if why := understood(store, text, "slice"):
            yield f"slices.{name}: {why}"
    reader = SqlReader(store)
    for metric in entry.metrics:
        if metric.expression and (why := understood(store, metric.expression, "metric")):
            yield f"metrics.{metric.name}: {why}"
        elif metric.select:
            try:
                selected(reader, metric.select, {"model": "", "version": "", "start": _EPOCH, "end": _EPOCH})
            except (ValueError, ClickHouseError) as error:
                told = sentence(error.message) if isinstance(error, ClickHouseError) else str(error)
                yield f"metrics.{metric.name}: the select cannot be used: {told}"
