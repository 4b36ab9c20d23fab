"""What the collector's rules of redaction keep from being shown: they may be younger than what is stored."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final, TypeVar

from modelspan_analyzer.monitors.metrics.targets import SIGNAL as METRICS
from modelspan_analyzer.monitors.table import SIGNALS
from modelspan_analyzer.reading.segments import names_of, parse
from modelspan_collector.access.rules import NO_RULES, Action, Redaction
from modelspan_collector.store.connect import Store
from modelspan_collector.store.segments import COLUMNS, SLICE, names_in

REDACTED: Final = "it is redacted"
"""What stands for a text that speaks of what is not to be shown."""
_DIGEST: Final = re.compile(r"[0-9a-f]{16}")
_FEATURES: Final = """
SELECT DISTINCT toString(feature) AS name FROM feature_profile_days WHERE source = 'feature'
UNION DISTINCT
SELECT DISTINCT toString(feature) FROM monitor_results WHERE NOT has({outputs:Array(String)}, toString(signal))
"""
_OF_OUTCOMES: Final = """
SELECT DISTINCT toString(metric) AS metric, arrayJoin(JSONExtract(details, 'outcomes', 'Array(String)')) AS outcome
FROM monitor_results WHERE signal = {signal:String}
"""
_SEGMENTS: Final = "SELECT DISTINCT segment FROM monitor_results WHERE segment != ''"
V = TypeVar("V")


class Veil:
    """Shows names and values as the gate would store them today."""

    def __init__(
        self, rules: Redaction = NO_RULES, names: Iterable[str] = (), of_outcomes: Iterable[tuple[str, str]] = ()
    ) -> None:
        self._rules = rules
        actions = {name: rules.action(name) for name in names if name}
        self.hidden: Mapping[str, Action] = {name: each for name, each in actions.items() if each != "keep"}
        """Known features and tags whose values are not to be shown, and of "drop" the name neither."""
        told = {(metric, outcome) for metric, outcome in of_outcomes if rules.action(outcome) != "keep"}
        self.metrics = frozenset(metric for metric, _ in told)
        """Metrics of one's own that are of an outcome whose values are not to be shown: they are not, either."""
        self._unspoken = (*self.hidden, *self.metrics, *(outcome for _, outcome in told))

    @property
    def active(self) -> bool:
        """Whether anything is kept from being shown."""
        return self._rules.active

    def speaks_of_hidden(self, text: str) -> bool:
        """Whether a hidden name stands in a text as a word of its own: what is said of it may hold its values."""
        return any(name in text and _is_word(text, name) for name in self._unspoken)

    def text(self, text: str) -> str:
        """A text without what is masked; nothing of one that speaks of a hidden name."""
        return REDACTED if self.speaks_of_hidden(text) else self.masked(text)

    def masked(self, text: str) -> str:
        """A text without what is masked."""
        return self._rules.masked(text)

    def texts(self, texts: Iterable[str]) -> tuple[str, ...]:
        """Each of some texts."""
        return tuple(map(self.text, texts))

    def dropped(self, name: str) -> bool:
        """Whether a name is not to be shown at all."""
        return self._rules.action(name) == "drop"

    def hides(self, name: str) -> bool:
        """Whether values of this name are not to be shown as they are."""
        return self._rules.action(name) != "keep"

    def hides_part(self, name: str) -> bool:
        """Whether an answer's numbers of this name are not to be shown; lists of what is kept are of no answers."""
        return self._rules.named(name) != "keep"

    def values(self, named: Mapping[str, V]) -> dict[str, V | str]:
        """Values by their names: those that are dropped are gone, and texts are hashed or masked."""
        return {self.masked(name): self.value(name, value) for name, value in named.items() if not self.dropped(name)}

    def value(self, name: str, value: V) -> V | str:
        """One value; what was hashed when it came stays as it is."""
        if self._rules.action(name) == "hash":
            text = str(value)
            return text if _DIGEST.fullmatch(text) else self._rules.digest(text)
        shown = self._rules.masked(str(value))
        return value if shown == str(value) else shown


def veil_over(store: Store, rules: Redaction) -> Veil:
    """The veil over what a store knows by name."""
    if not rules.active:
        return Veil(rules)
    outputs = [name for name, signal in SIGNALS.items() if signal.names_outputs]
    names = {str(row["name"]) for row in store.rows(_FEATURES, {"outputs": outputs})}
    for row in store.rows(_SEGMENTS):
        names |= _named_in(str(row["segment"]))
    of_outcomes = store.rows(_OF_OUTCOMES, {"signal": METRICS})
    return Veil(rules, names, ((str(row["metric"]), str(row["outcome"])) for row in of_outcomes))


def _named_in(segment: str) -> set[str]:
    """The tags and features that a segment, a group, or the key of several segments is of."""
    try:
        slices = parse(segment)
    except ValueError:
        kind, _, name = segment.partition(".")
        return {name} if kind in COLUMNS and "=" not in name else set(names_of(segment).split(","))
    keys = [f"{key}={value}" if key.startswith(f"{SLICE}.") else key for key, value in slices]
    return {name for key in keys for name in names_in(key)}


def _is_word(text: str, name: str) -> bool:
    at = text.find(name)
    while at >= 0:
        before, after = text[at - 1 : at], text[at + len(name) : at + len(name) + 1]
        if not (_of_a_word(before) or _of_a_word(after)):
            return True
        at = text.find(name, at + 1)
    return False


def _of_a_word(character: str) -> bool:
    return character.isalnum() or character == "_"
