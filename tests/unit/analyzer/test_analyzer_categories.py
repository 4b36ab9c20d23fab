"""Categories that no longer come: told from rare ones that a small window happens to miss."""

from __future__ import annotations

import numpy as np

from modelspan_analyzer.config.data_settings import DataQualitySettings
from modelspan_analyzer.monitors.quality.columns import column_rates
from modelspan_analyzer.reading.profiles.profile import Column, Texts
from modelspan_analyzer.results import Verdict
from modelspan_analyzer.verdicts.rates import RateVerdict, judge

SHARES = np.concatenate([[0.87, 0.05], np.full(40, 0.002)])


def column(counts: np.ndarray) -> Column:
    """A text column with so many rows of each category."""
    found = {f"c{place}": float(count) for place, count in enumerate(counts) if count}
    n = int(counts.sum())
    return Column("country", texts=Texts(n, float(n), float(len(found)), found))


def vanished(before: np.ndarray, after: np.ndarray) -> RateVerdict:
    """The judged rate of categories that no longer come."""
    settings = DataQualitySettings()
    rates = list(column_rates(column(before), column(after), settings))
    judged = judge(rates, alpha=settings.alpha, min_change=settings.min_change)
    return next(one for one in judged if one.rate.metric == "vanished_category_rate")


def test_rare_categories_that_chance_misses_are_no_alarm() -> None:
    """In no one of 300 windows of 1,000 rows, though each misses several rare categories, 1 % of all rows and more."""
    rng = np.random.default_rng(1)
    before, missed = rng.multinomial(20_000, SHARES), []
    for after in rng.multinomial(1_000, SHARES, size=300):
        missed.append(before[after == 0].sum() / before.sum())
        assert vanished(before, after).verdict is Verdict.OK
    assert np.mean(np.array(missed) > 0.01) > 0.3


def test_a_category_that_is_missed_beyond_chance_is_an_alarm() -> None:
    """One of a twentieth of the rows, gone from 1,000, is named; the rare ones that are missing too are not."""
    rng = np.random.default_rng(2)
    shares = SHARES.copy()
    shares[1] = 0.0
    found = vanished(rng.multinomial(20_000, SHARES), rng.multinomial(1_000, shares / shares.sum()))
    assert (found.verdict, found.rate.details["categories"]) == (Verdict.ALARM, ["c1"])
