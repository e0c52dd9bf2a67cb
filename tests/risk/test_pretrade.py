"""Shape, price and quotes of an order before anybody is asked."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.model.instruments import Leg, Right, Side, Stock
from core.model.proposals import Decision
from core.quant import payoff
from core.risk.order_shape import OrderShape
from core.risk.price_sane import PriceSane
from core.risk.quote_width import QuoteWidth
from core.risk.second_quote import SecondQuote
from tests.kit import nouns
from tests.risk.made import ABSENT, BLOCK, CALL, FAR, LONG, PASS, SPREAD, decision, order, view

SOLD = Leg(FAR, Side.SELL)


@pytest.mark.parametrize(
    ("legs", "words"),
    [
        (tuple(Leg(nouns.option(strike=90 + 5 * n), Side.BUY) for n in range(5)), "5 legs"),
        ((Leg(CALL, Side.BUY, 2), Leg(FAR, Side.SELL, 2)), "common factor"),
        ((Leg(CALL, Side.BUY), Leg(CALL, Side.SELL)), "same contract"),
        ((Leg(CALL, Side.BUY), Leg(nouns.option("ELSE", 110), Side.SELL)), "different underlyings"),
        ((Leg(CALL, Side.BUY, 0),), "not positive"),
        ((Leg(CALL, Side.BUY), Leg(FAR, Side.SELL, 2)), "nothing covers 1000 shares"),
        ((SOLD,), "nothing covers 1000 shares"),
        ((Leg(Stock("LEAD"), Side.SELL),), "short"),
    ],
)
def test_an_order_of_an_unknown_shape_is_blocked(legs: tuple[Leg, ...], words: str) -> None:
    verdict = OrderShape().check(order(legs), nouns.book(), nouns.view())
    assert verdict.decision is BLOCK
    assert words in verdict.reason


@pytest.mark.parametrize(
    "legs",
    [LONG, SPREAD, (Leg(Stock("LEAD"), Side.BUY, 100), SOLD), (Leg(CALL, Side.BUY, 2), Leg(FAR, Side.SELL, 1)),
     (Leg(nouns.option(right=Right.PUT), Side.SELL),)],
)  # fmt: skip
def test_a_known_shape_passes(legs: tuple[Leg, ...]) -> None:
    assert decision(OrderShape(), order(legs)) is PASS


def test_a_call_may_be_sold_against_shares_that_are_held() -> None:
    held = nouns.book(nouns.marked(nouns.position(units=1000)))
    assert decision(OrderShape(), order((SOLD,)), book=held) is PASS
    assert decision(OrderShape(), order((SOLD,), quantity=11), book=held) is BLOCK


def test_ten_contracts_are_the_most_where_the_setting_says_so() -> None:
    verdict = OrderShape(contracts=10).check(order(quantity=25), nouns.book(), nouns.view())
    assert (verdict.decision, verdict.quantity) == (Decision.TRIM, 10)
    assert decision(OrderShape(contracts=10), nouns.proposal(quantity=500)) is PASS


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"limit": Decimal("NaN")}, "not a number"),
        ({"floor": Decimal("-Infinity")}, "not a number"),
        ({"limit": Decimal("-3.155")}, "price steps"),
        ({"floor": Decimal("-3.00")}, "above its limit"),
        ({"limit": Decimal("-3.40"), "floor": Decimal("-3.50")}, "1.20 spreads outside"),
        ({"limit": Decimal("-10.00"), "floor": Decimal("-10.05")}, "worth 10"),
        ({"limit": Decimal("-2.00")}, "spreads outside"),
    ],
)
def test_a_price_that_no_sound_mind_pays_is_blocked(changes: dict[str, Any], words: str) -> None:
    verdict = PriceSane().check(order(**changes), nouns.book(), nouns.view())
    assert verdict.decision is BLOCK
    assert words in verdict.reason


def test_the_natural_price_is_sane_and_so_is_everything_up_to_the_mid() -> None:
    for limit in ("-3.15", "-3.10", "-3.05"):
        assert decision(PriceSane(), order(limit=Decimal(limit))) is PASS
    assert decision(PriceSane(), order(LONG)) is PASS


def test_a_single_option_stands_on_the_steps_of_its_class() -> None:
    assert decision(PriceSane(), order(LONG, limit=Decimal("-5.11"), floor=Decimal("-5.30"))) is BLOCK
    cents = (nouns.leg_quote(CALL, 5.01, 5.13),)
    assert decision(PriceSane(), order(LONG, limit=Decimal("-5.13"), floor=Decimal("-5.21"), quotes=cents)) is PASS


@given(width=st.integers(1, 40), paid=st.integers(1, 6000))
def test_a_debit_is_sane_only_below_what_the_spread_can_pay(width: int, paid: int) -> None:
    legs = (Leg(CALL, Side.BUY), Leg(nouns.option(strike=100 + width), Side.SELL))
    debit = Decimal(paid) / 100
    wide = (nouns.leg_quote(CALL, 0.01, 100), nouns.leg_quote(legs[1].instrument, 0.01, 100))
    made = order(legs, limit=-debit, floor=-debit, quotes=wide)
    assert (decision(PriceSane(), made) is PASS) is (debit < width)
    assert (payoff.max_loss(legs, -debit) > 0) is True


@pytest.mark.parametrize(
    ("bid", "ask", "expected"),
    [("1.00", "1.20", PASS), ("1.00", "1.45", BLOCK), ("1.00", "1.28", PASS), ("0.50", "0.80", BLOCK), ("0", "0.05", BLOCK)],
)
def test_an_option_with_a_wide_or_one_sided_market_is_left_alone(bid: str, ask: str, expected: Decision) -> None:
    quotes = (nouns.leg_quote(CALL, float(bid), float(ask)),)
    assert decision(QuoteWidth(share=0.25, dollars=0.40), order(LONG, quotes=quotes)) is expected


def test_a_side_without_size_is_no_market() -> None:
    empty = nouns.view(nouns.symbol_view(quote=nouns.quote(ask_size=0)))
    assert decision(QuoteWidth(), nouns.proposal(), empty) is BLOCK
    assert decision(QuoteWidth(), nouns.proposal()) is PASS


@pytest.mark.parametrize(("mid", "expected"), [(100.0, PASS), (102.9, PASS), (103.2, BLOCK), (96.5, BLOCK)])
def test_f102_two_sources_that_disagree_by_more_than_three_percent_block(mid: float, expected: Decision) -> None:
    assert decision(SecondQuote(), nouns.proposal(), view(second={"LEAD": nouns.quote(mid)}, asked=frozenset({"LEAD"}))) is expected


def test_two_price_steps_apart_are_no_disagreement_and_a_silent_second_source_is_not_evaluated() -> None:
    cheap = (nouns.leg_quote(CALL, 0.10, 0.12),)
    near = {CALL.key: nouns.quote(0.13, 0.02)}
    penny = {"limit": Decimal("-0.12"), "floor": Decimal("-0.14"), "tick": Decimal("0.01")}
    assert decision(SecondQuote(), order(LONG, quotes=cheap, **penny), view(second=near, asked=frozenset(near))) is PASS
    assert decision(SecondQuote(), nouns.proposal(), view(asked=frozenset({"LEAD"}))) is ABSENT
    assert decision(SecondQuote(), nouns.proposal(), view(second={"ELSE": nouns.quote()}, asked=frozenset({"ELSE"}))) is PASS
    assert decision(SecondQuote(), nouns.proposal(), nouns.view()) is PASS
