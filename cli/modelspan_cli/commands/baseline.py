"""`modelspan baseline set|list`: what models are compared with, and where it came from."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from clickhouse_connect.driver.exceptions import Error as DriverError

from modelspan_analyzer.files.roles import Roles, Settled, settle
from modelspan_analyzer.files.rows import FileRows, Remarks
from modelspan_analyzer.instants import now
from modelspan_analyzer.reading import baselines
from modelspan_analyzer.reading.names import spoken
from modelspan_analyzer.reading.query_rows import query_rows
from modelspan_analyzer.reading.sharing import sentence, shared_models
from modelspan_analyzer.results import Window
from modelspan_analyzer.web.baselines import JSON_TYPE, answer, as_json
from modelspan_analyzer.whylogs import baseline as whylogs
from modelspan_analyzer.whylogs.profile_file import MEDIA_TYPE
from modelspan_cli.capture_options import add_format, rows_of
from modelspan_cli.console import console, plain_table
from modelspan_cli.errors import CommandError
from modelspan_cli.file_options import add_hints, hints, names, place, say
from modelspan_cli.known import KnownModel, moment
from modelspan_cli.reach import add_data_argument, post, post_table, reading, running, writing
from modelspan_cli.shown import as_shown
from modelspan_collector.running import Running
from modelspan_collector.store.connect import DEFAULT_DATABASE

_SHOWN = 10
"""Versions that are named."""
_ONE = ("prediction", "score", "label", "id", "time")
"""Roles that one column has."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the two verbs."""
    verbs = parser.add_subparsers(dest="verb", required=True)
    setting = verbs.add_parser("set", help="set a baseline from a file, a query, or a past window")
    setting.add_argument("--model", required=True)
    setting.add_argument("--version", help="default: for all versions but those that one was set for")
    setting.add_argument(
        "--file",
        type=place,
        action="append",
        help="training or validation rows: CSV, JSON lines, Parquet …; or profiles of whylogs, also several",
    )
    setting.add_argument("--query", metavar="SELECT", help="rows of the store instead of a file's")
    for role in ("prediction", "score", "label"):
        setting.add_argument(f"--{role}", metavar="COL", help=f"the column of the {role}")
    setting.add_argument("--id", metavar="COL", help="ids of the rows, by which they can be forgotten; no feature")
    setting.add_argument(
        "--features", type=names, default=(), metavar="a,b,...", help="default: all other columns that describe a row"
    )
    setting.add_argument("--time", metavar="COL", help="when the rows were: seasons are learnt from it; no feature")
    add_hints(setting)
    add_format(setting, whylogs.FORMAT)
    setting.add_argument(
        "--tag",
        action="append",
        default=[],
        metavar="COL[,COL...]",
        help="column of a group that rows belong to, no feature: a slice `tag.COL` or a facet is compared with its own",
    )
    setting.add_argument("--start", type=moment, help="start of a past window, such as 2026-01-31T00:00:00")
    setting.add_argument("--end", type=moment, help="end of the window")
    listing = verbs.add_parser("list", help="list the baselines")
    listing.add_argument("--model", type=KnownModel)
    listing.add_argument("--json", action="store_true", help="print a JSON array")
    for verb in (setting, listing):
        add_data_argument(verb)


def run(args: argparse.Namespace) -> int:
    """Set or list."""
    return _set(args) if args.verb == "set" else _list(args)


def _list(args: argparse.Namespace) -> int:
    with reading(args) as store:
        found = as_shown(args, store, [as_json(baseline) for baseline in baselines.listing(store, args.model)])
    if args.json:
        print(json.dumps(found, indent=2))
        return 0
    if not found:
        of = f" of {args.model}" if args.model else ""
        print(
            f"there is no baseline{of} in the database {args.database}: `modelspan baseline set` sets one",
            file=sys.stderr,
        )
        return 0
    table = plain_table("model", "version", "kind", "rows", "created", "source")
    for entry in found:
        row = [str(entry[name]) for name in ("model", "version", "kind", "rows", "created_at", "source")]
        table.add_row(row[0], _whose(entry), *row[2:])
    console().print(table)
    return 0


def _set(args: argparse.Namespace) -> int:
    given = [args.file is not None, args.query is not None, args.start is not None and args.end is not None]
    if sum(given) != 1:
        raise CommandError("a baseline needs one of --file, --query, or both --start and --end")
    profiled = args.format == whylogs.FORMAT
    if args.file is None and profiled:
        raise CommandError(f"--format {whylogs.FORMAT} says what --file is")
    if args.file is not None and len(args.file) > 1 and not profiled:
        raise CommandError(f"rows come from one --file; several are merged with --format {whylogs.FORMAT}")
    if args.tag and args.start is not None:
        raise CommandError("a past window's predictions keep their own tags; --tag goes with --file and --query")
    instance = running(args)
    if instance and not args.store and args.database != DEFAULT_DATABASE:
        raise CommandError(
            f"a baseline in the database {args.database!r} cannot be set while an instance runs", hint="stop it first"
        )
    try:
        made = _set_profiles(instance, args) if profiled else _set_rows(instance, args)
    except (ValueError, DriverError) as error:
        raise CommandError(str(error)) from error
    kept = ", none of them kept" if profiled else ""
    print(f"baseline {made['baseline_id']} of {made['model']} ({_whose(made)}): {made['rows']} rows{kept}")
    if made.get("warning"):
        print(f"warning: {made['warning']}")
    _say_of_whom(args)
    return 0


def _set_rows(instance: Running | None, args: argparse.Namespace) -> Mapping[str, Any]:
    settled = None if args.start is not None else _settled(args)
    if settled:
        say(settled.rows.remarks)
    return _post(instance, args, settled) if instance and not args.store else _set_here(args, settled)


def _set_profiles(instance: Running | None, args: argparse.Namespace) -> Mapping[str, Any]:
    files = whylogs.read_files(args.file)
    profiles, source = whylogs.profiles_of(files), ", ".join(map(str, args.file))
    roles = _roles(args)
    if instance and not args.store:
        kept = [(role, getattr(roles, role) or "") for role in _ONE]
        kept += [("tag", name) for name in roles.segments] + [("feature", name) for name in roles.asked_back]
        asked = [*_whose_asked(args), *kept, ("features", ",".join(roles.features)), ("task", args.task)]
        body = b"".join(files.values())
        made = post(instance, "/api/baselines", [*asked, ("source", source)], body, MEDIA_TYPE)
        say(Remarks(made["assumed"], made["left_out"]))
        return made
    with writing(args) as store:
        done, remarks = whylogs.set_from_profiles(
            store, args.model, args.version, profiles, roles, source, task=args.task
        )
    say(remarks)
    return answer(done)


def _whose(made: Mapping[str, object]) -> str:
    version = made["version"]
    return spoken(version if version is None else str(version))


def _say_of_whom(args: argparse.Namespace) -> None:
    """It is of all tenants that have the model; one for all versions changes nothing for those that have their own."""
    with reading(args) as store:
        own = () if args.version is not None else baselines.keeping_their_own(store, args.model)
        tenants = shared_models(store, now() - timedelta(days=1), args.model).get(args.model, ())
    if tenants:
        print(sentence(args.model, tenants), file=sys.stderr)
    if own:
        more = f" and {len(own) - _SHOWN} more" if len(own) > _SHOWN else ""
        listed = ", ".join(name or spoken("") for name in own[:_SHOWN]) + more
        print(f"versions that one was set for keep it: {listed} (--version replaces that of one)", file=sys.stderr)


def _settled(args: argparse.Namespace) -> Settled:
    """The rows of the file or the query, with their columns settled."""
    roles = _roles(args)
    if args.query is None:
        rows, roles = rows_of(args, args.file[0], roles)
        return settle(_some(rows, f"{args.file[0]} has"), roles, hints(args))
    with reading(args) as store:
        found = FileRows.of(query_rows(store, args.query))
    return settle(_some(found, "the query answered"), roles, hints(args))


def _roles(args: argparse.Namespace) -> Roles:
    tags = tuple(name for given in args.tag for name in names(given))
    prediction, score, label, ids, time = (getattr(args, role) for role in _ONE)
    asked_back = tuple(args.feature)
    return Roles(prediction, score, label, ids, time, segments=tags, features=args.features, asked_back=asked_back)


def _some(rows: FileRows, whose: str) -> FileRows:
    if not rows.table.num_rows:
        raise CommandError(f"{whose} no row, and a baseline needs some")
    return rows


def _set_here(args: argparse.Namespace, settled: Settled | None) -> dict[str, object]:
    with writing(args) as store:
        if settled is None:
            return answer(baselines.set_from_window(store, args.model, args.version, Window(args.start, args.end)))
        source = args.query or str(args.file[0])
        return answer(baselines.set_from_settled(store, args.model, args.version, settled, source))


def _whose_asked(args: argparse.Namespace) -> list[tuple[str, str]]:
    return [("model", args.model), *([] if args.version is None else [("version", args.version)])]


def _post(instance: Running, args: argparse.Namespace, settled: Settled | None) -> dict[str, Any]:
    asked = _whose_asked(args)
    if settled is None:
        asked += [("start", args.start.isoformat()), ("end", args.end.isoformat())]
        return post(instance, "/api/baselines", asked, b"{}", JSON_TYPE)
    roles = settled.roles
    asked += [(role, getattr(roles, role) or "") for role in _ONE]
    asked += [("tag", name) for name in roles.segments]
    asked += [("task", settled.guess.task), ("source", args.query or str(args.file[0])), ("settled", "yes")]
    kept = [name for name in (roles.prediction, roles.score, roles.label, roles.id, roles.time) if name]
    columns = dict.fromkeys([*kept, *roles.segments, *roles.features])
    return post_table(instance, "/api/baselines", asked, settled.rows.table.select(list(columns)))
