"""What is known of a signal, in one record: its name and words, its needs and cost, and what measures it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Final

from modelspan_analyzer.config.base import Settings
from modelspan_analyzer.config.settings import ModelSettings
from modelspan_analyzer.monitors.context import MonitorContext
from modelspan_analyzer.results import Result

Run = Callable[[MonitorContext], list[Result]]

LEAST_GRAVE: Final = 100


class Need(str, Enum):
    """What there has to be before a signal says more than 'not enough data' or 'not compared'."""

    BASELINE = "a baseline"
    LABELLED_BASELINE = "a baseline with labels"
    LABELS = "labels"
    """The windows of such a signal are measured again when labels come in."""
    ATTRIBUTIONS = "attributions"
    MODEL = "the model's file"


class Cost(str, Enum):
    """What a window costs, by what is read of it: the cheapest first."""

    SKETCHES = "sketches"
    """Merged summaries: the same however many rows there are, where the window is made of whole hours."""
    SAMPLE = "a sample of rows"
    ROWS = "every row"


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric of a signal that says something else than the signal's other metrics."""

    words: str = ""
    """The signal's, where empty."""
    question: str = ""
    """One of `kinds.KINDS`; empty for what is about all predictions at once, or about those that never came."""
    below: str = ""
    """The words where too little is wrong rather than too much; the same, where empty."""
    none: str = ""
    """The words where there was nothing at all to measure; those for too little, where empty."""
    lacking: bool = False
    """Whether it counts predictions, so that those below the usual number are the ones that it is about."""

    harm: bool = False
    """Whether it measures harm itself though its signal does not; see `Signal.harm`."""

    def worded(self, direction: str, n: int) -> str:
        """The words for a value that is wrong in a direction, of so many rows."""
        below = self.below if direction == "below" else ""
        return (self.none if n == 0 else "") or below or self.words


@dataclass(frozen=True, slots=True)
class Monitor:
    """One function that measures, as it is run and reported."""

    name: str
    signal: Signal
    """What its results are of, and whose settings it reads."""
    run: Run


@dataclass(frozen=True, slots=True)
class Signal:
    """One thing that is watched."""

    name: str
    """The `signal` of its results, and its section of `monitors.yaml`."""
    words: str
    """What a finding is called; `{metric}` stands for its metric."""
    question: str = ""
    """What a finding asks about, one of `kinds.KINDS`; empty where it says nothing of single predictions."""
    run: Run | None = None
    """What measures it; None for what is only asked about by name."""
    settings: type[Settings] | None = None
    """What its section of `monitors.yaml` may hold; None where `ModelSettings` has that section itself."""
    needs: tuple[Need, ...] = ()
    cost: Cost = Cost.ROWS
    gravity: int = LEAST_GRAVE
    """The lowest are explained and named first."""
    harm: bool = False
    """Whether it measures harm itself, not a sign of it: never below a warning."""
    marks_affected: bool = True
    """Whether the predictions that its question marks are those that a finding affects."""
    counts_affected: bool = False
    """Whether its values are numbers of predictions: those that a finding affects."""
    names_outputs: bool = False
    """Whether what its results call a feature is an output of the model, which goes without saying."""
    plain_answers: bool = False
    """Whether it takes answers that are one number or class alone: of all others it says that it does not."""
    whole_only: str = ""
    """Why it looks at all rows alone; '' where it takes the configured slices, too."""
    yields_to_labels: bool = False
    """Whether labels that come in change what it says, though it does without."""
    metrics: Mapping[str, Metric] = field(default_factory=dict)
    endings: Mapping[str, str] = field(default_factory=dict)
    """The words for metrics of people's own names, by what follows these; `{metric}` is the name alone."""
    beside: Mapping[str, Run] = field(default_factory=dict)
    """Further monitors whose results are of this signal, by their names."""

    def with_monitor(self, name: str, run: Run) -> Signal:
        """The same signal with a further monitor."""
        return replace(self, beside={**self.beside, name: run})

    @property
    def monitors(self) -> tuple[Monitor, ...]:
        """All that measures it: first the monitor of its own name."""
        own = {self.name: self.run} if self.run else {}
        return tuple(Monitor(name, self, run) for name, run in {**own, **self.beside}.items())

    @property
    def reads_labels(self) -> bool:
        """Whether windows are measured again when labels come in."""
        return Need.LABELS in self.needs or self.yields_to_labels

    def enabled(self, settings: ModelSettings) -> bool:
        """Whether a model's settings leave it on."""
        section = settings.section(self.name, self.settings) if self.settings else getattr(settings, self.name, None)
        return bool(getattr(section, "enabled", True))

    def words_for(self, metric: str, direction: str = "above", n: int = 1) -> str:
        """What a finding of a metric is called, which is wrong in a direction, of so many rows."""
        words, name = self.metrics.get(metric, _PLAIN).worded(direction, n) or self.words, metric
        for ending, said in self.endings.items():
            if metric.endswith(ending):
                words, name = said, metric.removesuffix(ending)
        return words.format(metric=name.replace("_", " ").replace(".", " "))

    def harms(self, metric: str) -> bool:
        """Whether a finding of a metric is harm itself, and not a sign of it."""
        return self.harm or self.metrics.get(metric, _PLAIN).harm

    def lacks(self, metric: str, direction: str) -> bool:
        """Whether a finding of a metric, which is wrong in a direction, is about predictions that did not come."""
        return direction == "below" and self.metrics.get(metric, _PLAIN).lacking

    def question_for(self, metric: str) -> str:
        """What a finding of a metric asks about; empty where it is about no single predictions."""
        return self.metrics[metric].question if metric in self.metrics else self.question


_PLAIN: Final = Metric()


class Signals(dict[str, Signal]):
    """Signals by name; one that is not in the table goes by its own name, and asks nothing."""

    @classmethod
    def of(cls, *signals: Signal) -> Signals:
        """The signals by name, in the order in which their monitors run."""
        return cls((one.name, one) for one in signals)

    def __missing__(self, name: str) -> Signal:
        """What is known of a signal that no table holds."""
        return Signal(name, name.replace("_", " ").replace("{", "{{").replace("}", "}}"))

    def monitors(self) -> Iterator[Monitor]:
        """All monitors, in the order in which they run and are read."""
        for signal in self.values():
            yield from signal.monitors

    def sections(self) -> dict[str, type[Settings]]:
        """The sections of `monitors.yaml` that signals bring along."""
        return {name: signal.settings for name, signal in self.items() if signal.settings is not None}
