"""What a broker says that the account may still do today: day trades, intraday margin, closing only."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from brokers.tastytrade.standing import told
from tests.brokers.bench_ibkr import IbkrBench
from tests.brokers.bench_tastytrade import TastytradeBench
from tests.kit import nouns


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[TastytradeBench]:
    made = TastytradeBench(tmp_path)
    await made.start()
    yield made
    await made.stop()


@pytest.mark.parametrize(
    ("rules", "left", "excess", "closing"),
    [
        ({}, None, None, ""),
        ({"day-trade-count": 2}, None, None, ""),
        ({"has-intraday-equities-margin": True}, None, "0.0", ""),
        ({"is-closing-only": True}, None, None, "tastytrade has set it to closing only"),
    ],
)
async def test_what_the_broker_still_allows_today_comes_with_the_balances(
    bench: TastytradeBench, rules: dict[str, object], left: int | None, excess: str | None, closing: str
) -> None:
    bench.loopback.desk.rules |= rules
    account = await bench.broker.account()
    assert (account.day_trades_left, account.closing_only) == (left, closing)
    assert (None if account.intraday_excess is None else str(account.intraday_excess)) == excess


@pytest.mark.parametrize(("worth", "kind", "left"), [("24999.99", "Reg T", 1), ("25000", "Reg T", None), ("5000", "Cash", None)])
def test_day_trades_are_counted_below_25000_dollars_alone(worth: str, kind: str, left: int | None) -> None:
    body = {"cash-balance": worth, "derivative-buying-power": worth, "net-liquidating-value": worth}
    told_rules = {"equities-margin-calculation-type": kind, "day-trade-count": 2}
    assert told("tasty", body, told_rules, nouns.NOW).day_trades_left == left


async def test_interactive_brokers_names_the_day_trades_that_are_left(tmp_path: Path) -> None:
    made = IbkrBench(tmp_path)
    await made.start()
    account = await made.broker.account()
    await made.stop()
    assert account.day_trades_left == 3
