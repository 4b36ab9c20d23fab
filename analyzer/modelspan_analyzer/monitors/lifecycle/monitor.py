"""The monitor of the lifecycle: a version that does what its stage or its approval does not allow."""

from __future__ import annotations

from typing import Final

from modelspan_analyzer.config.base import Settings
from modelspan_analyzer.monitors.context import MonitorContext
from modelspan_analyzer.monitors.signal import Cost, Metric, Signal
from modelspan_analyzer.reading.came import NOTHING, came_since
from modelspan_analyzer.reading.stages import VersionStage
from modelspan_analyzer.results import Result, Seen
from modelspan_analyzer.verdicts.lifecycle import AGAINST, approval_judged, approvals_asked, stage_judged

SIGNAL: Final = "lifecycle"
STAGE_METRIC: Final = "stage"
APPROVAL_METRIC: Final = "approval"


class LifecycleSettings(Settings):
    """Whether versions do what their stages and approvals allow."""

    enabled: bool = True


def lifecycle(context: MonitorContext) -> list[Result]:
    """Stage and approval of the version as people had told them by the window's end; nothing where nobody told any.

    The values are the predictions of the window that contradict what was told.
    """
    told, name = context.stages, (context.model, context.version)
    if not told:
        return []
    mine = told.get(name, VersionStage(*name))
    came = NOTHING
    if context.silence is None:
        came = came_since(context.store, told, context.window).get(name, NOTHING)
    asked = context.model in approvals_asked(told.values())
    by_stage, by_approval = stage_judged(mine, came), approval_judged(mine, asked=asked)
    n = came.all if context.silence is None else 0
    wrong = (came.answers or came.all) if by_stage.verdict in AGAINST else 0
    unapproved = came.answers if by_approval.verdict in AGAINST else 0
    return [
        context.judged(SIGNAL, STAGE_METRIC, float(wrong), Seen(n=n), by_stage, SIGNAL),
        context.judged(SIGNAL, APPROVAL_METRIC, float(unapproved), Seen(n=n), by_approval, SIGNAL),
    ]


LIFECYCLE: Final = Signal(
    SIGNAL,
    "a version that should not answer",
    run=lifecycle,
    settings=LifecycleSettings,
    cost=Cost.ROWS,
    gravity=4,
    counts_affected=True,
    whole_only="a stage and an approval are of a version, not of some of its rows",
    metrics={
        STAGE_METRIC: Metric("predictions that its stage does not allow"),
        APPROVAL_METRIC: Metric("in production without approval"),
    },
)
"""Its findings are of a version, not of single predictions: nothing asks why."""
