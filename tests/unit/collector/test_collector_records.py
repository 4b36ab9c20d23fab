"""Records of the log on a disk that cuts and damages: what was not touched is read, and nothing else is made up."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelspan_collector.wal import segment as segments
from modelspan_collector.wal.record import HEADER_BYTES, Kind, Record, make, pieces, read


def encoded(records: list[Record]) -> bytes:
    return b"".join(part for record in records for part in record.encode())


FORGED = encoded([make(Kind.OTLP, 7, b"a record that a sender put into its request")])
PAYLOADS = st.lists(st.binary(max_size=200) | st.just(b"MSR1" * 9) | st.just(b"x" + FORGED + b"y"), max_size=6)


def spans(records: list[Record]) -> list[tuple[int, int]]:
    """Where each record begins and ends."""
    places, at = [], 0
    for record in records:
        places.append((at, at + record.size))
        at += record.size
    return places


@given(PAYLOADS, st.integers(0, 2000))
def test_records_survive_a_cut_at_any_byte(payloads: list[bytes], cut: int) -> None:
    """However a file is cut, exactly the whole records before the cut are read, and the rest counts as torn."""
    records = [make(Kind.OTLP, number, payload) for number, payload in enumerate(payloads)]
    data = encoded(records)[:cut]
    whole = [record for record, (_, end) in zip(records, spans(records), strict=True) if end <= cut]
    assert [record for record, _ in read(data)] == whole
    assert all(piece.torn for piece in pieces(data) if piece.record is None)


@given(PAYLOADS.filter(bool), st.data())
def test_damage_costs_only_the_records_that_it_touches(payloads: list[bytes], data: st.DataObject) -> None:
    """Whatever bytes are changed in one stretch, and however: all other records are read, and no other ever is."""
    records = [make(Kind.OTLP, number, payload) for number, payload in enumerate(payloads)]
    before = encoded(records)
    begin = data.draw(st.integers(0, len(before) - 1))
    size = data.draw(st.sampled_from([1, 1, 4, 16, 40, 300]))
    after = bytearray(before)
    for at in range(begin, min(begin + size, len(before))):
        after[at] ^= data.draw(st.integers(1, 255)) if size < 40 else 0xA5
    untouched = [
        record
        for record, (start, end) in zip(records, spans(records), strict=True)
        if after[start:end] == before[start:end]
    ]
    found = [record for record, _ in read(bytes(after))]
    forged = [record for record in found if record not in records]
    assert [record for record in found if record in records] == untouched
    assert not forged or size > 4  # length and digest both gone: only then is a payload searched for records


def test_each_bit_of_a_header_may_flip(tmp_path: Path) -> None:
    """No single bit of a header costs the records behind it, nor makes one of what a sender put into its request."""
    records = [make(Kind.OTLP, number, b"x" + FORGED * 2 + b"y") for number in range(3)]
    before = encoded(records)
    for bit in range(HEADER_BYTES * 8):
        after = bytearray(before)
        after[records[0].size + bit // 8] ^= 1 << bit % 8
        assert [record for record, _ in read(bytes(after))] == [records[0], records[2]]


def test_a_length_that_leads_to_what_a_sender_put_into_a_request_is_not_believed() -> None:
    """Four changed bytes make a length end just before a forged record: the digest knows the true end."""
    records = [make(Kind.OTLP, number, b"x" + FORGED + b"y") for number in range(2)]
    after = bytearray(encoded(records))
    after[4:8] = (1).to_bytes(4, "little")
    assert [record for record, _ in read(bytes(after))] == records[1:]


def test_what_is_damaged_is_kept_beside_the_segment_and_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The bytes of the broken record are in a file of their own, which the log names; once, however often read."""
    records = [make(Kind.OTLP, number, bytes([number]) * 50) for number in range(20)]
    data = bytearray(encoded(records))
    data[7 * records[0].size + 60] ^= 1
    path = tmp_path / "ab-000000001.seg"
    path.write_bytes(data + b"torn")
    segment, digests, torn = segments.recover(path)
    assert segment is not None
    assert (len(digests), torn) == (19, 4)
    assert segment.records() == records[:7] + records[8:]
    aside = tmp_path / "ab-000000001.broken"
    assert aside.read_bytes() == data[7 * records[0].size : 8 * records[0].size]
    assert [(line.levelno, str(aside) in line.getMessage()) for line in caplog.records] == [(logging.ERROR, True)]


def test_a_segment_of_which_nothing_is_whole_is_kept_aside_too(tmp_path: Path) -> None:
    """Nothing is deleted that was not torn off by a crash."""
    path = tmp_path / "ab-000000001.seg"
    path.write_bytes(b"?" * 100)
    assert segments.recover(path)[0] is None
    assert (tmp_path / "ab-000000001.broken").read_bytes() == b"?" * 100
    assert not path.exists()
