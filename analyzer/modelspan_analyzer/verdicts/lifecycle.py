"""Whether what a version does agrees with its stage and its approval, as people told them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from modelspan_analyzer.reading.came import NOTHING, Came
from modelspan_analyzer.reading.names import typed
from modelspan_analyzer.reading.stages import (
    APPROVED,
    CANDIDATE,
    PRODUCTION,
    REJECTED,
    RETIRED,
    SHADOW,
    VersionStage,
)
from modelspan_analyzer.results import Judged, Verdict

NONE_TOLD: Final = "no stage told"
"""Of a model of which nobody told any: nothing is judged."""
AGAINST: Final = (Verdict.ALARM, Verdict.WARNING)
"""What contradicts."""


def stage_judged(told: VersionStage, came: Came = NOTHING) -> Judged:
    """Whether a version did what its stage allows.

    Args:
        told: what is known of the version, of a model of which some stage was told.
        came: its predictions since it has been in that stage.
    """
    n, stage = f"{came.all:,} prediction{'' if came.all == 1 else 's'}", told.stage
    if not stage and not came.all:
        return Judged(Verdict.SKIPPED, f"nobody told its stage, as of other versions of {told.model}")
    if not stage:
        tell = f"`{typed('stage', told.model, told.version, 'STAGE', '--reason', '...')}` does"
        return Judged(Verdict.WARNING, f"{n} of a version whose stage nobody told, as of others: {tell}", 0.0)
    if stage == PRODUCTION:
        return Judged(Verdict.OK, f"{_in_stage(told)}, in which it may answer", 0.0)
    if came.answers:
        answers = f"{came.answers:,} answer{'' if came.answers == 1 else 's'}"
        return Judged(Verdict.ALARM, f"{answers} of it as the primary version, and {_in_stage(told)}", 0.0)
    if stage == RETIRED and came.all:
        return Judged(Verdict.WARNING, f"{n} of it, which reached nobody, and {_in_stage(told)}", 0.0)
    which = f"none of its {n} since then reached anybody" if came.all else "no prediction came since then"
    return Judged(Verdict.OK, f"{_in_stage(told)}, and in this window {which}", 0.0)


def approval_judged(told: VersionStage, *, asked: bool) -> Judged:
    """Whether a version that is in production was approved, and as it is now.

    Args:
        told: what is known of the version.
        asked: whether versions of its model are approved at all, or were rejected: whether somebody decides on that.
    """
    if told.stage != PRODUCTION:
        stage = f"its stage is {told.stage}" if told.stage else "nobody told its stage"
        return Judged(Verdict.OK if told.stage else Verdict.SKIPPED, f"{stage}, which needs no approval", 0.0)
    if told.approval == REJECTED:
        return Judged(Verdict.ALARM, f"{_in_stage(told)}, though {_word(told)}", 0.0)
    if not told.approval:
        others = "" if asked else f", nor any other version of {told.model}"
        said = f"{_in_stage(told)}, and nobody approved it{others}"
        return Judged(Verdict.ALARM if asked else Verdict.WARNING, said, 0.0)
    if changed := card_changed(told):
        return Judged(Verdict.WARNING, f"{_in_stage(told)}, and {changed}", 0.0)
    return Judged(Verdict.OK, f"{_in_stage(told)}, and {_word(told)}", 0.0)


def card_changed(told: VersionStage) -> str:
    """That a version was approved by another card than it has now, in words; '' where it was not."""
    if told.approval != APPROVED or not told.card_changed:
        return ""
    parts = ", ".join(part.replace("_", " ") for part in told.card_changed)
    return f"the card is not the one that was approved ({_word(told)}): it now says something else of {parts}"


def approvals_asked(every: Iterable[VersionStage]) -> frozenset[str]:
    """The models of which some version was approved or rejected: somebody decides on theirs."""
    return frozenset(one.model for one in every if one.approval)


def retired(told: VersionStage | None) -> str:
    """That a version is retired, in words; '' where it is not."""
    return _in_stage(told) if told is not None and told.stage == RETIRED else ""


def _in_stage(told: VersionStage) -> str:
    return f"it is {_STAGES.get(told.stage, told.stage)} since {_at(told.stage_since)} by {told.stage_by}"


_STAGES: Final = {PRODUCTION: "in production", RETIRED: "retired", SHADOW: "a shadow", CANDIDATE: "a candidate"}


def _word(told: VersionStage) -> str:
    return f"{told.approved_by} {told.approval} it on {_at(told.approval_at)}"


def _at(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC" if moment else "an unknown time"
