"""Slices beside what is usual for the time: a rhythm or a trend of the whole moves its slices, too.

What is expected of a slice is what is expected of the whole, and as far from it as the slice is in the baseline. That
takes the season to move all slices alike; it takes alarms back, and never makes one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from modelspan_analyzer.config.data_settings import DriftSettings
from modelspan_analyzer.monitors.context import MonitorContext
from modelspan_analyzer.monitors.drift.compare import Pair
from modelspan_analyzer.monitors.drift.judge import judge_pairs
from modelspan_analyzer.reading.profiles.pooling import MEAN, MISSING, level_of, moved
from modelspan_analyzer.reading.profiles.profile import Column, Kind, Texts
from modelspan_analyzer.results import Result, Verdict

_STANDS: Final = (Verdict.ALARM, Verdict.NOT_ENOUGH_DATA, Verdict.SKIPPED)
"""What takes no alarm back."""
SAID: Final = "beside what is usual of the whole for the time, and as far from it as the slice is in the baseline"


def alarming(usual: Mapping[str, Column], judged: Sequence[Result]) -> set[str]:
    """The columns that alarm in a slice, and of which it is known what is usual of the whole."""
    return {one.feature for one in judged if one.verdict is Verdict.ALARM} & usual.keys()


def in_season(
    context: MonitorContext,
    settings: DriftSettings,
    judged: Sequence[Result],
    found: Iterable[Pair],
    *,
    outputs: bool = False,
) -> list[Result]:
    """A slice's results; of the features that alarm those beside what is usual, where these do not.

    Args:
        context: whose whole was looked at.
        settings: by which slices are judged.
        judged: all results of one slice.
        found: of what `alarming` names, the slice in the baseline and in the window.
        outputs: whether they are what the model answers, and not features.
    """
    first = judged[0]
    expected = _expected(context, found, outputs)
    again = judge_pairs(context, first.signal, settings, expected, outputs=outputs, segment=first.segment)
    calm = {one.feature for one in again} - {one.feature for one in again if one.verdict in _STANDS}
    told = [replace(one, reason=f"{one.reason}; {SAID}") for one in again if one.feature in calm]
    return [*(one for one in judged if one.feature not in calm), *told]


def _expected(context: MonitorContext, found: Iterable[Pair], outputs: bool) -> Iterator[Pair]:
    reference, known = context.reference, context.usual_outputs if outputs else context.usual
    whole = (reference.outputs if outputs else reference.features) if reference else {}
    for pair in found:
        usual = known[pair.name]
        if pair.name in whole and usual.kind is pair.reference.kind is pair.current.kind:
            expected = _as_far(usual, whole[pair.name], pair.reference)
            if expected is not None:
                support = expected.numbers.support if expected.numbers else None
                yield Pair(pair.name, expected, pair.current, support, pair.current_support)


def _as_far(usual: Column, whole: Column, part: Column) -> Column | None:
    """What is usual of the whole, as far off as a part is in the baseline; None where its values cannot be there."""
    if usual.kind is Kind.CATEGORICAL and usual.texts and whole.texts and part.texts:
        usual = replace(usual, texts=_shares_as_far(usual.texts, whole.texts, part.texts))
    else:
        there = level_of(usual, MEAN) + level_of(part, MEAN) - level_of(whole, MEAN)
        usual = moved(usual, MEAN, there)
        if not np.isclose(level_of(usual, MEAN), there):
            return None
    missing = level_of(usual, MISSING) + level_of(part, MISSING) - level_of(whole, MISSING)
    return moved(usual, MISSING, max(0.0, missing))


def _shares_as_far(usual: Texts, whole: Texts, part: Texts) -> Texts:
    def share(texts: Texts, name: str) -> float:
        return texts.counts.get(name, 0.0) / texts.count

    names = usual.counts.keys() | part.counts.keys()
    shares = {name: max(0.0, share(usual, name) + share(part, name) - share(whole, name)) for name in names}
    total = sum(shares.values())
    return replace(usual, counts={name: one / total * usual.count for name, one in shares.items()}) if total else usual
