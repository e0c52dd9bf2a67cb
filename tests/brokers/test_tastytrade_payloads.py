"""Recorded and documented payloads of tastytrade: the adapter reads them, and the loopback broker speaks in the same shapes."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from tastytrade.account import Account as TastyAccount
from tastytrade.account import AccountBalance, CurrentPosition, TradingStatus, Transaction
from tastytrade.order import PlacedOrder, PlacedOrderResponse, UnplacedOrder

from brokers.tastytrade.reading import Reader, judgement
from brokers.tastytrade.symbols import from_wire
from core.model.instruments import Side
from core.model.orders import OrderEvent
from tests.kit.tastytrade import shapes
from tests.kit.tastytrade.books import Execution, Moved, Part, Placed

AT = datetime(2023, 7, 5, 19, 7, 32, 496000, tzinfo=UTC)
ACCOUNT = "SENTINEL-5WX00042"


@pytest.fixture(scope="module")
def recorded(shared: Path) -> Mapping[str, Any]:
    folder = shared / "data/fixtures/tastytrade"
    return {file.name.split(".")[0]: json.loads(file.read_text()) for file in folder.glob("*.json")}


def placed() -> Placed:
    part = Part("AAPL", "Equity", "Buy to Open", 100, [Execution("fill-1", 100, Decimal("100.0"), AT, Decimal(0))])
    return Placed(1, None, Decimal(-100), [part], "Filled", AT, AT, AT)


def test_the_documented_order_is_read(recorded: Mapping[str, Any]) -> None:
    report = Reader("tasty").report(recorded["order"]["data"], {})
    assert (report.key, report.broker_order_id, report.event, report.leg_filled) == (None, "1", OrderEvent.FULL_FILL, (100,))
    (fill,) = report.fills
    assert (fill.exec_id, fill.quantity, fill.price, fill.side, fill.instrument_key, fill.fee) == (
        "24_TW::TEST_A47504::20230705.1179-TEST_FILL", 100, Decimal("100.0"), Side.BUY, "AAPL", None,
    )  # fmt: skip
    assert fill.at == AT
    assert report.at == datetime(2023, 7, 5, 19, 7, 32, 750000, tzinfo=UTC)


def test_the_recorded_dry_run_is_read_with_its_fees_and_its_effect_on_buying_power(recorded: Mapping[str, Any]) -> None:
    preview = judgement(recorded["order_dry_run"])
    assert (preview.accepted, preview.fees, preview.buying_power_effect) == (True, Decimal("2.302"), Decimal("102.302"))


def test_the_sdk_would_not_read_the_recorded_dry_run_which_is_why_it_is_read_here(recorded: Mapping[str, Any]) -> None:
    with pytest.raises(ValidationError, match="underlying-instrument-type"):
        PlacedOrderResponse[UnplacedOrder].model_validate(recorded["order_dry_run"]["data"])


def test_the_recorded_account_and_its_permissions_are_read_by_the_sdk(recorded: Mapping[str, Any]) -> None:
    TastyAccount.model_validate(recorded["accounts"]["items"][0]["account"])
    TradingStatus.model_validate(recorded["trading_status"]["data"])


def test_option_symbols_are_our_keys(recorded: Mapping[str, Any]) -> None:
    legs = recorded["order_dry_run"]["data"]["order"]["legs"]
    assert [from_wire(leg) for leg in legs] == ["SPY   191018C00298000", "SPY   191018C00295000"]


def keys(body: object, path: str = "") -> set[str]:
    """Every key of a payload with its path; of a list only the first item."""
    if isinstance(body, list):
        return keys(body[0], path) if body else set()
    if not isinstance(body, dict):
        return set()
    return {f"{path}/{key}" for key in body} | {deeper for key, value in body.items() for deeper in keys(value, f"{path}/{key}")}


SHAPES: Mapping[str, tuple[object, str]] = {
    "order": (shapes.order(placed(), ACCOUNT), "data"),
    "trading_status": (shapes.trading_status(ACCOUNT, AT), "data"),
    "current-position": (shapes.position("AAPL", 100, ACCOUNT, AT), "data"),
    "transactions_listing": (
        [
            shapes.transaction(
                Moved(1, AT, "Receive Deliver", "Dividend", Decimal(0), "KBWD", "Buy to Open", 1, Decimal(16)), ACCOUNT
            )
        ],
        "data/items",
    ),
    "accounts": ([{"account": shapes.customer_account(ACCOUNT), "authority-level": "owner"}], "items"),
}
#: Of the recorded payloads, keys of the user's own that nothing here reads.
LEFT_OUT = {"/user-id", "/username", "/in-flight-at", "/live-at", "/enhanced-fraud-safeguards-enabled-at"} | {
    "/is-cryptocurrency-closing-only"
}


@pytest.mark.parametrize("name", SHAPES)
def test_the_loopback_says_every_key_that_was_recorded(recorded: Mapping[str, Any], name: str) -> None:
    ours, path = SHAPES[name]
    theirs = recorded[name]
    for step in path.split("/"):
        theirs = theirs[step]
    assert keys(theirs) - keys(ours) <= LEFT_OUT


def test_the_loopback_says_every_key_of_the_recorded_dry_run(recorded: Mapping[str, Any]) -> None:
    legs = [{"instrument-type": "Equity", "symbol": "AAPL", "action": "Buy to Open", "quantity": 1}]
    asked = {"legs": [{"symbol": "AAPL", "kind": "Equity", "action": "Buy to Open", "quantity": 1}]}
    body = {"order-type": "Limit", "price": "2.0", "price-effect": "Debit", "legs": legs}
    ours = shapes.dry_run(asked, body, ACCOUNT, (Decimal(2), Decimal(100)), Decimal(1))
    assert keys(recorded["order_dry_run"]["data"]) - keys(ours) == set()
    PlacedOrderResponse[UnplacedOrder].model_validate(ours)


def test_what_the_loopback_says_is_what_the_sdk_reads(recorded: Mapping[str, Any]) -> None:
    PlacedOrder.model_validate(SHAPES["order"][0])
    TradingStatus.model_validate(SHAPES["trading_status"][0])
    CurrentPosition.model_validate(SHAPES["current-position"][0])
    TastyAccount.model_validate(shapes.customer_account(ACCOUNT))
    trade = Moved(1, AT, "Trade", "Buy to Open", Decimal(-100), "AAPL", "Buy to Open", 1, Decimal(100), Decimal("0.5"), 7, "x")
    parsed = Transaction.model_validate(shapes.transaction(trade, ACCOUNT))
    assert (parsed.commission, parsed.net_value) == (Decimal("-0.5"), Decimal("-100.5"))
    balance = {"cash-balance": "1", **dict.fromkeys(shapes.ZEROES.split(), "0.0")}
    missing = {field.alias for field in AccountBalance.model_fields.values() if field.is_required()} - set(balance)
    assert missing <= {"account-number", "snapshot-date", "updated-at", "margin-equity"} | set(recorded["account-balance"]["data"])
    assert set(recorded["account-balance"]["data"]) >= {"cash-balance", "derivative-buying-power"}


def test_a_recorded_error_is_one_sentence(recorded: Mapping[str, Any]) -> None:
    from brokers.tastytrade.wire import _sentence

    told = recorded["lean_Create_Session_Error_Response"]["error"]
    assert _sentence(told).startswith("Invalid login, please check your username and password.")
