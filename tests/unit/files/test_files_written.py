"""How the text of a file is written: its encoding and what stands above its header are told, said, or asked for."""

import numpy as np
import pandas as pd
import pytest

from modelspan_analyzer.files import ids
from modelspan_analyzer.files.outcomes import CLASSIFICATION
from modelspan_analyzer.files.read import from_bytes
from modelspan_analyzer.files.roles import Hints, Roles, settle
from modelspan_analyzer.files.rows import FileError
from modelspan_analyzer.files.written import Written

CITIES: dict[str, tuple[list[str], list[str]]] = {
    "Russian": (["Москва", "Омск", "Санкт-Петербург"], ["cp1251", "koi8-r", "cp866", "iso8859-5", "mac_cyrillic"]),
    "Greek": (["Αθήνα", "Πάτρα"], ["cp1253", "iso8859-7"]),
    "Hebrew": (["ירושלים", "חיפה"], ["cp1255"]),
    "Thai": (["กรุงเทพ", "เชียงใหม่"], ["tis-620"]),
    "Japanese": (["東京", "大阪", "カタカナ"], ["shift_jis", "cp932", "euc_jp"]),
    "Japanese syllables": (["です", "これ"], ["shift_jis", "euc_jp"]),
    "Chinese": (["北京", "上海"], ["gbk", "gb18030", "big5"]),
    "Korean": (["서울", "부산"], ["euc_kr", "johab"]),
    "Polish": (["Łódź", "Żółć", "Gdańsk"], ["cp1250", "iso8859-2", "cp852"]),
    "Finnish of DOS": (["hyvää päivää", "Jyväskylä"], ["cp850", "mac_roman"]),
}
UNTOLD = [(name, encoding) for name, (_, encodings) in CITIES.items() for encoding in encodings]


def table(cities: list[str]) -> str:
    return "n,city\n" + "".join(f"{row},{city}\n" for row, city in enumerate(cities))


@pytest.mark.parametrize(("name", "encoding"), UNTOLD)
def test_an_encoding_that_is_none_of_the_west_is_refused_until_it_is_told(name: str, encoding: str) -> None:
    """No text is stored as what it would read as in Windows-1252; the option makes it what it is."""
    cities = CITIES[name][0]
    with pytest.raises(FileError, match=r"neither UTF-8 nor Windows-1252 .*--encoding"):
        from_bytes(table(cities).encode(encoding))
    rows = from_bytes(table(cities).encode(encoding), written=Written(encoding=encoding))
    assert rows.table["city"].to_pylist() == cities and not rows.remarks.assumed


WESTERN = [
    "Zürich",
    "été…\xa0»",
    "« là »",
    "°C",
    "½–¾",
    "hyvää päivää",
    "l’île",
    "etwa 100 €",
    "œuvre",
    "«…»",
    "Straße",
]


@pytest.mark.parametrize("city", WESTERN)
def test_western_text_is_read_and_its_guess_is_said(city: str) -> None:
    """Accents, quotation marks, symbols and fractions are as they were, in a file of any of them and of all."""
    for cities in ([city], WESTERN):
        rows = from_bytes(table(cities).encode("cp1252"))
        assert rows.table["city"].to_pylist() == cities
        assert rows.remarks.assumed == [
            "the text is not UTF-8: read as Windows-1252 (Western European; --encoding says otherwise)"
        ]


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-16", "iso2022_jp"])
def test_what_zeros_and_escapes_tell_is_read(encoding: str) -> None:
    """Sixteen bits without a mark, however few of its characters are of ASCII, and Japanese of seven bits."""
    cities = ["大阪市中央区大手前之町" * 3, "東京都新宿区西新宿" * 3]
    rows = from_bytes(table(cities).encode(encoding))
    assert rows.table["city"].to_pylist() == cities
    assert "--encoding says otherwise" in rows.remarks.assumed[0]


@pytest.mark.parametrize(
    "name", ["zlib", "rot13", "idna", "punycode", "unicode_escape", "mbcs", "klingon", "\0", "../x"]
)
def test_what_is_no_encoding_of_text_is_refused(name: str) -> None:
    """Nor is one whose decoder takes more than a step a byte."""
    with pytest.raises(FileError, match=r"--encoding .* is (not known|of no text); say --encoding"):
        from_bytes(b"a,b\n1,2\n", written=Written(encoding=name))


def test_text_that_is_not_of_the_told_encoding_is_refused_by_its_line() -> None:
    """Nothing is replaced without a word."""
    with pytest.raises(FileError, match="not written in --encoding utf-8: line 3 cannot be read as such"):
        from_bytes("a,b\n1,2\né,2\n".encode("cp1252"), written=Written(encoding="utf-8"))


ROWS = "id,amount,when\n1,2.5,2026-01-01\n2,3.5,2026-01-02\n3,1.5,2026-01-03\n"
ABOVE: dict[str, tuple[str, str]] = {
    "a title": ("Report of churn\n", "the first line ('Report of churn') stands above the header"),
    "a title with a comma": ('"Report, of churn"\n', "the first line ('Report, of churn') stands above the header"),
    "a title of more lines": ("Report\n\nby us\n\n", "the first 4 lines ('Report') stand above the header"),
    "a title padded to all columns": ("Report,,\n,,\n", "the first 2 lines ('Report') stand above the header"),
    "empty lines": ("\n\n", ""),
    "comments with commas": (
        "# exported, by us\n# on Monday\n",
        "lines that begin with # above the header are comments",
    ),
    "Excel's separator and a title": ("sep=,\nReport\n", "the first line ('Report') stands above the header"),
}


@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("kind", ABOVE)
def test_what_stands_above_the_header_is_skipped_and_said(kind: str, ends: str) -> None:
    """The names are those of the header, and rows keep their lines."""
    above, said = ABOVE[kind]
    text = (above + ROWS).replace("\n", ends)
    if ends == "\r" and above.startswith("sep"):
        return  # which Excel never writes
    rows = from_bytes(text.encode())
    assert rows.table.column_names == ["id", "amount", "when"] and rows.table["amount"].to_pylist() == [2.5, 3.5, 1.5]
    assert not said or any(f"{said} (--skip-rows says otherwise)" in each for each in rows.remarks.assumed)
    assert not rows.remarks.left_out
    if ends != "\r":
        assert rows.where(0) == f"line {above.count(chr(10)) + 2}"
    lines = above.removeprefix("sep=,\n").count("\n")
    told = from_bytes(text.encode(), written=Written(skip_rows=lines))
    assert told.table.equals(rows.table) and (told.places == rows.places).all()


@pytest.mark.parametrize(
    "text",
    [
        "Region: North,Quarter 3\n" + ROWS,
        '"x","y"\n"1",2.5,7\n"2",3.5,8\n',
        '"x"\n"1",2.5\n"2",3.5\n',
        "text\nhello, world\nbye, world\nfoo, bar\n",
        "Report\n2024,2025\n1,2\n3,4\n4,5\n",
    ],
)
def test_a_first_line_that_may_be_title_or_header_is_refused_with_the_option(text: str) -> None:
    """Narrower than the rows below it, and nothing says which it is."""
    with pytest.raises(FileError, match="say --skip-rows"):
        from_bytes(text.encode())
    assert from_bytes(text.encode(), written=Written(skip_rows=1)).table.num_rows


@pytest.mark.parametrize(
    "text", [ROWS, ",x\n0,1.5\n1,2.5\n", "x\n1\n2\n", "#id,x\n1,2\n", "a,,\n1,2,3\n1,2,3\n", "a,b\n"]
)
def test_a_header_is_no_title(text: str) -> None:
    """Whatever it looks like where its cells are those of the rows."""
    assert len(from_bytes(text.encode()).table.column_names) == text.partition("\n")[0].count(",") + 1


FLOATS = pd.DataFrame({"id": [17.0, np.nan, 18.0], "x": [1.5, 2.5, 3.5]})
FORMATS = {
    "CSV": lambda: FLOATS.to_csv(index=False).encode(),
    "JSON lines": lambda: b'{"id": 17.0, "x": 1.5}\n{"id": null, "x": 2.5}\n{"id": 18.0, "x": 3.5}\n',
    "JSON": lambda: b'[{"id": 17, "x": 1.5}, {"id": null, "x": 2.5}, {"id": 18.0, "x": 3.5}]',
    "Parquet": lambda: FLOATS.to_parquet(),
    "Feather": lambda: _feather(),
}


def _feather() -> bytes:
    import io

    sink = io.BytesIO()
    FLOATS.to_feather(sink)
    return sink.getvalue()


@pytest.mark.parametrize("kind", FORMATS)
def test_an_id_is_one_in_every_format(kind: str) -> None:
    """A whole number that a missing id beside it has made a fraction is the whole number."""
    rows = from_bytes(FORMATS[kind](), ("id",))
    assert ids.texts(rows, "id").to_pylist() == ["17", None, "18"]


def test_ids_that_are_no_fractions_stay_as_they_are_written() -> None:
    """Of a column with any other text, such as versions, nothing is taken away."""
    rows = from_bytes(b"id,x\n1.0,1\n1.1,2\n007.0,3\n", ("id",))
    assert ids.texts(rows, "id").to_pylist() == ["1.0", "1.1", "007.0"]


PERCENT = "p,s,x\n" + "".join(f"{'ab'[row % 2]},{row % 100}%,{row}.5\n" for row in range(200))


def test_a_score_in_per_cent_is_divided_once() -> None:
    """Its marks and the option say the same; an option that says otherwise is refused."""
    roles = Roles(prediction="p", score="s")
    for scale in ("", "100", "1e2"):
        found = settle(from_bytes(PERCENT.encode()), roles, Hints(score_scale=scale))
        assert found.guess.task == CLASSIFICATION
        assert found.rows.table["s"][50].as_py() == 0.5
        assert any("divided once" in said for said in found.rows.remarks.assumed) is bool(scale)
    for scale in ("50", "logit"):
        with pytest.raises(
            FileError, match=rf"marked as per cent, .* --score-scale {scale} says otherwise: leave it out"
        ):
            settle(from_bytes(PERCENT.encode()), roles, Hints(score_scale=scale))


@pytest.mark.parametrize(("order", "year"), [("dmy", 2007), ("mdy", 2007), ("ymd", 2005)])
def test_a_feature_of_dates_without_an_order_stays_text_until_it_is_told(order: str, year: int) -> None:
    """It costs no other column, and the option is named."""
    text = b"d,x\n05/06/07,1\n05/06/07,2\n"
    rows = from_bytes(text)
    assert rows.table["d"].to_pylist() == ["05/06/07"] * 2
    assert "nothing tells where day, month and year stand: read as text (--date-order" in rows.remarks.assumed[0]
    assert from_bytes(text, written=Written(date_order=order)).table["d"][0].as_py().year == year
