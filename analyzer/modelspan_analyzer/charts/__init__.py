"""Charts as inline SVG, drawn from aggregates: nothing is read, no clock is asked, and any value can be drawn."""

from modelspan_analyzer.charts.bars import Bar, interval_bars
from modelspan_analyzer.charts.figure import WIDE, WIDTH, Figure, stylesheet
from modelspan_analyzer.charts.heat_strip import heat_strip
from modelspan_analyzer.charts.histogram import histogram_pair, mini_pair, moved_most
from modelspan_analyzer.charts.sparkline import sparkline
from modelspan_analyzer.charts.svg import Markup, element, prose, text
from modelspan_analyzer.charts.time_line import Band, Mark, Point, time_line, two_lines
from modelspan_analyzer.charts.waterfall import Span, waterfall

__all__ = [
    "WIDE",
    "WIDTH",
    "Band",
    "Bar",
    "Figure",
    "Mark",
    "Markup",
    "Point",
    "Span",
    "element",
    "heat_strip",
    "histogram_pair",
    "interval_bars",
    "mini_pair",
    "moved_most",
    "prose",
    "sparkline",
    "stylesheet",
    "text",
    "time_line",
    "two_lines",
    "waterfall",
]
