"""`modelspan monitors check|show|schema`: is monitors.yaml right, what does it come to, and what may it hold."""

from __future__ import annotations

import argparse
from pathlib import Path

import yaml

from modelspan_analyzer.config.json_schema import json_schema
from modelspan_analyzer.config.load import ConfigError, load
from modelspan_analyzer.config.settings import MonitorsConfig
from modelspan_analyzer.monitors.table import MONITORS
from modelspan_cli.errors import CommandError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verbs."""
    verbs = parser.add_subparsers(dest="verb", required=True)
    checking = verbs.add_parser("check", help="say what is wrong in a monitors file, line by line")
    checking.add_argument("file", type=Path)
    showing = verbs.add_parser("show", help="print the settings that a model's monitors run with")
    showing.add_argument("file", type=Path, nargs="?", help="default: the built-in settings")
    showing.add_argument("--model", default="", help="with this model's own settings")
    showing.add_argument("--version", default="")
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
        names = ", ".join(entry.model for entry in config.models)
        print(f"{args.file} is right" + (f": defaults, and settings of {names}" if names else ""))
        return 0
    settings = config.for_model(args.model, args.version)
    print("# monitors, in the order in which they run: " + ", ".join(monitor.name for monitor in MONITORS))
    print(yaml.safe_dump(settings.model_dump(mode="json"), sort_keys=False), end="")
    return 0
