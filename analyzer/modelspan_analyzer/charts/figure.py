"""A drawing with its words and its numbers: what every chart gives."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files
from typing import Final

from modelspan_analyzer.charts.scale import moment, number
from modelspan_analyzer.charts.svg import Markup, element, joined, prose

Cell = str | float | int | datetime | None
WIDTH: Final = 560
"""Of a drawing, in pixels; it shrinks with its page, and grows no further."""
WIDE: Final = 1120
"""Of one that has a page's whole width."""


@dataclass(frozen=True, slots=True)
class Figure:
    """An inline SVG, and the same as a table; both are in its markup, the table behind a toggle."""

    title: str
    description: str
    """What there is to see, in a sentence: the drawing for who hears it."""
    svg: Markup
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    """The numbers as they were given, one row a mark."""

    @property
    def wide(self) -> bool:
        """Whether it takes a page's whole width."""
        return self.svg.startswith('<svg class="chart wide"')

    def __html__(self) -> str:
        """The whole figure, as a template takes it."""
        caption = element("figcaption", self.title, class_="chart-title")
        summary = element("summary", f"Numbers ({len(self.rows):,})")
        drawn = self.svg
        if self.wide:  # on a phone it is scrolled, not shrunk until nothing can be read
            drawn = element("div", drawn, class_="chart-across", tabindex=0, role="region", aria_label=self.title)
        return element("figure", caption, drawn, element("details", summary, self.table()), class_="chart-figure")

    def table(self) -> Markup:
        """The numbers."""
        head = element("tr", *(element("th", name, scope="col") for name in self.columns))
        body = [element("tr", *(_cell(value) for value in row)) for row in self.rows]
        whole = element("table", element("thead", head), element("tbody", *body), class_="chart-table")
        return element(
            "div", whole, class_="chart-scroll", tabindex=0, role="region", aria_label=f"Numbers: {self.title}"
        )


def drawing(title: str, description: str, width: float, height: float, *marks: Markup) -> Markup:
    """The SVG around some marks."""
    return element(
        "svg",
        element("title", title),
        element("desc", description),
        *marks,
        class_="chart wide" if width > WIDTH else "chart",
        xmlns="http://www.w3.org/2000/svg",
        role="img",
        viewBox=f"0 0 {width:g} {height:g}",
        width=width,
        height=height,
    )


def stylesheet() -> str:
    """The rules that colour every drawing, light and dark: `charts.css`."""
    return files(__package__).joinpath("charts.css").read_text(encoding="utf-8")


def nothing_to_draw(title: str, why: str, columns: tuple[str, ...], width: float = WIDTH) -> Figure:
    """A figure that says that there is nothing to see, which is not the same as nothing being wrong."""
    words = element("text", why, x=width / 2, y=44, class_="chart-empty", text_anchor="middle")
    frame = element("rect", x=0.5, y=0.5, width=width - 1, height=79, rx=6, class_="chart-nothing")
    return Figure(title, why, drawing(title, why, width, 80, joined(frame, words)), columns, ())


def _cell(value: Cell) -> Markup:
    if isinstance(value, str):
        return element("td", prose(value))
    if isinstance(value, datetime):
        return element("td", element("time", moment(value), datetime=value.isoformat()))
    return element("td", number(value), class_="number")
