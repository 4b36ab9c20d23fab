"""`modelspan why MODEL|INCIDENT|SERVICE`: what sets the predictions of a finding apart, and what a service moved."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from modelspan_analyzer.config.settings import MonitorsConfig
from modelspan_analyzer.incidents.asked import finding_of, window_of
from modelspan_analyzer.monitors_yaml import ConfigError, load
from modelspan_analyzer.reading.names import need_model, need_service
from modelspan_analyzer.results import Window
from modelspan_analyzer.verdicts.p_value import p_words
from modelspan_analyzer.why import KINDS, Explanation, explain
from modelspan_analyzer.why.breakdown import breakdown
from modelspan_analyzer.why.moved import moved, since_release
from modelspan_analyzer.why.sentence import subject
from modelspan_cli.errors import CommandError
from modelspan_cli.reach import add_data_argument, get_json, reading, running
from modelspan_cli.shown import as_shown
from modelspan_collector.store.connect import DEFAULT_DATABASE, Store


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("about", metavar="MODEL|INCIDENT|SERVICE", help="what to explain")
    asked = parser.add_mutually_exclusive_group()
    asked.add_argument(
        "--service",
        action="store_true",
        help="ABOUT is a service: which models moved since --since (default: its newest release of the last day)",
    )
    asked.add_argument("--breakdown", action="store_true", help="ABOUT is a model: its time by span, load, and cost")
    parser.add_argument("--config", type=Path, metavar="FILE", help="monitors.yaml with the prices for --breakdown")
    parser.add_argument("--since", default="", help="start: 2026-01-31T14:00:00 (UTC), or 2h (default: the last day)")
    parser.add_argument("--until", default="", help="end (default: now)")
    parser.add_argument("--kind", default="", choices=["", *KINDS], help="ask this, whatever the monitors say")
    parser.add_argument("--feature", default="", help="only this feature")
    parser.add_argument("--segment", default="", help="only these predictions, as tag.country=DE")
    parser.add_argument("--json", action="store_true", help="print all causes as a JSON array")
    add_data_argument(parser)


def run(args: argparse.Namespace) -> int:
    """Explain every finding; exit status 1 where nothing was found to explain any of them."""
    if args.service or args.breakdown:
        return _moved(args) if args.service else _breakdown(args)
    asked = {name: getattr(args, name) for name in ("since", "until", "kind", "feature", "segment")}
    with reading(args) as store:
        try:
            answers = [explain(store, finding) for finding in finding_of(store, args.about, **asked)]
        except ValueError as error:
            raise CommandError(str(error)) from error
        answers = _shown(args, store, answers, asked)
    if args.json:
        print(json.dumps([answer.as_json() for answer in answers], indent=2))
    else:
        _print(answers)
    return 0 if any(answer.causes for answer in answers) else 1


def _shown(
    args: argparse.Namespace, store: Store, answers: list[Explanation], asked: Mapping[str, str]
) -> list[Explanation]:
    """Those of what may be shown; how many are not is said."""
    shown = [one for one in as_shown(args, store, answers, asked) if one.finding is not None]
    if hidden := len(answers) - len(shown):
        print(f"{hidden} of the findings are of what is redacted", file=sys.stderr)
    return shown


def _moved(args: argparse.Namespace) -> int:
    asked = _window(args)
    with reading(args) as store:
        _need(need_service, store, args.about)
        window = asked if args.since else since_release(store, args.about, asked) or asked
        found = as_shown(args, store, moved(store, args.about, window))
    if args.json:
        print(json.dumps([asdict(one) for one in found], indent=2))
        return 0 if found else 1
    for one in found:
        print(f"{one.model}: {one.measure} went from {one.before:.1%} to {one.after:.1%} ({p_words(one.p_value)})")
    if not found:
        print(
            f"no model behind {args.about} moved at {window.start:%Y-%m-%d %H:%M} UTC; "
            "give --since, the moment when the service changed",
            file=sys.stderr,
        )
    return 0 if found else 1


def _breakdown(args: argparse.Namespace) -> int:
    found = _broken_down(args)
    if args.json:
        print(json.dumps(found, indent=2))
        return 0 if found["stages"] else 1
    for part in found["stages"]:
        times = f"own {part['mean_self'] * 1e3:9.2f} ms, p50 {part['p50'] * 1e3:9.2f}, p99 {part['p99'] * 1e3:9.2f}"
        spread = f"{part['calls']:.2f} calls, {part['error_rate']:.1%} errors"
        print(f"{times}, {spread}  {part['service']} {part['span_name']}")
    for one in found["saturation"]:
        with_latency, with_errors = (_correlation(one[name]) for name in ("with_latency", "with_errors"))
        print(f"{one['metric']}: correlation {with_latency} with latency, {with_errors} with errors")
    if (paid := found["cost"]) is None:
        print("what they cost is not known: write prices into the section `costs` of monitors.yaml (or give --config)")
    elif paid["predictions"] and paid["per_thousand"] is None:
        print("what they cost is not known: none of them tells what `costs: {prediction: ...}` asks for")
    elif paid["predictions"]:
        print(f"a thousand predictions cost {paid['per_thousand']:.4g} {paid['currency']}{_told(paid)}")
    if not found["stages"]:
        print("no span of these predictions is in the store: there was nothing to break down", file=sys.stderr)
    return 0 if found["stages"] else 1


def _told(paid: Mapping[str, Any]) -> str:
    """Of how many predictions the rest is taken to cost the mean."""
    if not paid.get("told") or paid["told"] == paid["predictions"]:
        return ""
    return f" (what they cost by themselves is told by {paid['told']:,} of {paid['predictions']:,})"


def _broken_down(args: argparse.Namespace) -> dict[str, Any]:
    """By the running instance, which knows its prices, where there is one; else here."""
    instance, window = running(args), _window(args)
    if instance is not None and not args.config and not args.store and args.database == DEFAULT_DATABASE:
        bounds = {"since": window.start.isoformat(), "until": window.end.isoformat()}
        answer: dict[str, Any] = get_json(instance, "/api/breakdown", {"model": args.about, **bounds})
        return answer
    try:
        prices = (load(args.config) if args.config else MonitorsConfig()).for_model(args.about, None).costs
    except ConfigError as error:
        raise CommandError(str(error)) from error
    with reading(args) as store:
        _need(need_model, store, args.about)
        told: dict[str, Any] = as_shown(args, store, breakdown(store, args.about, window, prices).as_json())
        return told


def _need(check: Callable[[Store, str], None], store: Store, name: str) -> None:
    try:
        check(store, name)
    except ValueError as error:
        raise CommandError(str(error)) from error


def _correlation(value: float | None) -> str:
    return "unknown" if value is None else f"{value:+.2f}"


def _window(args: argparse.Namespace) -> Window:
    try:
        return window_of(args.since, args.until)
    except ValueError as error:
        raise CommandError(str(error)) from error


def _print(answers: Sequence[Explanation]) -> None:
    """Every cause once, the likeliest answer first, then what nothing explains."""
    by_cause: dict[str, list[Explanation]] = {}
    for answer in sorted(answers, key=lambda one: -one.causes[0].score if one.causes else 0.0):
        by_cause.setdefault(answer.causes[0].phrase if answer.causes else answer.sentence, []).append(answer)
    for first, *others in by_cause.values():
        print(f"{first.about}: {first.sentence}")
        if others:
            print(f"  the same goes for: {'; '.join(f'{subject(other.finding)} of {other.about}' for other in others)}")
        for cause in first.causes[:1]:
            if cause.also:
                print(f"  comes with: {'; '.join(cause.also)}")
        for cause in first.causes[1:]:
            print(f"  or: {cause.sentence}")
