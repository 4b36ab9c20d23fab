"""`modelspan`: one table of commands; each is imported only when it is the one asked for.

A command is a module of `modelspan_cli.commands` with `add_arguments(parser)` and `run(args) -> int`.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from types import ModuleType

from modelspan_cli.errors import CommandError

EXIT_FAILURE = 1
EXIT_USAGE = 2


@dataclass(frozen=True, slots=True)
class Command:
    """One line of `modelspan --help`."""

    name: str
    extra: str
    """The extra of the distribution that the command needs."""
    help: str

    def load(self) -> ModuleType:
        """Import the command's module.

        Raises:
            CommandError: a package is missing; the message names the extra to install.
        """
        try:
            return importlib.import_module(f"modelspan_cli.commands.{self.name}")
        except ModuleNotFoundError as error:
            if error.name and error.name.split(".")[0] in ("modelspan", "modelspan_cli"):
                raise
            raise CommandError(
                f"`modelspan {self.name}` needs the package {error.name!r}, which is not installed",
                hint=f"pip install 'modelspan[{self.extra}]'",
            ) from error

    def parser(self) -> argparse.ArgumentParser:
        """The command's own options."""
        parser = argparse.ArgumentParser(prog=f"modelspan {self.name}", description=self.help)
        self.load().add_arguments(parser)
        return parser


COMMANDS: tuple[Command, ...] = (
    Command("up", "analyzer", "run collector, embedded store and analyzer in one process"),
    Command("demo", "analyzer", "serve a real model, break its feature store, and watch it being found"),
    Command("drift", "analyzer", "compare two files: drift, quality, performance and fairness, without any server"),
    Command("replay", "analyzer", "take a history of predictions through the pipeline and say what would have alarmed"),
    Command("import", "analyzer", "bring in what others captured: SageMaker's data capture and the like"),
    Command("collector", "collector", "run a collector alone, or try its dead letters again"),
    Command("sql", "collector", "run a query on a running instance, or on a data folder"),
    Command("status", "analyzer", "say how a running instance and its models are"),
    Command("baseline", "analyzer", "set or list what models are compared with"),
    Command("labels", "analyzer", "load what was true, from a file"),
    Command("explain", "analyzer", "say why one prediction was what it was"),
    Command("stage", "analyzer", "in which stage versions are, whether they are approved, and deciding on it"),
    Command("compare", "analyzer", "compare a challenger with the champion"),
    Command("audit", "analyzer", "say who changed what"),
    Command("forget", "analyzer", "erase a person everywhere, and prove it"),
    Command("analyzer", "analyzer", "run the monitors on schedule, or once, apart from the collector"),
    Command("check", "analyzer", "the newest verdicts of a model as an exit status, for a pipeline"),
    Command("monitors", "analyzer", "check a monitors.yaml, or show what it comes to"),
    Command("constraints", "analyzer", "suggest constraints.json from a baseline, or write it as statistics.json"),
    Command("report", "analyzer", "write what is on record of a model: HTML, Markdown, JSON or PDF"),
    Command("digest", "analyzer", "write a week of a team, one short document over all its models"),
    Command("why", "analyzer", "say what sets the predictions of a finding apart, from their traces"),
    Command("incidents", "analyzer", "list what is wrong, or show the timeline of one incident"),
    Command("feedback", "analyzer", "say whether an incident was useful or noise, or count what people said"),
    Command("alerts", "analyzer", "write and test Prometheus rules, or push incidents to Alertmanager"),
    Command("schema", "collector", "print or apply the tables of a server or cluster, retention, views per model"),
    Command("backup", "collector", "write every row of the store into a folder"),
    Command("restore", "collector", "put a backup's rows into an empty store"),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status."""
    # It multiplies small matrices here, after each of which its threads would wait busily on every other core.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    given = list(sys.argv[1:] if arguments is None else arguments)
    chosen = next((command for command in COMMANDS if given[:1] == [command.name]), None)
    try:
        if chosen is None:
            _overview().parse_args(given or ["--help"])
            return EXIT_USAGE
        return int(chosen.load().run(chosen.parser().parse_args(given[1:])))
    except CommandError as error:
        print(f"error: {error}", file=sys.stderr)
        if error.hint:
            print(f"\nhint: {error.hint}", file=sys.stderr)
        return EXIT_FAILURE
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        return EXIT_FAILURE


def _overview() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="modelspan",
        description="Machine-learning observability on OpenTelemetry and ClickHouse.",
        epilog="commands:\n" + "\n".join(f"  {command.name:<12} {command.help}" for command in COMMANDS),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=version("modelspan"))
    parser.add_argument("command", choices=[command.name for command in COMMANDS], metavar="COMMAND")
    return parser
