"""The files of TLS: one that will let nobody in is said at the start, by the option that names it."""

from __future__ import annotations

import logging
import subprocess
from pathlib import Path

import pytest

from modelspan_collector.access.tls import Tls

_AUTHORITY = """[ca]
default_ca = own
[own]
database = {folder}/index
new_certs_dir = {folder}
rand_serial = yes
default_md = sha256
policy = any
[any]
commonName = supplied
"""


def dated(folder: Path, begins: str, ends: str) -> tuple[Path, Path]:
    """A self-signed certificate of these times, and its key."""
    _, key = pem(folder, "first")
    config, request, certificate = folder / "ca.cnf", folder / "request", folder / "dated.pem"
    config.write_text(_AUTHORITY.format(folder=folder))
    (folder / "index").touch()
    asked = ["openssl", "req", "-new", "-key", str(key), "-subj", "/CN=localhost", "-out", str(request)]
    times = ["-startdate", begins, "-enddate", ends, "-in", str(request), "-out", str(certificate)]
    signed = ["openssl", "ca", "-batch", "-notext", "-selfsign", "-config", str(config), "-keyfile", str(key), *times]
    for command in (asked, signed):
        subprocess.run(command, check=True, capture_output=True)
    return certificate, key


def pem(folder: Path, name: str, *more: str) -> tuple[Path, Path]:
    """A self-signed certificate and its key."""
    certificate, key = folder / f"{name}.pem", folder / f"{name}.key"
    subject = ["-subj", "/CN=localhost", "-keyout", str(key), "-out", str(certificate)]
    kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
    command = ["openssl", "req", "-x509", *kind, *subject, *(more or ("-nodes", "-days", "2"))]
    subprocess.run(command, check=True, capture_output=True)
    return certificate, key


@pytest.mark.parametrize(
    ("validity", "said"),
    [
        (("20200101000000Z", "20200201000000Z"), "has expired"),
        (("20900101000000Z", "20910101000000Z"), "is not valid yet"),
        (("20200101000000Z", "20910101000000Z"), ""),
    ],
)
def test_a_certificate_out_of_its_time_is_said_at_the_start(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, validity: tuple[str, str], said: str
) -> None:
    """Senders refuse it, so that a collector which merely says that it is up would receive nothing."""
    pair = dated(tmp_path, *validity)
    with caplog.at_level(logging.WARNING):
        Tls(*pair, clients=pair[0]).context(lambda: None)
    assert [said in message for message in caplog.messages] == ([True] if said else [])


@pytest.mark.parametrize(
    ("swapped", "said"),
    [
        ("key of another", r"--tls-certificate \(.*a.pem\) and --tls-key \(.*b.key\) do not belong together"),
        ("no PEM", r"--tls-certificate \(.*a.pem\) and --tls-key \(.*text\) cannot be read"),
        ("password", r"--tls-key \(.*locked.key\) has a password"),
        ("clients", r"--tls-clients \(.*text\) is no PEM file of certificates"),
    ],
)
def test_files_that_do_not_fit_are_named_with_their_options(tmp_path: Path, swapped: str, said: str) -> None:
    """The error is a sentence about the options that were given."""
    own, key = pem(tmp_path, "a")
    text = tmp_path / "text"
    text.write_text("hello")
    if swapped == "password":
        tls = Tls(*pem(tmp_path, "locked", "-passout", "pass:secret", "-days", "2"))
    elif swapped == "clients":
        tls = Tls(own, key, clients=text)
    else:
        tls = Tls(own, text if swapped == "no PEM" else pem(tmp_path, "b")[1])
    with pytest.raises(OSError, match=said):
        tls.context(lambda: None)
