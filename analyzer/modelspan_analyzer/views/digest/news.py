"""What alarmed in a span and had not in the one before, the worst first, with the cause where one is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from modelspan_analyzer.monitors.signal import Signals
from modelspan_analyzer.monitors.table import SIGNALS
from modelspan_analyzer.views.digest.cases import Told
from modelspan_analyzer.views.digest.facts import Facts
from modelspan_analyzer.views.digest.lines import Line
from modelspan_analyzer.views.evidence import without_traces
from modelspan_analyzer.views.veil import REDACTED
from modelspan_analyzer.views.veiled import Redactable

MOST: Final = 10


@dataclass(frozen=True, slots=True)
class News(Redactable):
    """A measurement that alarmed, of one version."""

    model: str
    version: str
    signal: str
    metric: str
    feature: str
    segment: str
    about: str
    """In words: `missing values in age`."""
    reason: str
    """Of the newest window in which it did."""
    alarmed: int
    """Windows in which it did ..."""
    windows: int
    """... of those of its version that were looked at."""
    incident_id: str
    """That it is a part of; empty where it is of none."""
    why: str
    """The cause, as the incident has it; empty where none is known."""

    def redacted(self) -> News:
        """That there is something, of which nothing is said."""
        why = REDACTED if self.why else ""
        return replace(self, metric="", feature="", segment="", about=REDACTED, reason=REDACTED, why=why)


def news(
    facts: Facts, lines: Sequence[Line], told: Sequence[Told], signals: Signals = SIGNALS
) -> tuple[tuple[News, ...], int]:
    """The worst new findings of some versions, and how many there are besides."""
    own = {one.key: one for one in lines}
    rows = [row for name in own for row in facts.of(name).new]
    every = sum({(row["model"], row["version"]): int(row["every"]) for row in rows}.values())
    of = {
        (one.incident.model, *finding.key[:5]): one.incident
        for one in reversed(told)  # of several the newest
        for finding in one.incident.findings
    }
    rows.sort(key=lambda row: (signals[row["signal"]].gravity, -row["excess"], row["model"], row["version"]))
    found = []
    for row in rows[:MOST]:
        signal = signals[row["signal"]]
        what = signal.words_for(row["metric"], row["direction"], int(row["rows"]))
        place = " of ".join(filter(None, ("" if signal.names_outputs else row["feature"], row["segment"])))
        names = {name: str(row[name]) for name in ("model", "version", "signal", "metric", "feature", "segment")}
        incident = of.get(tuple(names.values()))
        found.append(
            News(
                **names,
                about=f"{what} in {place}" if place and place != what else what,
                reason=row["why"],
                alarmed=int(row["windows"]),
                windows=own[row["model"], row["version"]].windows,
                incident_id=incident.incident_id if incident else "",
                why=without_traces(incident.why) if incident else "",
            )
        )
    return tuple(found), every - len(found)
