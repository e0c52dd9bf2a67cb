"""What the doctor says about real brokers: connection, account, permissions, mode; over their loopback servers."""

from pathlib import Path

from bot.access import Access
from bot.app_branch import Ground
from bot.app_doctor import broker
from bot.findings import Finding
from bot.settings import Settings, load
from bot.wiring import calendar
from tests.brokers.bench_ibkr import IbkrBench
from tests.brokers.bench_tastytrade import SANDBOX, TastytradeBench
from tests.kit.ibkr.world import ACCOUNT

FEED = "feed: {name: simulated, symbols: 5, start: 2024-06-03}\n"
LOOPBACK = "discord: {loopback: 'http://127.0.0.1:9'}\n"


async def said(chosen: Settings, clock: object) -> list[Finding]:
    sessions = calendar(chosen.feed.start, chosen.feed.start)
    market = chosen.feed.open(clock, sessions)
    return await broker(chosen, Ground(clock, market, sessions, Access(chosen.discord), Path(), lambda _: None, lambda _: None))  # type: ignore[arg-type]


async def test_the_doctor_proves_tastytrade(tmp_path: Path) -> None:
    bench = TastytradeBench(tmp_path)
    await bench.start()
    secrets = {name: secret.reveal() for name, secret in SANDBOX.items()}
    text = f"{LOOPBACK}{FEED}broker: {{name: tastytrade, account: {bench.number}, loopback: '{bench.loopback.url}'}}"
    found = [finding.sentence for finding in await said(load(text, secrets), bench.clock)]
    wrong = load(text.replace(bench.number, "5WT99999"), secrets)
    (refused,) = await said(wrong, bench.clock)
    await bench.stop()
    assert f"paper: tastytrade answers for account {bench.number}, no real money" in found
    assert any("takes stock, options, spreads as one order" in sentence for sentence in found)
    assert any("options:" in sentence for sentence in found)
    assert refused.is_bad
    assert "5WT99999" in refused.sentence


async def test_the_doctor_proves_interactive_brokers(tmp_path: Path) -> None:
    bench = IbkrBench(tmp_path)
    await bench.start()
    place = f"account: {ACCOUNT}, port: {bench.settings['port']}, sent: '{tmp_path}', client_id: 77"
    text = f"{LOOPBACK}{FEED}broker: {{name: ibkr, {place}}}"
    found = [finding.sentence for finding in await said(load(text, {}), bench.clock)]
    (refused,) = await said(load(text.replace(ACCOUNT, "DU9999999"), {}), bench.clock)
    await bench.stop()
    assert any(f"ibkr answers for account {ACCOUNT}, no real money" in sentence for sentence in found), found
    assert refused.is_bad
    assert "DU9999999" in refused.sentence


async def test_orders_decided_on_an_invented_market_never_reach_a_real_broker(tmp_path: Path) -> None:
    bench = TastytradeBench(tmp_path)
    await bench.start()
    text = f"{FEED}broker: {{name: tastytrade, account: {bench.number}, loopback: '{bench.loopback.url}'}}"
    (refused,) = await said(load(text, {name: secret.reveal() for name, secret in SANDBOX.items()}), bench.clock)
    await bench.stop()
    assert "simulated invents its prices" in refused.sentence
