"""Profiles of whylogs are read from their bytes: every number is the one that whylogs itself tells of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from whylogs_profiles import Made, make

from modelspan_analyzer.whylogs.columns import Told, told_by
from modelspan_analyzer.whylogs.frequent_items import read_frequent_items
from modelspan_analyzer.whylogs.hll import read_hll
from modelspan_analyzer.whylogs.kll import read_kll
from modelspan_analyzer.whylogs.profile_file import Component, ProfileError, read_profiles

ROWS = 6_000


def rows() -> dict[str, list[Any]]:
    """Columns of every kind that whylogs tells apart."""
    rng = np.random.default_rng(7)
    gaps = rng.random(ROWS) < 0.1
    return {
        "amount": rng.normal(size=ROWS).tolist(),
        "gappy": [None if gap else value for gap, value in zip(gaps, rng.lognormal(size=ROWS).tolist(), strict=True)],
        "endless": [float("inf") if gap else value for gap, value in zip(gaps, rng.random(ROWS).tolist(), strict=True)],
        "stuck": [3.5] * ROWS,
        "children": rng.integers(0, 6, ROWS).tolist(),
        "account": rng.integers(0, 10**9, ROWS).tolist(),
        "member": (rng.random(ROWS) < 0.3).tolist(),
        "plan": rng.choice(["basic", "größer", ""], ROWS).tolist(),
        "asked": [None if gap else "yes" for gap in gaps],
        "id": [f"person-{row}" for row in range(ROWS)],
        "nothing": [None] * ROWS,
        "few": [float(row) if row < 500 else None for row in range(ROWS)],
        "mixed": [row if row % 3 else f"x{row % 2}" for row in range(ROWS)],
        "both": [row % 5 if row % 3 else True for row in range(ROWS)],
        "vector": [[1.0, 2.0]] * ROWS,
    }


@pytest.fixture(scope="module")
def whole(whylogs_python: Path, tmp_path_factory: pytest.TempPathFactory) -> Made:
    """All rows in one profile."""
    return make(whylogs_python, tmp_path_factory.mktemp("whole"), rows())


@pytest.fixture(scope="module")
def parts(whylogs_python: Path, tmp_path_factory: pytest.TempPathFactory) -> Made:
    """The same rows in three."""
    return make(whylogs_python, tmp_path_factory.mktemp("parts"), rows(), parts=3)


@pytest.fixture(scope="module", params=["whole", "part", "merged"])
def both(request: pytest.FixtureRequest, whole: Made, parts: Made) -> tuple[dict[str, Any], dict[str, Any]]:
    """The components of a profile's columns by their paths, and what whylogs tells of them."""
    path, told = {
        "whole": (whole.parts[0], whole.told[0]),
        "part": (parts.parts[1], parts.told[1]),
        "merged": (parts.merged, parts.told[-1]),
    }[request.param]
    (profile,) = read_profiles(path.read_bytes(), path.name)
    return dict(profile.columns), told


Both = tuple[dict[str, dict[str, Component]], dict[str, Any]]


def with_metric(both: Both, path: str) -> dict[str, tuple[bytes, Any]]:
    """Columns that have a sketch, with it and with what whylogs tells."""
    components, told = both
    return {name: (bytes(one[path]), told[name]) for name, one in components.items() if path in one}  # type: ignore[arg-type]


def test_counts_are_exact(both: Both) -> None:
    """Rows, missing and infinite ones, and rows of each type."""
    components, told = both
    assert components.keys() == rows().keys()
    for name, of_column in told.items():
        counts = {key: value for key, value in of_column.items() if key.startswith(("counts/", "types/"))}
        assert counts and {key: components[name][key] for key in counts} == counts


def test_quantiles_are_the_sketches_own_items(both: Both) -> None:
    """A quantile of whylogs is the first item before which the quantile's share of the values lies, or more."""
    found = with_metric(both, "distribution/kll")
    assert {"amount", "gappy", "endless", "children", "few"} <= found.keys()
    for name, (data, told) in found.items():
        sketch = read_kll(data)
        assert sketch.n == told["distribution/n"], name
        if not sketch.n:
            continue
        assert (sketch.minimum, sketch.maximum) == (told["distribution/min"], told["distribution/max"])
        before = np.concatenate([[0.0], np.cumsum(sketch.weights)[:-1]])
        places = np.searchsorted(before, np.floor(np.arange(1, 100) / 100 * sketch.n))
        inner = sketch.values[np.minimum(places, sketch.values.size - 1)]
        assert [sketch.minimum, *inner, sketch.maximum] == told["quantiles"], name


def test_a_sketch_that_never_compacted_is_exact(both: Both) -> None:
    """Up to a thousand values are all there: their distribution has no error."""
    few = read_kll(with_metric(both, "distribution/kll")["few"][0])
    assert few.rank_error == 0 or few.n > few.values.size
    assert read_kll(with_metric(both, "distribution/kll")["amount"][0]).rank_error == pytest.approx(0.0027, abs=1e-4)


def test_the_numbers_of_different_values_are_the_same(both: Both, request: pytest.FixtureRequest) -> None:
    """Exactly where a sketch carries its estimate, or is small; of merged large ones by another estimator."""
    for name, (data, told) in with_metric(both, "cardinality/hll").items():
        sketch, expected = read_hll(data), told["cardinality/est"]
        exact = sketch.registers is None or sketch.told is not None
        assert sketch.estimate == pytest.approx(expected, rel=1e-9 if exact else 0.03), name
        assert exact or "merged" in request.node.name


def test_frequent_items_are_the_same(both: Both) -> None:
    """whylogs names those that came more often than it may be off by: each with the same bounds."""
    found = with_metric(both, "frequent_items/frequent_strings")
    assert {"children", "plan", "asked", "member", "id"} <= found.keys()
    for name, (data, told) in found.items():
        known = read_frequent_items(data)
        for text, bounds in told["items"].items():
            assert [known.counts[text], known.counts[text] + known.offset] == bounds, name
        assert known.complete is (known.offset == 0)


def columns(*paths: Path) -> Told:
    """What the profiles of some files tell, taken together."""
    return told_by([one for path in paths for one in read_profiles(path.read_bytes(), path.name)])


def test_columns_are_what_a_table_of_the_rows_would_be(whole: Made) -> None:
    """Numbers, texts and gaps; truth values and few whole numbers exactly."""
    told, given = columns(whole.parts[0]), rows()
    assert told.rows == ROWS
    found = told.columns
    assert found["gappy"].null_n == sum(value is None for value in given["gappy"])
    assert found["endless"].numbers is not None
    assert found["endless"].numbers.infinite == sum(value == float("inf") for value in given["endless"])
    assert found["nothing"].null_n == ROWS and found["nothing"].kind.value == "empty"
    plan, member = found["plan"].texts, found["member"].texts
    assert plan is not None and member is not None
    assert plan.counts == {text: given["plan"].count(text) for text in set(given["plan"])}
    assert member.counts == {"true": sum(given["member"]), "false": ROWS - sum(given["member"])}
    children = found["children"].numbers
    assert children is not None and children.support is not None
    assert children.support.values.tolist() == [0, 1, 2, 3, 4, 5] and children.support.rank_error == 0
    assert children.mean == pytest.approx(np.mean(given["children"]))
    assert children.std == pytest.approx(np.std(given["children"]))
    mixed = found["mixed"]
    assert mixed.texts is not None and mixed.texts.n == ROWS // 3 and mixed.kind.value == "numeric"


def test_what_cannot_be_compared_is_named(whole: Made) -> None:
    """Vectors, and numbers that stand together with truth values."""
    told = columns(whole.parts[0])
    assert {"vector", "both"} & told.columns.keys() == set()
    assert any("'vector'" in said and "vectors" in said for said in told.remarks.left_out)
    assert any("'both'" in said for said in told.remarks.left_out)


def test_profiles_taken_together_are_the_whole(whole: Made, parts: Made) -> None:
    """Counts, means and ranges of parts are those of all rows, and so are ranks, within the sketches' error."""
    one, several = columns(whole.parts[0]), columns(*parts.parts)
    assert several.rows == one.rows
    assert several.columns.keys() == one.columns.keys()
    for name, column in one.columns.items():
        other = several.columns[name]
        assert (other.null_n, other.n, other.kind) == (column.null_n, column.n, column.kind), name
        if column.numbers and other.numbers:
            assert other.numbers.infinite == column.numbers.infinite
            if name != "endless":  # beside infinite values, the sketch knows finite ones alone by its items
                assert other.numbers.minimum == column.numbers.minimum
                assert other.numbers.maximum == column.numbers.maximum
                assert other.numbers.mean == pytest.approx(column.numbers.mean)
                assert other.numbers.std == pytest.approx(column.numbers.std)
    values = np.sort(rows()["amount"])
    amount = several.columns["amount"].numbers
    assert amount is not None and amount.support is not None and amount.support.weights is not None
    ranks = np.cumsum(amount.support.weights) / ROWS
    assert np.abs(ranks - np.searchsorted(values, amount.support.values, side="right") / ROWS).max() < 2 * 0.0027


def test_merged_registers_are_those_of_whylogs(parts: Made) -> None:
    """The union of sketches is the sketch of the union."""
    from modelspan_analyzer.whylogs.hll import joined

    read = [read_profiles(path.read_bytes(), path.name)[0].columns for path in (*parts.parts, parts.merged)]
    for name in ("amount", "account", "id"):
        *some, merged = (read_hll(bytes(one[name]["cardinality/hll"])) for one in read)  # type: ignore[arg-type]
        ours = joined(some)
        assert ours is not None and ours.registers is not None and merged.registers is not None
        assert (ours.registers == merged.registers).all()


def test_profiles_may_stand_one_behind_the_other(parts: Made) -> None:
    """As they are sent to an instance."""
    data = b"".join(path.read_bytes() for path in parts.parts)
    assert [one.columns.keys() for one in read_profiles(data, "all")] == [rows().keys()] * 3


def test_segments_are_profiles_that_say_so(whylogs_python: Path, tmp_path: Path) -> None:
    """Each is of the rows with one value; taken together they are all rows, which is said."""
    given = {"country": ["DE", "FR"] * 500, "age": list(range(1000))}
    made = make(whylogs_python, tmp_path, given, segment="country")
    assert len(made.parts) == 2
    data = b"".join(path.read_bytes() for path in made.parts)
    found = read_profiles(data, "all")
    assert sorted(one.segment["country"] for one in found) == ["DE", "FR"]
    told = told_by(found)
    assert told.rows == 1000
    assert any("country=DE" in said and "country=FR" in said for said in told.remarks.assumed)


@pytest.mark.parametrize("share", [0.0, 0.001, 0.1, 0.5, 0.9, 0.999])
def test_a_profile_that_is_cut_off_is_refused(whole: Made, share: float) -> None:
    """Wherever it ends, it says what is wrong with it."""
    data = whole.parts[0].read_bytes()
    with pytest.raises(ProfileError, match=r"p\.bin is (cut off or damaged|no profile)"):
        told_by(read_profiles(data[: int(share * len(data))], "p.bin"))


def test_bytes_that_are_damaged_never_do_worse(whole: Made) -> None:
    """Whatever byte is another one, the profile is read, or refused as one."""
    data, rng = whole.parts[0].read_bytes(), np.random.default_rng(1)
    for _ in range(300):
        broken = bytearray(data)
        for place in rng.integers(0, min(len(data), 4_000) if rng.random() < 0.5 else len(data), 3):
            broken[place] = rng.integers(256)
        try:
            told_by(read_profiles(bytes(broken), "p.bin"))
        except ProfileError:
            continue


@pytest.mark.parametrize("data", [b"", b"PAR1", b"WHY2" + b"\0" * 40, b"\x0a\x05hello"])
def test_other_files_are_refused_with_what_to_do(data: bytes) -> None:
    """Such as a profile of the old form, which has no mark."""
    with pytest.raises(ProfileError, match=r"no profile of whylogs 1\.x, which begins with WHY1; one with performance"):
        read_profiles(data, "p.bin")


def test_another_version_of_the_schema_is_refused() -> None:
    """A later one may mean something else by its fields."""
    header = b"\x0a\x02\x08\x02"
    with pytest.raises(ProfileError, match="version 2, which this release does not know"):
        read_profiles(b"WHY1" + b"\0" + bytes([len(header)]) + header, "p.bin")


def test_a_profile_without_rows_is_refused(whylogs_python: Path, tmp_path: Path) -> None:
    """There is nothing to compare with."""
    made = make(whylogs_python, tmp_path, {"age": []})
    with pytest.raises(ProfileError, match="counts no row"):
        columns(made.parts[0])
