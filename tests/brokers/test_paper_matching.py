"""When and at what price paper orders trade."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brokers.paper.matching import FillModel, match, net
from brokers.paper.records import PaperOrder, Ticket
from core.model.instruments import Leg, Option, Right, Side
from core.model.market import Quote
from core.model.orders import OrderState
from tests.brokers.rig import BUY_LEAD, SELL_LEAD
from tests.kit.nouns import NOW, SESSION

NEAR = Option("LEAD", date(2024, 7, 19), Right.CALL, Decimal(100))
FAR = Option("LEAD", date(2024, 7, 19), Right.CALL, Decimal(110))
SPREAD = (Leg(NEAR, Side.BUY), Leg(FAR, Side.SELL))


def order(limit: str, quantity: int = 10, legs: tuple[Leg, ...] = BUY_LEAD, number: int = 1) -> PaperOrder:
    ticket = Ticket(f"qm1-x-{number}", legs, quantity, Decimal(limit))
    return PaperOrder(f"paper-{number:06d}", ticket, OrderState.WORKING, NOW, NOW, SESSION.close, NOW)


def quote(bid: str, ask: str, size: int = 100, seconds: float = 0.0) -> Quote:
    return Quote(Decimal(bid), Decimal(ask), size, size, NOW + timedelta(seconds=seconds))


def test_a_sale_takes_the_bid_and_a_purchase_the_ask() -> None:
    quotes = {"LEAD": quote("99.90", "100.10")}
    bought = match(order("-101.00"), quotes, NOW, {}, FillModel())
    sold = match(order("99.00", legs=SELL_LEAD), quotes, NOW, {}, FillModel())
    assert bought is not None
    assert sold is not None
    assert (bought.prices, sold.prices) == ((Decimal("100.10"),), (Decimal("99.90"),))


def test_improvement_moves_towards_the_mid_on_the_price_step() -> None:
    deal = match(order("-101.00"), {"LEAD": quote("99.90", "100.10")}, NOW, {}, FillModel(improvement=0.55))
    assert deal is not None
    assert deal.prices == (Decimal("100.05"),)


def test_slippage_costs_beyond_the_touch_but_never_beyond_the_limit() -> None:
    quotes = {"LEAD": quote("99.90", "100.10")}
    free = match(order("-101.00"), quotes, NOW, {}, FillModel(slippage=0.5))
    bound = match(order("-100.12"), quotes, NOW, {}, FillModel(slippage=0.5))
    assert free is not None
    assert bound is not None
    assert (free.prices, bound.prices) == ((Decimal("100.20"),), (Decimal("100.12"),))


def test_a_limit_beyond_the_mid_rests_and_one_between_mid_and_touch_trades_about_as_often_as_stated() -> None:
    quotes = [{"LEAD": quote("99.90", "100.10", seconds=number)} for number in range(2000)]
    model = FillModel(mid_fill=0.2)

    def share(limit: str) -> float:
        deals = [match(order(limit), shown, shown["LEAD"].as_of, {}, model) for shown in quotes]
        assert {deal.prices for deal in deals if deal} <= {(abs(Decimal(limit)),)}
        return sum(deal is not None for deal in deals) / len(quotes)

    assert share("-99.99") == 0
    assert share("-100.00") == pytest.approx(0.2, abs=0.03)
    assert share("-100.05") == pytest.approx(0.6, abs=0.04)
    assert share("-100.10") == 1


@pytest.mark.parametrize(
    "shown",
    [quote("100.20", "100.10"), quote("0", "0"), quote("99.90", "100.10", seconds=-61), quote("99.90", "100.10", size=0)],
    ids=["crossed", "nobody offers", "stale", "no size"],
)
def test_a_quote_that_is_not_sound_trades_nothing(shown: Quote) -> None:
    assert match(order("-101.00"), {"LEAD": shown}, NOW, {}, FillModel()) is None


def test_nobody_bids_so_nothing_is_sold() -> None:
    assert match(order("0.00", legs=SELL_LEAD), {"LEAD": quote("0", "0.05")}, NOW, {}, FillModel()) is None


def test_one_missing_leg_stops_the_whole_spread() -> None:
    assert match(order("-9.00", legs=SPREAD), {NEAR.key: quote("5", "5.2")}, NOW, {}, FillModel()) is None


def test_a_spread_trades_all_legs_at_one_net_price() -> None:
    quotes = {NEAR.key: quote("5.00", "5.20"), FAR.key: quote("2.00", "2.11")}
    model = FillModel(mid_fill=1)
    between = match(order("-3.09", legs=SPREAD), quotes, NOW, {}, model)
    assert between is not None
    assert net(SPREAD, between.prices) == Decimal("-3.09")
    assert all(
        quotes[leg.instrument.key].bid <= paid <= quotes[leg.instrument.key].ask
        for leg, paid in zip(SPREAD, between.prices, strict=True)
    )


def test_displayed_size_is_shared_with_what_others_took_and_by_ratio() -> None:
    legs = (Leg(NEAR, Side.BUY, 2), Leg(FAR, Side.SELL))
    quotes = {NEAR.key: quote("5.00", "5.20", 11), FAR.key: quote("2.00", "2.10", 50)}
    taken = {(NEAR.key, Side.BUY): (NOW, 3), (FAR.key, Side.SELL): (NOW - timedelta(seconds=1), 49)}
    deal = match(order("-9.00", 20, legs), quotes, NOW, taken, FillModel())
    assert deal is not None
    assert deal.units == 4
    shared = match(order("-9.00", 20, legs), quotes, NOW, {}, FillModel(participation=0.5))
    assert shared is not None
    assert shared.units == 2


def test_a_part_fill_leaves_at_least_one_unit_and_takes_at_least_one() -> None:
    for number in range(200):
        deal = match(order("-101.00", 7, number=number), {"LEAD": quote("99.90", "100.10")}, NOW, {}, FillModel(partial=1))
        assert deal is not None
        assert 1 <= deal.units <= 6


def test_an_order_trades_once_on_one_quote() -> None:
    quotes = {"LEAD": quote("99.90", "100.10", 4)}
    again = replace(order("-101.00"), quoted_at=NOW, filled=4)
    assert match(again, quotes, NOW, {}, FillModel()) is None
    assert match(again, {"LEAD": quote("99.90", "100.10", 4, 1)}, NOW + timedelta(seconds=1), {}, FillModel()) is not None


def test_a_modelled_quote_makes_a_modelled_deal() -> None:
    deal = match(order("-101.00"), {"LEAD": replace(quote("99.90", "100.10"), modelled=True)}, NOW, {}, FillModel())
    assert deal is not None
    assert deal.modelled


PRICE = st.integers(1, 5000).map(lambda cents: Decimal(cents) / 100)
WIDTH = st.integers(0, 200).map(lambda cents: Decimal(cents) / 100)


@given(
    bids=st.tuples(PRICE, PRICE),
    widths=st.tuples(WIDTH, WIDTH),
    ratios=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    limit=st.integers(-20_000, 20_000).map(lambda cents: Decimal(cents) / 100),
    model=st.builds(
        FillModel, improvement=st.floats(0, 1), slippage=st.floats(0, 1), mid_fill=st.floats(0, 1), partial=st.floats(0, 1)
    ),
)
def test_no_deal_is_ever_outside_its_limit_or_larger_than_its_order(
    bids: tuple[Decimal, Decimal], widths: tuple[Decimal, Decimal], ratios: tuple[int, int], limit: Decimal, model: FillModel
) -> None:
    legs = (Leg(NEAR, Side.BUY, ratios[0]), Leg(FAR, Side.SELL, ratios[1]))
    quotes = {leg.instrument.key: Quote(bid, bid + width, 50, 50, NOW) for leg, bid, width in zip(legs, bids, widths, strict=True)}
    deal = match(order(str(limit), 10, legs), quotes, NOW, {}, model)
    if deal is not None:
        assert net(legs, deal.prices) >= limit
        assert 1 <= deal.units <= 10
        assert all(paid >= 0 for paid in deal.prices)
