"""What people decide of a version: its stage and its approval. Each decision is a row that nothing replaces."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import pyarrow as pa

from modelspan_analyzer.governance import audit
from modelspan_analyzer.people import LONGEST_NAME, named, printable, said
from modelspan_analyzer.reading import stages as told
from modelspan_analyzer.reading.confined import need_own
from modelspan_analyzer.reading.names import brief, has_version, need_version
from modelspan_analyzer.reading.stages import APPROVAL, APPROVED, REJECTED, STAGE, STAGES, VersionStage
from modelspan_collector.store.connect import Store

_CARDED: Final = "SELECT count() FROM models WHERE model = {model:String} AND version = {version:String}"


@dataclass(frozen=True, slots=True)
class Choice:
    """One thing that people may decide."""

    kind: str
    decision: str
    audited: str
    """As the audit log has it."""


DECISIONS: Final[Mapping[str, Choice]] = {
    **{stage: Choice(STAGE, stage, "model stage told") for stage in STAGES},
    "approve": Choice(APPROVAL, APPROVED, "model approved"),
    "reject": Choice(APPROVAL, REJECTED, "model rejected"),
}
"""By the word for it."""


def decide(
    store: Store,
    model: str,
    version: str,
    decision: str,
    *,
    reason: str,
    actor: str,
    now: datetime,
    unseen: bool = False,
) -> VersionStage:
    """Put a version into a stage, or approve or reject it, and return what is known of it then.

    An approval is of the version's card as it is now. Of two people who decide at once, both are kept, and the later
    counts; whoever decides after having seen a decision is the later one, whatever the clocks say.

    Args:
        store: where decisions are kept.
        model: the model.
        version: its version; '' is predictions that came without one.
        decision: one of `DECISIONS`.
        reason: why; it has to say something.
        actor: who decides; the operating system's user if empty.
        now: the time to stamp.
        unseen: whether a version of which there is neither a card nor a prediction is meant.

    Raises:
        UnknownNameError: there is no such model or version; the message names those that there are.
        ValueError: there is no such decision, or no reason is given or one too long to be kept, or nothing but its
            name is known of the version.
    """
    if decision not in DECISIONS:
        raise ValueError(f"{decision[:40]!r} is nothing to decide; say {', '.join(DECISIONS)}")
    if not (why := said(reason)):
        raise ValueError("say why: a decision needs a reason")
    need_own(store, model)
    before = told.stages(store, model).get((model, version), VersionStage(model, version))
    if not before.history:
        _need_seen(store, model, version, unseen=unseen)
    chosen, who = DECISIONS[decision], named(actor)
    at = max([now, *(one.at + timedelta(microseconds=1) for one in before.history)])
    card = told.card_parts(store, model, version) if chosen.kind == APPROVAL else {}
    row = {"model": model, "version": version, "kind": chosen.kind, "decision": chosen.decision}
    columns = {name: pa.array([value]) for name, value in (row | {"actor": who, "reason": why}).items()}
    columns["at"] = pa.array([at], pa.timestamp("us", "UTC"))
    columns["card"] = pa.array([list(card.items())], pa.map_(pa.string(), pa.string()))
    store.insert("model_decisions", pa.table(columns))
    details = {chosen.kind: chosen.decision, "before": getattr(before, chosen.kind), "reason": why, "at": at}
    audit.record(store, chosen.audited, model=model, version=version, actor=who, details=details)
    return told.stages(store, model)[model, version]


def _need_seen(store: Store, model: str, version: str, *, unseen: bool) -> None:
    """Refuse a version that may be a slip of the pen, unless it is said to be meant."""
    if unseen:
        if not model.strip() or any(len(name) > LONGEST_NAME or printable(name) != name for name in (model, version)):
            raise ValueError(f"a name is 1 to {LONGEST_NAME} characters that can be seen, on one line")
        return
    need_version(store, model, version)
    if store.scalar(_CARDED, {"model": model, "version": version}) or has_version(store, model, version):
        return
    raise ValueError(
        f"version {brief(version)!r} of {brief(model)} has neither a card nor a prediction: modelspan.register(...) "
        "makes it a candidate that is known; or say that a version which nobody has seen is meant (unseen)"
    )
