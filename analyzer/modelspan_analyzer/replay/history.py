"""A history of predictions, settled column by column and split into baseline and live rows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from modelspan_analyzer.files.classes import canonical
from modelspan_analyzer.files.read import read
from modelspan_analyzer.files.roles import NO_HINTS, Hints, Roles, Settled, settle
from modelspan_analyzer.files.rows import FileError, FileRows, Remarks, require
from modelspan_analyzer.files.written import Written

_FEWEST_ROWS = 2
"""A single row holds one value of everything."""


class HistoryError(FileError):
    """The history is not what was said of it; the message names what there is."""


@dataclass(frozen=True, slots=True)
class History:
    """Baseline and live rows, with the columns settled."""

    baseline: pa.Table
    live: pa.Table
    columns: Roles
    task: str
    remarks: Remarks
    baseline_source: str


def split(rows: FileRows, roles: Roles, baseline: str, hints: Hints = NO_HINTS, encoding: str = "") -> History:
    """Order by time and part baseline from live rows.

    Args:
        rows: the whole history.
        roles: of its columns.
        baseline: a fraction (`0.2`, the first fifth in time), a condition (`split=train`), or a file of its own.
        hints: what the user said of the columns.
        encoding: of the text of a baseline's own file, where the user said it.

    Raises:
        FileError: a named column is missing or of no use, or one side would be empty.
    """
    if not rows.table.num_rows:
        raise HistoryError(f"the file has no rows below its header ({', '.join(rows.table.column_names[:30])})")
    fraction, condition = _fraction(baseline), _condition(baseline, rows.table)
    if condition:
        require(rows, condition[:1])
        rows.remarks.leave_out(f"column {condition[0]!r}, as it only tells baseline from live rows")
        roles = replace(roles, not_features=condition[:1])
    settled = settle(rows, roles, hints)
    roles = settled.roles
    table = settled.rows.table.select(list(dict.fromkeys([*roles.named(), *roles.not_features])))
    if condition:
        table = table.set_column(table.column_names.index(condition[0]), condition[0], _spelt(table[condition[0]]))
    if roles.time:
        table = table.sort_by(roles.time)
    if condition:
        name, value = condition
        chosen = pc.fill_null(pc.equal(table[name], value), False)
        before, live, source = table.filter(chosen), table.filter(pc.invert(chosen)), f"rows with {baseline}"
        roles = _without_parts(before, live, roles, settled.rows.remarks)
    elif fraction is not None:
        cut = int(table.num_rows * fraction)
        before, live, source = table.slice(0, cut), table.slice(cut), f"the first {fraction:.0%} of the rows"
        roles = _without_parts(before, live, roles, settled.rows.remarks)
    else:
        before, live, source = _own_file(Path(baseline), settled, hints, encoding), table, baseline
    if not before.num_rows or not live.num_rows:
        raise HistoryError(
            f"--baseline {baseline} leaves {before.num_rows} baseline and {live.num_rows} live rows; both need some"
        )
    return History(before, live, roles, settled.guess.task, settled.rows.remarks, source)


def _fraction(text: str) -> float | None:
    try:
        fraction = float(text)
    except ValueError:
        return None
    if not 0 < fraction < 1:
        raise HistoryError(f"--baseline {text}: a fraction lies between 0 and 1")
    return fraction


def _condition(text: str, table: pa.Table) -> tuple[str, str] | None:
    name, equals, value = text.partition("=")
    return (name, value) if equals and (name in table.column_names or not Path(text).exists()) else None


def _spelt(column: pa.ChunkedArray) -> pa.Array:
    """Values as a condition on the command line spells them."""
    values = FileRows.of(pa.table({"": column})).column("")
    return canonical(values) if not pa.types.is_nested(values.type) else pa.nulls(len(values), pa.string())


def _without_parts(before: pa.Table, live: pa.Table, roles: Roles, remarks: Remarks) -> Roles:
    """The roles without features such as `split`: one value in the baseline, another in the live rows, never both."""
    parts = [name for name in roles.features if name not in roles.asked_back and _only_parts(before[name], live[name])]
    for name in parts:
        remarks.leave_out(
            f"column {name!r}, as it only tells baseline from live rows (--feature {name!r} takes it back)"
        )
    return replace(roles, features=tuple(name for name in roles.features if name not in parts))


def _only_parts(before: pa.ChunkedArray, live: pa.ChunkedArray) -> bool:
    if pa.types.is_nested(before.type) or len(live) < _FEWEST_ROWS:
        return False
    old, new = before.unique().to_pylist(), live.unique().to_pylist()
    return len(old) == 1 and len(new) == 1 and old != new


def _own_file(path: Path, history: Settled, hints: Hints, encoding: str) -> pa.Table:
    """The rows of a baseline that has a file of its own, read as the history was."""
    written = Written(encoding, date_order=hints.date_order)
    rows, remarks = read(path, history.roles.texts, written), history.rows.remarks
    known = history.roles.id if history.roles.id in rows.table.column_names else None
    roles = replace(history.roles, id=known, time=None, asked_back=())
    shared = tuple(name for name in roles.features if name in rows.table.column_names)
    groups = tuple(name for name in roles.segments if name in rows.table.column_names)
    settled = settle(rows, replace(roles, features=shared, segments=groups), hints, like=history)
    live = history.rows.table.schema
    other = {name for name in shared if settled.rows.table.schema.field(name).type != live.field(name).type}
    kept = [name for name in shared if name not in other]
    for sentence in rows.remarks.assumed:
        remarks.assume(f"{path}: {sentence}")
    for sentence in rows.remarks.left_out:
        remarks.leave_out(f"{path}: {sentence}")
    if absent := [name for name in roles.features if name not in kept]:
        listed = ", ".join(map(repr, absent[:10])) + (", …" if len(absent) > 10 else "")
        remarks.leave_out(f"{path}: it has no column {listed} of the same kind, so nothing to compare with")
    outcomes = [name for name in (roles.prediction, roles.score, roles.label, known) if name]
    return _with_groups(settled.rows.table.select(list(dict.fromkeys([*outcomes, *kept, *groups]))), roles, remarks)


def _with_groups(table: pa.Table, roles: Roles, remarks: Remarks) -> pa.Table:
    """A column for every group; rows of a file that lacks it belong to none, which is not the same as missing."""
    for name in roles.segments:
        if name not in table.column_names:
            remarks.leave_out(f"groups of {name!r} in the baseline's file, which has no such column")
            table = table.append_column(name, pa.nulls(table.num_rows, pa.string()))
    return table


def ids(live: pa.Table, column: str | None, prefix: str, remarks: Remarks) -> pa.Array:
    """The predictions' ids: those of the column, and made ones where there are none."""
    made = pa.array([f"{prefix}-{row}" for row in range(live.num_rows)], pa.string())
    if column is None:
        return made
    given = live[column].combine_chunks()
    if given.null_count:
        remarks.assume(f"{given.null_count:,} of {len(given):,} rows have no id in {column!r}: they are given one")
    if repeated := len(given) - given.null_count - int(pc.count_distinct(given).as_py()):
        remarks.assume(f"{repeated:,} ids in {column!r} stand more than once: a label counts for each of their rows")
    return pc.coalesce(given, made)
