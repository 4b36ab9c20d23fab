"""Which columns of a profile are features, and which are what the model answered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from modelspan_analyzer.files.not_features import named_as_row
from modelspan_analyzer.files.outcomes import REGRESSION
from modelspan_analyzer.files.roles import Roles
from modelspan_analyzer.files.rows import FileError, Remarks
from modelspan_analyzer.reading.profiles.profile import Column, Kind, Texts
from modelspan_analyzer.whylogs.columns import Told

_NEARLY_ALL: Final = 0.95
"""Share of rows with another value each from which a column named as an id is one: what is counted is an estimate."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """The columns of a baseline without rows."""

    rows: int
    features: Mapping[str, Column]
    outputs: Mapping[str, Column]
    """`value` and `label`."""
    remarks: Remarks


def choose(told: Told, roles: Roles, task: str = "") -> Chosen:
    """The features and outputs among the columns; what else there is is said.

    Args:
        told: the columns.
        roles: which of them hold what; all others that describe a row are features, unless these are named.
        task: what the model does; '' to tell it by the columns.

    Raises:
        FileError: a named column is not there, or holds something else.
    """
    missing = [name for name in roles.named() if name not in told.columns]
    if missing:
        raise FileError(
            f"the profile has no column {', '.join(map(repr, missing))} that can be compared; it has "
            f"{', '.join(told.columns)}" + "".join(f"; {said}" for said in told.remarks.left_out[:3])
        )
    remarks = told.remarks
    for name, what in ((roles.label, "labels, which a profile does not tie to predictions"), (roles.id, "ids"),
                       (roles.time, "times")):  # fmt: skip
        if name:
            remarks.leave_out(f"column {name!r}: {what}")
    if roles.segments:
        remarks.leave_out(
            f"columns {', '.join(map(repr, roles.segments))}: a profile has no rows that belong to groups"
        )
    return Chosen(told.rows, _features(told, roles), _outputs(told, roles, task), remarks)


def _features(told: Told, roles: Roles) -> dict[str, Column]:
    if roles.features:
        return {name: told.columns[name] for name in dict.fromkeys(roles.features)}
    taken = {roles.prediction, roles.score, roles.label, roles.id, roles.time, *roles.segments}
    chosen = {}
    for name, column in told.columns.items():
        if name in taken:
            continue
        if name not in roles.asked_back and _names_rows(column, told):
            told.remarks.leave_out(
                f"column {name!r}: another value in nearly every row, and named as an id is, so no feature "
                f"(--feature {name!r} takes it back)"
            )
            continue
        chosen[name] = column
    return chosen


def _names_rows(column: Column, told: Told) -> bool:
    values = column.texts or (column.numbers if column.name in told.whole else None)
    distinct = values.distinct if values else 0.0
    return named_as_row(column.name) and distinct >= _NEARLY_ALL * told.rows


def _outputs(told: Told, roles: Roles, task: str) -> dict[str, Column]:
    """As rows keep them: fractional numbers, and scores, are values; everything else is a class."""
    found: dict[str, Column] = {}
    if roles.prediction:
        column = told.columns[roles.prediction]
        if column.kind is Kind.NUMERIC and (task == REGRESSION or roles.prediction not in told.whole):
            found["value"] = replace(column, name="value")
        else:
            found["label"] = _classes(column)
    if roles.score:
        column = told.columns[roles.score]
        if column.kind is not Kind.NUMERIC:
            raise FileError(f"column {roles.score!r} holds no numbers, so no score")
        found["value"] = replace(column, name="value")
    return found


def _classes(column: Column) -> Column:
    """A column of classes, which may be numbers."""
    numbers = column.numbers
    if numbers is None or numbers.support is None:
        return replace(column, name="label")
    if numbers.support.weights is None or numbers.support.rank_error:
        raise FileError(
            f"column {column.name!r} holds too many numbers to be classes; --task regression says that it is an amount"
        )
    pairs = zip(numbers.support.values, numbers.support.weights, strict=True)
    counts = {str(int(value)): float(weight) for value, weight in pairs}
    texts = Texts(numbers.n, numbers.count, float(len(counts)), counts)
    return replace(column, name="label", numbers=None, texts=texts)
