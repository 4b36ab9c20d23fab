"""`modelspan constraints suggest|statistics`: a baseline in the shapes of SageMaker Model Monitor's files."""

from __future__ import annotations

import argparse
import sys

from modelspan_analyzer import baselines
from modelspan_analyzer.distributions.read import baseline_profile
from modelspan_analyzer.quality import constraints, statistics_json
from modelspan_cli.errors import CommandError
from modelspan_cli.reach import add_data_argument, reading


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verbs."""
    verbs = parser.add_subparsers(dest="verb", required=True)
    suggesting = verbs.add_parser("suggest", help="print a constraints.json that the baseline fulfils")
    describing = verbs.add_parser("statistics", help="print the baseline as a statistics.json")
    for verb in (suggesting, describing):
        verb.add_argument("--model", required=True)
        verb.add_argument("--version", default="")
        add_data_argument(verb)


def run(args: argparse.Namespace) -> int:
    """Print the file."""
    with reading(args) as store:
        baseline = baselines.active(store, args.model, args.version)
        if baseline is None:
            raise CommandError(f"{args.model} has no baseline", hint="set one with `modelspan baseline set`")
        profile = baseline_profile(store, baseline, args.version)
    if args.verb == "suggest":
        sys.stdout.write(constraints.to_json(constraints.suggest(profile)))
    else:
        sys.stdout.write(statistics_json.to_json(profile))
    return 0
