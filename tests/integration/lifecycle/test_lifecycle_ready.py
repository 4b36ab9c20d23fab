"""Whether a model is ready: each line both ways, of models whose names a shell would take apart."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable

import pyarrow as pa
import pytest
from lifecycle_world import START, World

from modelspan_cli.main import main
from modelspan_collector.store.connect import Store

Lines = dict[str, tuple[str, str]]
Ask = Callable[..., tuple[str, Lines]]
FRAUD = "fraud v2's (EU)"


@pytest.fixture
def ask(store: Store, engine_dsn: str, capsys: pytest.CaptureFixture[str]) -> Ask:
    """The version that is asked about, and its lines by their needs."""

    def answer(model: str, *words: str) -> tuple[str, Lines]:
        main([
            "check", "--model", model, *words, "--ready", "--json", "--store", engine_dsn, "--database", store.database
        ])  # fmt: skip
        read = json.loads(capsys.readouterr().out)
        return read["version"], {one["need"]: (one["state"], one["said"]) for one in read["lines"]}

    return answer


def test_of_a_model_that_never_predicted_the_newest_version_is_asked(store: Store, ask: Ask) -> None:
    """Which is what there is before the first customer; one that predicts is asked before any that is registered."""
    world = World(store, FRAUD)
    world.register("1", -3)
    world.register("2", -2, owner="risk")
    assert (ask(FRAUD)[0], ask(FRAUD)[1]["owner"]) == ("2", ("ok", "risk"))
    world.tell("candidate", "3", unseen=True)
    assert ask(FRAUD)[0] == "3"
    world.predict("1", 0)
    assert ask(FRAUD)[0] == "1"


def test_a_card_that_says_nothing_of_a_part_lacks_it(store: Store, ask: Ask) -> None:
    """The SDK sends an empty object where no training data was told."""
    world = World(store, FRAUD)
    world.register("1", -3, classes=["no", "yes"], training_data="{}")
    assert ask(FRAUD)[1]["card"] == (
        "missing", "it says no training_data: give modelspan.register(...) these too",
    )  # fmt: skip
    world.register("1", -2, classes=["no", "yes"], training_data='{"uri": "s3://bucket/train"}')
    assert ask(FRAUD)[1]["card"] == ("ok", "says task, training_data, classes")


@pytest.mark.parametrize("version", ["1 (beta)", ""], ids=["named", "none"])
def test_what_is_said_to_be_done_can_be_done_as_it_is_said(store: Store, ask: Ask, version: str) -> None:
    """Each command names the model and the version, as a shell takes them."""
    world = World(store, FRAUD)
    world.predict(version, 0)
    for need, command in (("stage", "stage"), ("approval", "stage"), ("baseline", "baseline")):
        state, said = ask(FRAUD, "--version", version)[1][need]
        words = shlex.split(said.split("`")[1])
        assert (state, words[:2]) == ("missing", ["modelspan", command])
        assert {FRAUD, version} <= set(words)
    assert f"modelspan.register({FRAUD!r}, {version!r}, owner=" in ask(FRAUD, "--version", version)[1]["owner"][1]
    world.tell("retired", version)
    assert shlex.split(ask(FRAUD, "--version", version)[1]["stage"][1].split("`")[1])[2:4] == [FRAUD, version]


def test_what_lacks_rows_says_so_before_what_is_never_judged(store: Store, ask: Ask) -> None:
    """Which of a signal's words stands there is the one that there is something to do about."""
    World(store, FRAUD).predict("1", 0)
    end = pa.array([START.replace(year=2099)] * 2, pa.timestamp("ns", "UTC"))
    said = {"verdict": ["not_compared", "not_enough_data"], "reason": ["there to be read", "79 rows of 100"]}
    same = {"model": [FRAUD] * 2, "version": ["1"] * 2, "signal": ["fairness"] * 2, "metric": ["a", "b"]}
    store.insert("monitor_results", pa.table({**same, **said, "window_start": end, "window_end": end}))
    assert ask(FRAUD)[1]["fairness"] == ("not looked at", "nothing could be judged: 79 rows of 100")
