"""How a report, or a digest, is handed out: as the file that `-o` names, or printed as Markdown."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from modelspan_analyzer.reports import FORMS, write
from modelspan_analyzer.reports.pdf import MissingPackageError
from modelspan_analyzer.views.digest import Digest
from modelspan_analyzer.views.report import Report
from modelspan_cli.errors import CommandError

ENDINGS = (*FORMS, ".json")


def add_output(parser: argparse.ArgumentParser, schema: Mapping[str, Any]) -> None:
    """Declare `-o`, and `--schema` with what `.json` holds."""
    parser.add_argument(
        "--schema", action=_Schema, nargs=0, const=schema, help="print the JSON Schema of `.json`, and end"
    )
    parser.add_argument(
        "-o", "--output", type=_file, metavar="FILE", help=f"{', '.join(ENDINGS)}; default: print Markdown"
    )


def hand_out(shown: Report | Digest, output: Path | None, what: str, *, brief: bool = False) -> None:
    """Write the file, or print it; `what` it is stands before the file's name.

    Raises:
        CommandError: it cannot be written, or a package that makes it is not installed.
    """
    if output is None:
        print(write(shown, ".md", brief=brief).decode(), end="")
        return
    try:
        output.write_bytes(write(shown, output.suffix.lower(), brief=brief))
    except MissingPackageError as error:
        raise CommandError(str(error)) from error
    except OSError as error:
        raise CommandError(f"cannot write {output}: {error.strerror or error}") from error
    print(shown.sentence)
    print(f"{what}: {output}")


class _Schema(argparse.Action):
    """Prints the schema instead of a report."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        """Print, and end."""
        print(json.dumps(self.const, indent=1))
        parser.exit()


def _file(text: str) -> Path:
    path = Path(text)
    if path.suffix.lower() not in ENDINGS:
        raise argparse.ArgumentTypeError(f"it is written as {', '.join(ENDINGS)}, not as {path.name!r}")
    return path
