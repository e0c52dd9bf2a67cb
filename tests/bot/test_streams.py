"""A broker's streams at work in the desk: a hint makes it look at once, its quotes are the second source."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.clock import SystemClock
from bot.streams import Streaming, TwoSources, tasks_of
from brokers.tastytrade import TastytradeSettings
from core.model.errors import RetryError
from core.model.instruments import Stock
from core.model.market import MarketView
from core.ports.broker import Opening
from tests.brokers.bench import LEAD, approved
from tests.brokers.bench_tastytrade import SANDBOX, TastytradeBench
from tests.kit import nouns


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[TastytradeBench]:
    made = TastytradeBench(tmp_path)
    await made.start()
    await made.broker.close()
    settings = TastytradeSettings(account=made.number, loopback=made.loopback.url)
    made.loopback.desk.now = SystemClock().now
    made.broker = await settings.open(Opening("tasty", live=False, clock=SystemClock(), secrets=SANDBOX))
    yield made
    await made.stop()


class Feed:
    """A feed whose view never changes."""

    async def view(self, **_wanted: object) -> MarketView:
        return nouns.view()

    async def past(self, day: object) -> MarketView:
        raise NotImplementedError


async def test_a_hint_makes_the_desk_look_and_a_look_that_fails_is_not_the_last(bench: TastytradeBench) -> None:
    looks: asyncio.Queue[None] = asyncio.Queue()

    async def look() -> None:
        looks.put_nowait(None)
        raise RetryError("the broker did not answer")

    assert isinstance(bench.broker, Streaming)
    tasks = [asyncio.create_task(work) for work in tasks_of(bench.broker, bench.broker.quotes(), look)]
    async with asyncio.timeout(10):
        await looks.get()
        await bench.broker.submit(approved("-100.05"))
        await looks.get()
    for task in tasks:
        task.cancel()


async def test_the_second_source_stands_beside_the_feed_for_what_a_decision_is_about(bench: TastytradeBench) -> None:
    quotes = bench.broker.quotes()
    task = asyncio.create_task(quotes.run())
    market = TwoSources(Feed(), quotes)
    assert (await market.view()).conditions.second == {}
    async with asyncio.timeout(10):
        while not (view := await market.view(quotes=[LEAD, Stock("NONE")])).conditions.second:
            pass
    task.cancel()
    assert {key: str(quote.mid) for key, quote in view.conditions.second.items()} == {LEAD.key: "100.00"}
