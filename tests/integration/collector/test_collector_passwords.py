"""A password in an address is told to nobody: not by ps, as it need not be an argument, and by no output of a command.

An option that takes an address has `type=address`; one that is added is tried by itself.
"""

from __future__ import annotations

import argparse
import logging
import os
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from modelspan_analyzer.instance import Instance, InstanceConfig
from modelspan_cli.addresses import FORWARD_VARIABLE, STORE_VARIABLE, address
from modelspan_cli.collector_options import add_collector_options, collector_config
from modelspan_cli.main import COMMANDS, main
from modelspan_collector.forward.destination import parse
from modelspan_collector.running import Running, announce
from modelspan_collector.store.connect import DEFAULT_DATABASE

PASSWORD = "pass4711word"
ADDRESSES = {
    "no server": f"clickhouse://me:{PASSWORD}@127.0.0.1:1",
    "no server over TLS": f"https://me:{PASSWORD}@127.0.0.1:1/x?header.key={PASSWORD}",
    "no scheme": f"me:{PASSWORD}@host",
    "a scheme that is not known": f"mysql://me:{PASSWORD}@host/?password={PASSWORD}",
    "a sign in the password": f"clickhouse://me:{PASSWORD}/x@127.0.0.1:1",
    "a bracket in the password": f"http://me:{PASSWORD}[@127.0.0.1:1",
    "a bad port": f"clickhouse://me:{PASSWORD}@127.0.0.1:99999999",
    "a bad option": f"clickhouse://me@127.0.0.1:1?password={PASSWORD}&connect_timeout=1&nonsense=1",
    "a bad option of forwarding": f"grpc://me:{PASSWORD}@127.0.0.1:1?ratio=7&header.authorization={PASSWORD}",
}
GIVEN = {"ID": "x", "SELECT": "SELECT 1", "MODEL|INCIDENT|SERVICE": "m"}
"""What a command needs beside the address."""


def parsers() -> Iterator[tuple[list[str], argparse.ArgumentParser]]:
    """Every parser that takes options, with the words that lead to it."""
    for command in COMMANDS:
        parser = command.parser()
        yield [command.name], parser
        for action in parser._actions:
            if isinstance(action, argparse._SubParsersAction):
                yield from (([command.name, verb], nested) for verb, nested in action.choices.items())


TAKES = [(words, one) for words, parser in parsers() for one in parser._actions if one.type is address]
LIKE = ("store", "forward", "url", "dsn", "endpoint", "self_metrics", "webhook")


def test_every_option_that_takes_an_address_may_take_it_from_a_file() -> None:
    """By its type, so that it is tried below."""
    found = [(words, one) for words, parser in parsers() for one in parser._actions if one.nargs != 0]
    named = [(words, one.dest) for words, one in found if any(part in one.dest.lower() for part in LIKE)]
    assert [(words, dest) for words, dest in named if dest not in {one.dest for w, one in TAKES if w == words}] == []


def tried() -> Iterator[tuple[list[str], argparse.Action, str]]:
    """Every option with some address that is wrong, and two of them with each."""
    kinds = list(ADDRESSES)
    for number, (words, option) in enumerate(TAKES):
        whole = (words, option.dest) in ((["status"], "store"), (["up"], "forward"))
        for kind in kinds if whole else [kinds[number % len(kinds)]]:
            if (option.dest in ("forward", "self_metrics", "urls"), kind) != (True, "no server over TLS"):
                yield words, option, kind  # that one is right where it is not a store


@pytest.mark.parametrize(
    ("words", "option", "kind"), list(tried()), ids=lambda value: " ".join(value) if isinstance(value, list) else None
)
def test_no_command_tells_the_password_of_an_address_that_is_wrong(
    words: list[str], option: argparse.Action, kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever is wrong with it; what is said names the host, or the option."""
    (parser,) = (each for all_words, each in parsers() if all_words == words)
    given = [*words, *option.option_strings[:1], ADDRESSES[kind]]
    for one in parser._actions:
        needed = one.required or (not one.option_strings and one.nargs is None)
        if needed and one.dest != option.dest and one.nargs != 0:
            (tmp_path / "file.csv").write_text("prediction_id,label\n1,2\n")
            value = str(tmp_path / "file.csv") if one.type is Path else GIVEN.get(str(one.metavar), "m")
            given += [*one.option_strings[:1], f"chdb://{tmp_path}/s" if one.dest == "store" else value]
    if words[-1:] == ["push"] and option.dest == "store":
        given.append("http://127.0.0.1:1")
    if "--data" in {name for one in parser._actions for name in one.option_strings} and "--data" not in given:
        given += ["--data", str(tmp_path / "data")]
    if words in (["up"], ["collector", "run"]):
        given += ["--grpc-port", "0", "--http-port", "0", "--web-port", "0"]
    try:
        assert main(given) != 0
    except SystemExit as ended:
        assert ended.code == 2
    printed = capsys.readouterr()
    assert printed.err
    assert PASSWORD not in printed.err + printed.out


def test_what_runs_tells_no_password(
    engine_dsn: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """Status, audit and everything else of an instance whose store has one; metrics and logs of one that forwards."""
    caplog.set_level(logging.DEBUG)
    parser = argparse.ArgumentParser()
    add_collector_options(parser)
    forwarding = ["--forward", f"http://me:{PASSWORD}@127.0.0.1:1?header.x-key={PASSWORD}"]
    config = collector_config(parser.parse_args([*forwarding, "--grpc-port", "0", "--http-port", "0"]), tmp_path / "c")
    made = Instance(InstanceConfig(tmp_path, engine_dsn, config, sql_port=0, web_port=0, analyze=False))
    made.start()
    try:
        dsn = f"clickhouse://me:{PASSWORD}@127.0.0.1:{made.ports.sql}"
        announce(tmp_path, Running(os.getpid(), "127.0.0.1", dsn, made.ports))
        for command in ("status", "status --json", "audit", "incidents", "baseline list", "sql SHOW\tTABLES"):
            assert main([*(word.replace("\t", " ") for word in command.split(" ")), "--data", str(tmp_path)]) == 0
        assert main(["alerts", "push", f"http://me:{PASSWORD}@127.0.0.1:1", "--data", str(tmp_path)]) in (0, 1)
        with urllib.request.urlopen(f"http://127.0.0.1:{made.ports.web}/metrics") as answer:
            metrics = answer.read().decode()
        assert "127.0.0.1:1" in metrics
        printed = capsys.readouterr()
        assert PASSWORD not in printed.out + printed.err + caplog.text + metrics
    finally:
        made.store.command(f"DROP DATABASE {DEFAULT_DATABASE}")
        made.stop()


@pytest.mark.parametrize("way", ["file", "environment"])
def test_a_password_need_not_be_an_argument(
    way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The store and what is forwarded to, from a file or from the environment; a header from a file of its own."""
    key, dsn, url = tmp_path / "key", ADDRESSES["no server"], f"https://me:{PASSWORD}@otlp.example?header.x-key=@"
    key.write_text(f"{PASSWORD}\n")
    given = []
    if way == "file":
        for name, text in (("store", dsn), ("forward", f"{url}{key}")):
            (tmp_path / name).write_text(f"{text}\n")
            given += [f"--{name}", f"@{tmp_path / name}"]
    else:
        monkeypatch.setenv(STORE_VARIABLE, dsn)
        monkeypatch.setenv(FORWARD_VARIABLE, f"grpc://127.0.0.1:1 {url}{key}")
    (command,) = (one for one in COMMANDS if one.name == "up")
    args = command.parser().parse_args(given)
    destination = collector_config(args, tmp_path).forward[-1]
    assert args.store == dsn
    assert dict(destination.headers)["x-key"] == PASSWORD
    assert dict(destination.headers)["authorization"].startswith("Basic ")
    assert PASSWORD not in destination.url + repr(destination)
    assert main(["status", *given[:2], "--data", str(tmp_path)]) == 1
    assert "no ClickHouse answers at clickhouse://me:***@127.0.0.1:1" in capsys.readouterr().err


@pytest.mark.parametrize("content", [None, b"", b"two addresses", b"\xff"])
def test_a_file_that_holds_no_address_is_said_without_what_it_holds(
    content: bytes | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It may be the wrong file, with other secrets."""
    if content is not None:
        (tmp_path / "store").write_bytes(content)
    with pytest.raises(SystemExit):
        main(["status", "--store", f"@{tmp_path / 'store'}"])
    said = capsys.readouterr().err
    assert str(tmp_path / "store") in said
    assert "two addresses" not in said


def test_a_queue_is_known_by_its_destination_whatever_the_password() -> None:
    """A new password finds what the old one left."""
    assert parse("http://me:old@otlp.example").identity == parse("http://me:new@otlp.example").identity
