"""What is said of an experiment: whether it is decided, and whether a guardrail holds."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from modelspan_analyzer.config.experiment_settings import (
    FAILURES,
    LATENCY,
    ExperimentSettings,
    GuardrailSettings,
    MeasureSettings,
)
from modelspan_analyzer.results import Judged, Verdict
from modelspan_analyzer.statistics.sequential import Standing, rows_needed
from modelspan_analyzer.verdicts.p_value import p_text

ALIKE: Final = "all alike within each of both, which tells nothing of how sure that is"
MATTERS: Final = 0.05
"""Share of the champion's value that matters, where nobody says."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is measured of an experiment: its goal, or one of its guardrails."""

    experiment: ExperimentSettings
    measure: MeasureSettings
    higher_is_better: bool
    unit: str = ""

    @property
    def name(self) -> str:
        """What its results are called."""
        return f"{self.experiment.name}.{self.measure.measure}"

    @property
    def is_ratio(self) -> bool:
        """Whether differences are of logarithms."""
        return self.measure.measure == LATENCY

    @property
    def margin(self) -> float | None:
        """How much worse it may be, as differences are measured; None of the goal."""
        given = self.measure.margin if isinstance(self.measure, GuardrailSettings) else None
        return math.log1p(given) if given is not None and self.is_ratio else given

    def effect(self, champion: float) -> float:
        """The smallest difference that matters, as differences are measured."""
        given = self.experiment.min_effect if self.margin is None else self.margin
        if self.is_ratio:
            return math.log1p(given or MATTERS)
        return given or MATTERS * abs(champion)

    def shown(self, difference: float) -> float:
        """A difference as people read it: of a logarithm as the share more or less."""
        return math.expm1(difference) if self.is_ratio and math.isfinite(difference) else difference

    def amount(self, difference: float) -> str:
        """The same as a text."""
        shown = self.shown(difference)
        if self.measure.measure in (LATENCY, FAILURES):
            return f"{shown:+.2%}"
        return f"{shown:+.4g} {self.unit}".rstrip()


def judge(found: Standing, asked: Asked, champion: float) -> Judged:
    """The verdict: nothing is well before it is sure.

    Args:
        found: how it stands.
        asked: what was measured.
        champion: its mean over the same time.
    """
    return _guarded(found, asked) if asked.margin is not None else _goal(found, asked, champion)


def _goal(found: Standing, asked: Asked, champion: float) -> Judged:
    level, better = asked.experiment.level, 1 if asked.higher_is_better else -1
    p_value = {"p_always": found.p_value, "level": level}
    said = _said(found, asked)
    if found.lower > 0 or found.upper < 0:
        won = (found.lower > 0) is (better > 0)
        decided = "the challenger is better" if won else "the champion is better"
        sure = f"sure at {level:.3g} however often it is looked at (p {p_text(found.p_value)})"
        return Judged(Verdict.ALARM, f"decided: {decided}; {said}, {sure}", 0.0, None, {**p_value, "decided": decided})
    effect = asked.effect(champion)
    if effect > 0 and max(abs(found.lower), abs(found.upper)) < effect:
        decided = f"no difference of {asked.amount(effect).lstrip('+')} or more"
        return Judged(Verdict.ALARM, f"decided: {decided}; {said}", 0.0, None, {**p_value, "decided": decided})
    return Judged(Verdict.NOT_ENOUGH_DATA, _not_yet(found, asked, effect, said), 0.0, None, p_value)


def _guarded(found: Standing, asked: Asked) -> Judged:
    margin = asked.margin or 0.0
    worse = -1 if asked.higher_is_better else 1
    least, most = sorted((worse * found.lower, worse * found.upper))
    bound, said = worse * margin, _said(found, asked)
    details = {"level": asked.experiment.level}
    allowed = f"a margin of {asked.amount(bound)}"
    shown = asked.shown(bound)
    if least > margin:
        return Judged(Verdict.ALARM, f"the guardrail is broken: {said}, beyond {allowed}", shown, None, details)
    if most < margin:
        return Judged(Verdict.OK, f"the guardrail holds: {said}, within {allowed}", shown, None, details)
    away = max(abs(margin - worse * found.difference), 1e-12) if math.isfinite(found.difference) else 0.0
    reason = _not_yet(found, asked, away, f"{said}; {allowed}")
    return Judged(Verdict.NOT_ENOUGH_DATA, reason, shown, None, details)


def _not_yet(found: Standing, asked: Asked, effect: float, said: str) -> str:
    needed = rows_needed(found, effect, asked.experiment.level, asked.experiment.tuned_to)
    about = (
        f"{found.rows:,} of about {max(needed, found.rows):,}" if needed else f"{found.rows:,} of not known how many"
    )
    return f"not decided yet, {about} predictions: {said}"


def _said(found: Standing, asked: Asked) -> str:
    one, other = asked.experiment.challenger, asked.experiment.champion
    if math.isnan(found.difference):
        return f"no window has both {one} and {other} with what is measured"
    within = "too little to say how sure that is" if found.variance else ALIKE
    if math.isfinite(found.lower):
        within = f"{asked.amount(found.lower)} to {asked.amount(found.upper)}"
    return f"{one} against {other}: {asked.amount(found.difference)} ({within})"
