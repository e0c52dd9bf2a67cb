"""The streams of tastytrade: hints that something changed, quotes and Greeks; a peer that is gone is noticed."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from bot.clock import SystemClock
from brokers.tastytrade import TastytradeSettings
from brokers.tastytrade.quotes import QuoteStream
from brokers.tastytrade.stream import AccountStream, Hint
from brokers.tastytrade.symbols import streamer
from core.model.instruments import Instrument, Option, Right, Stock
from core.model.market import Quote
from core.ports.broker import Opening
from tests.brokers.bench import CALL, LEAD, LONG_AGO, approved
from tests.brokers.bench_tastytrade import SANDBOX, TastytradeBench
from tests.kit import nouns
from tests.kit.tastytrade.streams import streamer_symbol

KEY = "qm1-one-1"


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


@asynccontextmanager
async def listening(bench: TastytradeBench) -> AsyncIterator[AccountStream]:
    stream = AccountStream(bench.broker.line, bench.number, heartbeat=0.1, patience=1.0)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(stream.run())
        assert await heard(stream) == {Hint.RESYNC}
        yield stream
        task.cancel()


async def heard(stream: AccountStream, seconds: float = 5.0) -> frozenset[Hint]:
    async with asyncio.timeout(seconds):
        return await stream.hints()


async def until(stream: AccountStream, hint: Hint) -> None:
    while hint not in await heard(stream):
        pass


async def test_an_order_and_its_fill_are_hinted_at_and_the_snapshot_says_what_happened(bench: TastytradeBench) -> None:
    async with listening(bench) as stream:
        await bench.broker.submit(approved("-100.05"))
        await until(stream, Hint.POSITION)
        report = await bench.broker.find(KEY)
        assert report is not None
        assert report.leg_filled == (10,)


@pytest.mark.parametrize("manners", [{"copies": 5}, {"hold": 2}, {"replay": True}], ids=["copies", "reordered", "replayed"])
async def test_f049_f051_repeated_reordered_and_replayed_messages_change_nothing(
    bench: TastytradeBench, manners: dict[str, object]
) -> None:
    await bench.broker.submit(approved("-98.00", name="old"))
    await bench.loopback.act("change", of="stream", set=manners)
    async with listening(bench) as stream:
        await bench.broker.submit(approved("-100.05"))
        await bench.show(LEAD, "97.90", "98.00")
        await until(stream, Hint.ORDER)
        fills = await bench.broker.fills(LONG_AGO)
        assert [fill.quantity for fill in fills] == [10, 10]
        assert len({fill.exec_id for fill in fills}) == 2


async def test_f050_a_fill_that_the_stream_drops_is_in_the_next_snapshot(bench: TastytradeBench) -> None:
    async with listening(bench) as stream:
        await bench.broker.submit(approved("-98.00"))
        await until(stream, Hint.ORDER)
        bench.loopback.stream.manners.drop = 100
        await bench.show(LEAD, "97.90", "98.00")
        report = await bench.broker.find(KEY)
        assert report is not None
        assert report.leg_filled == (10,)


async def test_f069_a_half_open_stream_is_noticed_by_its_heartbeat_and_begins_with_a_resync(bench: TastytradeBench) -> None:
    async with listening(bench) as stream:
        await asyncio.sleep(0.3)
        assert bench.loopback.stream.heartbeats >= 1
        bench.loopback.stream.manners.silent = True
        for _ in range(250):
            await asyncio.sleep(0.02 if stream.connected else 0)
        assert not stream.connected
        bench.loopback.stream.manners.silent = False
        assert await heard(stream) == {Hint.RESYNC}


async def test_f075_the_streams_ignore_proxies_of_the_environment(bench: TastytradeBench, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    async with listening(bench) as stream:
        assert stream.connected
    async with quoting(bench) as quotes:
        assert "LEAD" in await quotes.quotes([LEAD])


async def test_f073_a_stream_that_the_broker_ends_comes_back_with_a_resync(bench: TastytradeBench) -> None:
    async with listening(bench) as stream:
        await bench.loopback.act("drop")
        assert await heard(stream) == {Hint.RESYNC}


async def test_a_status_that_the_sdk_does_not_know_breaks_the_stream_into_a_resync_and_nothing_else(bench: TastytradeBench) -> None:
    await bench.broker.submit(approved("-98.00"))
    async with listening(bench) as stream:
        await bench.loopback.act("turn", key=KEY, status="Teleported")
        assert await heard(stream) == {Hint.RESYNC}
        (report,) = await bench.broker.open_orders()
        assert report.event is None


@asynccontextmanager
async def quoting(bench: TastytradeBench, silent: float = 15.0) -> AsyncIterator[QuoteStream]:
    stream = QuoteStream(bench.broker.line, silent=silent)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(stream.run())
        yield stream
        task.cancel()


async def quoted(stream: QuoteStream, bid: int) -> None:
    """Wait until LEAD is bid at so much."""
    for _ in range(200):
        if (await stream.quotes([LEAD]))["LEAD"].bid == bid:
            return
        await asyncio.sleep(0.02)
    raise TimeoutError(bid)


async def test_quotes_and_greeks_of_shares_and_options_come_over_dxlink(bench: TastytradeBench) -> None:
    await bench.show(LEAD, "99.99", "100.01", 7)
    await bench.show(CALL, "5.00", "5.20")
    async with quoting(bench) as stream:
        quotes = await stream.quotes([LEAD, CALL])
        lead = quotes["LEAD"]
        assert (lead.bid, lead.ask, lead.bid_size) == (Decimal("99.99"), Decimal("100.01"), 7)
        assert quotes[CALL.key].mid == Decimal("5.1")
        assert lead.defect(SystemClock().now(), timedelta(seconds=15)) is None
        greeks = (await stream.greeks([CALL]))[CALL.key]
        assert (greeks.delta, greeks.volatility, greeks.vega) == (0.5, 0.3, 0.12)
        await bench.show(LEAD, "101.00", "101.02")
        await quoted(stream, 101)


async def test_an_instrument_that_nobody_quotes_is_left_out(bench: TastytradeBench) -> None:
    async with quoting(bench) as stream:
        assert await stream.quotes([Stock("NOWHERE")], patience=0.2) == {}


async def test_an_old_quote_keeps_its_own_time_and_so_looks_stale(bench: TastytradeBench) -> None:
    bench.loopback.desk.now = lambda: nouns.NOW
    await bench.show(LEAD, "99.99", "100.01")
    async with quoting(bench) as stream:
        old = (await stream.quotes([LEAD]))["LEAD"]
        assert old.as_of == nouns.NOW
        assert "stale" in str(old.defect(SystemClock().now(), timedelta(seconds=15)))


async def test_f043_a_quote_without_a_number_never_becomes_a_price(bench: TastytradeBench) -> None:
    async with quoting(bench) as stream:
        before = await stream.quotes([LEAD])
        for bid, ask in (("NaN", "100.00"), ("-5.00", "100.00")):
            await bench.show(LEAD, bid, ask)
        await asyncio.sleep(0.1)
        assert await stream.quotes([LEAD]) == before
        assert isinstance(before["LEAD"], Quote)


async def test_f069_a_quote_stream_that_says_nothing_is_connected_anew(bench: TastytradeBench) -> None:
    async with quoting(bench, silent=0.3) as stream:
        await stream.quotes([LEAD])
        bench.loopback.dxlink.silent = True
        await bench.show(LEAD, "103.00", "103.02")
        await asyncio.sleep(0.4)
        bench.loopback.dxlink.silent = False
        await quoted(stream, 103)


@pytest.mark.parametrize(
    ("thing", "expected"),
    [
        (Stock("BRK.B"), "BRK/B"),
        (Option("SPY", nouns.DAY, Right.CALL, Decimal(600)), ".SPY240612C600"),
        (Option("SPXW", nouns.DAY, Right.PUT, Decimal("5000.5")), ".SPXW240612P5000.5"),
        (Option("F", nouns.DAY, Right.PUT, Decimal("12.25")), ".F240612P12.25"),
        (Option("XYZ1", nouns.DAY, Right.CALL, Decimal("0.5")), ".XYZ1240612C0.5"),
    ],
)
def test_f110_names_of_the_quote_stream(thing: Instrument, expected: str) -> None:
    assert streamer(thing) == expected
    if isinstance(thing, Option):
        assert streamer_symbol(thing.key) == expected
