"""From what a person asks about (a model, an incident) to the findings to explain."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Final

from modelspan_analyzer import instants
from modelspan_analyzer.config.expression import understood
from modelspan_analyzer.incidents.incident import Incident, key_of
from modelspan_analyzer.incidents.store import load
from modelspan_analyzer.kinds import KINDS
from modelspan_analyzer.reading import segments
from modelspan_analyzer.reading.names import need_model
from modelspan_analyzer.results import Result, Verdict, Window
from modelspan_analyzer.why.explanation import Finding
from modelspan_analyzer.why.question import question
from modelspan_collector.store.connect import Store
from modelspan_collector.store.segments import SLICE

MOST = 6
_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}

_ALARMS = """
SELECT version, window_start, window_end, signal, metric, feature, segment, monitor, reason, n, baseline_id,
       details
FROM monitor_results FINAL
WHERE model = {model:String} AND verdict = 'alarm'
  AND window_end > {since:DateTime64(9, 'UTC')} AND window_start < {until:DateTime64(9, 'UTC')}
ORDER BY window_end {order}, signal, feature, metric
LIMIT 1 BY version, signal, metric, feature, segment, monitor
LIMIT 500
"""


ARGUMENTS: Final = ("about", "since", "until", "kind", "feature", "segment")
_EARLIEST, _LATEST = (datetime(year, 1, 1, tzinfo=UTC) for year in (1970, 2200))
"""The store's times lie between."""


def finding_of(
    store: Store,
    about: str = "",
    *,
    since: str = "",
    until: str = "",
    kind: str = "",
    feature: str = "",
    segment: str = "",
) -> list[Finding]:
    """The findings behind a model's trouble, the newest first, or an incident's own, as they were when they began.

    Args:
        store: where results and incidents are kept.
        about: a model, or the id of an incident.
        since: start, as ISO 8601 or as a duration before `until` (`2h`); the last day if empty.
        until: end, as ISO 8601; now if empty.
        kind: ask this of all predictions of the time, whatever the monitors say; one of `KINDS`.
        feature: only findings of this feature.
        segment: only these predictions, as `tag.country=DE` or `feature.plan=pro`.

    Raises:
        ValueError: the question cannot be read, or nothing is known of the model or incident in that time.
    """
    _check_slices(store, segment)
    if kind not in ("", *KINDS):
        raise ValueError(f"cannot explain {kind!r}; ask for one of {', '.join(KINDS)}")
    window = window_of(since, until)
    incident, model = _about(store, about)
    if incident is not None:
        window = window_of(since, until, incident)
    if kind:
        return [Finding(model, window, kind, feature=feature, segment=segment)]
    if incident is not None and not since and incident.began_at < window.end:
        window = Window(incident.began_at, window.end)
    alarms, others = _alarms(store, model, window, incident)
    found = _distinct([one for one in alarms if feature in ("", one.feature) and segment in ("", one.segment)])
    if not found:
        at = f"between {window.start:%Y-%m-%d %H:%M} and {window.end:%Y-%m-%d %H:%M}"
        said = f"no monitor of {model!r} has alarmed{_restriction(feature, segment)} {at}; ask about another time, or"
        if others and not feature and not segment:
            said = f"what alarmed of {model!r} {at} ({', '.join(others)}) is about no single predictions; ask"
        raise ValueError(f"{said} about all predictions, with a kind ({', '.join(KINDS)})")
    return found


def _check_slices(store: Store, segment: str) -> None:
    """See that a segment is one, and that the engine can tell which rows its expressions are of.

    Raises:
        ValueError: it is not, or the engine cannot.
    """
    for key, text in segments.parse(segment):
        if key.startswith(f"{SLICE}.") and (why := understood(store, text, "slice")):
            raise ValueError(why)


def answer_to(store: Store, given: Mapping[str, str]) -> list[Finding]:
    """The findings that a request asks for: `finding_of` with its arguments by name, none of them unknown.

    Raises:
        ValueError: the question cannot be read.
    """
    if unknown := sorted(given.keys() - set(ARGUMENTS)):
        raise ValueError(f"{unknown[0]!r} is not known here; ask with {', '.join(ARGUMENTS)}")
    return finding_of(store, **given)


def _about(store: Store, about: str) -> tuple[Incident | None, str]:
    """The incident asked about, if it is one, and the model."""
    if not about:
        raise ValueError("say what it is about: a model, or the id of an incident")
    if incidents := load(store, incident_id=about):
        return incidents[0], incidents[0].model
    need_model(store, about, ", nor an incident of that id")
    return None, about


def _restriction(feature: str, segment: str) -> str:
    return "".join(f" on {part}" for part in (feature, segment) if part)


def _alarms(
    store: Store, model: str, window: Window, incident: Incident | None
) -> tuple[list[Finding], tuple[str, ...]]:
    """What can be asked of the alarms of a time, an incident's own alone; metrics of those of which nothing can.

    Of an incident the first alarm of each measurement: later ones are compared with what was bad already.
    """
    own = None if incident is None else {member.key for member in incident.findings}
    findings, others = [], []
    text = _ALARMS.replace("{order}", "DESC" if own is None else "ASC")
    for row in store.rows(text, {"model": model, "since": window.start, "until": window.end}):
        bounds = Window(instants.utc(row.pop("window_start")), instants.utc(row.pop("window_end")))
        row["details"] = json.loads(row["details"] or "{}")
        result = Result(model=model, window=bounds, value=None, verdict=Verdict.ALARM, **row)
        if own is not None and key_of(result) not in own:
            continue
        try:
            findings.append(question(result))
        except ValueError:
            others.append(result.metric)
    return findings, tuple(dict.fromkeys(others))


def _distinct(findings: list[Finding]) -> list[Finding]:
    """The first of each question."""
    kept: dict[tuple[str, ...], Finding] = {}
    for one in findings:
        kept.setdefault((one.version, one.kind, one.feature, one.segment), one)
    return list(kept.values())[:MOST]


def window_of(since: str, until: str, incident: Incident | None = None) -> Window:
    """A stretch of time as a person writes it: see `finding_of`.

    Raises:
        ValueError: a time cannot be read.
    """
    end = _moment(until) if until else instants.now()
    start = end - timedelta(days=1)
    if since and since[-1:] in _UNITS and since[:-1].isascii() and since[:-1].isdigit():
        start = _before(end, since)
    elif since:
        start = _moment(since)
    elif incident is not None:
        start, end = incident.began_at - timedelta(hours=1), max(end, incident.updated_at)
    if start >= end:
        raise ValueError(
            f"the time asked about is empty: it would begin at {start:%Y-%m-%d %H:%M} and end at "
            f"{end:%Y-%m-%d %H:%M} UTC"
        )
    return Window(start, end)


def _before(end: datetime, duration: str) -> datetime:
    with suppress(OverflowError, ValueError):
        start = end - timedelta(seconds=int(duration[:-1]) * _UNITS[duration[-1]])
        if start >= _EARLIEST:
            return start
    raise ValueError(f"{duration[:40]!r} is longer than there is anything to look at")


_PLUS_LOST: Final = re.compile(r"(:\d\d(?:\.\d{1,9})?) (\d\d:?\d\d)\Z")
"""A zone whose plus came as the space that it stands for in an address."""


def _moment(text: str) -> datetime:
    found = None
    with suppress(ValueError, OverflowError):
        written = _PLUS_LOST.sub(r"\1+\2", text.replace("Z", "+00:00"))
        found = instants.utc(datetime.fromisoformat(written))
    if found is not None and not _EARLIEST <= found <= _LATEST:
        raise ValueError(f"{text[:40]!r} lies beyond what is kept: from {_EARLIEST:%Y} to {_LATEST:%Y}")
    if found is None:
        raise ValueError(f"{text[:40]!r} is no time; write 2026-01-31T14:00:00 (UTC) or a duration such as 2h")
    return found
