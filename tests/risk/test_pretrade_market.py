"""Contracts, sessions, halts, assignment, and what broker and feed say of themselves."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.model.conditions import Halt
from core.model.instruments import Leg, Option, Right, Side, Stock
from core.model.market import Events, MarketView, Session
from core.model.positions import Book, Holding
from core.model.proposals import Decision, Proposal
from core.model.standing import Standing
from core.quant import payoff
from core.risk.account_limits import AccountLimits
from core.risk.assignment import Assignment
from core.risk.contract import Contract
from core.risk.cool_down import CoolDown
from core.risk.corporate_action import CorporateActions
from core.risk.data_health import DataHealth
from core.risk.earnings import Earnings
from core.risk.halted import Halted
from core.risk.open_risk import OpenRisk
from core.risk.quote_width import QuoteWidth
from core.risk.restricted import Restricted
from core.risk.session_window import SessionWindow
from core.risk.stale_quote import StaleQuote
from core.risk.trade_risk import TradeRisk
from tests.kit import nouns
from tests.risk.made import ABSENT, BLOCK, CALL, LONG, PASS, decision, order, view


@pytest.mark.parametrize(
    ("legs", "words"),
    [
        ((Leg(nouns.option(expiry=date(2024, 6, 11)), Side.BUY),), "expired on 2024-06-11"),
        ((Leg(nouns.option(expiry=date(2029, 1, 19)), Side.BUY),), "0 to 1200 are allowed"),
    ],
)
def test_f104_an_expired_or_too_distant_contract_is_never_opened(legs: tuple[Leg, ...], words: str) -> None:
    verdict = Contract().check(order(legs), nouns.book(), nouns.view())
    assert verdict.decision is BLOCK
    assert words in verdict.reason


def test_f104_the_last_hour_of_an_expiry_day_is_left_alone() -> None:
    today = order((Leg(nouns.option(expiry=nouns.DAY), Side.BUY),))
    close = nouns.SESSION.close
    assert decision(Contract(), today, nouns.view(as_of=close - timedelta(minutes=61))) is PASS
    assert decision(Contract(), today, nouns.view(as_of=close - timedelta(minutes=59))) is BLOCK


@pytest.mark.parametrize(
    "adjusted",
    [Option("LEAD1", date(2024, 7, 19), Right.CALL, Decimal(100)), replace(CALL, multiplier=150)],
    ids=["root", "shares"],
)
def test_f108_an_adjusted_contract_is_never_opened_and_may_be_closed(adjusted: Option) -> None:
    assert decision(Contract(), order((Leg(adjusted, Side.BUY),))) is BLOCK
    assert decision(Contract(), nouns.closing_proposal(legs=(Leg(adjusted, Side.SELL),))) is PASS


@given(multiplier=st.integers(1, 1000), quantity=st.integers(1, 50))
def test_f111_another_multiplier_is_exact_or_denied(multiplier: int, quantity: int) -> None:
    strange = replace(CALL, multiplier=multiplier)
    made = order((Leg(strange, Side.BUY),), quantity=quantity)
    assert (decision(Contract(), made) is PASS) is (multiplier == 100)
    assert payoff.max_loss(made.legs, Decimal("-5.10")) == Decimal("5.10") * multiplier


HALF = Session(nouns.DAY, nouns.SESSION.open, nouns.SESSION.open + timedelta(hours=3, minutes=30), early=True)


@pytest.mark.parametrize(
    ("session", "minute", "expected"),
    [
        (nouns.SESSION, 4, BLOCK), (nouns.SESSION, 5, PASS), (nouns.SESSION, 379, PASS), (nouns.SESSION, 381, BLOCK),
        (HALF, 199, PASS), (HALF, 201, BLOCK),
    ],
)  # fmt: skip
def test_f083_the_first_five_and_last_ten_minutes_are_left_alone_on_half_days_too(
    session: Session, minute: int, expected: Decision
) -> None:
    at = nouns.view(session=session, as_of=session.open + timedelta(minutes=minute))
    assert decision(SessionWindow(after_open=5, before_close=10), nouns.proposal(), at) is expected
    assert decision(SessionWindow(), nouns.proposal(), at) is PASS


def ago(minutes: float) -> datetime:
    return nouns.NOW - timedelta(minutes=minutes)


@pytest.mark.parametrize("name", ["LEAD", ""], ids=["one name", "whole market"])
def test_f085_a_halt_stops_everything_and_entries_wait_five_minutes_longer(name: str) -> None:
    lasting = view(halts={name: Halt("limit state", ago(1))})
    for proposal in (nouns.proposal(), nouns.closing_proposal()):
        assert decision(Halted(), proposal, lasting) is BLOCK
    over = view(halts={name: Halt("limit state", ago(9), ago(4))})
    assert decision(Halted(), nouns.proposal(), over) is BLOCK
    assert decision(Halted(), nouns.closing_proposal(), over) is PASS
    assert decision(Halted(), nouns.proposal(), view(halts={name: Halt("limit state", ago(9), ago(5))})) is PASS


def test_f085_a_halt_of_another_name_changes_nothing() -> None:
    assert decision(Halted(), nouns.proposal(), view(halts={"ELSE": Halt("news", ago(1))})) is PASS


def test_f084_an_unscheduled_closure_overrides_the_calendar() -> None:
    shut = view(halts={"": Halt("the exchange is closed today", ago(90))})
    assert decision(Halted(), nouns.proposal(), shut) is BLOCK


def test_f103_the_old_quote_of_a_halted_name_is_stale_and_the_halt_blocks_by_itself() -> None:
    old = (nouns.leg_quote(Stock("LEAD"), as_of=ago(10)),)
    halted = view(halts={"LEAD": Halt("news pending", ago(10))})
    assert decision(StaleQuote(), nouns.proposal(quotes=old), halted) is BLOCK
    assert decision(Halted(), nouns.proposal(), halted) is BLOCK


def test_f086_without_fresh_quotes_nothing_is_opened() -> None:
    old = tuple(replace(quote, as_of=ago(1)) for quote in order().quotes)
    assert decision(StaleQuote(limit=3.0), order(quotes=old)) is BLOCK


@given(
    bid=st.decimals(0, 1000, places=2),
    ask=st.decimals(0, 1000, places=2),
    structure=st.sampled_from([LONG, (Leg(Stock("LEAD"), Side.BUY),)]),
)
def test_f089_crossed_and_empty_quotes_are_never_traded_on(bid: Decimal, ask: Decimal, structure: tuple[Leg, ...]) -> None:
    quote = replace(nouns.leg_quote(structure[0].instrument), bid=bid, ask=ask)
    made = order(structure, quotes=(quote,))
    kinds = (StaleQuote(), QuoteWidth(share=0.25, dollars=0.4))
    found = {decision(rule, made) for rule in kinds}
    if bid > ask or ask == 0:
        assert BLOCK in found
    if structure is LONG and (bid == 0 or ask - bid > Decimal("0.4")):
        assert BLOCK in found


def test_the_open_risk_of_a_name_an_expiry_and_a_sector_is_bounded() -> None:
    tight = OpenRisk(limit=0.10, symbol=0.03, expiry=0.05, sector=0.06)
    same_expiry = nouns.marked(nouns.option_position("ELSE", 4, id="p-2", sector="Energy", max_loss=Decimal(4500)))
    verdict = tight.check(order(quantity=10, max_loss=Decimal(3000), fees=Decimal(0)), nouns.book(same_expiry), nouns.view())
    assert (verdict.decision, verdict.quantity) == (Decision.TRIM, 1)
    assert "2024-07-19" in verdict.reason
    assert tight.check(order(max_loss=Decimal(3100), fees=Decimal(0)), nouns.book(), nouns.view()).quantity == 9
    reserved = nouns.book(reserved=Decimal(9000))
    assert tight.check(order(max_loss=Decimal(3000), fees=Decimal(0)), reserved, nouns.view()).quantity == 3
    assert decision(OpenRisk(), order(), book=reserved) is PASS


def test_five_hundred_dollars_are_the_most_where_the_setting_says_so() -> None:
    made = nouns.proposal(quantity=100, fees=Decimal(0), max_loss=Decimal(750))
    assert TradeRisk(dollars=500).check(made, nouns.book(), nouns.view()).quantity == 66
    assert decision(TradeRisk(), made) is PASS


def with_stops(*stops: tuple[datetime, str]) -> Book:
    return nouns.book(standing=Standing(stops=stops))


def test_four_stops_rest_entries_for_an_hour_and_each_name_for_half_of_one() -> None:
    rule = CoolDown(stops=4, lock_minutes=60, rest_minutes=30)
    four = [(ago(59 + 10 * number), f"S{number}") for number in range(4)]
    assert decision(rule, book=with_stops(*four)) is BLOCK
    assert decision(rule, book=with_stops(*four[:3])) is PASS
    assert decision(rule, book=with_stops(*[(at - timedelta(minutes=2), name) for at, name in four])) is PASS
    assert decision(rule, book=with_stops((ago(29), "LEAD"))) is BLOCK
    assert decision(rule, book=with_stops((ago(31), "LEAD"))) is PASS
    assert decision(CoolDown(), book=with_stops(*four, (ago(1), "LEAD"))) is PASS


def paying(amount: float, day: date) -> MarketView:
    return nouns.view(nouns.symbol_view(events=Events(earnings_known=True, dividends=((day, amount),))))


@pytest.mark.parametrize(
    ("amount", "day", "strike", "expected"),
    [
        (0.80, date(2024, 6, 14), 90, BLOCK), (0.80, date(2024, 6, 17), 90, PASS), (0.10, date(2024, 6, 14), 90, PASS),
        (0.80, date(2024, 6, 14), 110, PASS), (0.80, date(2024, 6, 12), 90, PASS),
    ],
)  # fmt: skip
def test_f106_no_call_in_the_money_is_sold_before_a_dividend_above_its_time_value(
    amount: float, day: date, strike: float, expected: Decision
) -> None:
    short = nouns.option(strike=strike)
    legs = (Leg(nouns.option(strike=80), Side.BUY), Leg(short, Side.SELL))
    value = max(100 - strike, 0) + 0.5
    quotes = (nouns.leg_quote(legs[0].instrument, 20, 20.1), nouns.leg_quote(short, value - 0.05, value + 0.05))
    assert decision(Assignment(), order(legs, quotes=quotes), paying(amount, day)) is expected


@pytest.mark.parametrize(("spot", "expected"), [(99.5, BLOCK), (100.9, BLOCK), (103, BLOCK), (98, PASS)])
def test_f107_nothing_is_sold_near_its_strike_on_its_last_day(spot: float, expected: Decision) -> None:
    legs = (Leg(nouns.option(strike=90, expiry=nouns.DAY), Side.BUY), Leg(nouns.option(strike=100, expiry=nouns.DAY), Side.SELL))
    assert decision(Assignment(), order(legs, spot=nouns.dollars(spot))) is expected


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        (Events(splits=((date(2024, 7, 1), 2.0),)), BLOCK), (Events(splits=((date(2024, 8, 1), 2.0),)), PASS),
        (Events(splits=((date(2024, 6, 3), 2.0),)), PASS), (Events(dividends=((date(2024, 7, 1), 12.0),)), BLOCK),
        (Events(dividends=((date(2024, 7, 1), 0.8),)), PASS),
    ],
)  # fmt: skip
def test_f109_no_option_is_opened_across_a_split_or_a_special_dividend(events: Events, expected: Decision) -> None:
    at = nouns.view(nouns.symbol_view(events=events))
    assert decision(CorporateActions(), order(), at) is expected
    assert decision(CorporateActions(), nouns.proposal(), at) is PASS


def test_a_report_that_is_near_is_a_matter_of_policy() -> None:
    soon = nouns.view(nouns.symbol_view(events=Events(date(2024, 6, 14), earnings_known=True)))
    unknown = nouns.view(nouns.symbol_view(events=Events()))
    assert decision(Earnings(), at=soon) is PASS
    assert decision(Earnings(days=3), at=soon) is BLOCK
    assert decision(Earnings(days=2), at=soon) is PASS
    assert decision(Earnings(days=3), at=unknown) is ABSENT


def test_restricted_names_and_leveraged_funds_are_not_opened_unless_they_are_listed() -> None:
    def of(symbol: str) -> Proposal:
        return nouns.proposal(symbol)

    assert decision(Restricted(symbols=("LEAD",)), of("LEAD")) is BLOCK
    assert decision(Restricted(), of("TQQQ")) is BLOCK
    assert decision(Restricted(allowed=("TQQQ",)), of("TQQQ")) is PASS
    assert decision(Restricted(symbols=("TQQQ",), allowed=("TQQQ",)), of("TQQQ")) is BLOCK
    assert decision(Restricted(), of("LEAD")) is PASS


@pytest.mark.parametrize(
    ("standing", "expected"),
    [
        (None, PASS), (Standing(), ABSENT), (Standing(stated=True), PASS), (Standing(stated=True, day_trades_left=1), PASS),
        (Standing(stated=True, day_trades_left=0), BLOCK), (Standing(stated=True, intraday_excess=Decimal(-1)), BLOCK),
        (Standing(stated=True, settled_cash=Decimal(10_000)), BLOCK), (Standing(stated=True, settled_cash=Decimal(11_000)), PASS),
        (Standing(stated=True, closing_only="a margin call"), BLOCK),
    ],
)  # fmt: skip
def test_what_the_broker_reports_of_the_account_binds(standing: Standing | None, expected: Decision) -> None:
    assert decision(AccountLimits(), nouns.proposal(), book=nouns.book(standing=standing)) is expected


def test_data_that_is_not_whole_is_not_traded_on() -> None:
    for broken in (
        view(gap="no trades between 14:02 and 14:09 UTC"),
        view(reconnected_at=nouns.NOW - timedelta(seconds=29)),
        view(revised=frozenset({"LEAD"})),
    ):
        assert decision(DataHealth(), nouns.proposal(), broken) is BLOCK
        assert decision(DataHealth(), nouns.closing_proposal(), broken) is PASS
    assert decision(DataHealth(), nouns.proposal(), view(reconnected_at=nouns.NOW - timedelta(seconds=31))) is PASS
    assert decision(DataHealth(), nouns.proposal(), view(revised=frozenset({"ELSE"}))) is PASS


@pytest.mark.parametrize(("age", "expected"), [(0, PASS), (2, PASS), (3, BLOCK)])
def test_a_signal_lives_for_two_bars(age: int, expected: Decision) -> None:
    days = nouns.bars(np.linspace(80, 100, 20)).day
    made = nouns.proposal(signal=nouns.signal(session=days[-1 - age].astype(date)))
    assert decision(DataHealth(), made) is expected


def test_holdings_with_the_same_expiry_count_whatever_else_is_held() -> None:
    stock = nouns.marked(nouns.position("ELSE", max_loss=Decimal(9000)))
    assert decision(OpenRisk(expiry=0.05), order(max_loss=Decimal(3000)), book=nouns.book(stock)) is PASS
    assert Holding(CALL, 1, Decimal(5)).cost == 500
