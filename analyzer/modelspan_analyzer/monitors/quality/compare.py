"""The columns of one table against those of another: all that can be wrong with them, judged together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Set
from types import MappingProxyType

from modelspan_analyzer.config.data_settings import DataQualitySettings
from modelspan_analyzer.monitors.quality.columns import column_rates, expected_distinct
from modelspan_analyzer.monitors.quality.schema_changes import schema_changes
from modelspan_analyzer.reading.profiles.profile import Column, Kind
from modelspan_analyzer.results import Found, Judged, Seen, Verdict, unjudged
from modelspan_analyzer.verdicts.rates import Rate, judge

LARGEST_SHIFT = 2.0
"""Times as many, or as few, different categories as expected that alarm."""

Columns = Mapping[str, Column]


def compare(
    before: Columns,
    after: Columns,
    rows: tuple[int, int],
    settings: DataQualitySettings,
    whole: Iterable[Rate] = (),
    usual: Columns = MappingProxyType({}),
) -> Iterator[Found]:
    """Rates of faulty values, features that are missing or new, and how many categories there are.

    Args:
        before: columns of the baseline.
        after: columns of what is compared with it.
        rows: of both.
        settings: bounds, and how sure a verdict has to be.
        whole: what is faulty of rows as a whole, judged together with the columns.
        usual: columns of which it is known what is usual for the time.
    """
    yield from compare_values(before, after, settings, whole, usual)
    yield from _schema(before, after, rows)
    yield from _cardinality(before, after)


def compare_values(
    before: Columns,
    after: Columns,
    settings: DataQualitySettings,
    whole: Iterable[Rate] = (),
    usual: Columns = MappingProxyType({}),
) -> Iterator[Found]:
    """The rates of faulty values alone, of the columns that both sides have."""
    rates = [*whole]
    for name in before:
        if name in after:
            rates += column_rates(before[name], after[name], settings, usual.get(name))
    for one in judge(rates, alpha=settings.alpha, min_change=settings.min_change):
        yield one.found()
    yield from _varying({rate.feature for rate in rates if rate.metric == "constant"}, before, after)


def _varying(stuck: Set[str], before: Columns, after: Columns) -> Iterator[Found]:
    """Of each feature that was looked at and is not stuck, that it is not."""
    for name in sorted(before.keys() & after.keys() - stuck):
        n, n_baseline = after[name].n, before[name].n
        if n and n_baseline and not before[name].uncounted:
            seen = Seen(name, n=round(n), n_baseline=round(n_baseline))
            judged = Judged(Verdict.OK, "has more than one value, or had one in the baseline too", 0.0)
            yield Found("constant", 0.0, seen, judged)


def _schema(before: Columns, after: Columns, rows: tuple[int, int]) -> Iterator[Found]:
    """Of every feature of the baseline whether it is there, and which are new."""
    changes, (known, n) = schema_changes(before, after), rows
    for metric, names in (("missing_features", changes.missing), ("new_features", changes.new)):
        seen = Seen(n=n, n_baseline=known, details={"names": names})
        yield Found(metric, float(len(names)), seen, unjudged("each of them is judged by itself"))
    for name in before:
        missing, other = name in changes.missing, changes.renamed.get(name)
        reason = f"{name} is in the baseline and no longer comes" if missing else ""
        if other:
            reason = f"{name} no longer comes, and {other} is new and distributed like it: it may have been renamed"
        seen = Seen(name, n=n, n_baseline=known, details={"now": other} if other else {})
        verdict = Verdict.ALARM if missing else Verdict.OK
        yield Found("missing_feature", float(missing), seen, Judged(verdict, reason, 0.0))
    for name in set(changes.new) - set(changes.renamed.values()):
        judged = Judged(Verdict.WARNING, f"{name} is not in the baseline", 0.0)
        yield Found("new_feature", 1.0, Seen(name, n=n), judged)


def _cardinality(before: Columns, after: Columns) -> Iterator[Found]:
    for name, column in before.items():
        current = after.get(name)
        if column.kind is not Kind.CATEGORICAL or not column.texts or current is None or not current.texts:
            continue
        expected = expected_distinct(column.texts, current.texts.n)
        ratio = current.texts.distinct / max(expected, 1.0)
        shifted = abs(current.texts.distinct - expected) >= 5 and not 1 / LARGEST_SHIFT <= ratio <= LARGEST_SHIFT
        above = ratio >= 1
        seen = Seen(name, n=current.texts.n, n_baseline=column.texts.n, direction="above" if above else "below")
        judged = Judged(
            Verdict.ALARM if shifted else Verdict.OK,
            f"{current.texts.distinct:.0f} categories; {expected:.1f} are expected of so many rows",
            LARGEST_SHIFT if above else 1 / LARGEST_SHIFT,
        )
        yield Found("cardinality_ratio", ratio, seen, judged)
