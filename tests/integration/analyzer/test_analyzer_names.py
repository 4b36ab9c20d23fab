"""A model, version or signal that does not exist is an error that names those that do, whatever the command.

A command whose parser takes such a name and that is in neither table fails: its option has the type that is checked
where the store is opened (`modelspan_cli.known`), or the table says why a new name is right there.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from databases import Databases

from modelspan_analyzer.reading import baselines
from modelspan_analyzer.reading.names import UnknownNameError
from modelspan_analyzer.results import Window
from modelspan_cli.known import KnownModel, KnownVersion, known_signal
from modelspan_cli.main import COMMANDS, main
from modelspan_collector.store.connect import Store

KNOWN = {KnownModel: "churn", KnownVersion: "1", known_signal: "data_drift"}
"""What is there, by the type of the option."""
MISSPELT = {KnownModel: "chrun", KnownVersion: "11", known_signal: "data_drfit"}
NAMES = re.compile(r"\b(models?|versions?|signals?|champion|challenger)\b", re.IGNORECASE)
NEW = {
    ("baseline set", "model"): "may come before the first prediction; of a past window it is refused, see below",
    ("baseline set", "version"): "the same",
    ("explain", "model"): "is the model's own code or file",
    ("import", "model"): "is what the import makes",
    ("import", "version"): "the same",
    ("labels", "model"): "labels may come before the predictions that they are of",
    ("monitors show", "model"): "reads no store; a model without settings of its own has the defaults",
    ("monitors show", "version"): "the same",
    ("replay", "model"): "is what the replay makes",
    ("replay", "version"): "the same",
    ("stage", "model"): "what is decided may be of a candidate that nobody saw; refused below, and where it is decided",
    ("stage", "version"): "the same",
    ("why", "about"): "is a model, an incident or a service: refused below",
}


def parsers() -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """Every parser that takes options, by the words that lead to it."""
    for command in COMMANDS:
        parser = command.parser()
        verbs = [one for one in parser._actions if isinstance(one, argparse._SubParsersAction)]
        if not verbs:
            yield command.name, parser
        for action in verbs:
            for verb, nested in action.choices.items():
                yield f"{command.name} {verb}", nested


def options(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    """The options of a parser that name a model, a version or a signal."""
    named = [one for one in parser._actions if NAMES.search(f"{one.dest.replace('_', ' ')} {one.metavar or ''}")]
    return [one for one in named if one.nargs != 0]


CHECKED = [(words, one.dest) for words, parser in parsers() for one in options(parser) if (words, one.dest) not in NEW]


@pytest.fixture(scope="module")
def told(databases: Databases) -> Iterator[Store]:
    """A store that knows two models."""
    with databases.one() as store:
        for model in ("churn", "fraud"):
            stamps = pa.array([datetime.now(UTC) - timedelta(minutes=5)] * 20, pa.timestamp("ns", "UTC"))
            names = {"model": [model] * 20, "version": ["1"] * 20, "prediction_id": [f"{model}-{n}" for n in range(20)]}
            store.insert("predictions", pa.table({**names, "timestamp": stamps, "value": np.linspace(0, 1, 20)}))
        yield store


@pytest.fixture
def modelspan(engine_dsn: str, told: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """What a command that fails says of it."""

    def run(*arguments: str) -> str:
        place = ["--store", engine_dsn, "--database", told.database, "--data", str(tmp_path)]
        try:
            assert main([*arguments, *place]) == 1
        except SystemExit as ended:
            assert ended.code == 2
        return capsys.readouterr().err

    return run


def test_every_option_that_names_what_has_to_exist_is_checked() -> None:
    """By its type; and no reason stands in the table for an option that is gone."""
    found = {(words, one.dest): one.type for words, parser in parsers() for one in options(parser)}
    assert NEW.keys() <= found.keys()
    assert [key for key, kind in found.items() if key not in NEW and kind not in KNOWN] == []


@pytest.mark.parametrize(("words", "dest"), CHECKED)
def test_a_name_that_does_not_exist_is_an_error_that_names_those_that_do(
    modelspan: Callable[..., str], words: str, dest: str
) -> None:
    """The closest first; everything else that the command takes is right."""
    parser = dict(parsers())[words]
    given: list[str] = words.split()
    for one in options(parser):
        kind = one.type
        value = (MISSPELT if one.dest == dest else KNOWN)[kind]  # type: ignore[index]
        given += [*one.option_strings[:1], value]
    (wrong,) = (one.type for one in options(parser) if one.dest == dest)
    said = modelspan(*given)
    assert f"'{MISSPELT[wrong]}'" in said  # type: ignore[index]
    assert re.search(rf"(it has|there are) {KNOWN[wrong]}\b", said), said  # type: ignore[index]


@pytest.mark.parametrize("more", [[], ["--kind", "slow"], ["--breakdown"]])
def test_why_refuses_what_it_does_not_know(modelspan: Callable[..., str], more: list[str]) -> None:
    """Whatever it is asked of a model."""
    assert "it has churn, fraud" in modelspan("why", "chrun", *more)


@pytest.mark.parametrize(
    ("words", "there"),
    [
        (["stage", "chrun"], "churn, fraud"),
        (["stage", "chrun", "1", "approve", "--reason", "seen"], "churn, fraud"),
        (["stage", "churn", "11"], "it has 1"),
        (["stage", "churn", "11", "approve", "--reason", "seen"], "it has 1"),
    ],
)
def test_a_stage_is_of_what_is_there(modelspan: Callable[..., str], words: list[str], there: str) -> None:
    """Whether it is asked for or decided."""
    assert there in modelspan(*words)


@pytest.mark.parametrize(
    "words",
    ["why", "why --service", "incidents", "explain", "check --model"],
)
def test_a_very_long_name_is_not_printed_whole(modelspan: Callable[..., str], words: str) -> None:
    """A sentence stays one, whatever was pasted where a name belongs."""
    said = modelspan(*words.split(), "x" * 10_000)
    assert "xxx…" in said
    assert said.count("x") < 500


def test_a_past_window_of_a_model_that_does_not_exist_is_no_baseline(told: Store) -> None:
    """The names that there are, as everywhere."""
    now = datetime.now(UTC)
    for model, version, there in (("chrun", "1", "it has churn"), ("churn", "9", "it has 1")):
        with pytest.raises(UnknownNameError, match=there):
            baselines.set_from_window(told, model, version, Window(now - timedelta(hours=1), now))


def test_an_empty_store_says_that_it_has_none(
    store: Store, engine_dsn: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Instead of a list of names."""
    assert main(["check", "--model", "churn", "--store", engine_dsn, "--database", store.database]) == 1
    assert "it has none of any model yet" in capsys.readouterr().err
