"""`modelspan why MODEL|INCIDENT`: what sets the predictions of a finding apart, from their traces."""

from __future__ import annotations

import argparse
import json

from modelspan_analyzer.why import KINDS, Explanation, explain
from modelspan_analyzer.why.asked import finding_of
from modelspan_cli.errors import CommandError
from modelspan_cli.reach import add_data_argument, reading


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("about", metavar="MODEL|INCIDENT", help="what to explain")
    parser.add_argument("--since", default="", help="start: 2026-01-31T14:00:00 (UTC), or 2h (default: the last day)")
    parser.add_argument("--until", default="", help="end (default: now)")
    parser.add_argument("--kind", default="", choices=["", *KINDS], help="ask this, whatever the monitors say")
    parser.add_argument("--feature", default="", help="only this feature")
    parser.add_argument("--segment", default="", help="only these predictions, as tag.country=DE")
    parser.add_argument("--json", action="store_true", help="print all causes as a JSON array")
    add_data_argument(parser)


def run(args: argparse.Namespace) -> int:
    """Explain every finding; exit status 1 where nothing was found to explain any of them."""
    asked = {name: getattr(args, name) for name in ("since", "until", "kind", "feature", "segment")}
    with reading(args) as store:
        try:
            answers = [explain(store, finding) for finding in finding_of(store, args.about, **asked)]
        except ValueError as error:
            raise CommandError(str(error)) from error
    if args.json:
        print(json.dumps([answer.as_json() for answer in answers], indent=2))
    else:
        for answer in answers:
            _print(answer)
    return 0 if any(answer.causes for answer in answers) else 1


def _print(answer: Explanation) -> None:
    print(answer.sentence)
    for cause in answer.causes[:1]:
        if cause.also:
            print(f"  comes with: {'; '.join(cause.also)}")
    for cause in answer.causes[1:]:
        print(f"  or: {cause.sentence}")
