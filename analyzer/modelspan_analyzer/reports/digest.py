"""A digest of a team as a document: what there is to know first, then what it rests on, and what nobody knows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypeVar

from modelspan_analyzer.documents import Cell, Document, Name, Part, Section, Share, State, Table
from modelspan_analyzer.instants import in_words
from modelspan_analyzer.reports.document import colour
from modelspan_analyzer.views.digest import Digest
from modelspan_analyzer.views.digest.cases import Case, Counts, Typical
from modelspan_analyzer.views.digest.lines import Line
from modelspan_analyzer.views.digest.news import News

MOST_MODELS: Final = 40
MOST_INCIDENTS: Final = 15
MOST_LINES: Final = 20
"""Of what people did, and of goals: what is left out is counted, and stands in the JSON."""
_MOST_NAMES: Final = 8
T = TypeVar("T")


def digest_document(digest: Digest) -> Document:
    """The document; each of its parts belongs into the short form too."""
    sections = [
        _models(digest),
        _incidents(digest),
        _news(digest),
        _goals(digest),
        _deeds(digest),
        _stages(digest),
        _gaps(digest),
    ]
    facts: list[tuple[str, Cell]] = [
        ("From", digest.since),
        ("Until", digest.until),
        ("Compared with", f"the time from {digest.before:%Y-%m-%d %H:%M} UTC until then"),
        ("Made at", digest.made_at),
    ]
    shown = [Section(one.title, one.parts, brief=True) for one in sections if one is not None]
    return Document(
        digest.title,
        State(colour(digest.state), _words(digest.state).capitalize()),
        digest.sentence,
        shown,
        facts,
    )


def _models(digest: Digest) -> Section:
    shown, left = digest.models[:MOST_MODELS], digest.models[MOST_MODELS:]
    columns = (
        "model", "at the end", "at the beginning", "predictions", "change", "failed", "p95", "windows that alarm",
        "labels known",
    )  # fmt: skip
    parts: list[Part] = [Table(columns, [_model(one) for one in shown], "There is no model.")]
    if left:
        states = ", ".join(f"{sum(one.state == name for one in left)} {_words(name)}" for name in _states(left))
        parts.append(f"{len(left):,} more are left out: {states}.")
    if digest.older_versions:
        older = _many(digest.older_versions, "older version")
        parts.append(f"{older} not listed: no prediction in either time, and no incident.")
    if unwell := [one for one in shown if one.state != "healthy"]:
        rows: list[list[Cell]] = [[Name(one.name), State(colour(one.state), one.words), one.sentence] for one in unwell]
        parts += ["Why these are not healthy:", Table(("model", "at the end", "why"), rows)]
    return Section("Models", parts)


def _states(found: Sequence[Line]) -> list[str]:
    return list(dict.fromkeys(one.state for one in found))


def _model(one: Line) -> list[Cell]:
    windows = f"{one.alarmed:,} of {one.windows:,}" if one.windows else "none seen"
    return [
        Name(one.name), State(colour(one.state), one.words), State(colour(one.state_before), one.words_before),
        one.predictions, changed(one), one.errors, slowness(one), windows,
        Share(one.labels_share) if one.labels_share is not None else "not asked for",
    ]  # fmt: skip


def changed(one: Line) -> str:
    """How many more predictions came than in the span before."""
    if one.change is None:
        return "none before" if one.predictions else "none at all"
    return f"{100 * one.change:+.1f} %"


def slowness(one: Line) -> str:
    """The 95 % quantile of seconds, and what it was before where that is another."""
    if one.p95_seconds is None:
        return "unknown"
    now, before = in_words(one.p95_seconds), "" if one.p95_before is None else in_words(one.p95_before)
    return f"{now}, was {before}" if before not in ("", now) else now


def typical(found: Typical) -> str:
    """A median, with how many it is of."""
    return "none" if found.seconds is None else f"{in_words(found.seconds)} (median of {found.n:,})"


def _incidents(digest: Digest) -> Section:
    if not digest.incidents:
        return Section("Incidents", ["No incident was open at any moment of this time."])
    shown, left = _first(digest.incidents, MOST_INCIDENTS)
    columns = ("state", "what", "why", "opened", "resolved", "in whose hands", "predictions affected", "opinion")
    listed = Table(columns, [_case(one) for one in shown])
    more = [f"{_many(left, 'more incident')} left out: `modelspan incidents` lists all."] if left else []
    return Section("Incidents", [_counted(digest.counts), listed, *more, *filter(None, [as_known(digest)])])


def as_known(digest: Digest) -> str:
    """What of incidents is of a later moment than the end; nothing is where the time still runs."""
    if digest.until > digest.made_at:
        return ""
    at = f"{digest.made_at:%Y-%m-%d %H:%M} UTC"
    return f"Severity and hands are of the end of this time; titles, causes and predictions affected as known at {at}."


def _counted(counts: Counts) -> str:
    """All that was counted of incidents, in a line."""
    reopened = f" ({counts.reopened:,} of them reopened)" if counts.reopened else ""
    return (
        f"{counts.opened:,} opened{reopened}, {counts.resolved:,} resolved, {counts.open:,} still open, "
        f"{counts.unacknowledged:,} of these in nobody's hands. From opened until acknowledged: "
        f"{typical(counts.to_acknowledge)}; from opened until resolved: {typical(counts.to_resolve)}. "
        f"Found noise: {counts.noise:,}; found useful: {counts.useful:,}."
    )


def _case(one: Case) -> list[Cell]:
    state = State(colour(one.severity), f"open, {one.severity}") if one.status == "open" else State("ok", "resolved")
    opinion = " and ".join(name for name, found in (("noise", one.noise), ("useful", one.useful)) if found)
    affected = one.affected or "not known"
    why = one.why or "no cause was found"
    return [
        state,
        Name(one.named),
        why,
        one.opened_at,
        one.resolved_at or "it lasts",
        hands(one),
        affected,
        opinion or "none",
    ]


def hands(one: Case) -> str:
    """Whose task an incident is, and who has acknowledged it."""
    taken = f"acknowledged by {one.acknowledged_by}" if one.acknowledged_by else ""
    return ", ".join(part for part in (one.assignee, taken) if part) or "nobody's"


def _news(digest: Digest) -> Section:
    columns = ("model", "what alarmed", "windows", "what it says", "why")
    before = (None, *digest.news)
    rows = [_new(one, last) for one, last in zip(digest.news, before, strict=False)]
    table = Table(columns, rows, "Nothing alarmed that had not alarmed before.")
    left = digest.news_left_out
    more = [f"{left:,} more measurements began to alarm: the pages of these models have all."] if left else []
    return Section("What is new", [table, *more])


def _new(one: News, last: News | None) -> list[Cell]:
    why = "the same" if last and one.incident_id and last.incident_id == one.incident_id else cause(one)
    name = f"{one.model} {one.version}".rstrip()
    return [Name(name), one.about, f"{one.alarmed:,} of {one.windows:,}", one.reason, why]


def cause(one: News) -> str:
    """Why it alarms, or that nobody knows."""
    return one.why or ("no cause was found" if one.incident_id else "it is of no incident, so no cause was looked for")


def _goals(digest: Digest) -> Section | None:
    every: list[list[Cell]] = [
        [Name(one.name), Name(goal.metric), f"{goal.realised:.4g} {goal.unit}".rstrip(), goal.goal, State(goal.verdict),
         burned(goal.burn), Share(goal.left)]
        for one in digest.models
        for goal in one.goals
    ]  # fmt: skip
    if not every:
        return None
    shown, left = _first(every, MOST_LINES)
    columns = ("model", "goal of", "realised", "goal", "verdict", "budget is used up", "budget left")
    more = [f"{_many(left, 'more goal')} left out."] if left else []
    return Section("Targets", [Table(columns, shown), *more])


def burned(rate: float | None) -> str:
    """How fast a budget is used up."""
    return "too few windows yet" if rate is None else f"{rate:.3g} times as fast as allowed"


def _deeds(digest: Digest) -> Section:
    shown, left = _first(digest.deeds, MOST_LINES)
    rows: list[list[Cell]] = [[one.at, one.text, Name(one.named)] for one in shown]
    said = [f"{_many(left, 'older entry', 'older entries')} left out."] if left else []
    if digest.taken:
        times = "once" if digest.taken == 1 else f"{digest.taken:,} times"
        said.append(f"Besides, incidents were taken in hand or assigned {times}.")
    return Section("What people did", [Table(("time (UTC)", "what", "incident"), rows, "Nothing is on record."), *said])


def _stages(digest: Digest) -> Section:
    shown, left = _first(digest.decisions, MOST_LINES)
    against, more = _first(digest.contradictions, MOST_LINES)
    rows: list[list[Cell]] = [
        [one.at, Name(one.actor), Name(f"{one.model} {one.version}".rstrip()), one.kind, one.change, one.reason]
        for one in shown
    ]
    wrong: list[list[Cell]] = [[Name(f"{one.model} {one.version}".rstrip()), one.what] for one in against]
    parts: list[Part] = [
        Table(("time (UTC)", "who", "model", "of", "what", "reason"), rows, "Nobody decided anything.")
    ]
    parts += [f"{_many(left, 'older decision')} left out."] if left else []
    if wrong:
        parts += ["What contradicts them at the end:", Table(("model", "what"), wrong)]
    parts += [f"{_many(more, 'more contradiction')} left out."] if more else []
    return Section("Stages and approvals", [*parts, *filter(None, [stages_said(digest)])])


def stages_said(digest: Digest) -> str:
    """What is known of whether versions keep to their stages, where nothing contradicts; and of how many nothing is."""
    told = len(digest.models) - digest.without_stage
    well = "At the end nothing contradicted what was told. " if told and not digest.contradictions else ""
    if not digest.without_stage:
        return well.rstrip()
    whom = f"{_count(digest.without_stage, 'more version')}" if told else "any of these versions"
    return f"{well}Nobody told a stage of {whom}: whether they may answer was not looked at."


def _gaps(digest: Digest) -> Section:
    rows: list[list[Cell]] = [[one.what, one.why, Name(listed(one.versions))] for one in digest.not_looked_at]
    table = Table(("what", "why", "of"), rows, "Everything that is on was looked at.")
    return Section("What was not looked at", ["None of this is known to be well.", table] if rows else [table])


def listed(names: Sequence[str]) -> str:
    """Some names, and how many there are besides."""
    shown, left = _first(names, _MOST_NAMES)
    return ", ".join(shown) + (f" and {left:,} more" if left else "")


def _first(found: Sequence[T], most: int) -> tuple[Sequence[T], int]:
    """The first of some, and how many are left out."""
    return found[:most], max(0, len(found) - most)


def _words(name: str) -> str:
    return name.replace("_", " ")


def _many(count: int, one: str, several: str = "") -> str:
    return f"{_count(count, one, several)} {'is' if count == 1 else 'are'}"


def _count(count: int, one: str, several: str = "") -> str:
    return f"{count:,} {one if count == 1 else several or f'{one}s'}"
