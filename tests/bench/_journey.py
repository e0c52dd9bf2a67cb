"""The whole road over the loopback wire: signal, card, reaction, fill, exit, digest, with real pictures and a journal on disk."""

import asyncio
import logging
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from time import perf_counter

from bot.jobs import Jobs
from bot.settings import load
from core.charts import draw
from core.model.market import Session
from tests.bench.report import Row, percentile, progress
from tests.bot.rig import YES, Office, loopback, office, until
from tests.engine.rig import CALENDAR

STAGES = ("signal and card", "reaction to fill", "exit", "close and digest")


async def _card(one: Office) -> None:
    card = await one.card()
    assert card.message_id is not None


async def _fill(one: Office) -> None:
    (pending,) = await one.desk.engine.pending()
    assert pending.message_id is not None
    await one.user("owner").react(pending.message_id, YES)

    async def held() -> bool | None:
        return bool(one.desk.engine.books.positions) or None

    await until(held)


async def _exit(one: Office) -> None:
    one.desk.market.prices["LEAD"] = 93.0
    one.desk.later(minutes=1)
    await one.desk.engine.tick()
    assert not one.desk.engine.books.positions


async def _digest(one: Office) -> None:
    session = CALENDAR.at(one.desk.clock.now())
    assert isinstance(session, Session)
    posts = {post.name: post for post in load("", {}).posts}
    jobs = Jobs(one.desk.engine, posts, session.close)
    one.desk.clock.turn_to(session.close + timedelta(minutes=30))
    await jobs.run(one.desk.clock.now())

    async def told() -> bool | None:
        return True if await one.user("owner").see("portfolio") and not await one.desk.journal.pending_notes(1) else None

    await until(told)


async def _travel() -> list[float]:
    """Seconds of each stage."""
    steps: tuple[Callable[[Office], Awaitable[None]], ...] = (_card, _fill, _exit, _digest)
    with tempfile.TemporaryDirectory() as name:
        async with loopback(Path(name) / "chat.jsonl") as sandbox, office(Path(name), sandbox, charts=True) as one:
            one.notifier.outlet = replace(one.notifier.outlet, draw=draw)
            taken = []
            for step in steps:
                started = perf_counter()
                await step(one)
                taken.append(perf_counter() - started)
            return taken


def journey_rows(quick: bool) -> Iterator[Row]:
    """Seconds from the scan to the digest in its channel."""
    progress("the whole road")
    logging.disable(logging.WARNING)
    runs = [asyncio.run(_travel()) for _ in range(2 if quick else 4)]
    totals = [sum(run) for run in runs]
    what = "signal, card, reaction, fill, exit, digest"
    yield Row.promised(
        f"{what}, slowest",
        max(totals),
        "s",
        "<= 3",
        f"{len(runs)} roads, the first one loads matplotlib; median {percentile(totals, 0.5):.2f} s",
    )
    for place, stage in enumerate(STAGES):
        yield Row(f"  of it {stage}, median", percentile([run[place] for run in runs], 0.5), "s")
