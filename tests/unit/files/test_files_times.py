"""Times in a file are read in whatever form they have; what cannot be told for sure is said."""

import datetime

import pyarrow as pa
import pytest

from modelspan_analyzer.files.rows import FileError, FileRows
from modelspan_analyzer.files.times import UTC, instants

NOON = datetime.datetime(2026, 1, 31, 12, tzinfo=datetime.UTC)


def read(values: object, unit: str = "", date_order: str = "") -> tuple[list[object], FileRows]:
    """The times of a column, and the rows with their remarks."""
    rows = FileRows.of(pa.table({"t": values}))
    found = instants(rows, "t", unit, date_order)
    assert found.type == UTC
    return [value.as_py() for value in found.cast(pa.timestamp("us", "UTC"))], rows


WRITTEN = [
    "2026-01-31T12:00:00",
    "2026-01-31T12:00:00Z",
    "2026-01-31 12:00:00 UTC",
    "2026-01-31 12:00:00.000000 UTC",
    "2026-01-31 12:00:00+00",
    "2026-01-31T13:00:00+01:00",
    "2026-01-31T13:00:00+0100",
    "2026-01-31T13:00:00+01:00[Europe/Zurich]",
    "2026-01-31 12:00",
    "2026-1-31 12:00:00,000",
    "2026/01/31 12:00:00",
    "20260131T12:00:00",
    "31.01.2026 12:00",
    "31-01-2026 12:00:00",
    "31/01/2026, 12:00:00",
    "01/31/2026 12:00 PM",
    "1/31/26 12:00",
    "01/31/2026 12:00 p.m.",
    "31.01.26 12:00",
    "31-Jan-2026 12:00:00",
    "31-JAN-26 12:00",
    "31 January 2026 12:00",
    "Jan 31, 2026 12:00 PM",
    "January 31st, 2026, 12:00",
    "Sat, 31 Jan 2026 12:00:00 GMT",
    "Sat Jan 31 12:00:00 2026",
    "Sat Jan 31 12:00:00 UTC 2026",
    "31/Jan/2026:12:00:00 +0000",
    "2026-01-31t12:00:00z",
    "20260131T120000Z",
    "20260131T1200" + "00",
]


MIXED = [text for text in WRITTEN if "/31/" not in text]
"""Without those that begin with the month, as others begin with the day."""


@pytest.mark.parametrize("text", WRITTEN)
def test_a_written_time_is_read(text: str) -> None:
    """Every format that spreadsheets, databases and programs write means the same instant."""
    assert read([text])[0] == [NOON]


def test_formats_may_be_mixed() -> None:
    """Each cell is read by itself, with or without a zone."""
    times, rows = read([*(text for text in MIXED), None])
    assert times == [NOON] * len(MIXED) + [None]
    assert rows.remarks.assumed[0] == "times of column 't' without a zone are UTC"
    assert rows.remarks.left_out == []


@pytest.mark.parametrize(("unit", "factor"), [("s", 1), ("ms", 10**3), ("us", 10**6), ("ns", 10**9)])
@pytest.mark.parametrize("kind", [pa.int64(), pa.float64(), pa.string(), pa.decimal128(38, 0)])
def test_numbers_tell_their_unit_by_their_size(unit: str, factor: int, kind: pa.DataType) -> None:
    """Seconds, milliseconds, microseconds and nanoseconds since 1970 are told apart, and that is said."""
    whole = int(NOON.timestamp()) * factor
    values = pa.array([str(whole)]) if kind == pa.string() else pa.array([whole]).cast(kind, safe=False)
    times, rows = read(values)
    assert times == [NOON]
    assert "since 1970 (--time-unit says otherwise)" in rows.remarks.assumed[0]
    assert read(values, unit)[0] == [NOON]


def test_a_told_unit_settles_it() -> None:
    """Small numbers are no times, unless their unit is told."""
    with pytest.raises(FileError, match=r"no times between 1990 and 2100 in any unit; say --time-unit s\|ms\|us\|ns"):
        read([1, 2, 3])
    assert read([60], "s")[0] == [datetime.datetime(1970, 1, 1, 0, 1, tzinfo=datetime.UTC)]
    with pytest.raises(FileError, match="--time-unit is one of"):
        read([60], "hours")


def test_compact_dates_are_dates() -> None:
    """20260131 is a day and no number of seconds."""
    times, rows = read([20260131, 20260201])
    assert times[0] == NOON.replace(hour=0)
    assert "are dates" in rows.remarks.assumed[0]


def test_numbers_that_are_dates_are_dates() -> None:
    """Digits in the order of a date and its clock, and the days that spreadsheets count; each is said."""
    for number, said in ((20260131120000, "are dates"), (46053.5, "are days as spreadsheets count")):
        times, rows = read([number])
        assert times == [NOON]
        assert said in rows.remarks.assumed[0]
    with pytest.raises(FileError, match=r"holds numbers such as 7\.5, which are no times"):
        read([7.5, 8.5])


def test_what_only_looks_like_a_date_is_none() -> None:
    """Versions, weeks and names stay what they are; years of two digits are said."""
    for text in ("1.2.26", "26-01-31", "2026-W05", "Marvin 1", "may"):
        with pytest.raises(FileError, match="does not hold times"):
            read([text])
    assert "years of two digits in column 't' stand last" in " ".join(read(["1/31/26"])[1].remarks.assumed)


def test_day_and_month_are_told_apart_where_they_can_be() -> None:
    """A number beyond twelve is a day; where there is none, the guess is said."""
    assert read(["03/04/2026", "13/04/2026"])[0][0].day == 3
    assert read(["03/04/2026", "04/13/2026"])[0][0].day == 4
    times, rows = read(["03/04/2026"])
    assert times[0].month == 3
    assert "taken as month first, which they do not tell" in " ".join(rows.remarks.assumed)


YEAR = datetime.datetime.now(datetime.UTC).year % 100
SHORT: dict[str, tuple[list[str], str, str]] = {
    "a day beyond 12, a year beyond 31": (["31/01/32", "01/02/99"], "dmy", "are day first"),
    "a second number beyond 12": (["01/31/26", "02/01/26"], "mdy", "are month first"),
    "a first number beyond 31": (["99/01/31", "98/02/01"], "ymd", "are year first"),
    "days of the year to come": ([f"{YEAR}/01/{day}" for day in (29, 30, 31)], "ymd", "in the future otherwise"),
    "dots": ([f"{YEAR}.01.{day}" for day in (29, 30, 31)], "ymd", "in the future otherwise"),
    "days of last month": (["29.01.26", "30.01.26", "31.01.26"], "dmy", "in the future otherwise"),
    "days one after the other": (
        [f"{14 + n // 12}/{1 + n % 12:02d}/{1 + 5 * n % 12:02d}" for n in range(24)],
        "ymd",
        "as they follow each other so",
    ),
    "long ones beside": (["03/04/2020", "05/06/20", "13/01/20"], "dmy", "are day first"),
}
"""Dates with years of two digits, the order in which they stand, and what says so."""


@pytest.mark.parametrize("case", SHORT)
def test_the_place_of_a_year_of_two_digits_is_told_by_the_whole_column(case: str) -> None:
    """By numbers that are no month or day, by now, by the order of the rows; what was taken is said with the option."""
    written, order, said = SHORT[case]
    times, rows = read(written)
    assert times == read(written, date_order=order)[0] and None not in times
    assert f"{said} (--date-order says otherwise)" in " ".join(rows.remarks.assumed)


@pytest.mark.parametrize(
    "written", [["05/06/07"], ["10/11/12", "01/02/03", "09/08/07"], ["05.06.07"], ["05/06/07", "05/07/08"]]
)
def test_a_year_whose_place_nothing_tells_is_refused_until_it_is_said(written: list[str]) -> None:
    """No order is guessed; the option settles it."""
    with pytest.raises(FileError, match=r"nothing tells where day, month and year stand .* --date-order dmy\|mdy\|ymd"):
        read(written)
    moments = [read(written, date_order=order)[0][0] for order in ("dmy", "mdy", "ymd")]
    assert len(set(moments)) == 3
    with pytest.raises(FileError, match="--date-order is one of"):
        read(written, date_order="iso")


def test_short_dates_with_dashes_have_to_be_told() -> None:
    """26-01-31 may be anything; a word of the user makes it a date."""
    assert read(["26-01-31 12:00"], date_order="ymd")[0] == [NOON]


def test_a_time_that_cannot_be_is_left_out_alone() -> None:
    """A day that no month has, a year beyond the store's and a word cost their own cells, named by their rows."""
    times, rows = read(["2026-01-31T12:00:00Z", "2026-02-30", "2300-01-01", "1066-10-14", "soon"])
    assert times == [NOON, None, None, None, None]
    assert rows.remarks.left_out == [
        "4 of 5 times of column 't', which cannot be read or lie beyond 1900 to 2262"
        " (row 2: '2026-02-30', row 3: '2300-01-01', row 4: '1066-10-14' and 1 more)"
    ]
    years = pa.array([datetime.datetime(2300, 1, 1), datetime.datetime(2026, 1, 31, 12)], pa.timestamp("us"))
    assert read(years)[0] == [None, NOON]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (["a", "b"], "does not hold times such as 2026-01-31T12:00:00; it holds 'a'"),
        ([True], "holds bool, which are no times"),
        ([[1]], "which are no times; name the column"),
        (pa.nulls(2, pa.string()), "it holds nothing"),
    ],
)
def test_a_column_of_no_times_is_an_error(values: object, words: str) -> None:
    """Where nothing is a time, the column is named with what it holds."""
    with pytest.raises(FileError, match=words):
        read(values)
