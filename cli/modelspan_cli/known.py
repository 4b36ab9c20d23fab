"""Options that name what has to exist: a misspelt model, version or signal is refused, never answered with "nothing".

An option says so by its type (`type=KnownModel`); the names are checked where a command opens the store.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from datetime import UTC, datetime

from modelspan_analyzer.reading.names import UnknownNameError, need_all
from modelspan_cli.errors import CommandError
from modelspan_collector.store.connect import Store


class KnownModel(str):
    """The name of a model that the store has to know; '' is all of them."""

    __slots__ = ()


class KnownVersion(str):
    """A version of the command's model that the store has to know; '' is predictions that came without one."""

    __slots__ = ()


def known_signal(text: str) -> str:
    """The name of a signal; for `type=`.

    Raises:
        argparse.ArgumentTypeError: there is none of that name; the message names those that there are.
    """
    from modelspan_analyzer.monitors.table import need_signal  # all monitors, which few commands need

    try:
        need_signal(text)
    except UnknownNameError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    return text


def need_names(store: Store, args: argparse.Namespace) -> None:
    """Refuse what does not exist of that which the arguments name.

    Raises:
        CommandError: a model or a version does not exist; the message names those that do, the closest first.
    """
    given = list(_flat(args))
    models, versions = ([one for one in given if isinstance(one, kind)] for kind in (KnownModel, KnownVersion))
    try:
        need_all(store, models, versions)
    except UnknownNameError as error:
        raise CommandError(str(error)) from error


def _flat(args: argparse.Namespace) -> Iterator[object]:
    for value in vars(args).values():
        yield from value if isinstance(value, list) else [value]


def moment(text: str) -> datetime:
    """A time given as an option: ISO 8601, UTC where it names no zone.

    Raises:
        ArgumentTypeError: it is none.
    """
    try:
        given = datetime.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no time; write 2026-01-31 or 2026-01-31T14:00:00 (UTC)"
        ) from error
    return given if given.tzinfo else given.replace(tzinfo=UTC)
