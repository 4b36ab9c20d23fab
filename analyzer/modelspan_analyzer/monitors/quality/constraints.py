"""Constraints on a model's features, in the shape of SageMaker's `constraints.json`: suggested, read, written, checked.

The shape is that of Amazon SageMaker Model Monitor's `constraints.json` (features with `inferred_type`, `completeness`,
`num_constraints`, `string_constraints`; `monitoring_config`); what is suggested follows Deequ's rules (Schelter et al.
2018, "Automating large-scale data quality verification"): completeness, non-negativity, and a domain for columns whose
values are few.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from modelspan_analyzer.reading.profiles.profile import Column, Kind, Profile

MOST_DOMAIN = 50
"""Different values of a column that make a domain."""
SHOWN = 5
"""Names that a description holds."""


class ConstraintsError(ValueError):
    """A constraints file cannot be read; the message says which part and what was expected."""


@dataclass(frozen=True, slots=True)
class Constraint:
    """What one feature has to be."""

    name: str
    inferred_type: str
    """`Fractional`, `Integral`, `String` or `Unknown`."""
    completeness: float
    """Smallest share of rows with a value."""
    non_negative: bool = False
    domains: tuple[str, ...] = ()
    """The values that a text feature may have; empty for any."""


@dataclass(frozen=True, slots=True)
class Checked:
    """One rule and whether a window breaks it; `check` is SageMaker's name of it."""

    feature: str
    check: str
    broken: bool
    description: str


def suggest(profile: Profile) -> list[Constraint]:
    """Constraints that the profile itself fulfils."""
    return [_suggest(column) for column in profile.features.values()]


def _suggest(column: Column) -> Constraint:
    whole = column.null + column.present
    completeness = column.present / whole if whole else 0.0
    if column.kind is Kind.NUMERIC and column.numbers is not None:
        return Constraint(column.name, _number_type(column), completeness, non_negative=column.numbers.negative == 0)
    if column.kind is Kind.CATEGORICAL and column.texts is not None:
        closed = column.texts.other < 0.5 and len(column.texts.counts) <= MOST_DOMAIN
        return Constraint(
            column.name, "String", completeness, domains=tuple(sorted(column.texts.counts)) if closed else ()
        )
    return Constraint(column.name, "Unknown", completeness)


def _number_type(column: Column) -> str:
    support = column.numbers.support if column.numbers else None
    whole = support is not None and support.values.size > 0 and bool((support.values % 1 == 0).all())
    return "Integral" if whole else "Fractional"


def check(constraints: Sequence[Constraint], profile: Profile) -> Iterator[Checked]:
    """Every rule that could be checked on a window, in SageMaker's words, whether or not it holds."""
    known = {constraint.name for constraint in constraints}
    extra = [name for name in profile.features if name not in known]
    said = f"not among the constraints: {_some(extra)}" if extra else "every feature is among the constraints"
    yield Checked("", "extra_column_check", bool(extra), said)
    for constraint in constraints:
        name, column = constraint.name, profile.features.get(constraint.name)
        comes = column is not None
        yield Checked(name, "missing_column_check", not comes, f"{name} {'comes' if comes else 'does not come'}")
        if column is not None:
            yield from _of_column(constraint, column)


def _of_column(constraint: Constraint, column: Column) -> Iterator[Checked]:
    name, whole = constraint.name, column.null + column.present
    completeness = column.present / whole if whole else 0.0
    said = f"{completeness:.2%} of the rows have {name}, {constraint.completeness:.2%} are demanded"
    yield Checked(name, "completeness_check", completeness < constraint.completeness, said)
    if column.kind is Kind.EMPTY:
        return
    yield _of_type(constraint, column)
    if constraint.domains and column.texts:
        unknown = sorted(set(column.texts.counts) - set(constraint.domains))
        said = f"outside the domain of {name}: {_some(unknown)}" if unknown else f"{name} keeps to its domain"
        yield Checked(name, "categorical_values_check", bool(unknown), said)


def _of_type(constraint: Constraint, column: Column) -> Checked:
    name, numeric = constraint.name, constraint.inferred_type in ("Fractional", "Integral")
    if constraint.inferred_type != "Unknown" and numeric != (column.kind is Kind.NUMERIC):
        said = f"{name} is {column.kind.value}, not {constraint.inferred_type}"
        return Checked(name, "data_type_check", True, said)
    if numeric and constraint.non_negative and column.numbers and column.numbers.negative > 0:
        said = f"{name} is negative in {column.numbers.negative:.0f} rows"
        return Checked(name, "data_type_check", True, said)
    return Checked(name, "data_type_check", False, f"{name} is {column.kind.value}")


def _some(names: Sequence[str]) -> str:
    """The first of many."""
    left = len(names) - SHOWN
    return ", ".join(names[:SHOWN]) + (f" and {left} more" if left > 0 else "")


def to_json(constraints: Sequence[Constraint]) -> str:
    """The text of a `constraints.json`."""
    features = []
    for one in constraints:
        feature: dict[str, Any] = {
            "name": one.name,
            "inferred_type": one.inferred_type,
            "completeness": one.completeness,
        }
        if one.inferred_type in ("Fractional", "Integral"):
            feature["num_constraints"] = {"is_non_negative": one.non_negative}
        if one.domains:
            feature["string_constraints"] = {"domains": list(one.domains)}
        features.append(feature)
    config = {"evaluate_constraints": "Enabled", "emit_metrics": "Enabled", "datatype_check_threshold": 1.0}
    return json.dumps({"version": 0.0, "features": features, "monitoring_config": config}, indent=2) + "\n"


def read(path: Path) -> list[Constraint]:
    """The constraints of a file.

    Raises:
        ConstraintsError: it cannot be read, or has another shape.
    """
    try:
        return from_json(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConstraintsError(f"cannot read the constraints {path}: {error.strerror or error}") from error


def from_json(text: str) -> list[Constraint]:
    """The constraints of a `constraints.json`; what modelspan has no rule for is left out.

    Raises:
        ConstraintsError: the text is not JSON, or has another shape.
    """
    try:
        return [_from_feature(feature) for feature in json.loads(text)["features"]]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConstraintsError(
            f"not a constraints.json: {error!r}; expected an object with `features`, each with `name`, "
            "`inferred_type` and `completeness`"
        ) from error


def _from_feature(feature: Mapping[str, Any]) -> Constraint:
    return Constraint(
        name=str(feature["name"]),
        inferred_type=str(feature["inferred_type"]),
        completeness=float(feature["completeness"]),
        non_negative=bool(feature.get("num_constraints", {}).get("is_non_negative", False)),
        domains=tuple(str(value) for value in feature.get("string_constraints", {}).get("domains", [])),
    )
