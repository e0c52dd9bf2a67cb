"""The paper ledger and our own books meet the same movements: they hold the same things and the same cash afterwards."""

from datetime import date
from decimal import Decimal

import pytest

from brokers.paper.ledger import Ledger
from brokers.paper.records import CorporateAction, Delisting, Dividend, Moment, Split, Ticket
from core.model.instruments import Instrument, Leg, Option, Right, Side, Stock
from core.model.market import Quote
from core.model.orders import Fill
from core.model.positions import Holding, Position
from core.portfolio.holdings import cost
from core.portfolio.ledger import settle_all
from tests.brokers.rig import LONG_AGO, memory_ledger
from tests.kit import nouns
from tests.kit.nouns import NOW, SESSION

EXPIRY, NEXT = date(2024, 6, 21), date(2024, 6, 13)
LEAD = Stock("LEAD")
CALL, HIGHER = (Option("LEAD", EXPIRY, Right.CALL, Decimal(strike)) for strike in (100, 110))
PUT, LOWER = (Option("LEAD", EXPIRY, Right.PUT, Decimal(strike)) for strike in (100, 90))
HELD: dict[str, tuple[Leg, ...]] = {
    "stock": (Leg(LEAD, Side.BUY),),
    "long call": (Leg(CALL, Side.BUY),),
    "call debit spread": (Leg(CALL, Side.BUY), Leg(HIGHER, Side.SELL)),
    "put credit spread": (Leg(PUT, Side.SELL), Leg(LOWER, Side.BUY)),
}
PRICES: dict[Instrument, str] = {LEAD: "100", CALL: "6", HIGHER: "2", PUT: "5", LOWER: "1"}
ACTIONS: dict[str, tuple[CorporateAction, ...]] = {
    "nothing": (),
    "two for one": (Split("LEAD", NEXT, Decimal(2), Decimal("51.17")),),
    "three for two": (Split("LEAD", NEXT, Decimal("1.5"), Decimal("68.31")),),
    "one for ten": (Split("LEAD", NEXT, Decimal("0.1"), Decimal("1013.37")),),
    "dividend": (Dividend("LEAD", NEXT, Decimal("0.237")),),
    "delisting": (Delisting("LEAD", NEXT, Decimal("3.21")),),
}


def bought(legs: tuple[Leg, ...], quantity: int) -> Ledger:
    ledger = memory_ledger()
    quotes = {thing.key: Quote(Decimal(paid), Decimal(paid), 10_000, 10_000, NOW) for thing, paid in PRICES.items()}
    limit = sum((-leg.side.sign * Decimal(PRICES[leg.instrument]) for leg in legs), Decimal(0))
    ledger.submit(Ticket("key", legs, quantity, limit), Moment(NOW, SESSION, quotes))
    return ledger


def booked(structure: str, legs: tuple[Leg, ...], quantity: int, fills: tuple[Fill, ...]) -> tuple[Position, Position]:
    """The same holding in two positions of our books, a third and the rest, and the cash of the fills in the first one."""
    parts = (quantity // 3, quantity - quantity // 3)
    return tuple(  # type: ignore[return-value]  # two parts make two positions
        nouns.position(
            units=part,
            id=f"position-{place}",
            structure=structure,
            holdings=tuple(Holding(leg.instrument, leg.side.sign * part, paid(leg.instrument, fills)) for leg in legs),
        )
        for place, part in enumerate(parts)
    )


def paid(thing: Instrument, fills: tuple[Fill, ...]) -> Decimal:
    return next(fill.price for fill in fills if fill.instrument_key == thing.key)


@pytest.mark.parametrize("spot", ["85.00", "95.00", "100.00", "104.37", "123.45"])
@pytest.mark.parametrize("action", list(ACTIONS))
@pytest.mark.parametrize("structure", list(HELD))
def test_broker_and_books_agree_to_the_cent_after_every_movement(structure: str, action: str, spot: str) -> None:
    ledger = bought(HELD[structure], 7)
    fills = ledger.fills(LONG_AGO)
    positions: tuple[Position, ...] = booked(structure, HELD[structure], 7, fills)
    rows = [row for one in ACTIONS[action] for row in ledger.corporate_action(one, NOW)]
    rows += ledger.expire(EXPIRY, {"LEAD": Decimal(spot)}, NOW)
    for row in rows:
        positions = settle_all(positions, row)
    held: dict[str, int] = {}
    for position in positions:
        for holding in position.holdings:
            held[holding.instrument.key] = held.get(holding.instrument.key, 0) + holding.quantity
    assert {key: quantity for key, quantity in held.items() if quantity} == ledger.positions()
    realised = sum((position.realised for position in positions), Decimal(0))
    traded = sum((fill.cash for fill in fills), Decimal(0))
    moved = sum((row.cash for row in rows), Decimal(0))
    still = sum((cost(position.holdings) for position in positions), Decimal(0))
    assert abs(realised - (traded + moved + still)) < Decimal("0.00001")
