"""The fenced examples of README and docs: where each stands, in what language, and why it is not run, if not."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
GENERATED = (ROOT / "docs" / "reference", ROOT / "docs" / "_build")
_FENCE = re.compile(r"^(?P<indent> *)(?P<fence>```+) *(?P<info>.*)$")
_MARK = re.compile(r"^ *<!-- not run: (?P<why>\S.*) -->$")


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced example."""

    page: str
    line: int
    language: str
    options: dict[str, str]
    """What follows the language: ```python file=service.py``` gives a file."""
    text: str
    why_not_run: str
    """What the comment right above says; '' where there is none."""

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def pages() -> list[str]:
    """README and its like, and every page of the documentation, as paths from the root."""
    written = [page for page in (ROOT / "docs").rglob("*.md") if not any(page.is_relative_to(g) for g in GENERATED)]
    return [str(page.relative_to(ROOT)) for page in sorted([*ROOT.glob("*.md"), *written])]


def blocks(page: str, *languages: str) -> list[Block]:
    """The examples of a page, of some languages or of all, in order."""
    lines = (ROOT / page).read_text().splitlines()
    found: list[Block] = []
    at = 0
    while at < len(lines):
        opened = _FENCE.match(lines[at])
        if opened is None:
            at += 1
            continue
        end = next(row for row in range(at + 1, len(lines)) if lines[row].strip() == opened["fence"])
        marked = _MARK.match(lines[at - 1]) if at else None
        language, *rest = opened["info"].split() or [""]
        options = dict(option.partition("=")[::2] for option in rest)
        text = "".join(line.removeprefix(opened["indent"]) + "\n" for line in lines[at + 1 : end])
        found.append(Block(page, at + 1, language, options, text, marked["why"] if marked else ""))
        at = end + 1
    return [block for block in found if not languages or block.language in languages]


def commands(block: Block) -> list[list[str]]:
    """The words of each `modelspan` command of a block, without the first one and without comments."""
    lines = block.text.replace("\\\n", " ").splitlines()
    return [shlex.split(line, comments=True)[1:] for line in lines if line.startswith("modelspan ")]
