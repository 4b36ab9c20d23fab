"""Charts say what they were given: marks are counted and compared with the numbers; any value and name can be drawn."""

import doctest
import math
import re
from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from modelspan_analyzer.charts import (
    WIDE,
    Band,
    Bar,
    Figure,
    Mark,
    Point,
    Span,
    element,
    heat_strip,
    histogram_pair,
    interval_bars,
    mini_pair,
    sparkline,
    stylesheet,
    svg,
    text,
    time_line,
    two_lines,
    waterfall,
)
from modelspan_analyzer.charts import scale as scales
from modelspan_analyzer.charts.axis import STATES
from modelspan_analyzer.charts.scale import scale, time_ticks
from modelspan_analyzer.results import Verdict

START = datetime(2026, 3, 1, tzinfo=UTC)
HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onload='alert(1)",
    "]]></svg><!--",
    "{{ 7 * 7 }} {% raw %} ${x}",
    "\u202egnp.exe",
    "a\x00b\x1b[31m\ud800",
    "&amp;&#60;",
    "x" * 10_000,
    "日本語" * 50,
    "",
)


def hours(count: int) -> list[datetime]:
    return [START + timedelta(hours=hour) for hour in range(count)]


def tree(figure: Figure) -> ElementTree.Element:
    """The drawing, parsed; with what every drawing has to have."""
    root = ElementTree.fromstring(figure.svg.replace(' xmlns="http://www.w3.org/2000/svg"', ""))
    assert root.tag == "svg"
    assert root.get("role") == "img"
    assert root.find("title") is not None
    for each in root.iter():
        assert each.tag in {"svg", "title", "desc", "g", "rect", "line", "path", "circle", "text"}
        for name, value in each.attrib.items():
            assert name != "style"
            assert not name.startswith("on")
            if not name.startswith("data-") and each.tag != "text":
                assert not re.search(r"\b(nan|inf)\b", value), (each.tag, name, value)
    return root


def marks(figure: Figure, kind: str) -> list[ElementTree.Element]:
    """The marks of a class, in order."""
    return [each for each in tree(figure).iter() if kind in each.get("class", "").split()]


def test_a_histogram_has_a_mark_for_each_bin_with_its_shares() -> None:
    figure = histogram_pair("amount", ["low", "high", "none", "(missing)"], [30, 60, 0, 10], [10, 20, 0, 10], {0, 3})
    drawn = marks(figure, "bin")
    expected = [(0.3, 0.25), (0.6, 0.5), (0.1, 0.25)]
    assert [row[1:3] for row in figure.rows] == [pytest.approx(pair) for pair in expected]
    assert [(float(each.get("data-reference", "")), float(each.get("data-current", ""))) for each in drawn] == expected
    lengths = [[float(bar.get("width", "")) for bar in each.iter("rect")] for each in drawn]
    assert lengths[1][0] / lengths[0][0] == pytest.approx(2, rel=1e-3)
    assert lengths[1][0] / lengths[1][1] == pytest.approx(1.2, rel=1e-3)
    assert ["moved" in each.get("class", "").split() for each in drawn] == [True, False, True]
    assert [row[3] for row in figure.rows] == ["yes", "", "yes"]
    assert "1 bins that hold nothing" in figure.description
    assert "Moved most: (missing), from 10 % to 25 %" in figure.description


def test_a_time_line_has_a_mark_for_each_moment_and_a_gap_where_nothing_was_measured() -> None:
    values = [0.1, 0.2, None, math.nan, 0.4, 0.3]
    states = ["ok", "warning", "not_enough_data", "error", "alarm", "not_compared"]
    points = [Point(*each) for each in zip(hours(6), values, states, strict=True)]
    figure = time_line("PSI", points, [Band(None, 0.25)], [Mark(START, "2026.03"), Mark(START, "broken", "incident")])
    drawn = marks(figure, "point")
    assert [each.get("data-value") for each in drawn] == ["0.1", "0.2", None, None, "0.4", "0.3"]
    assert [each.get("data-state") for each in drawn] == states
    assert all(f"state-{state}" in each.get("class", "") for state, each in zip(states, drawn, strict=True))
    assert [len(each.findall("path[@class='no-value']")) for each in drawn] == [0, 0, 1, 1, 0, 0]
    (line,) = marks(figure, "line")
    assert len(re.findall("M", line.get("d", ""))) == 2
    assert [row[1] for row in figure.rows][:3] == [0.1, 0.2, None]
    assert len(marks(figure, "mark")) == 2
    assert len(marks(figure, "band")) == 2, "the band, and its sample in the legend"


def test_higher_values_stand_higher_and_later_ones_further_right() -> None:
    figure = time_line("PSI", [Point(at, value) for at, value in zip(hours(4), [1, 3, 2, 4], strict=True)])
    places = [(float(dot.get("cx", "")), float(dot.get("cy", ""))) for dot in tree(figure).iter("circle")]
    assert [x for x, _ in places] == sorted(x for x, _ in places)
    assert sorted(places, key=lambda place: -place[1]) == [places[0], places[2], places[1], places[3]]


def test_two_lines_share_a_scale_and_show_the_share_of_labels() -> None:
    first = [Point(at, 0.9) for at in hours(3)]
    second = [Point(at, 0.9) for at in hours(5)]
    figure = two_lines("ROC AUC", first, second, [1.0, 0.5, None])
    assert len({dot.get("cy") for dot in tree(figure).iter("circle")}) == 1
    assert [bar.get("data-share") for bar in marks(figure, "share-bar") if bar.get("data-share")] == ["1", "0.5"]
    assert len(figure.rows) == len(marks(figure, "point")) == 8
    assert [row[6] for row in figure.rows] == [1.0, 0.5, None, None, None, None, None, None]


def test_interval_bars_have_a_mark_for_each_group_and_none_for_one_that_was_not_measured() -> None:
    figure = interval_bars("rate", [Bar("a", 0.3, 0.2, 0.4, "alarm", 10), Bar("b", None, state="not_enough_data")], 0.5)
    drawn = marks(figure, "group")
    assert [each.get("data-value") for each in drawn] == ["0.3", None]
    assert [len(each.findall("circle")) for each in drawn] == [1, 0]
    assert "not enough data" in "".join(drawn[1].itertext())
    assert figure.rows[0] == ("a", 0.3, 0.2, 0.4, "alarm", 10)


def test_a_heat_strip_has_a_cell_for_each_share_and_crosses_out_a_moment_without_rows() -> None:
    figure = heat_strip("amount", hours(3), ["low", "high"], [[0.75, 0.25], None, [0.0, 1.0]])
    columns = marks(figure, "moment")
    assert [[cell.get("data-share") for cell in each.findall("rect[@data-share]")] for each in columns] == [
        ["0.75", "0.25"],
        [],
        ["0", "1"],
    ]
    assert len(columns[1].findall("path")) == 1
    assert "1 moments without rows" in figure.description
    assert len(marks(figure, "heat-9")) == 1


def test_a_waterfall_has_a_bar_for_each_span_as_long_as_it_took() -> None:
    figure = waterfall("trace", [Span("a", 0, 100), Span("b", 25, 50, 1, "redis", "alarm", "slow")])
    bars = [each.find("rect") for each in marks(figure, "span")]
    lengths = [float(bar.get("width", "")) for bar in bars if bar is not None]
    assert lengths[0] / lengths[1] == pytest.approx(2, rel=1e-3)
    assert [row[3] for row in figure.rows] == [100, 50]


def test_a_sparkline_breaks_where_a_value_is_missing() -> None:
    figure = sparkline([1, 2, None, 3])
    (path,) = tree(figure).iter("path")
    assert path.get("d", "").count("M") == 2


def every(names: list[str], values: list[float], times: list[datetime]) -> list[Figure]:
    """Each chart of the same names and values."""
    name, states = names[0], [*STATES, *names]
    points = [
        Point(times[place % len(times)], value, states[place % len(states)], value, -value, name)
        for place, value in enumerate(values)
    ]
    bars = [Bar(name, value, value, value, name, place) for place, value in enumerate(values)]
    labels = [names[place % len(names)] for place in range(len(values))]
    shares = [None if place == 1 else values or [0.0] for place in range(len(times))]
    return [
        histogram_pair(name, labels, values, values[::-1], {0}),
        time_line(
            name,
            points,
            [Band(*(values[:1] or [None]), None), Band(0, 1, times[0])],
            [Mark(times[0], name, name)],
            name,
        ),
        two_lines(name, points, points[1:], values, unit="share", width=WIDE),
        interval_bars(name, bars, values[0] if values else None, unit=name),
        heat_strip(name, sorted(times), labels or [name], shares),
        waterfall(name, [Span(name, value, value, place, name, name, name) for place, value in enumerate(values)]),
        sparkline(values, name),
    ]


@pytest.mark.parametrize("name", HOSTILE, ids=lambda name: repr(name[:20]))
def test_a_name_is_text_whatever_it_holds(name: str) -> None:
    """No name makes an element, an attribute, or a document that cannot be written or read."""
    plain = every(["plain"], [1.0, 2.0, 3.0], hours(3))
    for figure, usual in zip(every([name], [1.0, 2.0, 3.0], hours(3)), plain, strict=True):
        tree(figure)
        page = figure.__html__()
        page.encode()
        assert set(re.findall(r"<([a-z]+)", page)) <= set(re.findall(r"<([a-z]+)", usual.__html__())) | {
            "line",
            "title",
        }
        assert "\x00" not in page
        assert "\u202e" not in page
    ElementTree.fromstring(mini_pair([1, 2], [2, 1], name))


numbers = some.floats(allow_nan=True, allow_infinity=True) | some.sampled_from(
    [0.0, -0.0, 5e-324, -5e-324, 1e300, -1e300, 1.7976931348623157e308, 1.0, 1.0 + 2e-16, 1e-300]
)
moments = some.datetimes(timezones=some.just(UTC))


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    values=some.lists(numbers, max_size=5),
    names=some.lists(some.text(max_size=60), min_size=1, max_size=2),
    times=some.lists(moments, min_size=1, max_size=4),
)
def test_anything_can_be_drawn(values: list[float], names: list[str], times: list[datetime]) -> None:
    for figure in every(names, values, times):
        tree(figure)
        figure.__html__().encode()


@settings(max_examples=200, deadline=None)
@given(values=some.lists(some.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=4))
def test_a_scale_puts_every_value_within_the_drawing_and_keeps_their_order(values: list[float]) -> None:
    found = scale(values, 0, 100)
    places = [found.at(value) for value in sorted(values)]
    assert places == sorted(places)
    assert all(0 <= place <= 100 for place in places)
    ticks = found.ticks()
    assert ticks == sorted(ticks)
    assert all(found.low <= tick <= found.high for tick in ticks)


def test_a_time_axis_has_round_moments_for_any_stretch() -> None:
    for stretch in (10, 600, 5_000, 86_400, 10 * 86_400, 400 * 86_400, 9_000 * 86_400):
        ticks = time_ticks(START.timestamp() + 7, START.timestamp() + 7 + stretch)
        assert 1 <= len(ticks) <= 7
        assert ticks == sorted(ticks)
    assert time_ticks(START.timestamp(), START.timestamp() + 86_400)[0] == (START.timestamp(), "1 Mar 00:00")


def test_every_verdict_has_a_word_and_a_colour_of_its_own() -> None:
    assert set(STATES) == {verdict.value for verdict in Verdict}
    assert [state for state in STATES if f".state-{state}" not in stylesheet()] == []


def test_what_a_page_forbids_cannot_be_drawn() -> None:
    for attribute in ("style", "onload", "onclick"):
        with pytest.raises(ValueError, match="no drawing has an attribute"):
            element("g", **{attribute: "x"})


def test_text_is_escaped_once_and_markup_is_left_alone() -> None:
    assert element("p", text("a<b"), "c&d") == "<p>a&lt;bc&amp;d</p>"


def test_nothing_is_said_to_be_nothing() -> None:
    """An empty chart says so in words, and draws no mark."""
    for figure in (time_line("x", []), two_lines("x", [], []), interval_bars("x", []), waterfall("x", [])):
        assert figure.rows == ()
        assert marks(figure, "chart-empty")
    assert marks(heat_strip("x", [], [], []), "chart-empty")
    assert marks(histogram_pair("x", ["a"], [0], [math.nan]), "chart-empty")


def test_examples_of_docstrings_hold() -> None:
    for module in (scales, svg):
        found = doctest.testmod(module)
        assert found.attempted > 0
        assert found.failed == 0


def test_a_line_begins_anew_after_windows_that_were_not_measured() -> None:
    """Between two points whose windows do not follow each other no line says what lies between."""
    hours = [datetime(2026, 1, 5, hour, tzinfo=UTC) for hour in (1, 2, 5, 6)]
    points = [Point(at, 1.0, start=at - timedelta(hours=1)) for at in hours]

    (path,) = re.findall(r'<path d="([^"]*)" class="line current"', time_line("x", points).svg)

    assert re.sub("[^ML]", "", path) == "MLML"


def test_the_longest_bar_has_room_for_what_stands_behind_it() -> None:
    """`10.0% → 100.0% ▲` ends within the drawing, also in the letters of 14 units that phones get."""
    svg = histogram_pair("x", ["a", "b"], [0.5, 0.5], [1.0, 0.0], [0]).svg
    ((begin, words),) = [(float(x), words) for x, words in re.findall(r'<text x="([\d.]+)"[^>]*>([^<]*▲)</text>', svg)]

    assert begin + len(words) * 14 * 0.62 <= float(re.findall(r'viewBox="0 0 ([\d.]+)', svg)[0])
