"""Explains a finding: which traces go with it, and what sets them apart."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import numpy as np

from modelspan_analyzer.kinds import ERRORS, MISSING, WRONG
from modelspan_analyzer.results import Result, Window
from modelspan_analyzer.why import facts, sentence
from modelspan_analyzer.why.absence import LEAST_FLAGGED, absence, beside_causes, unfounded
from modelspan_analyzer.why.arrival import arrived
from modelspan_analyzer.why.contrast import Weights
from modelspan_analyzer.why.elsewhere import elsewhere
from modelspan_analyzer.why.explanation import Budget, Cause, Explanation, Finding
from modelspan_analyzer.why.facts import Fact, Key
from modelspan_analyzer.why.groups import ASKED, groups, merged
from modelspan_analyzer.why.position import places
from modelspan_analyzer.why.question import question
from modelspan_analyzer.why.rank import Places, Ranked, rank
from modelspan_analyzer.why.releases import Release, releases
from modelspan_analyzer.why.sample import Sample, draw
from modelspan_analyzer.why.selection import before, select, versions
from modelspan_analyzer.why.table import FactTable, tabulate
from modelspan_analyzer.why.timeline import Timeline, timeline
from modelspan_collector.store.connect import Store

SUPPORT = 10
SAMPLES = 3


def explain(store: Store, finding: Result | Finding, *, budget: Budget = Budget()) -> Explanation:  # noqa: B008
    """Rank what sets the predictions that make a finding apart from the others, and say it in a sentence.

    Raises:
        ValueError: the finding is of a kind that has no predictions of its own; the message says which kinds have.
    """
    begun = time.perf_counter()
    asked = question(finding) if isinstance(finding, Result) else finding
    context = surroundings(asked)
    selection = select(store, asked)
    line = timeline(store, selection, context, asked.window)
    if sharper := since_onset(asked, line):
        selection = select(store, sharper)
        line = timeline(store, selection, context, asked.window)
    sample = draw(store, selection, context, line, budget)
    flagged = int(sample.risk.sum())
    looked = Looked()
    if flagged < LEAST_FLAGGED:
        looked = Looked(reason=absence(store, asked, round(float(line.marked.sum())), flagged))
    else:
        looked = _look(store, asked, context, line, sample, budget.seconds)
    ask_groups = asked.kind in ASKED or not looked.causes
    causes = merged(looked.causes, groups(store, asked, selection, line, context) if ask_groups else [])
    reason = "" if causes else looked.reason or unfounded(store, asked, context)
    said = causes[0].sentence if causes else sentence.nothing(asked, None if reason else line.since, reason)
    marked = round(float(line.flagged.sum()))
    return Explanation(
        finding=asked,
        sentence=sentence.with_remark(said, looked.remark or (beside_causes(looked.reason) if causes else "")),
        causes=causes,
        n_flagged=marked,
        n_other=int(line.total.sum()) - marked,
        seconds=time.perf_counter() - begun,
        truncated=not (sample.complete and looked.complete),
        affected=line.affected(beyond_usual=asked.kind == WRONG),
        traced=flagged if causes or looked.complete else 0,
        since=line.since,
        versions=versions(store, asked),
    )


@dataclass(frozen=True, slots=True)
class Looked:
    """What reading the traces gave."""

    causes: tuple[Cause, ...] = ()
    reason: str = ""
    """Why there are none; '' where all was read."""
    remark: str = ""
    """What has to be known of the traces."""
    complete: bool = True


def _look(store: Store, finding: Finding, context: Window, line: Timeline, sample: Sample, seconds: float) -> Looked:
    """Causes from the spans near the predictions, or wherever in time the spans of their traces are."""
    source = facts.Source(store, sample, context, SUPPORT, seconds)
    try:
        try:
            return Looked(_causes(finding, line, source))
        except facts.NoSpansError as error:
            found = elsewhere(store, sample.trace_ids.tolist(), sample.time)
            if found is None:
                return Looked(reason=str(error))
            causes = _causes(finding, line, replace(source, elsewhere=found))
            return Looked(causes, remark=found.sentence)
    except facts.TooSlowError:
        reason = f"Reading the traces took more than {seconds:g} s; ask about a shorter time"
        return Looked(reason=reason, complete=False)
    except facts.NoSpansError as error:
        return Looked(reason=str(error))


def surroundings(finding: Finding) -> Window:
    """The window and as much before it: what is compared with, and where the beginning is looked for."""
    length = finding.window.end - finding.window.start
    return Window(finding.window.start - max(length, timedelta(minutes=5)), finding.window.end)


def since_onset(finding: Finding, line: Timeline) -> Finding | None:
    """The finding narrowed to what came after its onset, where that says better which values are new."""
    if line.onset is None or finding.kind in (MISSING, ERRORS):
        return None
    start = datetime.fromtimestamp(line.onset, UTC)
    end = finding.window.end if line.end is None else datetime.fromtimestamp(line.end, UTC)
    if not finding.window.start < start < end:
        return None
    return replace(finding, window=Window(start, end), baseline=finding.baseline or before(finding.window))


def _causes(finding: Finding, line: Timeline, source: facts.Source) -> tuple[Cause, ...]:
    sample, away = source.sample, source.elsewhere
    where = places(source.store, sample, away.window if away else None)
    found = source.read()
    table, ranked = _ranked(found, sample, where, finding.kind)
    if sample.slices and away is None and (absent := [one for one in ranked if table.keys[one.fact].kind == "absent"]):
        found = source.read_again(found, table.keys[absent[0].fact].service)
        table, ranked = _ranked(found, sample, where, finding.kind)
    news = releases(table, sample, line)
    return tuple(_cause(finding, table, sample, line, one, news) for one in ranked)


def _ranked(found: Sequence[Fact], sample: Sample, where: Places, kind: str) -> tuple[FactTable, list[Ranked]]:
    weights = Weights.split(sample.flagged, sample.others, sample.after).only(arrived(found, sample))
    table = tabulate(found, weights, SUPPORT)
    return table, rank(table, weights, sample.after, where, kind)


def _cause(
    finding: Finding, table: FactTable, sample: Sample, line: Timeline, ranked: Ranked, news: list[Release]
) -> Cause:
    key, compared, at = table.keys[ranked.fact], ranked.compared, ranked.fact
    cause = Cause(
        kind=key.kind,
        service=key.service,
        span_name=key.span_name,
        attribute=key.attribute,
        value=key.value,
        flagged_share=float(compared.flagged_share[at]),
        other_share=float(compared.other_share[at]),
        risk_ratio=float(compared.risk_ratio[at]),
        interval=(float(compared.lower[at]), float(compared.upper[at])),
        q_value=float(ranked.q_values[at]),
        support=int(compared.support[at]),
        score=float(compared.phi[at]),
        since=line.since,
        release=_release(key, news),
        also=tuple(sentence.short(table.keys[index]) for index in ranked.also[:8]),
        within=sentence.short(table.keys[ranked.within]) if ranked.within is not None else "",
        sample_trace_ids=_examples(sample, ranked),
    )
    return replace(cause, sentence=sentence.cause(finding, cause, key))


def _release(key: Key, news: list[Release]) -> str | None:
    """The release to name: of the cause's own service, or else the only one there was."""
    own = [release for release in news if release.service == key.service]
    chosen = own[0] if own else news[0] if len(news) == 1 else None
    return None if chosen is None else f"{chosen.service} {chosen.version}"


def _examples(sample: Sample, ranked: Ranked) -> tuple[str, ...]:
    """Flagged traces that show the cause: the surest, and of those the newest."""
    shows = np.nonzero(ranked.shows & (sample.risk > 0))[0]
    surest = shows[np.lexsort((-sample.time[shows], -sample.risk[shows].round(1)))][:SAMPLES]
    return tuple(sample.trace_ids[surest].tolist())
