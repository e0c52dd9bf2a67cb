"""Frames: four bytes of length, then fields that each end with a NUL."""

import asyncio
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

VERSION = 178
LARGEST = 1 << 22
UNSET = "1.7976931348623157E308"


@dataclass(frozen=True)
class WireLeg:
    """One leg of a combo as the client wrote it."""

    con_id: int
    ratio: int
    action: str


@dataclass(frozen=True)
class WireOrder:
    """What a placeOrder frame asks for."""

    order_id: int
    con_id: int
    symbol: str
    sec_type: str
    local_symbol: str
    action: str
    quantity: Decimal
    order_type: str
    limit: Decimal | None
    tif: str
    account: str
    ref: str
    legs: tuple[WireLeg, ...]
    routing: tuple[tuple[str, str], ...]
    what_if: bool


async def read_frame(reader: asyncio.StreamReader) -> list[str]:
    """One frame as its fields."""
    (length,) = struct.unpack(">I", await reader.readexactly(4))
    if length > LARGEST:
        raise ValueError(f"a frame of {length} bytes")
    return (await reader.readexactly(length)).decode().split("\0")[:-1]


def frame(fields: Sequence[object]) -> bytes:
    """Fields as one frame."""
    body = "".join(f"{text(field)}\0" for field in fields).encode()
    return struct.pack(">I", len(body)) + body


def text(field: object) -> str:
    """One field; None is unset."""
    if field is None:
        return ""
    if isinstance(field, bool):
        return "1" if field else "0"
    return str(field)


def decimal(field: str) -> Decimal | None:
    """A number, or None where nothing was written."""
    return Decimal(field) if field else None


def place_order(fields: list[str]) -> WireOrder:
    """Read a placeOrder frame of version 178 without conditions, algorithms, hedges or delta-neutral parts."""
    sec_type = fields[4]
    at = 35
    legs: list[WireLeg] = []
    routing: list[tuple[str, str]] = []
    if sec_type == "BAG":
        count, at = int(fields[at]), at + 1
        for _ in range(count):
            legs.append(WireLeg(int(fields[at]), int(fields[at + 1]), fields[at + 2]))
            at += 8
        at += 1 + int(fields[at])
        count, at = int(fields[at]), at + 1
        for _ in range(count):
            routing.append((fields[at], fields[at + 1]))
            at += 2
    return WireOrder(
        order_id=int(fields[1]), con_id=int(fields[2] or 0), symbol=fields[3], sec_type=sec_type, local_symbol=fields[12],
        action=fields[16], quantity=Decimal(fields[17] or "0"), order_type=fields[18], limit=decimal(fields[19]), tif=fields[21],
        account=fields[23], ref=fields[26], legs=tuple(legs), routing=tuple(routing), what_if=fields[at + 49] == "1",
    )  # fmt: skip
