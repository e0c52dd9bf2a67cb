"""A bad network between the adapter and tastytrade: cut, slow, redirected, captured; never two orders, never a wrong answer."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from brokers.tastytrade import TastytradeBroker, TastytradeSettings
from brokers.tastytrade.wire import Wire
from core.model.errors import OutcomeUnknownError, QuantMatrixError, RefusedError, RetryError
from core.ports.broker import Opening
from tests.brokers.bench import approved
from tests.brokers.bench_tastytrade import SANDBOX, TastytradeBench
from tests.kit.tastytrade.proxy import Proxy

KEY = "qm1-one-1"
ORDER = approved("-100.05")


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[TastytradeBench]:
    made = TastytradeBench(tmp_path)
    await made.start()
    yield made
    await made.stop()


def posts(bench: TastytradeBench) -> int:
    return sum(name == "submit" for name, _ in bench.loopback.desk.seen)


async def unknown(bench: TastytradeBench) -> str:
    """The submit ends unknown, after one POST at most."""
    before = posts(bench)
    with pytest.raises(OutcomeUnknownError, match=KEY) as caught:
        await bench.broker.submit(ORDER)
    assert posts(bench) <= before + 1
    return str(caught.value)


async def test_f067_a_slow_loris_is_cut_off_after_the_total_time(bench: TastytradeBench) -> None:
    bench.fault(on="submit", kind="slow")
    bench.hurry()
    async with asyncio.timeout(8):
        assert "did not answer within" in await unknown(bench)


async def test_f075_a_redirect_is_refused_and_proxies_of_the_environment_are_ignored(
    bench: TastytradeBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    await bench.restart()
    bench.fault(on="submit", kind="redirect", after=False)
    assert "redirect" in await unknown(bench)
    assert await bench.taken() == []
    bench.fault(on="positions", kind="redirect")
    with pytest.raises(RetryError, match="redirect"):
        await bench.broker.positions()


async def test_f076_the_page_of_a_captive_portal_is_no_answer(bench: TastytradeBench) -> None:
    bench.fault(on="submit", kind="html", after=False)
    assert "no JSON" in await unknown(bench)
    for verb in (bench.broker.positions, bench.broker.account, bench.broker.open_orders):
        bench.fault(on="read", kind="html")
        with pytest.raises(RetryError, match="no JSON"):
            await verb()


async def test_a_broker_that_cannot_be_reached_took_nothing(bench: TastytradeBench) -> None:
    await bench.loopback.stop()
    with pytest.raises(RefusedError, match="not sent"):
        await bench.broker.submit(ORDER)
    with pytest.raises(RetryError):
        await bench.broker.find(KEY)


async def through(bench: TastytradeBench, proxy: Proxy) -> TastytradeBroker:
    settings = TastytradeSettings(account=bench.number, loopback=f"http://127.0.0.1:{proxy.port}")
    return await settings.open(Opening("tasty", live=False, clock=bench.clock, secrets=SANDBOX))


@pytest.mark.parametrize("cut", [0, 1, 40, 200, 400, 600])
@pytest.mark.parametrize("way", ["cut_up", "cut_down"])
async def test_f008_f070_a_connection_cut_at_any_byte_sends_at_most_one_order(bench: TastytradeBench, way: str, cut: int) -> None:
    proxy = await Proxy(bench.loopback.port).start()
    broker = await through(bench, proxy)
    setattr(proxy, way, cut)
    with pytest.raises(QuantMatrixError) as caught:
        await broker.submit(ORDER)
    assert isinstance(caught.value, OutcomeUnknownError)
    assert len(await bench.taken()) <= 1
    assert bool(await bench.broker.find(KEY)) is bool(await bench.taken())
    await broker.close()
    await proxy.stop()


@pytest.mark.parametrize("tls", [True, False], ids=["unknown certificate", "no TLS at all"])
async def test_f070_what_answers_without_a_valid_certificate_hears_nothing(bench: TastytradeBench, *, tls: bool) -> None:
    await bench.loopback.stop()
    await bench.loopback.start(tls=tls)
    heard = len(bench.loopback.desk.seen)
    settings = TastytradeSettings(account=bench.number, loopback=f"https://127.0.0.1:{bench.loopback.port}")
    with pytest.raises(RetryError, match="cannot be reached"):
        await settings.open(Opening("tasty", live=False, clock=bench.clock, secrets=SANDBOX))
    assert len(bench.loopback.desk.seen) == heard


async def test_f072_slow_and_sliced_networks_hold_the_deadline_and_duplicate_nothing(bench: TastytradeBench) -> None:
    proxy = await Proxy(bench.loopback.port).start()
    broker = await through(bench, proxy)
    proxy.slice = 1
    assert (await broker.submit(ORDER)).key == KEY
    await broker.close()
    proxy.slice = 0
    hasty = await through(bench, proxy)
    wire = hasty.line.client._transport
    assert isinstance(wire, Wire)
    wire._seconds = 0.5
    proxy.slice, proxy.delay = 16, 0.05
    begun = asyncio.get_running_loop().time()
    with pytest.raises(OutcomeUnknownError):
        await hasty.submit(approved("-100.05", name="two"))
    assert asyncio.get_running_loop().time() - begun < 2
    assert len(await bench.taken()) <= 2
    await hasty.close()
    await proxy.stop()


async def test_f074_a_stale_kept_connection_never_carries_an_order(bench: TastytradeBench) -> None:
    proxy = await Proxy(bench.loopback.port).start()
    broker = await through(bench, proxy)
    await broker.positions()
    before = proxy.connections
    await broker.submit(ORDER)
    await broker.submit(approved("-100.05", name="two"))
    assert proxy.connections == before + 2, "an order went over a connection that something else had used"
    await bench.loopback.stop()
    await bench.loopback.start(bench.loopback.port)
    await broker.submit(approved("-100.05", name="three"))
    assert await bench.taken() == [KEY, "qm1-two-1", "qm1-three-1"]
    await broker.close()
    await proxy.stop()
