"""`modelspan demo`: the whole thread on one machine, with a fault to find."""

from __future__ import annotations

import argparse
import signal
import tempfile
from pathlib import Path

from modelspan_cli.demo.story import tell


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--data", type=Path, help="folder to store in (default: a new temporary one)")
    parser.add_argument("--keep", action="store_true", help="leave the stack running to look around, until Ctrl-C")
    parser.add_argument("--seconds", type=float, default=24.0, help="how long each of the two phases serves")
    parser.add_argument("--rate", type=float, default=120.0, help="predictions a second")


def run(args: argparse.Namespace) -> int:
    """Run the demo; exit status 0 only if the break was found, and nothing before it."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C: what it started is stopped too
    data = args.data or Path(tempfile.mkdtemp(prefix="modelspan-demo-"))
    data.mkdir(parents=True, exist_ok=True)
    return 0 if tell(data, keep=args.keep, seconds=args.seconds, rate=args.rate) else 1
