"""Every disk that a power cut can leave between one fsync and the next.

What was written before an fsync is there. Of what was written since, the disk may hold any part: a prefix, a prefix that ends in
the middle of a frame, or any of its sectors and not the others. While a checkpoint copies the write-ahead file into the database,
that file is on disk whole, and any of the copied pages may be old or new.
"""

import random
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from tests.power.tape import Moment

HEADER, FRAME_HEADER, SECTOR = 32, 24, 512


@dataclass(frozen=True, slots=True)
class Image:
    """A disk as it may be found, and what its journal may say: one commit or the other, nothing between."""

    name: str
    database: bytes
    ahead: bytes
    legal: frozenset[str]


def images(before: Moment, after: Moment, dice: random.Random) -> Iterator[Image]:
    """Disks between two commits."""
    both = frozenset({before.says, after.says})
    if after.database != before.database:
        yield from _checkpointed(before, after, dice)
    elif after.ahead.startswith(before.ahead):
        yield from _cut(before, after, both)
        yield from _torn(before, after, both, dice)
    else:
        yield from _restarted(before, after, both, dice)


def _frames(moment: Moment, start: int) -> Iterator[int]:
    page = struct.unpack(">I", moment.ahead[8:12])[0]
    yield from range(max(start, HEADER), len(moment.ahead) + 1, page + FRAME_HEADER)


def _cut(before: Moment, after: Moment, legal: frozenset[str]) -> Iterator[Image]:
    """The tail ends at a frame boundary; and one byte before it, one byte after it or in the middle of the frame, in turn."""
    start = len(before.ahead)
    for number, boundary in enumerate(_frames(after, start)):
        for place in (boundary, boundary + (-1, 1, 2000)[number % 3]):
            if start <= place < len(after.ahead):
                yield Image(f"cut at {place}", before.database, after.ahead[:place], legal)


def _torn(before: Moment, after: Moment, legal: frozenset[str], dice: random.Random) -> Iterator[Image]:
    """Some sectors of the tail came to the disk, others are still empty."""
    start = len(before.ahead)
    for number in range(2):
        ahead = bytearray(after.ahead)
        for place in range(start, len(ahead), SECTOR):
            if dice.random() < 0.5:
                end = min(place + SECTOR, len(ahead))
                ahead[place:end] = bytes(end - place)
        yield Image(f"torn {number}", before.database, bytes(ahead), legal)


def _restarted(before: Moment, after: Moment, legal: frozenset[str], dice: random.Random) -> Iterator[Image]:
    """The write-ahead file begins anew over its old frames, which the database holds already."""
    for number in range(4):
        ahead = bytearray(before.ahead.ljust(len(after.ahead), b"\0"))
        for place in range(0, len(after.ahead), SECTOR):
            if dice.random() < 0.5:
                ahead[place : place + SECTOR] = after.ahead[place : place + SECTOR]
        yield Image(f"begun anew {number}", before.database, bytes(ahead), legal)


def _checkpointed(before: Moment, after: Moment, dice: random.Random) -> Iterator[Image]:
    """The database is a mixture of old and new pages; the write-ahead file is whole, and says what is right."""
    page = struct.unpack(">H", before.database[16:18])[0]
    ahead = after.ahead if after.ahead.startswith(before.ahead) else before.ahead
    for number in range(8):
        mixed = bytearray(before.database.ljust(len(after.database), b"\0"))
        for place in range(0, len(after.database), page):
            if dice.random() < number / 7:
                mixed[place : place + page] = after.database[place : place + page]
        legal = frozenset({after.says}) if ahead is after.ahead else frozenset({before.says, after.says})
        size = len(before.database) if number == 0 else len(after.database)
        yield Image(f"checkpoint {number}", bytes(mixed[:size]), ahead, legal)
