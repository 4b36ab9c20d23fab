"""Whether a model may pass: its newest verdicts as one answer, for a pipeline."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum
from typing import Any

from modelspan_analyzer.moments import utc
from modelspan_collector.store.connect import Store


class Status(IntEnum):
    """What a pipeline reads, as exit status of `modelspan check`."""

    PASSED = 0
    ALARM = 3
    NOT_CHECKED = 4
    """No window was looked at, or the newest one is too old: nothing is known, so nothing passes."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer and what it rests on."""

    status: Status
    reason: str
    window_end: datetime | None
    findings: list[dict[str, Any]]
    """Results that stand against it: `signal`, `metric`, `feature`, `segment`, `verdict`, `value`, `reason`."""


_NEWEST = """
SELECT max(window_end) AS newest, count() AS n FROM monitor_results
WHERE model = {model:String} AND ({version:String} = '' OR version = {version:String})
  AND (empty({signals:Array(String)}) OR has({signals:Array(String)}, toString(signal)))
"""

_FINDINGS = """
SELECT version, signal, metric, feature, segment, verdict, value, reason FROM monitor_results FINAL
WHERE model = {model:String} AND ({version:String} = '' OR version = {version:String})
  AND (empty({signals:Array(String)}) OR has({signals:Array(String)}, toString(signal)))
  AND has({verdicts:Array(String)}, toString(verdict))
  AND (version, window_end) IN (
      SELECT version, max(window_end) FROM monitor_results
      WHERE model = {model:String} AND ({version:String} = '' OR version = {version:String}) GROUP BY version)
ORDER BY version, signal, feature, metric, segment
"""


def ask(
    store: Store,
    model: str,
    version: str,
    *,
    now: datetime,
    signals: list[str],
    max_age: timedelta | None = None,
    warnings: bool = False,
) -> Answer:
    """Whether the newest window of a model's versions has nothing against it.

    Args:
        version: empty for every version.
        signals: only these, such as `data_drift`; all where empty.
        max_age: how long ago the newest window may have ended.
        warnings: warnings stand against it too.
    """
    scope = {"model": model, "version": version, "signals": signals}
    row = store.rows(_NEWEST, scope)[0]
    name = f"{model} {version}".strip()
    if not row["n"]:
        return Answer(Status.NOT_CHECKED, f"no window of {name} was looked at yet", None, [])
    newest = utc(row["newest"])
    if max_age is not None and now - newest > max_age:
        reason = f"the newest window of {name} ended {newest:%Y-%m-%d %H:%M} UTC, longer ago than allowed"
        return Answer(Status.NOT_CHECKED, reason, newest, [])
    verdicts = ["alarm", "error", *(["warning"] if warnings else [])]
    findings = store.rows(_FINDINGS, {**scope, "verdicts": verdicts})
    if findings:
        return Answer(Status.ALARM, f"{len(findings)} results stand against {name}", newest, findings)
    return Answer(Status.PASSED, f"nothing stands against {name}", newest, [])
