"""What came of versions since they have been in their stages: predictions, and those that answered somebody."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from modelspan_analyzer.instants import micros
from modelspan_analyzer.reading.arrivals import PRIMARY
from modelspan_analyzer.reading.stages import STAGE, VersionStage
from modelspan_analyzer.reading.unchanged import Name
from modelspan_analyzer.reading.window import between
from modelspan_analyzer.results import Window
from modelspan_collector.store.connect import Store

_CAME: Final = f"""
SELECT model, version, countIf(role = {{role:String}}) AS answers, count() AS came FROM predictions
WHERE model IN {{models:Array(String)}} AND {between("start", "end")}
  AND toUnixTimestamp64Micro(toDateTime64(timestamp, 6, 'UTC')) >= transform(
      (toString(model), toString(version)), {{names:Array(Tuple(String, String))}}, {{since:Array(Int64)}},
      transform(toString(model), {{models:Array(String)}}, {{first:Array(Int64)}}, 0))
GROUP BY model, version
"""


@dataclass(frozen=True, slots=True)
class Came:
    """What came of one version."""

    answers: int = 0
    """Predictions in the primary role: they reached somebody."""
    all: int = 0


NOTHING: Final = Came()


def came_since(store: Store, told: Mapping[Name, VersionStage], within: Window) -> Mapping[Name, Came]:
    """The predictions of some models within a time, each version's since it has been in its stage.

    Of a version whose stage nobody told it is those since the first stage of its model was told.

    Args:
        store: where predictions are.
        told: what is known of the versions; models of which nobody told a stage are not looked at.
        within: earlier and later predictions do not count.
    """
    first: dict[str, int] = {}
    for one in told.values():
        for moment in [decision.at for decision in one.history if decision.kind == STAGE]:
            first[one.model] = min(first.get(one.model, micros(moment)), micros(moment))
    since = {name: micros(one.stage_since) for name, one in told.items() if one.stage_since}
    if not first:
        return {}
    asked = {"role": PRIMARY, "start": within.start, "end": within.end}
    names = {"models": list(first), "first": list(first.values()), "names": list(since), "since": list(since.values())}
    rows = store.rows(_CAME, {**asked, **names})
    return {(row["model"], row["version"]): Came(int(row["answers"]), int(row["came"])) for row in rows}
