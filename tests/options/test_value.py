"""Marks of legs by quotes and by the model."""

import math
from datetime import UTC, date, datetime
from decimal import Decimal

import numpy as np
import pytest

from core.market.chains import years_to
from core.model.instruments import Leg, Option, Right, Side, Stock
from core.model.market import Quote
from core.options.value import mark, value
from core.quant.american import price

NOW = datetime(2026, 3, 10, 15, 0, tzinfo=UTC)
LONG = Option("AAA", date(2026, 4, 17), Right.CALL, Decimal(100))
SHORT = Option("AAA", date(2026, 4, 17), Right.CALL, Decimal(110))
SPREAD = (Leg(LONG, Side.BUY), Leg(SHORT, Side.SELL))


def quote(bid: str, ask: str) -> Quote:
    return Quote(Decimal(bid), Decimal(ask), 1, 1, NOW)


def test_a_spread_is_marked_at_its_mids() -> None:
    quotes = {LONG.key: quote("4.00", "4.20"), SHORT.key: quote("1.00", "1.11")}
    assert mark(SPREAD, quotes) == Decimal("304.50")
    assert mark((Leg(SHORT, Side.SELL, 2),), quotes) == Decimal("-211.00")
    assert mark((Leg(Stock("AAA"), Side.BUY, 100), Leg(LONG, Side.SELL)), {**quotes, "AAA": quote("99", "101")}) == Decimal(9590)


@pytest.mark.parametrize("bad", [None, quote("1.00", "0.90"), quote("0", "0")])
def test_nothing_is_claimed_without_sound_quotes(bad: Quote | None) -> None:
    quotes = {LONG.key: quote("4.00", "4.20")} | ({SHORT.key: bad} if bad else {})
    assert mark(SPREAD, quotes) is None


def test_the_model_value_of_a_spread_is_that_of_its_legs() -> None:
    spots, years = np.array([90.0, 105.0, math.nan]), years_to(LONG.expiry, NOW)
    found = value(SPREAD, {LONG.key: 0.3, SHORT.key: 0.28}, spots, NOW, 0.03, 0.01)
    bought = price(spots, 100.0, years, 0.03, 0.01, 0.3, is_call=True)
    sold = price(spots, 110.0, years, 0.03, 0.01, 0.28, is_call=True)
    assert found[:2] == pytest.approx(100 * (bought - sold)[:2])
    assert math.isnan(found[2])
    assert np.isnan(value(SPREAD, {LONG.key: 0.3}, spots, NOW, 0.03, 0.01)).all()


def test_after_expiry_the_legs_are_worth_their_intrinsic_value() -> None:
    later = datetime(2026, 4, 18, tzinfo=UTC)
    spots = np.array([90.0, 105.0, 150.0])
    assert value(SPREAD, {}, spots, later, 0.03, 0.0).tolist() == [0.0, 500.0, 1000.0]
    assert value((Leg(Stock("AAA"), Side.BUY, 10),), {}, spots, later, 0.03, 0.0).tolist() == [900.0, 1050.0, 1500.0]
