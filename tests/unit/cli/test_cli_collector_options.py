"""Options of the collector: one that would have no effect is refused, never taken without a word."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from modelspan_cli.collector_options import add_collector_options, collector_config
from modelspan_cli.errors import CommandError


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--tls-clients", "ca.pem"), "--tls-clients asks senders for certificates, which needs TLS"),
        (("--tls-certificate", "c.pem"), "belong together"),
        (("--tls-key", "k.pem", "--tls-clients", "ca.pem"), "belong together"),
        (("--tls-certificate", "absent.pem", "--tls-key", "k.pem"), "there is no file absent.pem"),
        (("--hash-key", "absent.key"), "cannot read --hash-key absent.key"),
    ],
)
def test_protection_that_was_asked_for_and_cannot_be_given_is_an_error(options: tuple[str, ...], said: str) -> None:
    """The collector does not start without the protection that an option names."""
    parser = argparse.ArgumentParser()
    add_collector_options(parser)
    with pytest.raises(CommandError, match=said):
        collector_config(parser.parse_args(options), Path("data"))
