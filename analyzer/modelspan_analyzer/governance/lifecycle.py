"""The stage and the approval of versions as people told them, and what contradicts them: shown beside every version."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Final

from modelspan_analyzer.reading.came import NOTHING, came_since
from modelspan_analyzer.reading.names import need_all
from modelspan_analyzer.reading.stages import Decision, VersionStage, stages
from modelspan_analyzer.reading.unchanged import OF_MODELS, Name
from modelspan_analyzer.results import Window
from modelspan_analyzer.verdicts.lifecycle import (
    AGAINST,
    NONE_TOLD,
    approval_judged,
    approvals_asked,
    card_changed,
    stage_judged,
)
from modelspan_collector.store.connect import Store

LATELY: Final = timedelta(days=1)
"""How far back is looked for predictions that contradict a stage: the monitor looks at every window."""
_KNOWN: Final = f"""
SELECT DISTINCT toString(model) AS model, toString(version) AS version FROM models WHERE {OF_MODELS}
UNION DISTINCT
SELECT DISTINCT toString(model), toString(version) FROM feature_profile_days WHERE {OF_MODELS}
"""


@dataclass(frozen=True, slots=True)
class Lifecycle(VersionStage):
    """What is known of a version's stage and approval, and what contradicts it."""

    against_stage: str = ""
    """What it does that its stage does not allow; '' where nothing is known of that."""
    against_approval: str = ""
    """What its approval lacks, of a version in production."""

    @property
    def contradictions(self) -> tuple[str, ...]:
        """Both, where they are."""
        return tuple(one for one in (self.against_stage, self.against_approval) if one)

    @property
    def stage_words(self) -> str:
        """Its stage; that nobody told one is never nothing."""
        return self.stage or NONE_TOLD

    @property
    def approval_words(self) -> str:
        """Its approval; that nobody decided is never nothing."""
        changed = ", of another card" if card_changed(self) else ""
        return f"{self.approval}{changed}" if self.approval else "not approved"

    @property
    def words(self) -> str:
        """Both in a few words; where nobody decided anything, that alone."""
        return f"{self.stage_words}, {self.approval_words}" if self.history else NONE_TOLD


def lifecycles(store: Store, now: datetime, model: str = "") -> Mapping[Name, Lifecycle]:
    """What is told of versions, of all models or of one; one that no word and no prediction is of is not in it."""
    return _judged(store, stages(store, model), now)


def lifecycles_then(store: Store, at: datetime) -> Mapping[Name, Lifecycle]:
    """The same of every model as it was told by a moment, and with what contradicted it in the day before that.

    An approval is held against the card as it is today: of cards the newest alone is kept.
    """
    then = {name: one.as_of(at) for name, one in stages(store).items()}
    return _judged(store, {name: one for name, one in then.items() if one.history}, at)


def _judged(store: Store, told: Mapping[Name, VersionStage], now: datetime) -> Mapping[Name, Lifecycle]:
    found: dict[Name, Lifecycle] = {}
    if not told:
        return found
    staged = {name[0] for name, one in told.items() if one.stage}
    came = came_since(store, told, Window(now - LATELY, now)) if staged else {}
    asked = approvals_asked(told.values())
    for name in sorted({*told, *came}):
        one = told.get(name, VersionStage(*name))
        known = {field.name: getattr(one, field.name) for field in fields(one)}
        if name[0] in staged:
            by_stage = stage_judged(one, came.get(name, NOTHING))
            by_approval = approval_judged(one, asked=name[0] in asked)
            known["against_stage"] = f"in the last day {by_stage.reason}" if by_stage.verdict in AGAINST else ""
            known["against_approval"] = by_approval.reason if by_approval.verdict in AGAINST else ""
        found[name] = Lifecycle(**known)
    return found


def every_version(store: Store, now: datetime, model: str = "") -> list[Lifecycle]:
    """The same of every version that has a card, a prediction or a word, by model and version.

    Raises:
        UnknownNameError: there is no such model.
    """
    need_all(store, [model], [])
    told = lifecycles(store, now, model)
    known = {(row["model"], row["version"]) for row in store.rows(_KNOWN, {"models": [model] if model else []})}
    return [told.get(name, Lifecycle(*name)) for name in sorted({*told, *known})]


def history_of(told: Sequence[Lifecycle]) -> list[tuple[str, Decision]]:
    """All decisions on some versions, the newest first, each with its version."""
    return sorted(
        ((one.version, each) for one in told for each in one.history), key=lambda one: one[1].at, reverse=True
    )
