"""Thresholds that other monitoring products use by default, by measure; `modelspan` judges by rule instead.

Sources: Azure ML, `azure-ai-ml` `DataDriftMetricThreshold.defaults` (0.1); Evidently 0.7, `stattests` registry (0.1,
tests 0.05); NannyML 0.13 compares with the spread of baseline chunks, and its chi-squared test at 0.05.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

Preset = Literal["modelspan", "azure", "evidently", "nannyml"]

DISTANCES: Mapping[Preset, Mapping[str, float]] = {
    "modelspan": {},
    "azure": {"jensen_shannon_distance": 0.1, "normalized_wasserstein_distance": 0.1, "psi": 0.1},
    "evidently": {"jensen_shannon_distance": 0.1, "normalized_wasserstein_distance": 0.1},
    "nannyml": {"jensen_shannon_distance": 0.1},
}
"""Alarm above."""

P_VALUES: Mapping[Preset, Mapping[str, float]] = {
    "modelspan": {},
    "azure": {},
    "evidently": {"kolmogorov_smirnov": 0.05, "chi_squared": 0.05},
    "nannyml": {"chi_squared": 0.05},
}
"""Alarm where the test's p-value is below."""
