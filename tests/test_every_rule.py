"""What every rule in core/risk holds to, whatever it measures."""

import dataclasses
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any, get_type_hints

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.model.instruments import Leg, Side
from core.model.market import MarketView
from core.model.positions import Book, Marked
from core.model.proposals import Decision, Proposal
from core.ports.rule import RiskRule
from core.risk import found, vet_all
from tests.kit import nouns

RULES: Mapping[str, Any] = found()
MADE: tuple[RiskRule, ...] = tuple(kind() for kind in RULES.values())
every_rule = pytest.mark.parametrize("rule", MADE, ids=list(RULES))

#: Rules that also hold up exits; nothing else may keep a person from less risk.
BINDS_EXITS = {"stale_quote", "market_closed"}
SEVERITY = {Decision.PASS: 0, Decision.ABSENT: 0, Decision.TRIM: 1, Decision.BLOCK: 2}
SYMBOLS = ("LEAD", "PEER", "OTHER")
MARKET = nouns.view(*[nouns.symbol_view(symbol) for symbol in SYMBOLS])
few = settings(max_examples=40)

money = st.integers(0, 400_000).map(Decimal)


def sized(quantity: int, structure: str = "stock") -> Proposal:
    """The same idea at any size; fees have a minimum, so they do not shrink with the size."""
    fees = max(Decimal(2), Decimal("0.65") * quantity)
    if structure == "stock":
        made = nouns.proposal(quantity=quantity)
        return replace(made, fees=fees, max_loss=Decimal("7.5") * quantity + fees)
    legs = (Leg(nouns.option(strike=100), Side.BUY), Leg(nouns.option(strike=110), Side.SELL))
    credit = structure == "put credit spread"
    loss = Decimal(400) * quantity + fees
    limit, floor = (Decimal("6.00"), Decimal("5.95")) if credit else (Decimal(-4), Decimal("-4.05"))
    quotes = tuple(nouns.leg_quote(leg.instrument, 3, 3.1) for leg in legs)
    return nouns.proposal(
        quantity=quantity,
        legs=legs,
        structure=structure,
        fees=fees,
        max_loss=loss,
        value=loss,
        limit=limit,
        floor=floor,
        quotes=quotes,
    )


@st.composite
def positions(draw: Any) -> Marked:
    symbol = draw(st.sampled_from(SYMBOLS))
    units = draw(st.integers(1, 300))
    strategy, sector = draw(st.sampled_from(["atr_matrix", "another"])), draw(st.sampled_from(["Technology", "Energy", None]))
    if draw(st.booleans()):
        made = nouns.position(symbol, units, strategy=strategy, sector=sector)
        return nouns.marked(made, draw(st.none() | st.floats(50, 200)))
    return nouns.marked(nouns.option_position(symbol, draw(st.integers(1, 20)), strategy=strategy, sector=sector))


@st.composite
def books(draw: Any) -> Book:
    held = draw(st.lists(positions(), max_size=5))
    net = draw(st.integers(-1000, 400_000))
    return nouns.book(
        *held,
        net=net,
        cash=draw(money),
        day_start=draw(money),
        peak=draw(money),
        reserved=draw(st.integers(0, 20_000).map(Decimal)),
        reserved_cash=draw(st.integers(0, 50_000).map(Decimal)),
        buying_power=draw(st.none() | money),
        trades_today=draw(st.integers(0, 30)),
        consecutive_losses=draw(st.integers(0, 7)),
        paused_session=draw(st.sampled_from([None, nouns.COMPLETED, nouns.DAY, nouns.DAY + timedelta(days=1)])),
        busy=draw(st.frozensets(st.sampled_from(SYMBOLS))),
    )


@st.composite
def markets(draw: Any) -> MarketView:
    return replace(
        MARKET,
        vix=draw(st.none() | st.floats(5, 90) | st.just(float("nan"))),
        session=draw(st.sampled_from([nouns.SESSION, None])),
        as_of=draw(st.sampled_from([nouns.NOW, nouns.NOW + timedelta(seconds=60), nouns.NOW + timedelta(hours=9)])),
    )


structures = st.sampled_from(["stock", "call debit spread", "put credit spread"])


def test_the_folder_holds_the_rules_that_are_promised() -> None:
    assert set(RULES) == {
        "account_limits", "assignment", "buying_power", "cash_reserve", "contract", "cool_down", "corporate_action", "correlation",
        "daily_loss", "data_health", "drawdown", "duplicate", "earnings", "halted", "live_ramp", "losing_streak", "market_closed",
        "open_risk", "order_shape", "price_drift", "price_sane", "quote_width", "restricted", "second_quote", "sector",
        "session_window", "stale_quote", "strategy_heat", "symbol_exposure", "trade_risk", "trades_per_day", "vix",
    }  # fmt: skip


@every_rule
def test_it_is_a_frozen_dataclass_with_bounded_limits(rule: Any) -> None:
    kind = type(rule)
    assert kind.__dataclass_params__.frozen
    assert not hasattr(rule, "__dict__")
    hints = get_type_hints(kind, include_extras=True)
    for field in dataclasses.fields(kind):
        assert getattr(hints[field.name], "__metadata__", ()), f"{field.name} has no bounds"


@every_rule
def test_a_sound_small_trade_on_an_empty_book_passes(rule: RiskRule) -> None:
    verdict = rule.check(sized(10), nouns.book(), nouns.view())
    assert verdict.decision is Decision.PASS
    assert verdict.rule == rule.name


@every_rule
@few
@given(book=books(), view=markets(), quantity=st.integers(1, 5000), structure=structures)
def test_its_verdict_is_pure_complete_and_never_more_than_was_proposed(
    rule: RiskRule, book: Book, view: MarketView, quantity: int, structure: str
) -> None:
    proposal = sized(quantity, structure)
    verdict = rule.check(proposal, book, view)
    assert verdict == rule.check(proposal, book, view)
    assert verdict.rule == rule.name
    assert verdict.reason.endswith(".")
    assert verdict.reason[0].isupper() or verdict.reason[0].isdigit() or verdict.reason.startswith(("atr_matrix", "-"))
    assert verdict.unit
    if verdict.decision is Decision.TRIM:
        assert verdict.quantity is not None
        assert 1 <= verdict.quantity < quantity
    else:
        assert verdict.quantity is None


@every_rule
@few
@given(book=books(), view=markets(), sizes=st.tuples(st.integers(1, 5000), st.integers(1, 5000)), structure=structures)
def test_a_larger_size_never_makes_it_milder(
    rule: RiskRule, book: Book, view: MarketView, sizes: tuple[int, int], structure: str
) -> None:
    small, large = (rule.check(sized(size, structure), book, view) for size in sorted(sizes))
    assert not (small.decision is Decision.BLOCK and large.decision is Decision.PASS)
    assert not (small.decision is Decision.TRIM and large.decision is Decision.PASS)


@every_rule
@few
@given(book=books(), view=markets(), quantity=st.integers(2, 5000), structure=structures)
def test_the_size_that_it_trims_to_passes(rule: RiskRule, book: Book, view: MarketView, quantity: int, structure: str) -> None:
    verdict = rule.check(sized(quantity, structure), book, view)
    if verdict.quantity is None or rule.name == "drawdown":
        return
    assert rule.check(sized(verdict.quantity, structure), book, view).decision is Decision.PASS


@every_rule
@few
@given(book=books(), view=markets(), quantity=st.integers(1, 100_000))
def test_an_exit_of_any_size_is_held_up_by_no_limit_on_entries(rule: RiskRule, book: Book, view: MarketView, quantity: int) -> None:
    verdict = rule.check(nouns.closing_proposal(quantity=quantity), book, view)
    if rule.name not in BINDS_EXITS:
        assert verdict.decision is Decision.PASS
    assert verdict.decision is not Decision.TRIM


@every_rule
@pytest.mark.parametrize("quantity", [1, 100, 10_000_000])
def test_an_exit_on_fresh_quotes_in_an_open_market_passes(rule: RiskRule, quantity: int) -> None:
    assert rule.check(nouns.closing_proposal(quantity=quantity), nouns.book(net=1), nouns.view(vix=90.0)).decision is Decision.PASS


@pytest.mark.parametrize("name", sorted(BINDS_EXITS))
def test_what_binds_exits_blocks_them(name: str) -> None:
    late = nouns.view(as_of=nouns.NOW + timedelta(hours=9))
    assert RULES[name]().check(nouns.closing_proposal(), nouns.book(), late).decision is Decision.BLOCK


@given(book=books(), view=markets(), quantity=st.integers(1, 5000))
def test_every_rule_speaks_always_and_in_the_same_order(book: Book, view: MarketView, quantity: int) -> None:
    verdicts = vet_all(MADE, sized(quantity), book, view)
    assert [verdict.rule for verdict in verdicts] == sorted(RULES)
    assert verdicts == vet_all(tuple(reversed(MADE)), sized(quantity), book, view)
