"""Documents: headings, sentences, tables and figures, and the forms that they are handed out in."""

from modelspan_analyzer.documents.document import (
    Cell,
    Document,
    Drawing,
    Mini,
    Name,
    Part,
    Section,
    Share,
    State,
    Table,
)
from modelspan_analyzer.documents.html import fragment, page
from modelspan_analyzer.documents.markdown import markdown

__all__ = [
    "Cell",
    "Document",
    "Drawing",
    "Mini",
    "Name",
    "Part",
    "Section",
    "Share",
    "State",
    "Table",
    "fragment",
    "markdown",
    "page",
]
