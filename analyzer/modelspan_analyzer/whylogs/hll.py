"""The HyperLogLog sketch as Apache DataSketches writes it, compact: how many different values there were.

Layout (little-endian): https://github.com/apache/datasketches-java, `hll/PreambleUtil`. Few values are kept as coupons,
26 bits that choose a register and 6 that are its value; of more, registers of 4, 6 or 8 bits.

A sketch of one stream carries the estimate that was made as it grew (historic inverse probability: Cohen,
"All-Distances Sketches", PODS 2014), which is taken over. Merged ones do not; of their registers the improved raw
estimate is taken (Ertl, "New cardinality estimation algorithms for HyperLogLog sketches", arXiv:1702.01284, 2017).
"""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from modelspan_analyzer.whylogs.kll import SketchError

Registers = npt.NDArray[np.uint8]
Coupons = npt.NDArray[np.uint32]

_FAMILY: Final = 7
_EMPTY, _MERGED = 4, 16
_LIST, _SET, _ARRAY = 0, 1, 2
_BITS: Final = (4, 6, 8)
"""Of a register, by the sketch's type."""
_ADDRESS_BITS: Final = 26
_ADDRESS: Final = 2**_ADDRESS_BITS - 1
_EXCEPTION: Final = 15
"""A register of four bits whose value stands elsewhere."""
_START: Final = 40
"""Where registers begin."""
_LG_MOST: Final = 21


@dataclass(frozen=True, slots=True)
class Hll:
    """Either coupons, or registers."""

    lg_k: int
    coupons: Coupons | None
    """None where there are registers."""
    registers: Registers | None = None
    """Shape (2**lg_k,)."""
    told: float | None = None
    """The estimate that the sketch carries; None where it was merged."""

    @property
    def estimate(self) -> float:
        """How many different values there were."""
        if self.coupons is not None:
            return _of_coupons(self.coupons.size)
        if self.told is not None:
            return self.told
        assert self.registers is not None
        return improved_estimate(self.registers)


def read_hll(data: bytes) -> Hll:
    """The sketch.

    Raises:
        SketchError: the bytes are none.
    """
    try:
        return _read(data)
    except (struct.error, ValueError, IndexError) as error:
        raise SketchError(f"no HyperLogLog sketch: {error}") from error


def _read(data: bytes) -> Hll:
    longs, family, lg_k, flags, count, mode = struct.unpack_from("<BxBBxBBB", data)
    if family != _FAMILY or not 4 <= lg_k <= _LG_MOST:
        raise SketchError(f"its family is {family}, not {_FAMILY}, or it has 2^{lg_k} registers")
    if flags & _EMPTY:
        return Hll(lg_k, np.empty(0, np.uint32))
    kind, mode = mode >> 2 & 3, mode & 3
    if mode in (_LIST, _SET):
        if mode == _SET:
            (count,) = struct.unpack_from("<I", data, 8)
        coupons = np.frombuffer(data, "<u4", count, 4 * longs)
        return Hll(lg_k, np.unique(coupons))
    if mode != _ARRAY or kind >= len(_BITS):
        raise SketchError(f"its mode is {mode}, its type {kind}")
    told, lowest, exceptions = struct.unpack_from("<d", data, 8)[0], count, struct.unpack_from("<I", data, 36)[0]
    registers = _registers(data, 1 << lg_k, _BITS[kind], lowest, exceptions)
    return Hll(lg_k, None, registers, None if flags & _MERGED else told)


def _registers(data: bytes, k: int, bits: int, lowest: int, exceptions: int) -> Registers:
    if bits == 8:
        return np.frombuffer(data, np.uint8, k, _START) & np.uint8(0x3F)
    if bits == 6:
        packed = np.unpackbits(np.frombuffer(data, np.uint8, k * 6 // 8, _START), bitorder="little")
        return np.packbits(packed.reshape(k, 6), axis=1, bitorder="little")[:, 0]
    packed = np.frombuffer(data, np.uint8, k // 2, _START)
    halves = np.stack([packed & np.uint8(15), packed >> np.uint8(4)], axis=1).reshape(k)
    registers = np.asarray(halves + np.uint8(lowest), np.uint8)
    return _raised(registers, np.frombuffer(data, "<u4", exceptions, _START + k // 2), clear=halves == _EXCEPTION)


def _raised(registers: Registers, coupons: Coupons, clear: npt.NDArray[np.bool_] | None = None) -> Registers:
    """Registers with coupons put in."""
    raised = registers.copy()
    if clear is not None:
        raised[clear] = 0
    values = (coupons >> np.uint32(_ADDRESS_BITS)).astype(np.uint8)
    np.maximum.at(raised, (coupons & np.uint32(raised.size - 1)).astype(np.intp), values)
    return raised


def _of_coupons(count: int) -> float:
    """Two values have the same coupon with a probability of a third of that of the same address."""
    return count + count * (count - 1) / 2 / (3 * (_ADDRESS + 1))


def joined(parts: Sequence[Hll]) -> Hll | None:
    """The sketch of all that is in some; None of none."""
    if len(parts) < 2:
        return parts[0] if parts else None
    lg_k = min(part.lg_k for part in parts)
    coupons = [part.coupons for part in parts if part.coupons is not None]
    if len(coupons) == len(parts):
        return Hll(lg_k, np.unique(np.concatenate(coupons)))
    whole = np.zeros(1 << lg_k, np.uint8)
    for part in parts:
        if part.registers is not None:  # a register of fewer is the highest of those that end alike
            whole = np.maximum(whole, part.registers.reshape(-1, 1 << lg_k).max(axis=0))
        elif part.coupons is not None:
            whole = _raised(whole, part.coupons)
    return Hll(lg_k, None, whole)


def improved_estimate(registers: Registers) -> float:
    """Ertl's improved raw estimate from the registers alone, within about 1.04 / sqrt(k), one standard error.

    k^2 / (2 ln 2 · (k σ(C_0 / k) + Σ C_i 2^-i + k τ(1 - C_(q+1) / k) 2^-q)), by how many registers have each value.
    """
    k = registers.size
    highest = 64 - int(math.log2(k))
    counts = np.bincount(registers, minlength=highest + 2)[: highest + 2].astype(np.float64)
    denominator = k * _tau(1 - counts[highest + 1] / k)
    for value in range(highest, 0, -1):
        denominator = (denominator + counts[value]) / 2
    denominator += k * _sigma(counts[0] / k)
    return float(k * k / (2 * math.log(2) * denominator)) if math.isfinite(denominator) else 0.0


def _sigma(x: float) -> float:
    """x + Σ x^(2^j) 2^(j-1): what registers without a value stand for."""
    if x == 1:
        return math.inf
    total, scale, before = x, 1.0, -1.0
    while total != before:
        x, before = x * x, total
        total, scale = total + x * scale, scale * 2
    return total


def _tau(x: float) -> float:
    """(1 - x - Σ (1 - x^(2^-j))^2 2^-j) / 3: what registers that are full stand for."""
    if x in (0, 1):
        return 0.0
    total, scale, before = 1 - x, 1.0, -1.0
    while total != before:
        x, before, scale = math.sqrt(x), total, scale / 2
        total -= (1 - x) ** 2 * scale
    return total / 3
