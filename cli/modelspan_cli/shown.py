"""What commands show beside an instance with rules of redaction: the same as its pages."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import TypeVar

from modelspan_analyzer.views.veil import Veil, veil_over
from modelspan_analyzer.views.veiled import check_asked, veiled
from modelspan_analyzer.views.view import NotThereError
from modelspan_cli.errors import CommandError
from modelspan_cli.reach import running
from modelspan_collector.access.rules import Redaction
from modelspan_collector.store.connect import Store

T = TypeVar("T")


def veil_of(args: argparse.Namespace, store: Store) -> Veil:
    """The veil of the instance that owns the store; one that hides nothing without such."""
    instance = running(args)
    if instance is None or args.store not in ("", None, instance.dsn) or not instance.redaction:
        return Veil()
    return veil_over(store, Redaction.from_note(instance.redaction))


def as_shown(args: argparse.Namespace, store: Store, told: T, asked: Mapping[str, str] | None = None) -> T:
    """What of it is to be shown, by the rules of redaction of the instance that owns the store; all without one.

    Args:
        args: of the command.
        store: what was read.
        told: records, views, mappings and lists of them.
        asked: what the command was asked, by the names `feature` and `segment`.

    Raises:
        CommandError: nothing of it is, or it was asked about what is not.
    """
    veil = veil_of(args, store)
    try:
        check_asked(asked or {}, veil)
        return veiled(told, veil)
    except NotThereError as error:
        raise CommandError(str(error), hint="`modelspan sql` shows what is stored") from error
