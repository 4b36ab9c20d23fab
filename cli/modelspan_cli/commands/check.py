"""`modelspan check`: the newest verdicts of a model as an exit status, for a pipeline gate."""

from __future__ import annotations

import argparse
import json
import sys
from datetime import UTC, datetime, timedelta

from modelspan_analyzer.checking import Answer, as_json, ask
from modelspan_analyzer.config.durations import parse_duration
from modelspan_analyzer.governance.lifecycle import Lifecycle, every_version
from modelspan_analyzer.readiness import readiness
from modelspan_analyzer.reading.sharing import sentence, shared_models
from modelspan_analyzer.views.stages import as_json as stages_as_json
from modelspan_cli.errors import CommandError
from modelspan_cli.known import KnownModel, KnownVersion, known_signal
from modelspan_cli.reach import add_data_argument, reading
from modelspan_cli.shown import as_shown
from modelspan_collector.store.connect import Store


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.epilog = (
        "exit status: 0 nothing stands against it; 3 alarms or open incidents; "
        "4 not checked: no rows, nothing to compare with, or too long ago"
    )
    parser.add_argument("--model", type=KnownModel, required=True)
    parser.add_argument("--version", type=KnownVersion, help="default: every version")
    parser.add_argument(
        "--signal",
        type=known_signal,
        action="append",
        default=[],
        help="only this signal, such as data_drift (repeatable)",
    )
    parser.add_argument("--max-age", type=_duration, metavar="AGE", help="oldest window that counts, such as 2h")
    parser.add_argument("--warnings", action="store_true", help="warnings stand against it too")
    parser.add_argument(
        "--ready",
        action="store_true",
        help="instead of verdicts: whether owner, card, stage, approval, baseline, labels, fairness and explanations "
        "are there, of the version that predicted last where none is named",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    add_data_argument(parser)


def run(args: argparse.Namespace) -> int:
    """Print the answer and return it as status."""
    if args.ready:
        return _ready(args)
    with reading(args) as store:
        answer = ask(
            store,
            args.model,
            args.version,
            now=datetime.now(UTC),
            signals=args.signal,
            max_age=args.max_age,
            warnings=args.warnings,
        )
        found, answer = len(answer.findings), as_shown(args, store, answer)
        told = as_shown(args, store, _told(store, args.model, args.version))
        tenants = shared_models(store, datetime.now(UTC) - timedelta(days=1), args.model).get(args.model, ())
    if args.json:
        json.dump(
            as_json(answer) | {"tenants_together": tenants, "stages": stages_as_json(told)}, sys.stdout, default=str
        )
        print()
        return int(answer.status)
    _print(answer)
    for one in told:
        print(f"  stage of {one.version or 'no version'}: {'; but '.join((one.words, *one.contradictions))}")
    if hidden := found - len(answer.findings):
        print(f"  {hidden} of the results are of what is redacted")
    if tenants:
        print(f"  {sentence(args.model, tenants)}")
    return int(answer.status)


def _told(store: Store, model: str, version: str | None) -> list[Lifecycle]:
    """Stages and approvals of the versions that are asked about; of a model of which none is told, that."""
    return [one for one in every_version(store, datetime.now(UTC), model) if version in (None, one.version)]


def _ready(args: argparse.Namespace) -> int:
    """Print what there is and what is missing, one line a need."""
    if args.signal or args.warnings or args.max_age:
        raise CommandError("--ready looks at no verdict: leave --signal, --warnings and --max-age away")
    with reading(args) as store:
        found = readiness(store, args.model, args.version, datetime.now(UTC))
    if args.json:
        json.dump(found.as_json(), sys.stdout)
        print()
        return int(found.status)
    print(found.reason)
    for line in found.lines:
        print(f"  {line.state.value}: {line.need}: {line.said}")
    return int(found.status)


def _print(answer: Answer) -> None:
    print(answer.reason)
    version = ("version",) if len({finding["version"] for finding in answer.findings}) > 1 else ()
    for finding in answer.findings:
        parts = ("signal", "metric", "feature", "segment")
        about = " ".join(str(finding[part]) for part in (*version, *parts) if finding[part])
        also = f" (and {', '.join(finding['also'])})" if finding["also"] else ""
        print(f"  {finding['verdict']}: {about}{also}: {finding['reason']}")
    for incident in answer.incidents:
        print(f"  open {incident['severity']} incident {incident['incident_id']}: {incident['title']}")
    for one in answer.unchecked:
        print(f"  not checked: {one['signal']}: {one['reason']}")


def _duration(text: str) -> timedelta:
    try:
        return parse_duration(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
