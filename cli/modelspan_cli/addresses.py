"""Addresses that may hold a password: from a file or the environment they are in nobody's list of processes."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

STORE_VARIABLE = "MODELSPAN_STORE"
FORWARD_VARIABLE = "MODELSPAN_FORWARD"


def address(text: str) -> str:
    """An address as it stands, or the line that a file holds where it is `@FILE`; for `type=`.

    Raises:
        argparse.ArgumentTypeError: the file cannot be read, or holds anything but one line; what it holds is not told.
    """
    if not text.startswith("@"):
        return text
    try:
        lines = Path(text[1:]).read_text(encoding="utf-8").split()
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        raise argparse.ArgumentTypeError(f"cannot read an address from {text[1:]}: {why}") from None
    if len(lines) != 1:
        raise argparse.ArgumentTypeError(f"{text[1:]} has to hold one address, on a line of its own")
    return lines[0]


def add_store(parser: argparse.ArgumentParser, what: str, *, required: bool = False) -> None:
    """Declare `--store`, which the environment may say too."""
    known = os.environ.get(STORE_VARIABLE, "")
    parser.add_argument(
        "--store",
        type=address,
        default=known,
        required=required and not known,
        metavar="DSN|@FILE",
        help=f"{what}; ps shows a password in it: give a file as @FILE, or {STORE_VARIABLE}",
    )


def forwards(given: list[str]) -> list[str]:
    """The destinations that were given, else those that the environment names, separated by spaces.

    Raises:
        argparse.ArgumentTypeError: one is a file that cannot be read.
    """
    return given or [address(one) for one in os.environ.get(FORWARD_VARIABLE, "").split()]
