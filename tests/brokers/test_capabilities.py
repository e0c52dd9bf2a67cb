"""An order that a broker cannot take as one is named before anybody is asked."""

import pytest

from core.model.instruments import Leg, Side, Stock
from core.ports.broker import Capabilities
from tests.brokers.bench import BUY_LEAD, BUY_SPREAD, CALL

FIVE = tuple(Leg(Stock(f"S{number}"), Side.BUY) for number in range(5))
ALL = Capabilities("somebody", live=False)


@pytest.mark.parametrize(
    ("able", "legs", "words"),
    [
        (ALL, BUY_LEAD, None),
        (ALL, BUY_SPREAD, None),
        (ALL, FIVE, "takes 4 leg(s) in one order, this one has 5"),
        (Capabilities("somebody", live=False, multi_leg=False), BUY_SPREAD, "takes 1 leg(s)"),
        (Capabilities("somebody", live=False, options=False), (Leg(CALL, Side.BUY),), "may not trade options"),
        (Capabilities("somebody", live=False, options=False), (*BUY_LEAD, Leg(CALL, Side.SELL)), "may not trade options"),
        (Capabilities("somebody", live=False, options=False), BUY_LEAD, None),
        (Capabilities("somebody", live=False, stock=False), BUY_LEAD, "may not trade shares"),
    ],
)
def test_a_shape_that_cannot_be_one_order_is_objected_to(able: Capabilities, legs: tuple[Leg, ...], words: str | None) -> None:
    found = able.objection(legs)
    assert (found is None) is (words is None)
    assert words is None or words in str(found)
