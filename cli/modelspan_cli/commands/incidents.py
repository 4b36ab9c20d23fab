"""`modelspan incidents`: what is wrong, the timeline of one incident, and what people do about it."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from modelspan_analyzer import instants
from modelspan_analyzer.incidents import Incident, describe, load, timeline
from modelspan_analyzer.incidents.as_json import event_as_json, incident_as_json
from modelspan_analyzer.incidents.incident import OPEN, RESOLVED
from modelspan_analyzer.incidents.steps import STEPS, take
from modelspan_analyzer.people import user
from modelspan_analyzer.reading.names import brief
from modelspan_cli.console import console, plain_table
from modelspan_cli.errors import CommandError
from modelspan_cli.known import KnownModel
from modelspan_cli.reach import act, add_data_argument, reading, writing
from modelspan_cli.shown import as_shown

_LOOKED = """
SELECT count() AS results, countIf(verdict = 'alarm') AS alarms FROM monitor_results FINAL
WHERE {model:String} = '' OR model = {model:String}
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("incident", nargs="?", default="", metavar="ID", help="show this one with its timeline")
    parser.add_argument("step", nargs="?", default="", choices=["", *STEPS], help="do this about it")
    parser.add_argument("text", nargs="?", default="", help="whom it is assigned to, what was done, what it came to")
    parser.add_argument("--actor", default="", help="who does it (default: you)")
    parser.add_argument("--model", type=KnownModel, default="", help="only this model's")
    parser.add_argument("--status", default="", choices=["", OPEN, RESOLVED], help="only these")
    parser.add_argument("--json", action="store_true", help="print JSON")
    add_data_argument(parser)


def run(args: argparse.Namespace) -> int:
    """List incidents, show one, or do something about it."""
    if args.step:
        return _take(args)
    with reading(args) as store:
        found = load(store, model=args.model, status=args.status, incident_id=args.incident)
        if args.incident and not found:
            raise CommandError(
                f"there is no incident {brief(args.incident)!r}", hint="`modelspan incidents` lists them"
            )
        events = timeline(store, args.incident) if args.incident else []
        found, events = as_shown(args, store, (found, events))
        (looked,) = store.rows(_LOOKED, {"model": args.model})
    if args.json:
        listed = [incident_as_json(one) for one in found]
        shown = listed[0] | {"timeline": [event_as_json(event) for event in events]} if args.incident else listed
        print(json.dumps(shown, indent=2))
    elif args.incident:
        _show(found[0])
        for event in events:
            print(f"  {event.at:%Y-%m-%d %H:%M:%S}  {event.text}")
    elif found:
        _list(found)
    else:
        asked = " ".join(part for part in (args.status, "incident", args.model and f"of {args.model!r}") if part)
        print(f"there is no {asked} in the database {args.database}{_beside(looked, args.status)}", file=sys.stderr)
    return 0


def _take(args: argparse.Namespace) -> int:
    """One step, through the instance that owns the store, if one runs."""
    given = {"step": args.step, "text": args.text, "actor": args.actor or user()}
    if not act(args, f"/api/incidents/{quote(args.incident, safe='')}/steps", given):
        with writing(args) as store:
            try:
                take(store, args.incident, args.step, actor=given["actor"], now=instants.now(), text=args.text)
            except ValueError as error:
                raise CommandError(str(error)) from error
    print(f"recorded: {given['actor']} {STEPS[args.step].told} {args.text}".rstrip())
    return 0


def _beside(looked: Mapping[str, Any], status: str) -> str:
    """What an empty list does not say: that nothing was looked at, or that something alarmed all the same."""
    if not looked["results"]:
        return ", and no window was looked at yet: nothing is known"
    if looked["alarms"] and not status:
        return f", but {looked['alarms']:,} results are alarms (`modelspan status`): a replay opens no incident"
    return ""


def _show(incident: Incident) -> None:
    print(f"{incident.incident_id} {incident.status} {incident.severity.value}: {incident.title}")
    told = describe.facts(incident) | {"owner": incident.owner, "runbook": incident.runbook}
    for name, text in told.items():
        if text and name != "summary":  # which is in the first line
            print(f"  {name}: {text}")


def _list(incidents: list[Incident]) -> None:
    table = plain_table("id", "status", "severity", "opened", "what", "why", "who")
    for one in incidents:
        opened = f"{one.opened_at:%Y-%m-%d %H:%M}"
        who = describe.work(one) or one.owner
        table.add_row(one.incident_id, one.status, one.severity.value, opened, one.title, one.why, who)
    console().print(table)
