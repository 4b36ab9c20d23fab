"""What profiles of whylogs tell of columns, in the form in which baselines know them; several profiles are one.

whylogs counts a NaN as missing, infinite values as numbers, and keeps truth values in a distribution of zeros and ones:
here they are the categories `true` and `false`, as a table's are. Texts are known by their guaranteed counts, whole
numbers of few different values exactly, other numbers by their KLL sketch.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite, sqrt
from typing import Final

import numpy as np

from modelspan_analyzer.files.rows import Remarks
from modelspan_analyzer.reading.outcomes.spelling import is_number
from modelspan_analyzer.reading.profiles.from_rows import moments
from modelspan_analyzer.reading.profiles.profile import Column, Numbers, Support, Texts
from modelspan_analyzer.whylogs import frequent_items, hll, kll
from modelspan_analyzer.whylogs.frequent_items import FrequentItems, read_frequent_items
from modelspan_analyzer.whylogs.hll import Hll, read_hll
from modelspan_analyzer.whylogs.kll import NOTHING, Kll, SketchError, read_kll
from modelspan_analyzer.whylogs.profile_file import Component, ProfileError, WhylogsProfile

CUT: Final = 128
"""Characters of a text that whylogs keeps."""
_COUNTS: Final = ("counts/n", "counts/null", "counts/true", "counts/inf")
_TYPES: Final = ("integral", "fractional", "boolean", "string", "object", "tensor")
_NEEDED: Final = (*_COUNTS[:2], *(f"types/{name}" for name in _TYPES[:4]))


@dataclass(frozen=True, slots=True)
class Told:
    """All columns of some profiles."""

    rows: int
    columns: Mapping[str, Column]
    whole: frozenset[str]
    """Those whose numbers are all whole ones."""
    remarks: Remarks = field(default_factory=Remarks)


@dataclass(frozen=True, slots=True)
class _Part:
    """What one profile tells of one column."""

    counts: Mapping[str, int]
    """By the last part of their paths: `n`, `null`, `true`, and of each type."""
    numbers: Kll
    mean: float
    squares: float
    """Sum of the squared distances from the mean."""
    different: Hll | None
    frequent: FrequentItems | None

    @property
    def of_numbers(self) -> int:
        return self.counts["integral"] + self.counts["fractional"]


def told_by(profiles: Sequence[WhylogsProfile]) -> Told:
    """The columns of profiles, taken together.

    Raises:
        ProfileError: there is no row in them, or a sketch cannot be read.
    """
    remarks = Remarks()
    parts: dict[str, list[_Part]] = {}
    rows = 0
    for profile in profiles:
        read = dict(_parts(profile, remarks))
        rows += max((part.counts["n"] for part in read.values()), default=0)
        for name, part in read.items():
            parts.setdefault(name, []).append(part)
    if not rows:
        raise ProfileError("the profile counts no row, and a baseline needs some")
    _say_segments(profiles, remarks)
    made = {name: _joined(found) for name, found in sorted(parts.items())}
    columns = {name: column for name, part in made.items() if (column := _column(name, part, remarks)) is not None}
    whole = frozenset(name for name in columns if made[name].of_numbers == made[name].counts["integral"])
    if not columns:
        raise ProfileError("the profile has no column that can be compared: " + "; ".join(remarks.left_out))
    return Told(rows, {name: column.among(rows, rows) for name, column in columns.items()}, whole, remarks)


def _say_segments(profiles: Iterable[WhylogsProfile], remarks: Remarks) -> None:
    named = [", ".join(f"{key}={value}" for key, value in one.segment.items()) for one in profiles if one.segment]
    if named:
        some = "; ".join(named[:5]) + (f" and {len(named) - 5:,} more" if len(named) > 5 else "")
        remarks.assume(f"the segments {some} are all rows of the model: what is given is taken together")


def _parts(profile: WhylogsProfile, remarks: Remarks) -> Iterator[tuple[str, _Part]]:
    for name, components in profile.columns.items():
        if any(path not in components for path in _NEEDED):
            remarks.leave_out(f"column {name!r}: its profile has no counts of rows or types (`counts`, `types`)")
            continue
        try:
            yield name, _part(components)
        except SketchError as error:
            raise ProfileError(f"column {name!r}: {error}") from error


def _part(components: Mapping[str, Component]) -> _Part:
    def sketch(path: str) -> bytes:
        found = components.get(path, b"")
        return found if isinstance(found, bytes) else b""

    counted = {path.rpartition("/")[2]: int(components.get(path, 0)) for path in _COUNTS}
    counted |= {name: int(components.get(f"types/{name}", 0)) for name in _TYPES}
    items, different = sketch("frequent_items/frequent_strings"), sketch("cardinality/hll")
    numbers = sketch("distribution/kll")
    return _Part(
        counted,
        read_kll(numbers) if numbers else NOTHING,
        float(components.get("distribution/mean", 0.0)),
        float(components.get("distribution/m2", 0.0)),
        read_hll(different) if different else None,
        read_frequent_items(items) if items else None,
    )


def _joined(parts: Sequence[_Part]) -> _Part:
    """A column's parts as one; a sketch that one of them lacks is not known of the whole."""
    if len(parts) == 1:
        return parts[0]
    n, mean, squares = 0, 0.0, 0.0
    for part in parts:  # Chan, Golub, LeVeque 1979
        both = n + part.numbers.n
        if part.numbers.n:
            delta = part.mean - mean
            squares += part.squares + delta * delta * n * part.numbers.n / both
            mean += delta * part.numbers.n / both
        n = both
    valued = [part for part in parts if part.counts["n"] > part.counts["null"]]
    different = [part.different for part in valued if part.different is not None]
    frequent = [part.frequent for part in valued if part.frequent is not None]
    return _Part(
        {name: sum(part.counts[name] for part in parts) for name in parts[0].counts},
        kll.joined([part.numbers for part in parts]),
        mean,
        squares,
        hll.joined(different) if len(different) == len(valued) else None,
        frequent_items.summed(frequent) if len(frequent) == len(valued) else None,
    )


def _column(name: str, part: _Part, remarks: Remarks) -> Column | None:
    """The column; None where nothing of it can be compared, which is said."""
    counts, numbers = part.counts, part.of_numbers
    if counts["tensor"] or counts["object"]:
        what = "vectors" if counts["tensor"] else "objects, such as times"
        remarks.leave_out(f"column {name!r}: {counts['tensor'] or counts['object']:,} of its values are {what}")
        return None
    if numbers and counts["boolean"]:
        remarks.leave_out(f"column {name!r}: whylogs keeps its numbers and truth values as one distribution")
        return None
    if numbers and part.numbers.n != numbers:
        remarks.leave_out(f"column {name!r}: its profile has no distribution of its numbers")
        return None
    return Column(
        name,
        null=float(counts["null"]),
        null_n=counts["null"],
        numbers=_numbers(part, numbers) if numbers else None,
        texts=_texts(name, part, remarks) if counts["string"] or counts["boolean"] else None,
    )


def _numbers(part: _Part, n: int) -> Numbers:
    sketch, support = part.numbers, _support(part)
    values, weights = support.values, np.ones(support.values.size) if support.weights is None else support.weights
    mean, std = part.mean, sqrt(part.squares / n)
    if not (isfinite(mean) and isfinite(std)):  # infinite values have none
        with np.errstate(over="ignore", invalid="ignore"):  # nor do values near the largest float
            mean, std = moments(float(weights.sum()), float(weights @ values), float(weights @ values**2))
    lowest, highest = (float(values[0]), float(values[-1])) if values.size else (float("inf"), float("-inf"))
    return Numbers(
        n=n,
        count=float(n),
        nan=0.0,
        infinite=float(part.counts["inf"]),
        zero=float(weights[values == 0].sum()),
        negative=max(float(weights[values < 0].sum()), float(sketch.minimum < 0)),
        minimum=sketch.minimum if isfinite(sketch.minimum) else lowest,
        maximum=sketch.maximum if isfinite(sketch.maximum) else highest,
        mean=mean,
        std=std,
        distinct=part.different.estimate if part.different else float(values.size),
        support=support,
    )


def _support(part: _Part) -> Support:
    """The finite values, each once: exactly where they are few whole numbers, or all the same."""
    if exact := _exact(part):
        return Support(np.array(list(exact)), np.array(list(exact.values()), np.float64))
    sketch = part.numbers
    finite = np.isfinite(sketch.values)
    values, places = np.unique(sketch.values[finite], return_inverse=True)
    weights = np.bincount(places, sketch.weights[finite], values.size).astype(np.float64)
    return Support(values, weights, 0.0 if sketch.minimum == sketch.maximum else sketch.rank_error)


def _exact(part: _Part) -> dict[float, int]:
    """Whole numbers in order with their exact counts; empty where these are not all known."""
    counts, known = part.counts, part.frequent
    if known is None or not known.complete or counts["integral"] != known.total or counts["string"]:
        return {}
    try:
        return dict(sorted((float(int(text)), count) for text, count in known.counts.items()))
    except ValueError:
        return {}


def _texts(name: str, part: _Part, remarks: Remarks) -> Texts:
    """Texts, and truth values as categories."""
    counts, known = part.counts, part.frequent or FrequentItems()
    n, numbers = counts["string"] + counts["boolean"], part.of_numbers
    found = {text: float(count) for text, count in known.counts.items() if count} if counts["string"] else {}
    if counts["boolean"]:
        told = {"True", "False"} if counts["string"] else set()
        found = {text: count for text, count in found.items() if text not in told}
        truths = {"true": float(counts["true"]), "false": float(counts["boolean"] - counts["true"])}
        found |= {text: found.get(text, 0.0) + count for text, count in truths.items() if count}
    if numbers:  # a text such as "1" and a number are counted as one
        found = {text: count for text, count in found.items() if not is_number(text)}
        remarks.assume(
            f"column {name!r} holds {numbers:,} numbers and {n:,} texts; texts that look like one are its rest"
        )
    if any(len(text) >= CUT for text in found):
        remarks.assume(f"column {name!r} has texts that whylogs cut after {CUT} characters: these look new")
    if not found:
        remarks.assume(f"the categories of column {name!r} were not counted: only how many are missing is compared")
    return Texts(n, float(n), _different(part, found), found)


def _different(part: _Part, found: Mapping[str, float]) -> float:
    if part.different is None or not part.counts["string"]:
        return float(len(found))
    return max(float(len(found)), part.different.estimate)
