"""monitors.yaml: what is wrong in it is said with its line and the fix."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from modelspan_analyzer.config.cron import parse_cron
from modelspan_analyzer.config.durations import format_duration, parse_duration
from modelspan_analyzer.config.settings import MonitorsConfig
from modelspan_analyzer.monitors_yaml import ConfigError, json_schema, load, parse

DOCS = Path(__file__).resolve().parents[3] / "docs"


@pytest.mark.parametrize(
    ("text", "line", "fix"),
    [
        ("defaults:\n  window:\n    sise: 1h\n", 3, "did you mean `size`?"),
        ("defaults:\n  schedule:\n    every: 5\n", 3, "write a whole number and a unit"),
        ("models:\n- model: churn\n  version: 1.4\n", 3, "put it in quotes: '1.4'"),
        ("models:\n- version: '2'\n", 2, "is required"),
        ("defaults:\n  data_drift:\n    measures: [psi, ks]\n", 3, "choose from psi"),
        ("defaults:\n  performance:\n    bounds: {root_mean_square_error: 5.0}\n", 2, "root_mean_squared_error"),
        ("defaults:\n  performance:\n    alarm_on: [acuracy]\n", 2, "choose from accuracy"),
        (
            "defaults:\n  performance:\n    {cut_off: 5, bounds: {precision_at_10: 0.5}}\n",
            2,
            "choose from precision_at_5",
        ),
        ("defaults:\n  fairness:\n    bounds: {disparate_inpact: [0.8, 1.25]}\n", 2, "choose from disparate_impact"),
        ("defaults:\n  fairness:\n    alarm_on: [mae]\n", 2, "mean_absolute_error_difference"),
        ("defaults:\n  data_drift:\n    rule: {alpha: 2}\n", 3, "less than or equal to 1"),
        ("defaults:\n  schedule: {cron: '61 * * * *'}\n", 2, "not within 0 to 59"),
        ("defaults:\n  baseline: {sliding: 7d, version: '2'}\n", 2, "choose one of sliding, version"),
        ("defaults:\n  segments: [country]\n", 2, "write tag.NAME or feature.NAME"),
        ("defaults:\n  window: {size: 1h}\n  window: {size: 2h}\n", 3, "given twice, first on line 2"),
        ("defaults: [\n", 2, "not YAML"),
        ("- a\n", 1, "expected settings by name"),
        ("defaults:\n  data_quality: strict\n", 2, "expected settings by name; given: 'strict'"),
        ("defaults:\n  segments: tag.country\n", 2, "expected a list; write [tag.country]"),
        ("defaults:\n  schedule: {delay: 0s}\n", 2, "write 1s for the shortest"),
        ("defaults:\n  schedule: {every: 99999999999999999999w}\n", 2, "longer than a century"),
        ("defaults:\n  schedule: {every: 9999w}\n", 2, "longer than a century"),
        ("defaults:\n  poisoning: {tolerance: .inf}\n", 2, "finite number"),
        ("defaults:\n  latency: {slo: {seconds: .inf}}\n", 2, "finite number"),
        ("models:\n- model: churn\n- {model: churn, expects: continuous}\n", 1, "'churn' is listed twice"),
        ("models:\n- {model: a, version: '1'}\n- {model: a, version: '1'}\n", 1, "'a 1' is listed twice"),
        ("models:\n- {model: churn, expects: nightly}\n", 2, "`batch every 24h`"),
        ("models:\n- {model: churn, expects: batch every 1 day}\n", 2, "write a whole number and a unit"),
        ("alerts:\n  alertmanagers: ['localhost:9093']\n", 2, "write http:// or https://"),
        ("alerts:\n  alertmanagers: ['http://a:b/']\n", 2, "write http:// or https://"),
        ("alerts:\n  alertmanagers: ['http://a/#/alerts']\n", 2, "ends before `#`"),
        ("alerts:\n  web: modelspan:8600\n", 2, "'modelspan:8600' is no address"),
        ("alerts:\n  trace: jaeger/trace/{trace_id}\n", 2, "is no address"),
        ("alerts: {remember: 5s}\n", 1, "every missed scrape"),
        ("alerts:\n  maintenance:\n  - {}\n", 3, "either `start` and `end`, or `cron` and `lasts`"),
        ("alerts:\n  maintenance:\n  - {lasts: 2h}\n", 3, "either `start` and `end`, or `cron` and `lasts`"),
        ("alerts:\n  maintenance:\n  - {start: 2026-12-24T18:00:00Z, lasts: 2h}\n", 3, "either `start` and `end`"),
        ("alerts:\n  maintenance:\n  - {start: 2026-12-24T18:00:00Z, end: 2026-12-24T06:00:00Z}", 3, "after its start"),
    ],
)
def test_a_mistake_is_named_by_line_and_fix(text: str, line: int, fix: str) -> None:
    """Each kind of mistake gives the file, its line, and what to write instead."""
    with pytest.raises(ConfigError) as caught:
        parse(text, "m.yaml")
    assert str(caught.value).startswith(f"m.yaml:{line}:")
    assert fix in str(caught.value)


def test_two_versions_of_a_model_are_two_entries() -> None:
    """Only the same version twice is a mistake."""
    assert len(parse("models:\n- {model: a}\n- {model: a, version: '1'}\n- {model: a, version: '2'}\n").models) == 3


def test_all_mistakes_are_said_at_once() -> None:
    """Two mistakes give two lines."""
    with pytest.raises(ConfigError) as caught:
        parse("defaults:\n  windoww: {}\n  schedule: {every: x}\n")
    assert len(str(caught.value).splitlines()) == 2


def test_an_absent_file_is_said(tmp_path: Path) -> None:
    """A file that is not there is no traceback."""
    with pytest.raises(ConfigError, match="cannot read"):
        load(tmp_path / "absent.yaml")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"defaults: {owner: M\xfcller}\n", "not UTF-8"),
        (b"\xff\xfev\x00", "not UTF-8"),
        (b"a: \x00\n", "not YAML"),
        (b"a: &a [*a]\n", "alias"),
        (b"a: &a {b: *a}\n", "alias"),
        (b"a: " + b"[" * 3000, "nests too deeply"),
        (b"a: 2026-99-99\n", "put it in quotes"),
    ],
)
def test_no_bytes_of_a_monitors_file_give_a_traceback(tmp_path: Path, content: bytes, said: str) -> None:
    """What is no text, no YAML, without end or beyond a date's range is a sentence that names the file."""
    (tmp_path / "m.yaml").write_bytes(content)
    with pytest.raises(ConfigError, match=said) as caught:
        load(tmp_path / "m.yaml")
    assert "m.yaml" in str(caught.value)


def test_own_settings_lie_over_the_models_over_the_defaults() -> None:
    """What a version's entry does not say comes from the model's, and then from the defaults."""
    config = parse(
        "defaults: {window: {size: 2h}, data_drift: {min_rows: 7}}\n"
        "models:\n"
        "- {model: churn, version: '2', data_drift: {exact: true}}\n"
        "- {model: churn, window: {size: 1d}}\n"
    )
    second, first, other = (config.for_model(*name) for name in (("churn", "2"), ("churn", "1"), ("x", "1")))
    assert (second.data_drift.exact, second.data_drift.min_rows, second.window.size) == (True, 7, timedelta(days=1))
    assert (first.data_drift.exact, first.window.size) == (False, timedelta(days=1))
    assert other.window.size == timedelta(hours=2)


def test_nothing_at_all_is_a_configuration() -> None:
    """An empty file and no file are the built-in settings."""
    assert parse("").model_dump(exclude={"defaults"}) == MonitorsConfig().model_dump(exclude={"defaults"})
    assert parse("").defaults.model_dump().items() >= MonitorsConfig().defaults.model_dump().items()
    assert MonitorsConfig().for_model("any", "1").data_drift.enabled


def test_the_published_schema_is_fresh() -> None:
    """docs/monitors.schema.json is what `modelspan monitors schema` prints."""
    published = (DOCS / "monitors.schema.json").read_text()
    assert published == json_schema(), "hint: modelspan monitors schema > docs/monitors.schema.json"


@pytest.mark.parametrize("text", ["45s", "15m", "1h", "3d", "2w"])
def test_durations_read_back(text: str) -> None:
    """A duration is written as it was read."""
    assert format_duration(parse_duration(text)) == text


@pytest.mark.parametrize(
    ("line", "after", "expected"),
    [
        ("0 * * * *", (2026, 3, 1, 10, 30), (2026, 3, 1, 11, 0)),
        ("*/15 9-17 * * mon-fri", (2026, 3, 6, 17, 50), (2026, 3, 9, 9, 0)),
        ("30 2 29 feb *", (2026, 1, 1, 0, 0), (2028, 2, 29, 2, 30)),
        ("0 0 13 * fri", (2026, 3, 1, 0, 0), (2026, 3, 6, 0, 0)),
        ("5,35 0 1 1,7 *", (2026, 1, 1, 0, 5), (2026, 1, 1, 0, 35)),
        ("0 12 * * 7", (2026, 3, 2, 0, 0), (2026, 3, 8, 12, 0)),
    ],
)
def test_cron_lines(line: str, after: tuple[int, ...], expected: tuple[int, ...]) -> None:
    """The next moment of a line: steps, ranges, names, leap days, and either of two kinds of day."""
    moment = datetime(*after, tzinfo=UTC)  # type: ignore[arg-type,misc]
    assert parse_cron(line).after(moment) == datetime(*expected, tzinfo=UTC)  # type: ignore[arg-type,misc]


@pytest.mark.parametrize("line", ["* * * *", "a * * * *", "0 25 * * *", "0 0 30 2 *", "0/0 * * * *"])
def test_wrong_cron_lines_are_refused(line: str) -> None:
    """A line that is none, or never comes up, is an error where the file is read."""
    with pytest.raises(ValueError, match="cron"):
        parse_cron(line)


def test_the_documented_file_is_right() -> None:
    """The monitors.yaml of the documentation can be used as it stands."""
    page = (DOCS / "analyzer" / "monitors.md").read_text()
    example = page.split("```yaml\n")[1].split("```")[0]
    assert parse(example).for_model("churn", "1").data_quality.bounds == {"age": (0.0, 120.0)}


def test_value_expressions_are_checked_before_they_run(tmp_path: Path) -> None:
    """`monitors check` asks an engine, without any row, and names each model and its fault; a call is refused."""
    wrong = {
        "value value": "Syntax error",
        "lower(value)": "Illegal type",
        "if(truth = '1', 1)": "Number of arguments",
        "1 +": "Syntax error",
    }
    file = tmp_path / "monitors.yaml"
    entry = '- model: m{}\n  performance: {{value_expression: "{}"}}\n'
    file.write_text("models:\n" + "".join(entry.format(at, text) for at, text in enumerate([*wrong, "value * 2"])))
    checking = [sys.executable, "-m", "modelspan_cli", "monitors", "check", str(file)]
    ended = subprocess.run(checking, capture_output=True, text=True, timeout=120)
    assert ended.returncode == 1
    for at, (line, told) in enumerate(zip(ended.stderr.splitlines(), wrong.values(), strict=True)):
        assert f"m{at}: " in line
        assert told in line
    with pytest.raises(ConfigError, match=r"monitors.yaml:3: .*cannot use 'sleep'"):
        parse("models:\n" + entry.format(0, "sleep(3)"))
