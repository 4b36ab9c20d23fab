"""Every fenced example of README and docs is run by a test, or says right above itself why it is not."""

from __future__ import annotations

import re

import pytest
from pages import ROOT, Block, blocks, commands, pages

from modelspan_analyzer.monitors_yaml import parse
from modelspan_cli.main import COMMANDS

BLOCKS = [block for page in pages() for block in blocks(page)]
LAID_OUT = ("{toctree}",)
"""Directives of the site, which its build follows."""
HERE = ("yaml",)
"""Languages whose examples are run by this file, where no other test is named for them."""

_COMMANDS = "tests/integration/docs/test_docs_commands.py"
_SDK = "tests/integration/sdk/test_sdk_docs.py"
_QUICKSTART = "tests/e2e/test_docs_quickstart.py"
RUN = {
    "CONTRIBUTING.md": {"tests/integration/docs/test_contributing.py": ("python", "sql")},
    "README.md": {_SDK: ("python",), _QUICKSTART: ("sh",), "tests/e2e/test_replay_real.py": ("sh",)},
    "docs/alerts.md": {_COMMANDS: ("sh",)},
    "docs/analyzer/monitors.md": {_COMMANDS: ("sh",)},
    "docs/analyzer/grains.md": {"tests/integration/analyzer/test_analyzer_grains.py": ("sql",)},
    "docs/analyzer/sketches.md": {"tests/integration/analyzer/test_analyzer_sketches.py": ("sql", "python")},
    "docs/answers.md": {"tests/integration/answers/test_answers_docs.py": ("python", "sql")},
    "docs/captures.md": {"tests/integration/docs/test_docs_captures.py": ("python", "sh", "text")},
    "docs/embeddings.md": {"tests/integration/analyzer/test_analyzer_embedding.py": ("python",)},
    "docs/experiments.md": {
        "tests/integration/experiments/test_experiments.py": ("sql",),
        "tests/integration/experiments/test_experiments_cost.py": ("python",),
    },
    "docs/fairness.md": {"tests/unit/fairness/test_fairness_docs.py": ("python",)},
    "docs/governance.md": {_COMMANDS: ("sh",)},
    "docs/incidents.md": {_COMMANDS: ("sh",)},
    "docs/outcomes.md": {
        "tests/integration/sdk/test_sdk_outcomes.py": ("python",),
        "tests/integration/analyzer/test_analyzer_outcomes.py": ("sh", "sql"),
    },
    "docs/pages.md": {"tests/integration/sdk/test_sdk_projects.py": ("python", "sh")},
    "docs/performance.md": {_COMMANDS: ("sh",)},
    "docs/quickstart.md": {_QUICKSTART: ("python", "sh")},
    "docs/reports.md": {
        "tests/unit/two_frames/test_two_frames.py": ("sh", "python", "text"),
        "tests/integration/reports/test_reports.py": ("sh",),
        "tests/integration/docs/test_docs_digest.py": ("sh",),
    },
    "docs/replay.md": {"tests/e2e/test_docs_replay.py": ("python", "sh", "text")},
    "docs/sdk/fastapi.md": {_SDK: ("python",)},
    "docs/sdk/flask.md": {_SDK: ("python",)},
    "docs/sdk/logs.md": {_SDK: ("python",)},
    "docs/sdk/processes.md": {_SDK: ("python", "sh")},
    "docs/sdk/decorator.md": {_SDK: ("python",), "tests/integration/sdk/test_sdk_declarative.py": ("yaml",)},
    "docs/sdk/ray.md": {_SDK: ("python",)},
    "docs/sdk/scikit-learn.md": {_SDK: ("python",)},
    "docs/sdk/without-code.md": {"tests/integration/sdk/test_sdk_follow.py": ("python",)},
    "docs/statistics.md": {"tests/unit/statistics/test_statistics_docs.py": ("python",)},
    "docs/store/operations.md": {_COMMANDS: ("sh",)},
    "docs/store/sql.md": {"tests/integration/store/test_store_docs.py": ("sql",), _QUICKSTART: ("python", "sh")},
    "docs/why.md": {_COMMANDS: ("sh", "python")},
}
"""Which test runs the examples of which page, by language."""


def run_elsewhere(block: Block) -> bool:
    """Whether another test is named for the block."""
    return any(block.language in languages for languages in RUN.get(block.page, {}).values())


def run_by_a_test(block: Block) -> bool:
    """Whether a test is named for the block, or it is run here."""
    return block.language in HERE or run_elsewhere(block)


def test_every_example_is_run_or_says_why_not() -> None:
    """A new block is named in the table above, or has `<!-- not run: why -->` on the line above it."""
    assert len(BLOCKS) > 60
    loose = [str(block) for block in BLOCKS if not (run_by_a_test(block) or block.why_not_run)]
    assert [name for name in loose if not _laid_out(name)] == []


def _laid_out(name: str) -> bool:
    return next(block for block in BLOCKS if str(block) == name).language in LAID_OUT


def test_the_table_names_what_is_there() -> None:
    """Its tests read the pages that they are named for, and its pages have examples in those languages."""
    for page, tests in RUN.items():
        for file, languages in tests.items():
            assert re.search(rf"\b{re.escape(page.rpartition('/')[2])}", (ROOT / file).read_text()), (page, file)
            assert {block.language for block in blocks(page) if not block.why_not_run} >= set(languages), page


OUR_YAML = [block for block in BLOCKS if block.language == "yaml" and not (block.why_not_run or run_elsewhere(block))]


@pytest.mark.parametrize("block", OUR_YAML, ids=str)
def test_every_yaml_is_a_monitors_file(block: Block) -> None:
    """It can be used as it stands."""
    parse(block.text, str(block))


@pytest.mark.parametrize("block", [block for block in BLOCKS if commands(block)], ids=str)
def test_every_command_of_a_page_parses(block: Block) -> None:
    """Its options are those of the command, whether or not the block is run."""
    for name, *options in commands(block):
        next(command for command in COMMANDS if command.name == name).parser().parse_args(options)


def test_every_command_within_a_sentence_is_one() -> None:
    """`modelspan NAME` in a code span names a command, whatever the page."""
    known = {command.name for command in COMMANDS} | {"newest"}  # which CONTRIBUTING adds
    found = [(page, name) for page in pages() for name in re.findall(r"`modelspan ([a-z]+)", (ROOT / page).read_text())]
    assert [(page, name) for page, name in found if name not in known] == []
