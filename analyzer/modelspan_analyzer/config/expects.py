"""What is said of when a model predicts: `continuous`, `batch every 24h`, or `nothing` once it is retired."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Final

from pydantic import AfterValidator

from modelspan_analyzer.config.durations import parse_duration

CONTINUOUS: Final = "continuous"
NOTHING: Final = "nothing"
BATCH: Final = "batch every "


def batch_period(expects: str) -> timedelta | None:
    """How often a batch is to come; None for a model that is not said to predict in batches.

    Raises:
        ValueError: it is none of what can be said.
    """
    if expects in ("", CONTINUOUS, NOTHING):
        return None
    if not expects.startswith(BATCH):
        raise ValueError(
            f"{expects!r} is not known; write `{CONTINUOUS}`, `{BATCH}24h` with the time between two, "
            f"or `{NOTHING}` of what is retired"
        )
    return parse_duration(expects.removeprefix(BATCH))


def _known(given: str) -> str:
    batch_period(given)
    return given


Expects = Annotated[str, AfterValidator(_known)]
