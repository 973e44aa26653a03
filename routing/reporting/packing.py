"""Counts, waits and their histograms in, bytes out, and back; and the buckets of the histograms. Reads no rows.

Counts are the lanes of one large number, 32 bits each, so that adding up any number of measures is one addition.
A wait falls into a bucket whose middle is at most 2.44 % from any value in it.
"""

import json
import zlib
from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from struct import Struct
from sys import byteorder
from typing import Any

LANE = 32
RATIO = 1.05
LONGEST = 400_000_000
"""Seconds; longer waits are counted as so long."""
STATED_ERROR = 0.025
HEAD = Struct("<11I")


def _starts() -> list[int]:
    """The first second of each bucket."""
    found, start = [], 0
    while start < LONGEST:
        found.append(start)
        start = max(start, int(start * RATIO)) + 1
    return found


STARTS = _starts()
BUCKETS = len(STARTS)
MIDDLES = [
    2 * low * high / (low + high) if low else 0.0
    for low, high in zip(STARTS, [start - 1 for start in STARTS[1:]] + [LONGEST], strict=True)
]
"""As far, in shares of itself, from the least as from the greatest value of the bucket."""


@cache
def _near() -> array:
    """The bucket of each second of the first day: looked up, because most waits are short."""
    return array("H", [bisect_right(STARTS, second) - 1 for second in range(86_400)])


def histogram(values: Iterable[int]) -> int:
    """How many values are in each bucket, as lanes."""
    near = _near()
    counts = [0] * BUCKETS
    for value in values:
        counts[near[value] if value < 86_400 else bisect_right(STARTS, value) - 1] += 1
    return from_lanes(counts)


def from_lanes(counts: Sequence[int]) -> int:
    """One number of all counts, the first one lowest."""
    return int.from_bytes(_plain(array("I", counts)), "little")


def to_lanes(number: int, size: int) -> Sequence[int]:
    """The counts of the number again."""
    return _read(number.to_bytes(size * LANE // 8, "little"))


def _plain(values: array) -> bytes:
    """Little-endian everywhere."""
    if byteorder == "big":
        values = values[:]
        values.byteswap()
    return values.tobytes()


def _read(data: Any) -> array:
    values = array("I")
    values.frombytes(data)
    if byteorder == "big":
        values.byteswap()
    return values


def _extend(values: array, data: Any) -> None:
    if byteorder == "little":
        values.frombytes(data)
    else:
        values.extend(_read(data))


def pack(numbers: Sequence[int], lists: Sequence[Iterable[int]]) -> bytes:
    """Four large numbers (counts and three histograms) and three lists of seconds."""
    head: list[int] = []
    parts: list[bytes] = []
    for number in numbers:
        skipped = ((number & -number).bit_length() - 1) // LANE if number else 0
        rest = number >> (skipped * LANE)
        part = rest.to_bytes((rest.bit_length() + 7) // 8, "little")
        head += (skipped, len(part))
        parts.append(part)
    for values in lists:
        part = _plain(array("I", values))
        head.append(len(part))
        parts.append(part)
    return HEAD.pack(*head) + b"".join(parts)


def unpack(data: memoryview, into: Any) -> None:
    """Add what `pack` packed to a Tally."""
    c_skip, c_size, a_skip, a_size, b_skip, b_size, l_skip, l_size, high, low, late = HEAD.unpack_from(data)
    at = 44 + c_size
    into.counts += int.from_bytes(data[44:at], "little") << (c_skip * LANE)
    if a_size or b_size or l_size:
        hists = into.hists
        for place, skip, size in ((0, a_skip, a_size), (1, b_skip, b_size), (2, l_skip, l_size)):
            if size:
                hists[place] += int.from_bytes(data[at : at + size], "little") << (skip * LANE)
                at += size
    if high:
        _extend(into.high, data[at : at + high])
        at += high
    if low:
        _extend(into.low, data[at : at + low])
        at += low
    if late:
        _extend(into.late, data[at : at + late])


def pack_tables(tables: Mapping[str, Mapping[str, bytes]]) -> bytes:
    """Packed tallies by dimension and key, compressed."""
    index = [[name, key, len(cell)] for name, table in tables.items() for key, cell in table.items()]
    head = json.dumps(index, separators=(",", ":")).encode()
    cells = b"".join(cell for table in tables.values() for cell in table.values())
    return zlib.compress(len(head).to_bytes(4, "little") + head + cells, 1)


def unpack_tables(data: Any) -> Iterator[tuple[str, str, memoryview]]:
    """(dimension, key, packed tally) of each."""
    plain = memoryview(zlib.decompress(data))
    at = 4 + int.from_bytes(plain[:4], "little")
    for name, key, size in json.loads(bytes(plain[4:at])):
        yield name, key, plain[at : at + size]
        at += size
