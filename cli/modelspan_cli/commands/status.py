"""`modelspan status`: is it running, what has arrived, and how are the models."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from rich.table import Table

from modelspan_analyzer.config.durations import format_duration
from modelspan_analyzer.governance.databases import databases
from modelspan_analyzer.governance.lifecycle import Lifecycle, every_version
from modelspan_analyzer.governance.notice import noticed_settings
from modelspan_analyzer.incidents import Incident, describe, load_open, load_resolved
from modelspan_analyzer.incidents.as_json import incident_as_json
from modelspan_analyzer.instants import now, utc
from modelspan_analyzer.monitors.estimation.track_record import TrackRecord, track_records
from modelspan_analyzer.reading.lag import lags
from modelspan_analyzer.reading.owners import owners, unowned, unowned_sentence
from modelspan_analyzer.reading.projects import Told
from modelspan_analyzer.reading.projects import told as projects_told
from modelspan_analyzer.reading.sharing import sentence, shared_models
from modelspan_analyzer.views.health import NEWEST_TWO, checked, state
from modelspan_cli.console import console, plain_table
from modelspan_cli.errors import CommandError
from modelspan_cli.reach import add_data_argument, reading, running
from modelspan_cli.shown import as_shown
from modelspan_collector.address import public
from modelspan_collector.running import COLLECTOR_FOLDER
from modelspan_collector.store.connect import Store
from modelspan_collector.wal.dead import list_broken, list_dead

_MODELS = """
SELECT model, version, count() AS predictions, max(timestamp) AS newest,
       countIf(error_type != '') AS errors
FROM predictions GROUP BY model, version ORDER BY model, version
"""

_ALARMS = f"""
SELECT model, version, window_end,
       arraySlice(arraySort(groupUniqArrayIf((segment, toString(signal), toString(feature)), verdict = 'alarm')), 1, 6)
           AS of_all_first,
       arrayMap(one -> arrayStringConcat(arrayFilter(part -> part != '', [one.2, one.3, one.1]), ' '), of_all_first)
           AS what
FROM monitor_results FINAL
WHERE (model, version, window_start, window_end) IN ({NEWEST_TWO})
GROUP BY model, version, window_end
"""

_LEFT_OUT = """
SELECT kind, model, column_name, sum(count) AS rows, argMax(reason, timestamp) AS why
FROM ingest_errors
WHERE timestamp > now() - INTERVAL 1 DAY
GROUP BY kind, model, column_name
ORDER BY max(timestamp) DESC, kind, model, column_name
"""
_MOST_LINES = 10
_LITTLE_ROOM = 256 << 20
"""Bytes left on the disk that are worth a word."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument(
        "--estimates", action="store_true", help="show how good estimates were, where labels came later"
    )
    parser.add_argument("--project", default="", help="only models of this project")
    add_data_argument(parser)


def run(args: argparse.Namespace) -> int:
    """Print the status."""
    instance = running(args)
    with reading(args) as store:
        said = projects_told(store)
        of = _projects(said, args.project)
        models, left_out = _models(store, of), store.rows(_LEFT_OUT)
        models = [one for one in models if args.project in ("", one["project"])]
        of_project = {one["model"] for one in models}
        without = unowned((one["model"], one["owner"]) for one in models)
        known = [one for one in _worked_on(store) if not args.project or one.model in of_project]
        shared = shared_models(store, datetime.now(UTC) - timedelta(days=1))
        others = [name for name in databases(store) if name != store.database]
        records = track_records(store, now()) if args.estimates else []
        models, known, left_out, records = as_shown(args, store, (models, known, left_out, records))
    if args.json:
        pid = instance.pid if instance else None
        told: dict[str, Any] = {"running": instance is not None, "pid": pid, "models": models}
        told |= {"incidents": [incident_as_json(one) for one in known]}
        told |= {"ingest_errors": left_out, "other_databases": others, "shared_models": shared, "unowned": without}
        told |= {"project_differences": [one.difference for one in said if one.difference]}
        told |= {"estimates": [asdict(one) for one in records]} if args.estimates else {}
        json.dump(told, sys.stdout, default=str, indent=2)
        print()
    else:
        print(_headline(args.data, instance))
        for line in (*_set_aside(args.data / COLLECTOR_FOLDER), *_room(args.data)):
            print(line)
        if models:
            console().print(_table(models))
        else:
            print(f"no prediction is in the database {args.database}: nothing is known of any model")
        for line in _incidents(known):
            print(line)
        if args.estimates:
            _print_records(records)
        together = [sentence(model, tenants) for model, tenants in shared.items()]
        together += [one.difference for one in said if one.difference and args.project in ("", one.project)]
        told_of = (*_warned(models), *_told_otherwise(models, without), *together[:_MOST_LINES])
        for line in (*told_of, *_not_shown(others), *_not_taken(left_out)):
            print(line)
    return 0


def _worked_on(store: Store) -> list[Incident]:
    """Open incidents, and those that somebody closed in the last day."""
    closed = (one for one in load_resolved(store, now() - timedelta(days=1)) if one.closed_by)
    return [*load_open(store), *closed]


def _projects(said: Sequence[Told], wanted: str) -> dict[str, str]:
    """What each model is part of; refuses a project of which none is."""
    of = {one.model: one.project for one in said if one.project}
    if wanted and wanted not in of.values():
        there = ", ".join(sorted(set(of.values()))) or "none: `modelspan.register(project=...)` names one"
        raise CommandError(f"no model is of a project {wanted!r}; there are {there}")
    return of


def _headline(data: Path, instance: Any) -> str:
    if instance is None:
        return f"no instance runs on {data}; this is what its store holds"
    return (
        f"running as process {instance.pid}: OTLP {instance.otlp_url}, SQL {public(instance.sql_dsn)}, "
        f"metrics {instance.web_url}/metrics"
    )


_WAITING = {
    "log": "what was acknowledged wait in the log for the store",
    "events": "what loggers of serving platforms sent wait for the other half of their calls, five minutes at most",
}
"""What a folder of a collector's log waits for."""


def _set_aside(collector: Path) -> list[str]:
    """What of the data that came is in no table, for somebody to look at."""
    counts = {
        "requests that the store refused": sum(1 for _ in list_dead(collector)),
        "files of what the disk damaged in the log": len(list_broken(collector)),
    }
    sizes = {each: sum(path.stat().st_size for path in (collector / each).rglob("*.seg")) for each in _WAITING}
    return [f"{size:,} bytes of {_WAITING[each]}" for each, size in sizes.items() if size] + [
        f"{count} {what}: see `modelspan collector dead --data {collector}`" for what, count in counts.items() if count
    ]


def _room(data: Path) -> list[str]:
    """That the disk is nearly full; nothing where it is not."""
    if not data.exists() or (free := shutil.disk_usage(data).free) >= _LITTLE_ROOM:
        return []
    return [f"the disk of {data} has {free >> 20} MiB left: make room, or nothing more is taken"]


def _not_taken(left_out: Sequence[dict[str, Any]]) -> list[str]:
    """What came in the last day and was not taken as it came, the newest first."""
    if not left_out:
        return []
    lines = ["not taken as it came in the last day (all of it: SELECT * FROM ingest_errors):"]
    for row in left_out[:_MOST_LINES]:
        about = " ".join(part for part in (row["model"], row["column_name"]) if part)
        lines.append(f"  {row['kind']:<16} {row['rows']:>9,}  {f'{about}: ' if about else ''}{row['why']}")
    more = len(left_out) - _MOST_LINES
    return [*lines, f"  and {more} more kinds"] if more > 0 else lines


def _incidents(known: Sequence[Incident]) -> list[str]:
    """Open ones and those that somebody closed in the last day, with what people did."""
    if not known:
        return []
    lines = ["incidents, open or closed by somebody in the last day (`modelspan incidents ID` shows one):"]
    for one in known[:_MOST_LINES]:
        work = describe.work(one) or (f"{one.owner}'s, " if one.owner else "") + "not acknowledged"
        lines.append(f"  {one.incident_id} {one.status} {one.severity.value}: {one.title} ({work})")
    more = len(known) - _MOST_LINES
    return [*lines, f"  and {more} more"] if more > 0 else lines


def _warned(models: Sequence[dict[str, Any]]) -> list[str]:
    """What the newest windows warn of."""
    found = [f"  {one['model']} {one['version']}: {said}" for one in models for said in one["warnings"]]
    more = [f"  and {len(found) - _MOST_LINES} more"] if len(found) > _MOST_LINES else []
    return ["warnings of the newest window:", *found[:_MOST_LINES], *more] if found else []


def _told_otherwise(models: Sequence[dict[str, Any]], without: Sequence[str]) -> list[str]:
    """What versions do, or are, against what people told of them; and of which models nobody told who answers."""
    owned = [said] if (said := unowned_sentence(without)) else []
    found = [f"  {one['model']} {one['version']}: {said}" for one in models for said in one["contradictions"]]
    if not found:
        return owned
    more = [f"  and {len(found) - _MOST_LINES} more"] if len(found) > _MOST_LINES else []
    head = "against stage or approval (`modelspan stage MODEL` shows who told what):"
    return [head, *found[:_MOST_LINES], *more, *owned]


def _not_shown(others: Sequence[str]) -> list[str]:
    """Tenants' databases, whose models are not in the table above."""
    shown = ", ".join(others[:_MOST_LINES]) + (", …" if len(others) > _MOST_LINES else "")
    return [f"not shown: the models of {shown}, each with --database NAME"] if others else []


def _models(store: Store, of: Mapping[str, str]) -> list[dict[str, Any]]:
    looked, _ = checked(store)
    rows = store.rows(_ALARMS, {"models": []})
    alarms = {(row["model"], row["version"], utc(row["window_end"])): row["what"] for row in rows}
    incidents, behind = load_open(store), {(one.model, one.version): one for one in lags(store, now())}
    told = {(one.model, one.version): one for one in every_version(store, now())}
    called, settings = owners(store), noticed_settings(store)
    came = {(row["model"], row["version"]): row for row in store.rows(_MODELS)}
    models = []
    for name in sorted({*told, *came}):
        row = came.get(name, {"model": name[0], "version": name[1], "predictions": 0, "newest": None, "errors": 0})
        found, lag = looked.get(name), behind.get(name)
        one_told = told.get(name, Lifecycle(*name))
        known = [one for one in incidents if one.model == name[0] and name[1] in one.bad_versions]
        models.append(
            {
                **row,
                "project": of.get(row["model"], ""),
                "owner": called.of(*name, str(settings.get(name, {}).get("incidents.owner", ""))),
                "stage": one_told.stage_words,
                "approval": one_told.approval,
                "lifecycle": one_told.words,
                "contradictions": list(one_told.contradictions),
                "state": state(found, known).line,
                "checked": found.window_end if found else None,
                "lag_seconds": lag.seconds if lag else None,
                "windows_waiting": lag.windows if lag else None,
                "alarms": list(alarms.get((*name, found.window_end), [])) if found else [],
                "warnings": list(found.warnings) if found else [],
                "incidents": [one.incident_id for one in known],
            }
        )
    return models


def _table(models: list[dict[str, Any]]) -> Table:
    titles = ["model", "version", "predictions", "errors", "newest", "state", "stage", "behind", "alarms"]
    named = any(model["project"] for model in models)
    table = plain_table(*(["project"] if named else []), *titles)
    for model in sorted(models, key=lambda one: one["project"]) if named else models:
        newest = f"{model['newest']:%Y-%m-%d %H:%M:%S}" if model["newest"] else "none yet"
        row = [model["model"], model["version"], f"{model['predictions']:,}", f"{model['errors']:,}", newest]
        row += [model["state"], model["lifecycle"], _behind(model), ", ".join(model["alarms"])]
        table.add_row(*([model["project"]] if named else []), *row)
    return table


def _print_records(records: Sequence[TrackRecord]) -> None:
    """How good estimates were; or why that is not known yet."""
    if not records:
        print(
            "no window has both an estimate and the labels that came later: nothing is known of how good estimates are"
        )
        return
    table = plain_table(
        *("model", "version", "estimator", "measure", "windows", "distance", "bias", "held", "newest", "realised")
    )
    for one in records:
        numbers = (f"{value:.4g}" for value in (one.error, one.bias))
        newest = (f"{value:.4g}" for value in (one.newest_estimate, one.newest_realised))
        name = (one.model, one.version, one.estimator, one.metric)
        table.add_row(*name, f"{one.windows:,}", *numbers, f"{one.held:.0%}", *newest)
    console().print(table)


def _behind(model: dict[str, Any]) -> str:
    """How far the analyzer is behind; empty where no window waits, or none can be told to."""
    if not model["windows_waiting"]:
        return ""
    lag = format_duration(timedelta(seconds=max(1, round(model["lag_seconds"]))))
    return f"{lag} ({model['windows_waiting']:,} windows)"
