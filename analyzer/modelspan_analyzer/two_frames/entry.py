"""The two ways in: files, read by what they hold, and frames of pandas, polars or Arrow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path

import pyarrow as pa

from modelspan.capture.tables import table_of
from modelspan.capture.values import is_missing_type
from modelspan.features import place
from modelspan_analyzer.config.data_settings import DataQualitySettings, DriftSettings
from modelspan_analyzer.config.outcome_settings import PerformanceSettings
from modelspan_analyzer.files.read import read
from modelspan_analyzer.files.roles import Hints, Roles, Settled, settle
from modelspan_analyzer.files.rows import FileError, FileRows, Remarks
from modelspan_analyzer.files.written import AS_FOUND, Written
from modelspan_analyzer.two_frames.compare import Options, compare_settled
from modelspan_analyzer.two_frames.comparison import Comparison


def compare_files(
    reference: Path,
    current: Path,
    roles: Roles,
    hints: Hints,
    options: Options | None = None,
    written: Written = AS_FOUND,
) -> Comparison:
    """Compare two files, or folders of files.

    Args:
        reference: what is compared with.
        current: what is compared.
        roles: which column holds what.
        hints: what the user said of the columns.
        options: how verdicts are made.
        written: what the user said of how their text is written.

    Raises:
        FileError: one of them cannot be read, or a named column is missing or of no use.
    """
    with ThreadPoolExecutor(2) as pool:  # parsers work outside Python's lock
        sides = list(pool.map(partial(read, texts=roles.texts, written=written), (reference, current)))
    return _compare(sides[0], sides[1], (str(reference), str(current)), roles, hints, options)


def compare_frames(
    reference: object,
    current: object,
    *,
    prediction: str | None = None,
    score: str | None = None,
    label: str | None = None,
    tags: Sequence[str] = (),
    features: Sequence[str] | None = None,
    id: str | None = None,  # noqa: A002  as the option is called everywhere
    task: str = "",
    positive_class: str = "",
    score_scale: str = "",
    names: tuple[str, str] = ("reference", "current"),
) -> Comparison:
    """Compare two tables: drift, quality, and where columns are named performance and fairness.

    Args:
        reference: a frame of pandas or polars, an Arrow table, or a mapping of columns: what is compared with.
        current: the same: what is compared.
        prediction: the column of predictions, classes or numbers; or of scores, where they are all there is.
        score: the column of the positive class' score.
        label: the column of what was true; the current table may lack it.
        tags: columns of groups, between which fairness is compared; no features.
        features: the columns to compare; all that describe a row where they are not given.
        id: a column that names rows, and is no feature.
        task: "classification" or "regression", where the columns leave it open.
        positive_class: the positive class, where two classes leave it open.
        score_scale: what a sure score is, such as "100", or "logit".
        names: of the two, as they are shown.

    Raises:
        FileError: what was given is no table, or a named column is missing or of no use; it is a `ValueError`.

    >>> day = {"age": [float(age) for age in range(200)]}
    >>> compare_frames(day, {"age": [age + 90.0 for age in range(200)]}).status.name
    'ALARM'
    """
    roles = Roles(prediction, score, label, id, segments=tuple(tags), features=tuple(features or ()))
    sides = [_frame(side, name) for side, name in zip((reference, current), names, strict=True)]
    options = with_choices(Options(), positive_class=positive_class)
    return _compare(sides[0], sides[1], names, roles, Hints(task, "", score_scale), options)


def with_choices(
    options: Options, *, positive_class: str = "", min_rows: int | None = None, alpha: float | None = None
) -> Options:
    """The options with what was chosen by hand."""
    # what nobody chose stays unset: only a level that was given stands against the rule over all tests
    drift, quality, performance = (
        section.model_dump(exclude_unset=True) for section in (options.drift, options.quality, options.performance)
    )
    performance["positive_class"] = positive_class
    if min_rows is not None:
        drift["min_rows"] = quality["min_rows"] = min_rows
    if alpha is not None:
        drift["rule"] = {**drift.get("rule", {}), "alpha": alpha}
        quality["alpha"] = alpha
    return replace(
        options,
        performance=PerformanceSettings(**performance),
        drift=DriftSettings(**drift),
        quality=DataQualitySettings(**quality),
    )


def _compare(
    before: FileRows, after: FileRows, names: tuple[str, str], roles: Roles, hints: Hints, options: Options | None
) -> Comparison:
    if roles.prediction is not None and roles.prediction == roles.label:
        raise FileError(f"column {roles.label!r} is both --prediction and --label: no answer is wrong beside itself")
    reference = _settled(before, roles, hints, names[0])
    current = _settled(after, _as_reference(reference, roles, after), hints, names[1], like=reference)
    return Comparison(compare_settled(reference, current, names, options))


def _settled(rows: FileRows, roles: Roles, hints: Hints, name: str, like: Settled | None = None) -> Settled:
    try:
        return settle(rows, roles, hints, like=like)
    except FileError as error:
        raise FileError(f"{name}: {error}") from error


def _as_reference(reference: Settled, roles: Roles, rows: FileRows) -> Roles:
    """The roles of the current table's columns: what was no feature in the reference is none here, and what was is one.

    Labels may not be in yet, so that their column may be missing.
    """
    there = set(rows.table.column_names)
    features = set(reference.roles.features)
    left = set(reference.rows.table.column_names) - features - set(roles.named())
    back = [name for name in reference.roles.features if name in there and place(rows.table.schema.field(name)).place]
    label = roles.label if roles.label in there else None
    chosen = tuple(name for name in roles.features if name in there)
    return replace(
        roles, label=label, features=chosen, asked_back=() if chosen else tuple(back), not_features=tuple(left)
    )


def _frame(value: object, name: str) -> FileRows:
    """A table in memory as rows."""
    columns, left_out = _columns(value, name)
    remarks, arrays = Remarks(), {}
    for key, column in columns.items():
        if (array := _array(key, column, remarks)) is not None:
            arrays[key] = array
    if len({len(array) for array in arrays.values()}) > 1:
        raise FileError(f"the columns of {name} are not equally long")
    for key, why in left_out.items():
        remarks.leave_out(f"column {key!r}: {why}")
    return FileRows.of(pa.table(arrays), remarks)


def _columns(value: object, name: str) -> tuple[Mapping[str, object], Mapping[str, str]]:
    """The columns of a table, and why some are left out."""
    collect = getattr(value, "collect", None)  # of a lazy frame of polars
    found = table_of(collect() if callable(collect) and not hasattr(value, "to_pandas") else value)
    if found is not None:
        return found.columns(), found.left_out
    if isinstance(value, Mapping):
        plain = {str(key): _plain(column) for key, column in value.items()}
        if all(isinstance(column, Sequence | pa.Array | pa.ChunkedArray) for column in plain.values()):
            return plain, {}
    kind = type(value).__name__
    raise FileError(f"{name} is of type {kind}, and no table; hint: a frame of pandas or polars, or an Arrow table")


def _plain(column: object) -> object:
    """A column of a mapping as a sequence: arrays of NumPy, and series of pandas and polars, are none by themselves."""
    listed = getattr(column, "tolist", None) or getattr(column, "to_list", None)
    return listed() if callable(listed) and not isinstance(column, pa.Array | pa.ChunkedArray) else column


def _array(name: str, column: object, remarks: Remarks) -> pa.Array | None:
    """An Arrow array; plain values of several kinds as their texts, and None of what has no place."""
    if isinstance(column, pa.Array | pa.ChunkedArray):
        return column
    assert isinstance(column, Sequence)
    try:
        return pa.array(column, from_pandas=True)
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        held = [None if is_missing_type(type(each)) or each != each else each for each in column]
    if not all(isinstance(each, str | int | float | None) for each in held):
        remarks.leave_out(f"column {name!r}: it holds objects, which have no place: give each part a column of its own")
        return None
    remarks.assume(f"column {name!r} holds values of several kinds: read as text")
    return pa.array([None if each is None else str(each) for each in held], pa.string())
