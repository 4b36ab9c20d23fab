"""modelspan: every prediction visible, from one decorator."""

from modelspan._configure import configure
from modelspan._context import prediction_id, prediction_ids, tags
from modelspan._instrument import instrument
from modelspan._labels import label
from modelspan._observe import observe
from modelspan._prediction import prediction
from modelspan._redact import truncate
from modelspan._register import register
from modelspan._runtime import flush

__all__ = [
    "configure",
    "flush",
    "instrument",
    "label",
    "observe",
    "prediction",
    "prediction_id",
    "prediction_ids",
    "register",
    "tags",
    "truncate",
]
