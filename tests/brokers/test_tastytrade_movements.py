"""The history of a tastytrade account as movements: assignments, expiries, splits, dividends, cash."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from brokers.tastytrade.movements import movements
from brokers.tastytrade.values import UnreadableError
from core.model.instruments import Option, Right
from core.model.orders import Movement, Transaction
from core.portfolio.movements import settle
from tests.brokers.bench import LONG_AGO
from tests.brokers.bench_tastytrade import TastytradeBench
from tests.kit import nouns

AT = "2024-06-12T21:00:00.000+00:00"
PUT = Option("LEAD", datetime(2024, 6, 14, tzinfo=UTC).date(), Right.PUT, Decimal(95))


def row(number: int, kind: str, sub: str, **more: Any) -> dict[str, Any]:
    told: dict[str, Any] = {"id": number, "transaction-type": kind, "transaction-sub-type": sub, "executed-at": AT}
    told |= {name.replace("_", "-"): value for name, value in more.items()}
    if "symbol" in told:
        told.setdefault("instrument-type", "Equity Option" if len(told["symbol"]) == 21 else "Equity")
    return told


def read(*rows: dict[str, Any]) -> list[tuple[object, ...]]:
    return [(one.kind.value, one.instrument_key, one.quantity, one.price, one.cash) for one in movements(rows, "tasty")]


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[TastytradeBench]:
    made = TastytradeBench(tmp_path)
    await made.start()
    yield made
    await made.stop()


def test_f106_an_early_assignment_takes_the_contract_and_brings_the_shares() -> None:
    taken = row(1, "Receive Deliver", "Assignment", symbol=PUT.key, action="Buy to Close", quantity="1", value="0.0")
    shares = row(2, "Receive Deliver", "Buy to Open", symbol="LEAD", action="Buy to Open", quantity="100", price="95.0",
                 net_value="9505.0", net_value_effect="Debit")  # fmt: skip
    assert read(taken, shares) == [
        ("assignment", PUT.key, 1, Decimal(0), Decimal(0)),
        ("assignment", "LEAD", 100, Decimal(95), Decimal(-9505)),
    ]


def test_shares_of_an_exercise_are_told_apart_from_those_of_an_assignment() -> None:
    exercised = row(1, "Receive Deliver", "Exercise", symbol=PUT.key, action="Sell to Close", quantity="2")
    shares = row(2, "Receive Deliver", "Sell to Close", symbol="LEAD", action="Sell to Close", quantity="200", price="95.0",
                 net_value="19000.0", net_value_effect="Credit")  # fmt: skip
    assert read(shares, exercised)[1] == ("exercise", "LEAD", -200, Decimal(95), Decimal(19_000))


def test_an_expiry_moves_no_cash_and_a_cash_settlement_does() -> None:
    expired = row(1, "Receive Deliver", "Expiration", symbol=PUT.key, action="Sell to Close", quantity="3")
    settled = row(2, "Receive Deliver", "Cash Settled Exercise", symbol=PUT.key, action="Sell to Close", quantity="1",
                  net_value="250.0", net_value_effect="Credit")  # fmt: skip
    assert read(expired, settled) == [
        ("expiry", PUT.key, -3, Decimal(0), Decimal(0)),
        ("exercise", PUT.key, -1, Decimal(0), Decimal(250)),
    ]


def test_f109_a_split_of_shares_is_one_movement_with_its_ratio() -> None:
    out = row(1, "Receive Deliver", "Forward Split", symbol="LEAD", action="Sell to Close", quantity="100")
    into = row(2, "Receive Deliver", "Forward Split", symbol="LEAD", action="Buy to Open", quantity="200")
    assert read(out, into) == [("split", "LEAD", 100, Decimal(2), Decimal(0))]


def test_f109_a_split_of_contracts_is_two_movements_with_one_ratio() -> None:
    new = Option("LEAD", PUT.expiry, Right.PUT, Decimal("47.5"))
    out = row(1, "Receive Deliver", "Forward Split", symbol=PUT.key, action="Sell to Close", quantity="1")
    into = row(2, "Receive Deliver", "Forward Split", symbol=new.key, action="Buy to Open", quantity="2")
    assert read(out, into) == [("split", PUT.key, -1, Decimal(2), Decimal(0)), ("split", new.key, 2, Decimal(2), Decimal(0))]


@pytest.mark.parametrize(
    ("kind", "sub", "value", "effect", "expected"),
    [
        ("Money Movement", "Deposit", "5000.0", "Credit", ("deposit", None, 0, Decimal(5000))),
        ("Money Movement", "Withdrawal", "100.0", "Debit", ("deposit", None, 0, Decimal(-100))),
        ("Money Movement", "Debit Interest", "1.25", "Debit", ("deposit", None, 0, Decimal("-1.25"))),
        ("Money Movement", "Fee", "0.02", "Debit", ("deposit", None, 0, Decimal("-0.02"))),
        ("Something New", "Never Seen", "3.00", "Credit", ("deposit", None, 0, Decimal(3))),
    ],
)
def test_cash_moves_with_its_sign(kind: str, sub: str, value: str, effect: str, expected: tuple[object, ...]) -> None:
    (told,) = read(row(1, kind, sub, net_value=value, net_value_effect=effect))
    assert (told[0], told[1], told[2], told[4]) == expected


def test_a_dividend_belongs_to_its_symbol() -> None:
    dividend = row(1, "Money Movement", "Dividend", symbol="BRK/B", net_value="27.74", net_value_effect="Credit")
    assert read(dividend) == [("dividend", "BRK.B", 0, Decimal(0), Decimal("27.74"))]


def test_a_kind_that_nobody_knows_takes_away_what_it_takes_and_brings_nothing(caplog: pytest.LogCaptureFixture) -> None:
    out = row(1, "Receive Deliver", "Stock Merger", symbol="LEAD", action="Sell to Close", quantity="10")
    into = row(2, "Receive Deliver", "Stock Merger", symbol="NEW", action="Buy to Open", quantity="5")
    assert read(out, into) == [("delisting", "LEAD", -10, Decimal(0), Decimal(0))]
    assert "Stock Merger" in caplog.text


def test_a_trade_is_no_movement_and_a_figure_without_its_sign_is_refused() -> None:
    assert read(row(1, "Trade", "Buy to Open", symbol="LEAD", action="Buy to Open", quantity="1")) == []
    with pytest.raises(UnreadableError, match="debit"):
        read(row(1, "Money Movement", "Deposit", net_value="5.0"))


def test_the_recorded_history_is_read(shared: Path) -> None:
    body = json.loads((shared / "data/fixtures/tastytrade/transactions_listing.json").read_text())
    assert [(one.kind, one.instrument_key, one.quantity, one.cash) for one in movements(body["data"]["items"], "tasty")] == [
        (Movement.DIVIDEND, "KBWD", 0, Decimal("27.74"))
    ], "fractions of reinvested dividends are not booked, their cash is"


async def test_rows_of_the_broker_book_as_the_ledger_expects(bench: TastytradeBench) -> None:
    """A short put that is assigned early becomes shares, with the cash that the broker moved."""
    await bench.loopback.act("move", rows=[{"kind": "Receive Deliver", "sub": "ACAT", "symbol": PUT.key, "change": 1,
                                            "action": "Buy to Open"}])  # fmt: skip
    await bench.settle(PUT.expiry, {"LEAD": Decimal(90)})
    exercise = next(one for one in await bench.broker.transactions(LONG_AGO) if one.instrument_key == PUT.key)
    assert exercise.kind is Movement.EXERCISE
    assert isinstance(exercise, Transaction)
    assert await bench.broker.positions() == {"LEAD": -100}
    held = nouns.position()
    assert settle(held, exercise) == held, "a movement of something that is not held changed a position"


async def test_movements_are_given_from_the_instant_on_across_pages(bench: TastytradeBench) -> None:
    bench.loopback.desk.per_page = 3
    for _ in range(7):
        await bench.loopback.act("move", rows=[{"kind": "Money Movement", "sub": "Deposit", "value": "1.00"}])
        bench.clock.turn(86_400)
    assert len(await bench.broker.transactions(LONG_AGO)) == 7
    assert len({one.id for one in await bench.broker.transactions(LONG_AGO)}) == 7
    bench.clock.turn(-2 * 86_400)
    assert len(await bench.broker.transactions(bench.clock.now())) == 2
