"""The names of all measures of answers of several parts."""

from __future__ import annotations

from typing import Final

from modelspan_analyzer.statistics.performance import multilabel, quantiles, ranked_lists

SEVERAL: Final = (*multilabel.MEASURES, *ranked_lists.MEASURES, *quantiles.MEASURES)
