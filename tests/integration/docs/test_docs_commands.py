"""Every command of the pages runs on a store that holds what the pages speak of, unless its block says why not."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest
from databases import Databases
from pages import Block, blocks, commands

from modelspan_analyzer.incidents.incident import OPEN, Incident, OpenFinding, Severity
from modelspan_analyzer.incidents.store import save
from modelspan_analyzer.reading import baselines
from modelspan_analyzer.reading.features import feature_maps
from modelspan_analyzer.results import Window
from modelspan_cli.main import COMMANDS, main
from modelspan_collector.store.connect import Store

PAGES = {
    "docs/alerts.md": {},
    "docs/analyzer/monitors.md": {},
    "docs/governance.md": {"7f3c…": "1.4.0-1", "91aa…": "1.4.0-2"},
    "docs/incidents.md": {},
    "docs/performance.md": {},
    "docs/store/operations.md": {"/backups/": "backups/"},
    "docs/why.md": {},
}
"""Pages, and what is put for a stand-in of theirs."""
BLOCKS = [block for page in PAGES for block in blocks(page, "sh") if not block.why_not_run]
STATUSES = {"check": (0, 3, 4)}
"""Commands that answer by their exit status too."""
ROWS = 1200
FAULTY = 100
"""The newest predictions, of fifteen minutes: the feature store's newest release took its time, and had no age."""
NOW = datetime.now(UTC).replace(microsecond=0)
FINDING = OpenFinding("1.4.0", "data_quality", "null_rate", "age", "", "", "values of age are missing", NOW)
INCIDENT = Incident(
    "3f2a91c0d4be", "churn", "1.4.0", OPEN, Severity.WARNING, "data_quality", "missing values", "why", "cause",
    "owner", "", NOW, NOW, NOW, None, 3, 0.0, (FINDING,), (),
)  # fmt: skip


def predict(store: Store, version: str) -> pa.Table:
    """Predictions of the last three hours, with spans and labels; returns them as rows of a file."""
    rng = np.random.default_rng(len(version))
    score = rng.random(ROWS)
    age = np.where(
        np.arange(ROWS) < ROWS // 3, rng.normal(80, 9, ROWS), rng.normal(40, 9, ROWS)
    )  # the last hour drifts
    faulty = np.arange(ROWS) < FAULTY
    given = pa.array(age, mask=faulty)
    features = pa.table({"age": given, "plan": rng.choice(["gold", "basic"], ROWS)})
    ids = [f"{version}-{row}" for row in range(ROWS)]
    stamps = pa.array([NOW - timedelta(seconds=9 * row) for row in range(ROWS)], pa.timestamp("ns", "UTC"))
    names = {"model": ["churn"] * ROWS, "version": [version] * ROWS, "timestamp": stamps, "prediction_id": ids}
    text = pa.string()
    tags = pa.array([[("region", "eu"), ("subject", f"{4704 + row}")] for row in range(ROWS)], pa.map_(text, text))
    answers = {"value": score, "duration": score / 10 + 2.0 * faulty, "tags": tags}
    traces = {"trace_id": [f"{len(version):02x}{row:030x}" for row in range(ROWS)], "service": ["scoring"] * ROWS}
    store.insert("predictions", pa.table({**names, **answers, **traces, **feature_maps(features)}))
    truth = (rng.random(ROWS) < score).astype(int)
    known = {"prediction_id": ids, "model": names["model"], "timestamp": stamps, "value": truth.astype(float)}
    store.insert("labels", pa.table(known))
    columns = {"prediction_id": ids, "score": score, "churned": truth, "outcome": truth, "region": ["eu"] * ROWS}
    return pa.table({**columns, "age": age, "plan": features["plan"]})


@pytest.fixture(scope="module")
def filled(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """A store and a folder of files, with all that the pages name."""
    folder = tmp_path_factory.mktemp("pages")
    with databases.one() as store:
        rows = [predict(store, version) for version in ("1.4.0", "1.5.0-rc1")]
        baselines.set_from_table(store, "churn", "1.4.0", rows[0].select(["age", "plan"]), source="test")
        save(store, [INCIDENT])
        store.command(
            "INSERT INTO otel_traces (Timestamp, TraceId, SpanId, ServiceName, SpanName, Duration, ResourceAttributes)"
            " SELECT timestamp, trace_id, 'a', 'feature-store', 'GET', if(late, 2000, 5) * 1000000,"
            " map('service.version', if(late, '2', '1')) FROM (SELECT *, duration > 1 AS late FROM predictions)"
        )
        store.command(
            "INSERT INTO monitor_results (model, version, window_start, window_end, signal, metric, feature, verdict)"
            " SELECT 'churn', '1.4.0', now64(9) - 3600, now64(9), 'data_quality', 'null_rate', 'age', 'alarm'"
        )
        parquet.write_table(rows[0], folder / "validation.parquet")
        parquet.write_table(rows[0].select(["prediction_id", "outcome"]), folder / "labels.parquet")
        (folder / "monitors.yaml").write_text(blocks("docs/alerts.md", "yaml")[0].text)
        yield SimpleNamespace(store=store, folder=folder)


@pytest.fixture
def run(
    filled: SimpleNamespace, engine_dsn: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[[list[str]], str]:
    """Run one command on the store; what it prints, once it has succeeded."""
    monkeypatch.chdir(filled.folder)
    place = {"--store": engine_dsn, "--database": filled.store.database, "--data": str(filled.folder / "data")}

    def done(command: list[str]) -> str:
        taken = vars(next(one for one in COMMANDS if one.name == command[0]).parser().parse_args(command[1:]))
        where = {option: value for option, value in place.items() if option.removeprefix("--") in taken}
        if command[0] == "restore":
            where["--database"] += "_restored"
        options = [word for pair in where.items() for word in pair]
        status = main([*command, *options])
        said = capsys.readouterr()
        assert status in STATUSES.get(command[0], (0,)), (command, said.out + said.err)
        return said.out + said.err

    return done


@pytest.mark.parametrize("block", BLOCKS, ids=str)
def test_commands_of_the_pages_succeed_and_say_something(block: Block, run: Callable[[list[str]], str]) -> None:
    """Each with the options that the page gives it."""
    for command in commands(block):
        words = command
        for stand_in, real in PAGES[block.page].items():
            words = [word.replace(stand_in, real) for word in words]
        if words[:2] == ["alerts", "test"] and shutil.which("promtool") is None:
            continue
        assert run(words).strip() or "--output" in words, words


def test_the_question_of_why_is_asked_in_python_as_the_page_says(filled: SimpleNamespace) -> None:
    """It gives a sentence, whatever it is."""
    (block,) = blocks("docs/why.md", "python")
    *before, last = block.text.strip().splitlines()
    namespace = {"store": filled.store, "window": Window(NOW - timedelta(hours=1), NOW)}
    exec("\n".join(before), namespace)
    assert eval(last, namespace)
