"""The questions that a finding may raise: which predictions went another way than they should."""

from __future__ import annotations

from typing import Final

MISSING: Final = "missing"
DRIFT: Final = "drift"
PREDICTION_DRIFT: Final = "prediction_drift"
ERRORS: Final = "errors"
SLOW: Final = "slow"
WRONG: Final = "wrong"
UNFAIR: Final = "unfair"
KINDS: Final = (MISSING, DRIFT, PREDICTION_DRIFT, ERRORS, SLOW, WRONG, UNFAIR)
