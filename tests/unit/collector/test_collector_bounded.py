"""Bodies from outside stay within bounds: what a few bytes can become is counted as it comes."""

import gzip
import tracemalloc
import zlib
from collections.abc import Callable

import lz4.frame
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from modelspan_collector.bounded import (
    CODINGS,
    Budget,
    DamagedError,
    Decompressor,
    OverBudgetError,
    TooManyBytesError,
    decompress,
)

MIB = 1024**2
COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "zstd": zstandard.ZstdCompressor(level=19).compress,
    "lz4": lz4.frame.compress,
}


def test_every_coding_has_a_case_here() -> None:
    """A coding that is added is held to the same bounds."""
    assert set(COMPRESS) == set(CODINGS)


@given(
    coding=st.sampled_from(CODINGS),
    parts=st.lists(st.binary(max_size=3000), max_size=5),
    cut=st.integers(1, 500),
)
def test_a_body_is_itself_again_however_it_is_cut(coding: str, parts: list[bytes], cut: int) -> None:
    """Several frames, which come in pieces of any size, make the plain bytes of all of them."""
    body = b"".join(map(COMPRESS[coding], parts))
    decompressor = Decompressor(coding, 1 << 20)
    pieces = [piece for at in range(0, len(body), cut) for piece in decompressor.pieces(body[at : at + cut])]
    decompressor.finish()
    assert b"".join(pieces) == b"".join(parts) == decompress(coding, body, 1 << 20)


@pytest.mark.parametrize("coding", CODINGS)
def test_a_small_body_that_is_large_inside_costs_no_more_than_the_limit(coding: str) -> None:
    """Decompression stops at the limit, long before it would have made all of it."""
    body = COMPRESS[coding](bytes(256 * MIB))
    tracemalloc.start()
    try:
        with pytest.raises(TooManyBytesError, match="larger than the limit of 1048576 bytes"):
            decompress(coding, body, MIB)
        assert tracemalloc.get_traced_memory()[1] < 48 * MIB
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("coding", CODINGS)
def test_content_of_exactly_the_limit_is_taken(coding: str) -> None:
    """The limit itself is allowed, one byte more is not."""
    assert len(decompress(coding, COMPRESS[coding](bytes(MIB)), MIB)) == MIB
    with pytest.raises(TooManyBytesError):
        decompress(coding, COMPRESS[coding](bytes(MIB + 1)), MIB)


@pytest.mark.parametrize("coding", CODINGS)
def test_a_body_that_is_cut_off_or_not_in_its_coding_is_damaged(coding: str) -> None:
    """Neither passes for a shorter body."""
    with pytest.raises(DamagedError, match="cut off"):
        decompress(coding, COMPRESS[coding](b"some text" * 100)[:-5], MIB)
    with pytest.raises(DamagedError, match=f"not valid {coding}"):
        decompress(coding, b"this is not compressed at all", MIB)


@pytest.mark.parametrize("coding", CODINGS)
def test_frames_of_nothing_come_to_an_end(coding: str) -> None:
    """Empty frames make no bytes, so they are counted themselves."""
    with pytest.raises(DamagedError, match="parts that hold next to nothing"):
        decompress(coding, COMPRESS[coding](b"") * 10_001, MIB)


def test_a_zstd_window_beyond_the_standards_is_refused() -> None:
    """A window is memory of ours that the sender chooses: RFC 9659 ends it at 8 MiB."""
    options = zstandard.ZstdCompressionParameters(window_log=27)
    body = zstandard.ZstdCompressor(compression_params=options).compressobj().compress(bytes(64 * MIB))
    with pytest.raises(DamagedError):
        decompress("zstd", body, 1 << 30)


def test_the_budget_is_one_for_all_requests_and_given_back() -> None:
    """What one request holds another cannot, until it is done, also where it fails."""
    budget = Budget(100)
    with budget.share() as first, budget.share() as second:
        first.take(60)
        with pytest.raises(OverBudgetError, match="try again"):
            second.take(41)
        second.take(40)
    assert budget.taken == 0
