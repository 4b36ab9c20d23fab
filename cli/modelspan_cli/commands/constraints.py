"""`modelspan constraints suggest|statistics`: a baseline in the shapes of SageMaker Model Monitor's files."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path

from modelspan_analyzer.monitors.quality import constraints, statistics_json
from modelspan_analyzer.reading import baselines
from modelspan_analyzer.reading.profiles.profile import Column, Profile
from modelspan_analyzer.reading.profiles.read import baseline_profile
from modelspan_analyzer.views.veil import Veil
from modelspan_cli.errors import CommandError
from modelspan_cli.known import KnownModel, KnownVersion
from modelspan_cli.reach import add_data_argument, reading
from modelspan_cli.shown import veil_of


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verbs."""
    verbs = parser.add_subparsers(dest="verb", required=True)
    suggesting = verbs.add_parser("suggest", help="print a constraints.json that the baseline fulfils")
    describing = verbs.add_parser("statistics", help="print the baseline as a statistics.json")
    whose = suggesting.add_mutually_exclusive_group(required=True)
    whose.add_argument("--model", type=KnownModel)
    whose.add_argument("--statistics", type=Path, metavar="FILE", help="suggest from a statistics.json instead")
    describing.add_argument("--model", type=KnownModel, required=True)
    for verb in (suggesting, describing):
        verb.add_argument("--version", type=KnownVersion, help="default: what is set for every version")
        add_data_argument(verb)


def run(args: argparse.Namespace) -> int:
    """Print the file."""
    profile = _imported(args.statistics) if getattr(args, "statistics", None) else _baseline(args)
    if args.verb == "suggest":
        sys.stdout.write(constraints.to_json(constraints.suggest(profile)))
    else:
        sys.stdout.write(statistics_json.to_json(profile))
    return 0


def _imported(path: Path) -> Profile:
    try:
        return statistics_json.from_json(path.read_text(encoding="utf-8"))
    except (OSError, statistics_json.StatisticsError) as error:
        raise CommandError(f"cannot read {path}: {error}") from error


def _baseline(args: argparse.Namespace) -> Profile:
    with reading(args) as store:
        baseline = baselines.active(store, args.model, args.version)
        if baseline is None:
            raise CommandError(f"{args.model} has no baseline", hint="set one with `modelspan baseline set`")
        veil, profile = veil_of(args, store), baseline_profile(store, baseline)
    features = {name: _masked(column, veil) for name, column in profile.features.items() if not veil.hides(name)}
    if hidden := len(profile.features) - len(features):
        print(f"{hidden} of the features are redacted, and left out", file=sys.stderr)
    return replace(profile, features=features)


def _masked(column: Column, veil: Veil) -> Column:
    if column.texts is None:
        return column
    counts = {str(veil.value(column.name, word)): count for word, count in column.texts.counts.items()}
    return replace(column, texts=replace(column.texts, counts=counts))
