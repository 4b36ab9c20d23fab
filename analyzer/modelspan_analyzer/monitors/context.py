"""What a monitor is given: one window of one model's version, what to compare it with, and the settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import cached_property
from typing import Final, TypedDict, Unpack

from modelspan_analyzer.config.expression import understood
from modelspan_analyzer.config.settings import ModelSettings
from modelspan_analyzer.reading.arrivals import PRIMARY, first_answers, first_rows, role_at
from modelspan_analyzer.reading.baselines import KIND_LEARNT, KIND_ROWS, NO_ROWS, Baseline
from modelspan_analyzer.reading.names import typed
from modelspan_analyzer.reading.outcomes import several
from modelspan_analyzer.reading.outcomes.read import Coverage, coverage
from modelspan_analyzer.reading.outcomes.seen import Seen as Answers
from modelspan_analyzer.reading.outcomes.seen import kept_look, look
from modelspan_analyzer.reading.outcomes.target import Target, read_as, target_of
from modelspan_analyzer.reading.profiles.parts import Parts
from modelspan_analyzer.reading.profiles.profile import Column, Profile
from modelspan_analyzer.reading.profiles.read import baseline_profile, read_profile
from modelspan_analyzer.reading.relation import window_relation
from modelspan_analyzer.reading.row_names import row_names
from modelspan_analyzer.reading.rows import Rows, baseline_rows, unlabelled_rows, window_rows
from modelspan_analyzer.reading.samples.features import read_window
from modelspan_analyzer.reading.samples.matrix import Encoding, Sample
from modelspan_analyzer.reading.segments import names_of, restricted, where
from modelspan_analyzer.reading.silence import Silence
from modelspan_analyzer.reading.slices import Slice, Slices, slices_of
from modelspan_analyzer.reading.stages import VersionStage, stages
from modelspan_analyzer.reading.unchanged import Name
from modelspan_analyzer.results import Found, Judged, Result, Seen, Verdict, Window
from modelspan_analyzer.verdicts.rates import RateVerdict
from modelspan_collector.store.connect import Store
from modelspan_collector.store.segments import SLICE

LEARNING: Final = "learning the baseline"
_OF_TRUTHS: Final = frozenset({"sources", "_sources", "answers", "coverages", "target"})
"""What a context has read that depends on what is taken for the truth."""


class Fields(TypedDict, total=False):
    """What a result may hold beside its signal, metric, value and verdict: see `Result`."""

    feature: str
    segment: str
    lower: float | None
    upper: float | None
    threshold: float | None
    direction: str
    p_value: float | None
    n: int
    n_baseline: int
    baseline_id: str
    monitor: str
    reason: str
    details: Mapping[str, object]


@dataclass(slots=True)
class Like:
    """Earlier windows that tell what is usual of a window."""

    windows: tuple[Window, ...] = ()
    is_trend: bool = False
    """Whether they are the newest ones, which a trend leads from, and not those of the same time."""
    span: int = 0
    """Windows of the past that shows it."""


@dataclass(frozen=True)
class MonitorContext:
    """One window of one model's version, as all its monitors see it; what two of them need is read once."""

    store: Store
    model: str
    version: str
    window: Window
    baseline: Baseline | None
    """None where the model has none and has not predicted enough to learn one; a monitor that needs it then says so."""
    settings: ModelSettings = field(default_factory=ModelSettings)
    partial: bool = False
    """Whether the data end within the window: how many rows it would have had is not known."""
    silence: Silence | None = None
    """Given where the window is known to have no prediction: none came since."""
    labelled: bool = True
    """False where the store is known to hold no label."""
    outcome: str = ""
    """What is taken for the truth; '' is the label."""
    part: Slice | None = None
    """The slice whose rows are looked at; None where all are (`within`)."""
    told: Mapping[Name, VersionStage] | None = None
    """The stages of all versions of all models, where they were read for all windows of a look; else they are asked."""
    usual: dict[str, Column] = field(default_factory=dict, init=False, compare=False, repr=False)
    """The features of which drift found a rhythm or a trend, as they are expected in this window: put there by it, as
    it runs first, for those after it that would take the season for a fault."""
    usual_outputs: dict[str, Column] = field(default_factory=dict, init=False, compare=False, repr=False)
    """The same of what the model answers."""
    like: Like = field(default_factory=Like, init=False, compare=False, repr=False)
    """Earlier windows that tell what is usual of most of these features, or of outputs where of no feature."""
    _samples: dict[Encoding, tuple[int, Sample]] = field(default_factory=dict, init=False, compare=False, repr=False)

    @cached_property
    def stages(self) -> Mapping[Name, VersionStage]:
        """What was told of the model's versions by the end of the window; empty where no stage of any was."""
        found = stages(self.store, self.model) if self.told is None else self.told
        then = {name: one.as_of(self.window.end) for name, one in found.items() if name[0] == self.model}
        return then if any(one.stage for one in then.values()) else {}

    @cached_property
    def current(self) -> Profile:
        """The distributions of the window's features and predictions."""
        if self.silence is not None:
            relation = window_relation(self.model, self.version, self.window)
            return Profile(0, 0.0, 0.0, 0.0, None, {}, {}, relation)
        return self._profile[0]

    @property
    def parts(self) -> Parts | None:
        """The rows of the window, to be taken apart by the configured segments; None where they are many, or none."""
        return self._profile[1] if self.silence is None else None

    @cached_property
    def _profile(self) -> tuple[Profile, Parts | None]:
        settings, scope = self.settings, (self.store, self.model, self.version, self.window)
        return read_profile(*scope, self.slicing, exact=settings.data_drift.exact)

    @cached_property
    def slicing(self) -> tuple[str, ...]:
        """The keys of all slices that can be looked at: one that the engine cannot compute takes no other along."""
        return tuple(key for key in self.settings.slicing if key not in self.no_slices)

    @cached_property
    def no_slices(self) -> dict[str, str]:
        """The keys of slices whose expression the engine cannot compute, and why."""
        asked = {f"{SLICE}.{name}={text}": text for name, text in self.settings.slices.items()}
        told = {key: understood(self.store, text, "slice") for key, text in asked.items()}
        return {key: why for key, why in told.items() if why}

    @cached_property
    def slices(self) -> Slices:
        """The slices that have enough rows, on both sides."""
        asked = (self.store, self.model, self.version, self.window, self.with_rows, self.current, self.parts)
        return slices_of(*asked, self.slicing, self.settings.data_drift.min_rows)

    @cached_property
    def reference(self) -> Profile | None:
        """The distributions of the baseline."""
        return baseline_profile(self.store, self.baseline) if self.baseline else None

    @cached_property
    def row_names(self) -> dict[str, str]:
        """Features that name rows instead of describing them, and why; those that are asked for all the same are not
        among them."""
        asked_back = self.settings.ids_as_features
        found = row_names(self.store, self.baseline)
        return {name: reason for name, reason in found.items() if name not in asked_back}

    @cached_property
    def sources(self) -> list[Rows]:
        """The window's predictions with the labels that are in, then those of the baseline where there is one.

        Their truths are spelt as the model spells its classes.
        """
        stamps = ["", *(f"{one.rows} {one.labelled} {one.labels_until}" for one in self.answers[1:])]
        stamped = (replace(rows, stamp=stamp) for rows, stamp in zip(self._sources, stamps, strict=True))
        return [read_as(rows, self.target) for rows in stamped]

    @cached_property
    def _sources(self) -> list[Rows]:
        labelled = self.labelled
        current = window_rows(self.model, self.version, self.window, labelled=labelled, outcome=self.outcome)
        current = self._of_part(current)
        if self.with_rows is None:
            return [current]
        answered = self.answered if labelled else None
        baseline = replace(self.with_rows, window=answered) if answered else self.with_rows
        return [current, self._of_part(baseline_rows(baseline, labelled=labelled, outcome=self.outcome))]

    @property
    def unlabelled(self) -> Rows:
        """The window's predictions without looking for their labels, as `sources` spells them."""
        rows = unlabelled_rows(self.model, self.version, self.window)
        return read_as(self._of_part(rows), self.target)

    def _of_part(self, rows: Rows) -> Rows:
        return rows.only(*where([(self.part.key, self.part.value)])) if self.part else rows

    def within(self, one: Slice, settings: ModelSettings) -> MonitorContext:
        """The rows of a slice as a window and a baseline of their own, with settings of its own.

        What the model predicts, and what names its rows, is told by all rows. Samples and sources are of the slice, and
        results carry its name; distributions (`current`, `reference`) are not cut, see `Slices.columns`.
        """
        other = replace(self, part=one, settings=settings)
        other.__dict__.update(target=self.target, row_names=self.row_names)
        return other

    def told_by(self, outcome: str) -> MonitorContext:
        """The same window with an outcome of that name for the truth; what does not depend on it is not read again."""
        if outcome == self.outcome:
            return self
        other = replace(self, outcome=outcome)
        told = {*_OF_TRUTHS, "outcome"}
        other.__dict__.update({name: known for name, known in self.__dict__.items() if name not in told})
        return other

    @cached_property
    def answered(self) -> Window | None:
        """What outcomes are compared with where the baseline was learnt of a shadow, whose predictions get no labels:
        the version's first answers, as many as a baseline is learnt from, once they came before the window."""
        baseline, learn = self.baseline, self.settings.baseline.learn
        if baseline is None or baseline.kind != KIND_LEARNT or baseline.window is None:
            return None
        learnt = self.store, self.model, self.version, baseline.window.end
        if role_at(*learnt[:3], baseline.window.end - timedelta(microseconds=1)) == PRIMARY:
            return None
        found = first_answers(*learnt, learn)
        return found if found and found.end <= self.window.start else None

    @cached_property
    def answers(self) -> list[Answers]:
        """What answers, truths and attributions each source has."""
        lasting = self.baseline is not None and self.baseline.kind == KIND_ROWS
        current, *baseline = self._sources
        return [look(self.store, current), *((kept_look if lasting else look)(self.store, rows) for rows in baseline)]

    @cached_property
    def coverages(self) -> list[Coverage]:
        """How many rows each source has, and of how many the truth is known to be a class of the model."""
        if self.target.shape:
            return [several.coverage(self.store, rows) for rows in self._sources]
        found = [Coverage(one.rows, one.labelled) for one in self.answers]
        return [coverage(self.store, self.sources[0]), *found[1:]] if self.target.strange else found

    @cached_property
    def target(self) -> Target:
        """What the model predicts, by its card and by what the sources hold."""
        settings = self.settings.performance
        return target_of(self.store, self.model, self.answers, settings.positive_class, task=settings.task)

    def sample(self, encoding: Encoding, limit: int) -> Sample:
        """At most `limit` rows of the window, coded as the baseline's; what one monitor has read serves the next."""
        asked, known = self._samples.get(encoding, (0, None))
        if known is None or (asked < limit and len(known.ids) == asked):
            relation, rows = window_relation(self.model, self.version, self.window), self.current.rows
            if self.part:
                relation, rows = restricted(relation, self.part.key, self.part.value), self.part.rows
            asked, known = limit, read_window(self.store, relation, encoding, limit, rows)
            self._samples[encoding] = asked, known
        return known.first(limit)

    def result(
        self, signal: str, metric: str, value: float | None, verdict: Verdict, **fields: Unpack[Fields]
    ) -> Result:
        """A result of this window; `fields` are those of `Result`.

        What nothing judges, no threshold and no test, is never `ok`, whatever the monitor says, unless it says why.
        """
        fields.setdefault("baseline_id", self.baseline.baseline_id if self.baseline else "")
        if self.part:
            fields["segment"] = fields.get("segment") or self.part.name
        if self.outcome:
            fields["details"] = {**fields.get("details", {}), "outcome": self.outcome}
        if verdict is Verdict.OK and not (_judged(fields) or (fields.get("n_baseline") and fields.get("reason"))):
            verdict, fields["reason"] = Verdict.NOT_COMPARED, fields.get("reason") or self.nothing_to_compare()
        return Result(self.model, self.version, self.window, signal, metric, value, verdict, **fields)

    def judged(
        self, signal: str, metric: str, value: float | None, seen: Seen, judged: Judged, monitor: str = ""
    ) -> Result:
        """The result of a value that was seen and judged."""
        return self.result(
            signal,
            metric,
            value,
            judged.verdict,
            feature=seen.feature,
            segment=seen.segment,
            n=seen.n,
            n_baseline=seen.n_baseline,
            lower=seen.lower,
            upper=seen.upper,
            direction=seen.direction,
            threshold=judged.threshold,
            p_value=judged.p_value,
            reason=judged.reason,
            details={**seen.details, **judged.details},
            monitor=monitor,
        )

    def found(self, signal: str, one: Found, monitor: str = "") -> Result:
        """The result of what was found in this window."""
        return self.judged(signal, one.metric, one.value, one.seen, one.judged, monitor)

    def rate_result(self, signal: str, rated: RateVerdict, verdict: Verdict | None = None) -> Result:
        """The result that a judged share of rows is, with its own verdict where none is given."""
        return self.found(signal, rated.found(verdict), signal)

    @cached_property
    def learning(self) -> str:
        """Why there is no baseline: how far it is learnt, or that the stretch that it is to be taken from is empty."""
        wanted = self.settings.baseline
        if wanted.moves(self.version):
            return "no prediction in the stretch or of the version that the window is to be compared with"
        rows = first_rows(self.store, self.model, self.version, self.window.end, wanted.learn)
        return f"{LEARNING}, {rows:,} of {wanted.learn:,} predictions"

    @property
    def with_rows(self) -> Baseline | None:
        """The baseline where it has rows, and not only what is known of its columns."""
        return self.baseline if self.baseline and self.baseline.has_rows else None

    @property
    def no_rows(self) -> str:
        """Why what needs rows of the baseline is not looked at; '' where it has some, and where there is none."""
        if self.baseline is None or self.with_rows:
            return ""
        setting = typed("baseline", "set", "--model", self.model, "--file", "ROWS")
        return f"{NO_ROWS}: `{setting}` sets one that has them"

    def skipped_without_rows(self, signal: str, *metrics: str, monitor: str = "") -> list[Result]:
        """A word on each of some metrics that need rows of a baseline that has none."""
        n, reason = self.current.rows, self.no_rows
        return [self.result(signal, one, None, Verdict.SKIPPED, n=n, reason=reason, monitor=monitor) for one in metrics]

    def nothing_to_compare(self, segment: str = "") -> str:
        """Why a value of this window stands alone, and what would change that."""
        if self.no_rows:
            return self.no_rows
        setting = ("baseline", "set", "--model", self.model, "...")
        if segment:
            tagged = typed(*setting, "--tag", names_of(segment))
            return f"no baseline for {segment} and none for the whole: `{tagged}`"
        if self.baseline is None:
            return f"no baseline to compare with: `{typed(*setting)}`, or give a bound"
        return "the baseline holds nothing to compare it with, and no bound is given"


def _judged(fields: Fields) -> bool:
    return fields.get("threshold") is not None or fields.get("p_value") is not None
