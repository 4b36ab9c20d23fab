"""What the columns of a file are: ids, times, outcomes, groups and features, each in the type that it is kept in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations, product
from typing import Final

import numpy as np

from modelspan import features
from modelspan_analyzer.files import ids, outcomes
from modelspan_analyzer.files.not_features import ANSWERS, NamedAs, counts_time, named_as, of_answers, reason_against
from modelspan_analyzer.files.outcomes import Guess
from modelspan_analyzer.files.rows import FileError, FileRows, require
from modelspan_analyzer.files.tag_columns import tag_texts
from modelspan_analyzer.files.times import instants
from modelspan_collector.store.segments import NO_GROUP

_MOST_FEATURES_NAMED: Final = 10


@dataclass(frozen=True, slots=True)
class Roles:
    """Which column holds what; the features are all that is left, unless they are named."""

    prediction: str | None = None
    score: str | None = None
    label: str | None = None
    id: str | None = None
    time: str | None = None
    segments: tuple[str, ...] = ()
    """Columns kept as tags."""
    features: tuple[str, ...] = ()
    asked_back: tuple[str, ...] = ()
    """Columns that are features though they look like none."""
    not_features: tuple[str, ...] = ()
    """Columns that only tell baseline from live rows."""

    @property
    def texts(self) -> tuple[str, ...]:
        """Columns to read as they are written."""
        return tuple(name for name in (self.id, self.time) if name)

    def named(self) -> tuple[str, ...]:
        """Every column that is asked for by name."""
        one = (self.prediction, self.score, self.label, self.id, self.time)
        return (*(name for name in one if name), *self.segments, *self.features, *self.asked_back)


@dataclass(frozen=True, slots=True)
class Hints:
    """What settles a guess: `--task`, `--time-unit`, `--score-scale` and `--date-order`."""

    task: str = ""
    time_unit: str = ""
    score_scale: str = ""
    date_order: str = ""


NO_HINTS: Final = Hints()


@dataclass(frozen=True, slots=True)
class Settled:
    """Rows whose columns have their types: outcomes are numbers or texts, ids and tags texts, times UTC nanoseconds.

    A feature is of one of the three types of `modelspan.features`.
    """

    rows: FileRows
    roles: Roles
    guess: Guess = field(default_factory=Guess)


def settle(rows: FileRows, roles: Roles, hints: Hints = NO_HINTS, *, like: Settled | None = None) -> Settled:
    """Give each column its type, and say what is left out.

    Args:
        rows: of the file.
        roles: of its columns.
        hints: what the user said of them.
        like: rows that these are compared with, such as the history of a baseline: read as they were.

    Raises:
        FileError: a named column is missing or of no use.
    """
    require(rows, roles.named())
    _refuse_double_roles(roles)
    guess = like.guess if like else outcomes.guess(rows, roles.prediction, roles.score, roles.label, hints.task)
    rows = outcomes.convert(rows, roles.prediction, roles.score, roles.label, guess, hints.score_scale)
    if roles.id:
        rows = rows.set(roles.id, ids.texts(rows, roles.id))
    if roles.time:
        rows = _timed(rows, roles.time, hints)
    chosen = _choose(rows, roles)
    for name in roles.segments:
        rows = _grouped(rows, name)
    rows, placed = _placed(rows, chosen, roles)
    return Settled(rows, replace(roles, features=placed), guess)


def _refuse_double_roles(roles: Roles) -> None:
    """A column is kept in the type of its role, so it can have one; a baseline's labels may pass for predictions.

    Raises:
        FileError: a column has two.
    """
    if roles.score is not None and roles.score == roles.prediction:
        raise FileError(
            f"column {roles.score!r} is both --prediction and --score: name the predicted class with --prediction, "
            "or the score alone with --prediction, without --score"
        )
    values = (("--prediction", roles.prediction), ("--label", roles.label))
    others = (("--score", roles.score), ("--id", roles.id), ("--time", roles.time))
    pairs = (*product(values, others), *combinations(others, 2))
    for (first, name), (second, same) in pairs:
        if name is not None and name == same and (first, second) != ("--id", "--time"):
            raise FileError(f"column {name!r} is both {first} and {second}: each needs a column of its own")


def _choose(rows: FileRows, roles: Roles) -> list[str]:
    """The features: those named, else every column that has no role and looks like one."""
    if roles.features:
        return list(roles.features)
    one = (roles.prediction, roles.score, roles.label, roles.id, roles.time)
    taken = {*(name for name in one if name), *roles.segments, *roles.not_features}
    asked_back = frozenset(roles.asked_back)
    parts, chosen = of_answers(rows.table), list[str]()
    against: dict[str, list[str]] = {}
    like_roles: dict[NamedAs, list[str]] = {}
    for name in rows.table.column_names:
        if name in taken:
            continue
        of_parts = ANSWERS if name in parts else None
        why = None if name in asked_back else of_parts or _reason_against(rows, name, roles.time)
        if why is None:
            chosen.append(name)
            if name not in asked_back and (role := named_as(name)):
                like_roles.setdefault(role, []).append(name)
        else:
            against.setdefault(why, []).append(name)
    for role, names in like_roles.items():
        many = len(names) > 1
        column, are = ("columns", "are features") if many else ("column", "is a feature")
        rows.remarks.assume(f"{column} {_listed(names)}, named as {role.what}, {are} ({_settles(role, many=many)})")
    for why, names in against.items():
        listed = _listed(names)
        if why == ANSWERS:
            rows.remarks.leave_out(f"{_listed(names)}: {why}")
            continue
        column, back = ("column", "takes it") if len(names) == 1 else ("columns", "and the like take them")
        rows.remarks.leave_out(f"{column} {listed}: {why}, so no feature (--feature {names[0]!r} {back} back)")
    return chosen


def _reason_against(rows: FileRows, name: str, time: str | None) -> str | None:
    column = rows.column(name)
    return reason_against(name, column) or (counts_time(name, column, rows.column(time)) if time else None)


def _listed(names: Sequence[str]) -> str:
    """The first of some names, and how many more there are."""
    more = len(names) - _MOST_FEATURES_NAMED
    return ", ".join(map(repr, names[:_MOST_FEATURES_NAMED])) + (f" and {more:,} more" if more > 0 else "")


def _settles(role: NamedAs, *, many: bool) -> str:
    """What says that columns have a role, and what that they have none."""
    one = "one of them" if many else "it"
    taken = f"{role.option} takes {one} as what it is, " if role.option else ""
    return (
        f"{taken}--features without {'them' if many else 'it'} leaves {'them' if many else 'it'} out, "
        f"--feature keeps {'each' if many else 'it'} without this word"
    )


def _timed(rows: FileRows, name: str, hints: Hints) -> FileRows:
    """Rows with their times; those without one are left out."""
    missing = rows.column(name).null_count
    rows = rows.set(name, instants(rows, name, hints.time_unit, hints.date_order))
    has = np.asarray(rows.column(name).is_valid().to_numpy(zero_copy_only=False), bool)
    if has.all():
        return rows
    count, first = int((~has).sum()), rows.where(int(np.flatnonzero(~has)[0]))
    rows.remarks.leave_out(
        f"{count:,} of {len(has):,} rows without a time in {name!r} ({missing:,} of them empty), first {first}"
    )
    return rows.only(has)


def _grouped(rows: FileRows, name: str) -> FileRows:
    """Rows with a column of groups as texts; those that name none are a group of their own, and counted."""
    try:
        texts = tag_texts(rows.table[name])
    except ValueError as error:
        raise FileError(f"column {name!r}: {error}") from error
    if missing := texts.null_count:
        rows.remarks.assume(f"the {missing:,} of {len(texts):,} rows without {name!r} are its group {NO_GROUP}")
    return rows.set(name, texts.fill_null(NO_GROUP))


def _placed(rows: FileRows, chosen: list[str], roles: Roles) -> tuple[FileRows, tuple[str, ...]]:
    """The features in the types of their places; a column without a place is left out alone."""
    placed, needed = {}, {*roles.features, *roles.asked_back}
    for name in dict.fromkeys(chosen):
        found = features.convert(rows.table[name], rows.table.schema.field(name))
        if found.column is None:
            if name in needed:
                raise FileError(f"column {name!r} cannot be a feature: {found.reason}")
            rows.remarks.leave_out(f"column {name!r}: {found.reason}")
            continue
        for why, count in found.left_out.items():
            rows.remarks.leave_out(f"{count:,} cells of column {name!r}: {why}")
        placed[name] = found.column
    return rows.set_all(placed), tuple(placed)
