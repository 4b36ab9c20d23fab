"""The options of the web port, shared by the commands that have one."""

from __future__ import annotations

import argparse
from pathlib import Path

from modelspan_analyzer.web.config import WebConfig
from modelspan_cli.errors import CommandError
from modelspan_collector.access.tls import Tls
from modelspan_collector.running import LOOPBACK

CERTIFICATE, KEY = "--web-tls-cert", "--web-tls-key"


def add_web_options(parser: argparse.ArgumentParser) -> None:
    """Declare where the web port listens, and whom it lets in."""
    web = parser.add_argument_group("pages and HTTP interface")
    web.add_argument("--web-host", default=LOOPBACK, help="address to listen on (default: %(default)s)")
    add_access_options(web)


def add_access_options(web: argparse._ArgumentGroup) -> None:
    """Declare whom a web port lets in."""
    web.add_argument(CERTIFICATE, type=Path, metavar="FILE", help="certificate in PEM")
    web.add_argument(KEY, type=Path, metavar="FILE", help="its key")
    web.add_argument("--web-tokens", type=file, metavar="FILE", help="tokens with roles, read again when it changes")
    web.add_argument("--web-insecure", action="store_true", help="listen beyond loopback without TLS and tokens")


def file(text: str) -> Path:
    """A file, which may be written `@FILE` as where a file stands for what is in it; for `type=`."""
    return Path(text.removeprefix("@"))


def web_config(args: argparse.Namespace, host: str) -> WebConfig:
    """What the options say, of an address to listen on.

    Raises:
        CommandError: options contradict each other, or a file is not there.
    """
    if bool(args.web_tls_cert) != bool(args.web_tls_key):
        raise CommandError(f"{CERTIFICATE} and {KEY} belong together", hint="give both or neither")
    for named in filter(None, (args.web_tls_cert, args.web_tls_key, args.web_tokens)):
        if not named.is_file():
            raise CommandError(f"there is no file {named}, which an option of the web port names")
    tls = Tls(args.web_tls_cert, args.web_tls_key, options=(CERTIFICATE, KEY)) if args.web_tls_cert else None
    return WebConfig(host, tls, args.web_tokens, args.web_insecure)
