"""What `modelspan status` says of data that is on disk and in no table yet."""

from __future__ import annotations

from pathlib import Path

import pytest

from modelspan_cli.commands import status


@pytest.mark.parametrize(
    ("folder", "said"),
    [
        ("log/logs", "9 bytes of what was acknowledged wait in the log for the store"),
        (
            "events",
            "9 bytes of what loggers of serving platforms sent wait for the other half of their calls,"
            " five minutes at most",
        ),
    ],
)
def test_a_store_that_is_behind_is_told_from_calls_without_an_answer_yet(
    tmp_path: Path, folder: str, said: str
) -> None:
    """The second is as it should be, however fast the store is."""
    (tmp_path / folder).mkdir(parents=True)
    (tmp_path / folder / "1.seg").write_bytes(b"123456789")
    assert status._set_aside(tmp_path) == [said]
