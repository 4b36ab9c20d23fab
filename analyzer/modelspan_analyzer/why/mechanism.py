"""Which facts can bring a kind of finding about at all: a value is not missing because something took long."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from modelspan_analyzer.kinds import MISSING
from modelspan_analyzer.why import precedence
from modelspan_analyzer.why.contrast import Weights
from modelspan_analyzer.why.facts import Key
from modelspan_analyzer.why.position import Place
from modelspan_analyzer.why.table import FactTable

FAILED_SHARE = 0.5
"""Share of the flagged traces with a duration in which a call must have failed for it to be a cause."""
_STATUS_CODES = ("http.response.status_code", "http.status_code")
_GRAVE = ("ERROR", "FATAL", "CRITICAL")


def plausible(
    table: FactTable, weights: Weights, places: Mapping[tuple[str, str], Place], kind: str
) -> npt.NDArray[np.bool_]:
    """Which facts may be causes of a kind of finding, by where they stand and by what they can do.

    A duration leaves no value missing unless the call failed or timed out with it, which its trace then shows.
    """
    may = np.array([precedence.allowed(key, places) for key in table.keys], bool)
    durations = [at for at, key in enumerate(table.keys) if key.kind == "duration" and may[at]]
    if kind != MISSING or not durations:
        return may
    failures = [at for at, key in enumerate(table.keys) if may[at] and _is_failure(key)]
    flagged = table.matrix[durations] * weights.flagged.astype(np.float32)
    failed = table.matrix[failures].max(axis=0, initial=0.0)
    may[durations] = flagged @ failed >= FAILED_SHARE * np.maximum(flagged.sum(axis=1), 1e-9)
    return may


def _is_failure(key: Key) -> bool:
    """Whether a fact says that something failed."""
    if key.attribute in _STATUS_CODES:
        return key.value >= "400"
    return (
        key.kind == "status"
        or (key.kind == "event" and "exception" in key.attribute)
        or (key.kind == "log" and key.attribute.upper().startswith(_GRAVE))
        or (key.kind == "attribute" and key.attribute.startswith(("error.type", "exception.")))
    )
