"""The stage and the approval of each version, as people told them: a fold over decisions, which are only ever added.

Nothing follows from no word: a version of which nobody told a stage has none, and is not taken for one in production.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from modelspan_analyzer.instants import utc
from modelspan_analyzer.reading.unchanged import OF_MODELS, Name, UntilWritten
from modelspan_collector.store.connect import Store

STAGE: Final = "stage"
APPROVAL: Final = "approval"
"""The two kinds of decisions."""
CANDIDATE: Final = "candidate"
SHADOW: Final = "shadow"
PRODUCTION: Final = "production"
RETIRED: Final = "retired"
STAGES: Final = (CANDIDATE, SHADOW, PRODUCTION, RETIRED)
APPROVED: Final = "approved"
REJECTED: Final = "rejected"
APPROVALS: Final = (APPROVED, REJECTED)

_PARTS: Final = ("task", "classes", "hyperparameters", "training_data")
"""What of a card is approved. Its owner and its time of deployment are no part of the model, and the SDK learns its
signature anew in every process."""
_HASHES: Final = ", ".join(
    f"'{part}', if(toString({part}) IN ('', '[]', '{{}}'), '', lower(hex(sipHash128(toString({part})))))"
    for part in _PARTS
)
CARD_PARTS: Final = f"mapFilter((part, hash) -> hash != '', map({_HASHES}))"
"""SQL: a hash of each part of a card that says something."""
_CARDS: Final = f"""
    SELECT model, version, argMax({CARD_PARTS}, timestamp) AS card
    FROM (SELECT *, uniqExact(tenant) OVER (PARTITION BY model) AS tenants FROM models FINAL WHERE {OF_MODELS})
    WHERE tenant = '' OR tenants = 1 GROUP BY model, version
"""
"""The newest card of each version that speaks for all of the model, as `cards.CARDS` has it for one."""
_DECISIONS: Final = f"""
SELECT d.model AS model, d.version AS version, d.at AS at, toString(d.kind) AS kind, toString(d.decision) AS decision,
       d.actor AS actor, d.reason AS reason, d.card AS approved_card, c.card AS card
FROM (SELECT * FROM model_decisions WHERE {OF_MODELS}) AS d
LEFT JOIN ({_CARDS}) AS c ON d.model = c.model AND d.version = c.version
ORDER BY model, version, at, decision, actor, reason
"""


@dataclass(frozen=True, slots=True)
class Decision:
    """What somebody decided of a version."""

    at: datetime
    kind: str
    """`stage` or `approval`."""
    decision: str
    """One of `STAGES` or `APPROVALS`."""
    actor: str
    reason: str
    card_changed: tuple[str, ...] = ()
    """The parts of the card that said something else when this was decided than they say now; of approvals alone.

    Of one that was decided where there was no card, or one that said nothing, all that it says now: nobody saw it.
    """


@dataclass(frozen=True, slots=True)
class VersionStage:
    """What is known of a version's stage and approval; '' and None where nobody told."""

    model: str
    version: str
    stage: str = ""
    stage_by: str = ""
    stage_reason: str = ""
    stage_at: datetime | None = None
    approval: str = ""
    approved_by: str = ""
    """Who approved or rejected it."""
    approval_reason: str = ""
    approval_at: datetime | None = None
    card_changed: tuple[str, ...] = ()
    """The parts of its card that are not as they were when it was approved or rejected."""
    history: tuple[Decision, ...] = ()
    """All decisions, the oldest first."""

    @property
    def stage_since(self) -> datetime | None:
        """Since when it has been in its stage: telling the same once more begins nothing anew."""
        since = None
        for one in reversed([one for one in self.history if one.kind == STAGE]):
            if one.decision != self.stage:
                break
            since = one.at
        return since

    def as_of(self, moment: datetime) -> VersionStage:
        """The same as it stood at a moment: without what was decided later."""
        return folded(self.model, self.version, (one for one in self.history if one.at <= moment))


def folded(model: str, version: str, decisions: Iterable[Decision]) -> VersionStage:
    """What some decisions come to, the oldest first: the newest of each kind counts."""
    history = tuple(decisions)
    newest = {one.kind: one for one in history}
    stage, approval = newest.get(STAGE), newest.get(APPROVAL)
    return VersionStage(
        model,
        version,
        stage=stage.decision if stage else "",
        stage_by=stage.actor if stage else "",
        stage_reason=stage.reason if stage else "",
        stage_at=stage.at if stage else None,
        approval=approval.decision if approval else "",
        approved_by=approval.actor if approval else "",
        approval_reason=approval.reason if approval else "",
        approval_at=approval.at if approval else None,
        card_changed=approval.card_changed if approval else (),
        history=history,
    )


def stages(store: Store, model: str = "") -> Mapping[Name, VersionStage]:
    """Every version of which somebody decided anything, of one model or of all; kept until anybody decides more."""
    return _KEPT(store, model)


def card_parts(store: Store, model: str, version: str) -> Mapping[str, str]:
    """A hash of each part of a version's card that says something; none where it has no card."""
    rows = store.rows(_CARDS, {"models": [model]})
    return next((row["card"] for row in rows if row["version"] == version), {})


def _read(store: Store, models: Sequence[str], _asked: Hashable) -> dict[Name, VersionStage]:
    decisions: dict[Name, list[Decision]] = {}
    for row in store.rows(_DECISIONS, {"models": list(models)}):
        then, now = row.pop("approved_card"), row.pop("card")
        of_nothing = row["kind"] == APPROVAL and not then  # of a card that said no part, or of none
        compared = now if of_nothing else then
        changed = tuple(part for part in _PARTS if part in compared and then.get(part, "") != now.get(part, ""))
        one = Decision(utc(row["at"]), row["kind"], row["decision"], row["actor"], row["reason"], changed)
        decisions.setdefault((row["model"], row["version"]), []).append(one)
    return {name: folded(*name, own) for name, own in decisions.items()}


_KEPT: Final = UntilWritten(_read, "model_decisions", "models")
