"""Profiles of whylogs as a model's baseline, without rows."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from modelspan_analyzer.files.places import is_there
from modelspan_analyzer.files.roles import Roles
from modelspan_analyzer.files.rows import FileError, Remarks
from modelspan_analyzer.reading.baselines import Baseline
from modelspan_analyzer.reading.profiles.without_rows import set_from_columns
from modelspan_analyzer.whylogs.columns import told_by
from modelspan_analyzer.whylogs.profile_file import ProfileError, WhylogsProfile, read_profiles
from modelspan_analyzer.whylogs.redact import redacted
from modelspan_analyzer.whylogs.roles import choose
from modelspan_collector.access.rules import NO_RULES, Redaction
from modelspan_collector.store.connect import Store

FORMAT: Final = "whylogs"


def read_files(paths: list[Path]) -> dict[str, bytes]:
    """The bytes of profile files by their names; of a folder those of all its `*.bin`.

    Raises:
        FileError: there is none, or one cannot be read.
    """
    found: dict[str, bytes] = {}
    for path in paths:
        try:
            folder = is_there(path) and path.is_dir()
            for one in sorted(path.rglob("*.bin")) if folder else [path]:
                found[str(one)] = one.read_bytes()
        except OSError as error:
            raise FileError(f"cannot read {path}: {error.strerror or error}") from error
    if not found:
        raise FileError(f"no profile (`*.bin`) in {', '.join(map(str, paths))}")
    return found


def profiles_of(files: Mapping[str, bytes]) -> list[WhylogsProfile]:
    """All profiles of some files.

    Raises:
        FileError: one is none, or is cut off.
    """
    try:
        return [one for name, data in files.items() for one in read_profiles(data, name)]
    except ProfileError as error:
        raise FileError(str(error)) from error


def set_from_profiles(
    store: Store,
    model: str,
    version: str | None,
    profiles: list[WhylogsProfile],
    roles: Roles,
    source: str,
    *,
    task: str = "",
    rules: Redaction = NO_RULES,
    structural: frozenset[str] = frozenset(),
) -> tuple[Baseline, Remarks]:
    """Make profiles, taken together, the baseline of a model; what was assumed and left out is said beside it.

    Args:
        store: the store.
        model: whose baseline it is.
        version: of which version; None for every one that has none of its own.
        profiles: at least one.
        roles: which columns hold the answers; all others that describe a row are features, unless these are named.
        source: the files, in words that a person can check.
        task: what the model does; '' to tell it by the columns.
        rules: of the collector, where they are sent to one: what they take out is not stored.
        structural: columns without which an answer has no place, whatever the rules say of their names.

    Raises:
        FileError: there is nothing in them to compare with, or a named column is not there.
    """
    try:
        told = told_by(profiles)
    except ProfileError as error:
        raise FileError(str(error)) from error
    if rules.active:
        told = redacted(told, rules, structural)
    chosen = choose(told, roles, task)
    what = "whylogs profile" if len(profiles) == 1 else f"{len(profiles):,} whylogs profiles"
    words = f"{what}, {chosen.rows:,} rows, no rows kept: {source}"
    made = set_from_columns(store, model, version, chosen.rows, chosen.features, chosen.outputs, words)
    return made, chosen.remarks
