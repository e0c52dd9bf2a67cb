"""From `/halt` to the last order that leaves: on the desk itself, and as a person types it over the loopback wire."""

import asyncio
import logging
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter

from core.ports.journal import StoredProposal
from tests.bench._reactions import bare, cards
from tests.bench.report import Row, percentile, progress
from tests.bot.rig import YES, Office

#: Cards that are approved at the same moment as the desk is halted.
CROWD = 12


@dataclass(slots=True)
class Points:
    """When orders left and when the halt was durable."""

    left: list[float] = field(default_factory=list)
    durable: float = 0.0
    wanted: int = 1
    enough: asyncio.Event = field(default_factory=asyncio.Event)

    def at(self, point: str) -> None:
        if point == "W8":
            self.left.append(perf_counter())
            if len(self.left) >= self.wanted:
                self.enough.set()
        elif point == "KILL+":
            self.durable = perf_counter()


@dataclass(frozen=True, slots=True)
class Halted:
    """One halt in the middle of approvals, milliseconds: until the last order left, until it was durable; how many left at all."""

    last: float
    durable: float
    left: int
    limit: float


async def _once(folder: Path, seed: int, *, typed: bool) -> Halted:
    points = Points()
    async with cards(folder, CROWD, seed, points) as (one, found):  # type: ignore[arg-type]  # it is asked for `at` alone
        limit = bare(folder)
        points.wanted = seed % 3 + 1
        approving = [asyncio.ensure_future(_approve(one, card)) for card in found]
        await points.enough.wait()
        began = perf_counter()
        if typed:
            await one.user("owner").slash("halt", reason="a measure")
        else:
            await one.desk.engine.halt("owner", "a measure")
        await asyncio.gather(*approving)
        await asyncio.gather(*(one.becomes(card.proposal.id, "claimed", "closed", "killed") for card in found))
        last = max(points.left[-1] - began, 0.0)
        return Halted(1000 * last, 1000 * (points.durable - began), len(points.left), limit)


async def _approve(one: Office, card: StoredProposal) -> None:
    assert card.message_id is not None
    await one.user("owner").react(card.message_id, YES)


async def _measure(times: int, *, typed: bool) -> list[Halted]:
    taken = []
    for seed in range(times):
        with tempfile.TemporaryDirectory() as name:
            taken.append(await _once(Path(name), seed, typed=typed))
    return taken


def halt_rows(quick: bool) -> Iterator[Row]:
    """How long after `/halt` an order may still leave, while a dozen approvals are under way."""
    progress("halt to no new send")
    logging.disable(logging.WARNING)
    for typed in (False, True):
        taken = asyncio.run(_measure(3 if quick else 20, typed=typed))
        where = "/halt typed on Discord" if typed else "halt"
        limit = percentile([one.limit for one in taken], 0.5)
        left = sum(one.left for one in taken)
        bound = f"{len(taken)} halts, each among {CROWD} approvals, {left} of {CROWD * len(taken)} orders left; "
        bound += f"two bare appends with fdatasync {limit:.1f} ms"
        yield Row.promised(f"{where} to the last send, worst", max(one.last for one in taken), "ms", "<= 50", bound)
        yield Row(f"{where} until it is durable, p50", percentile([one.durable for one in taken], 0.5), "ms", bound)
