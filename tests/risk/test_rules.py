"""Each rule at its limit: the numbers of the issue."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from core.model.errors import SettingsError
from core.model.instruments import Leg, Side, Stock
from core.model.positions import EXTERNAL, Book, Holding, Marked
from core.model.proposals import Decision, Proposal, Verdict
from core.risk import found
from core.risk.drawdown import Drawdown
from tests.kit import nouns

RULES: dict[str, Any] = {name: kind() for name, kind in found().items()}
PASS, TRIM, BLOCK, ABSENT = Decision.PASS, Decision.TRIM, Decision.BLOCK, Decision.ABSENT


def ask(name: str, proposal: Proposal | None = None, book: Book | None = None, **market: Any) -> Verdict:
    verdict = RULES[name].check(proposal or nouns.proposal(), book or nouns.book(), nouns.view(**market))
    assert isinstance(verdict, Verdict)
    return verdict


def losing(max_loss: str, quantity: int = 100, fees: str = "0") -> Proposal:
    return nouns.proposal(quantity=quantity, max_loss=Decimal(max_loss), fees=Decimal(fees))


def test_two_percent_of_net_liquidation_per_trade_fees_included() -> None:
    assert ask("trade_risk", losing("2000")).decision is PASS
    over = ask("trade_risk", losing("2000.01"))
    assert (over.decision, over.quantity) == (TRIM, 99)
    assert over.limit == pytest.approx(2.0)
    assert ask("trade_risk", losing("4000")).quantity == 50
    assert ask("trade_risk", losing("4020", fees="20")).quantity == 49
    assert ask("trade_risk", losing("2001", quantity=1)).decision is BLOCK


def test_an_account_without_value_takes_no_trade() -> None:
    for name in ("trade_risk", "symbol_exposure", "strategy_heat", "sector", "cash_reserve", "drawdown"):
        assert ask(name, book=nouns.book(net=0)).decision is BLOCK


def test_five_percent_per_symbol_with_what_is_held() -> None:
    assert ask("symbol_exposure", nouns.proposal(quantity=49)).decision is PASS
    assert ask("symbol_exposure", nouns.proposal(quantity=100)).quantity == 49
    held = nouns.book(nouns.marked(nouns.position(units=20), 125))
    assert ask("symbol_exposure", nouns.proposal(quantity=49), held).quantity == 24
    elsewhere = nouns.book(nouns.marked(nouns.position("OTHER", units=20), 125))
    assert ask("symbol_exposure", nouns.proposal(quantity=49), elsewhere).decision is PASS


def test_options_count_with_their_maximum_loss_and_stock_with_its_market_value() -> None:
    calls = nouns.book(nouns.marked(nouns.option_position(units=4), 50))
    assert ask("symbol_exposure", nouns.proposal(quantity=10), calls).measured == pytest.approx(3.0001)
    unmarked = nouns.book(Marked(nouns.position(units=20), None, None, modelled=False))
    assert ask("symbol_exposure", nouns.proposal(quantity=10), unmarked).measured == pytest.approx(3.0001)


def test_twenty_percent_heat_per_strategy_with_reservations() -> None:
    risky = nouns.position("OTHER", max_loss=Decimal(15_000))
    assert ask("strategy_heat", losing("5000"), nouns.book(nouns.marked(risky))).decision is PASS
    assert ask("strategy_heat", losing("5000"), nouns.book(nouns.marked(risky), reserved=Decimal(2500))).quantity == 50
    other = replace(risky, strategy="another")
    assert ask("strategy_heat", losing("5000"), nouns.book(nouns.marked(other), reserved=Decimal(2500))).decision is PASS
    theirs = replace(risky, strategy=EXTERNAL)
    assert ask("strategy_heat", losing("5000"), nouns.book(nouns.marked(theirs), reserved=Decimal(2500))).quantity == 50


def test_a_fifth_of_the_account_stays_in_idle_cash() -> None:
    proposal = nouns.proposal(quantity=100, floor=Decimal(-100), fees=Decimal(0))
    assert ask("cash_reserve", proposal, nouns.book(cash=Decimal(30_000))).decision is PASS
    short = ask("cash_reserve", proposal, nouns.book(cash=Decimal(25_000)))
    assert (short.decision, short.quantity) == (TRIM, 50)
    assert (short.measured, short.limit) == pytest.approx((15, 20))
    assert ask("cash_reserve", proposal, nouns.book(cash=Decimal(30_000), reserved_cash=Decimal(5_000))).quantity == 50
    assert ask("cash_reserve", proposal, nouns.book(cash=Decimal(20_099))).decision is BLOCK


def test_a_credit_spread_ties_its_maximum_loss() -> None:
    spread = nouns.proposal(quantity=10, structure="put credit spread", floor=Decimal(1), max_loss=Decimal(4000), fees=Decimal(0))
    assert ask("cash_reserve", spread, nouns.book(cash=Decimal(24_000))).decision is PASS
    assert ask("cash_reserve", spread, nouns.book(cash=Decimal(22_000))).quantity == 5
    sold = nouns.option_position("OTHER", holdings=(Holding(nouns.option("OTHER"), -1, Decimal(3)),), max_loss=Decimal(2000))
    held = nouns.book(nouns.marked(sold), cash=Decimal(24_000))
    assert ask("cash_reserve", spread, held).quantity == 5


def test_buying_power_is_the_brokers_word() -> None:
    proposal = nouns.proposal(quantity=100, floor=Decimal(-100), fees=Decimal(0))
    assert ask("buying_power", proposal, nouns.book(buying_power=Decimal(10_000))).decision is PASS
    assert ask("buying_power", proposal, nouns.book(buying_power=Decimal(9_999))).quantity == 99
    assert ask("buying_power", proposal, nouns.book(buying_power=Decimal(10_000), reserved_cash=Decimal(9_950))).decision is BLOCK
    assert ask("buying_power", proposal, nouns.book(buying_power=None)).decision is ABSENT


def test_thirty_percent_per_sector() -> None:
    def sector(name: str | None) -> Book:
        return nouns.book(nouns.marked(nouns.position("OTHER", units=250, sector=name), 100))

    proposal = nouns.proposal(quantity=100, value=Decimal(10_000))
    assert ask("sector", proposal, sector("Technology")).quantity == 50
    assert ask("sector", proposal, sector("Energy")).decision is PASS
    assert ask("sector", proposal, sector(None)).quantity == 50
    assert ask("sector", replace(proposal, sector=None), sector(None)).decision is ABSENT


def walk(seed: int, count: int = 200) -> Any:
    return 100 * np.exp(np.cumsum(np.random.default_rng(seed).normal(0, 0.02, count)))


def related(twin: float, count: int = 200) -> tuple[Any, ...]:
    """LEAD, and a PEER that is so much of a twin."""
    one, other = np.log(walk(1, count)), np.log(walk(2, count))
    peer = np.exp(twin * one + (1 - twin) * other)
    return nouns.symbol_view("LEAD", bars=nouns.bars(np.exp(one))), nouns.symbol_view("PEER", bars=nouns.bars(peer))


def correlated(*names: Any) -> Verdict:
    book = nouns.book(nouns.marked(nouns.position("PEER")))
    verdict = RULES["correlation"].check(nouns.proposal(), book, nouns.view(*names))
    assert isinstance(verdict, Verdict)
    return verdict


def test_a_twin_of_what_is_held_is_blocked_and_a_stranger_passes() -> None:
    twin, stranger = correlated(*related(0.9)), correlated(*related(0.0))
    assert (twin.decision, twin.limit) == (BLOCK, 0.7)
    assert "PEER" in twin.reason
    assert stranger.decision is PASS
    assert abs(stranger.measured or 9) < 0.5


def test_correlation_equals_numpy_on_the_days_that_both_have() -> None:
    lead, peer = related(0.5)
    keep = np.ones(200, dtype=bool)
    keep[[150, 170, 171]] = False
    bars = peer.bars
    cut = type(bars)(*(getattr(bars, name)[keep] for name in ("day", "open", "high", "low", "close", "volume")))
    verdict = correlated(lead, replace(peer, bars=cut))
    one, other = (np.diff(np.log(closes[keep][-61:])) for closes in (lead.bars.close, bars.close))
    assert verdict.measured == pytest.approx(float(np.corrcoef(one, other)[0, 1]), abs=1e-12)


@pytest.mark.parametrize(
    "peer",
    [
        nouns.symbol_view("PEER", bars=nouns.bars(walk(2, 60))),
        nouns.symbol_view("PEER", bars=nouns.bars(walk(2), nouns.COMPLETED - timedelta(days=400))),
        nouns.symbol_view("PEER", bars=nouns.bars(np.full(200, 50.0))),
        nouns.symbol_view("PEER", bars=nouns.bars(np.append(walk(2, 199), np.nan))),
        nouns.symbol_view("NOBODY"),
    ],
)
def test_too_little_history_is_not_evaluated(peer: Any) -> None:
    assert correlated(related(0.0)[0], peer).decision is ABSENT


def test_a_name_is_not_compared_with_itself() -> None:
    book = nouns.book(nouns.marked(nouns.position("LEAD", strategy="another")))
    assert ask("correlation", book=book).decision is PASS


def test_one_twin_blocks_even_when_another_name_cannot_be_compared() -> None:
    book = nouns.book(nouns.marked(nouns.position("PEER")), nouns.marked(nouns.position("GONE")))
    assert RULES["correlation"].check(nouns.proposal(), book, nouns.view(*related(0.9))).decision is BLOCK
    assert RULES["correlation"].check(nouns.proposal(), book, nouns.view(*related(0.0))).decision is ABSENT


@pytest.mark.parametrize(("net", "decision"), [(95_001, PASS), (95_000, BLOCK), (40_000, BLOCK), (120_000, PASS)])
def test_minus_five_percent_a_day_ends_entries(net: int, decision: Decision) -> None:
    book = nouns.book(net=net, day_start=Decimal(100_000))
    assert ask("daily_loss", book=book).decision is decision
    assert ask("daily_loss", book=replace(book, day_start=Decimal(0))).decision is BLOCK


@pytest.mark.parametrize(
    ("net", "decision", "quantity"),
    [(100_000, PASS, None), (90_000, PASS, None), (89_999, TRIM, 50), (85_000, TRIM, 50), (84_999, BLOCK, None)],
)
def test_drawdown_halves_above_ten_and_stops_above_fifteen_percent(net: int, decision: Decision, quantity: int | None) -> None:
    verdict = ask("drawdown", nouns.proposal(quantity=101), nouns.book(net=net, peak=Decimal(100_000)))
    assert (verdict.decision, verdict.quantity) == (decision, quantity)


def test_one_unit_cannot_be_halved() -> None:
    assert ask("drawdown", nouns.proposal(quantity=1), nouns.book(net=88_000, peak=Decimal(100_000))).decision is BLOCK


def test_the_limits_of_the_drawdown_keep_their_order() -> None:
    with pytest.raises(SettingsError, match="halve"):
        Drawdown(halve=0.2, stop=0.1)


@pytest.mark.parametrize(
    ("losses", "paused", "decision"),
    [
        (4, None, PASS),
        (5, None, BLOCK),
        (0, nouns.COMPLETED, PASS),
        (0, nouns.DAY, BLOCK),
        (0, nouns.DAY + timedelta(days=1), BLOCK),
    ],
)
def test_five_losses_in_a_row_pause_a_session(losses: int, paused: Any, decision: Decision) -> None:
    assert ask("losing_streak", book=nouns.book(consecutive_losses=losses, paused_session=paused)).decision is decision


@pytest.mark.parametrize(("done", "decision"), [(0, PASS), (24, PASS), (25, BLOCK)])
def test_twenty_five_trades_a_day(done: int, decision: Decision) -> None:
    assert ask("trades_per_day", book=nouns.book(trades_today=done)).decision is decision


@pytest.mark.parametrize(("vix", "decision"), [(40.0, PASS), (40.01, BLOCK), (None, ABSENT), (float("nan"), ABSENT)])
def test_no_entries_above_a_vix_of_forty(vix: float | None, decision: Decision) -> None:
    assert ask("vix", vix=vix).decision is decision


def test_no_second_position_and_none_while_something_is_under_way() -> None:
    assert ask("duplicate", book=nouns.book(nouns.marked(nouns.position()))).decision is BLOCK
    assert ask("duplicate", book=nouns.book(nouns.marked(nouns.position(strategy="another")))).decision is PASS
    assert ask("duplicate", book=nouns.book(busy=frozenset({"LEAD"}))).decision is BLOCK
    assert ask("duplicate", book=nouns.book(busy=frozenset({"OTHER"}))).decision is PASS


def quoted(**changes: Any) -> Proposal:
    return nouns.proposal(quotes=(replace(nouns.leg_quote(Stock("LEAD")), **changes),))


def test_a_stale_quote_blocks_the_proposal() -> None:
    assert ask("stale_quote", quoted(as_of=nouns.NOW - timedelta(seconds=15))).decision is PASS
    stale = ask("stale_quote", quoted(as_of=nouns.NOW - timedelta(seconds=16)))
    assert (stale.decision, stale.measured, stale.limit) == (BLOCK, 16.0, 15.0)
    assert ask("stale_quote", quoted(as_of=nouns.NOW + timedelta(seconds=60))).decision is BLOCK


@pytest.mark.parametrize(
    "wrong",
    [
        {"bid": Decimal("100.02")},
        {"bid": Decimal("NaN")},
        {"ask": Decimal("NaN")},
        {"ask": Decimal("Infinity")},
        {"bid": Decimal(-1)},
        {"bid": Decimal(0), "ask": Decimal(0)},
        {"key": "OTHER"},
    ],
)
def test_a_senseless_quote_blocks_the_proposal(wrong: dict[str, Any]) -> None:
    assert ask("stale_quote", quoted(**wrong)).decision is BLOCK


def test_every_leg_needs_a_sound_quote() -> None:
    legs = (Leg(nouns.option(), Side.BUY), Leg(nouns.option(strike=110), Side.SELL))
    fresh, old = nouns.leg_quote(nouns.option()), nouns.leg_quote(nouns.option(strike=110), as_of=nouns.NOW - timedelta(minutes=1))
    assert ask("stale_quote", nouns.proposal(legs=legs, quotes=(fresh, old))).decision is BLOCK
    assert ask("stale_quote", nouns.proposal(legs=legs, quotes=(fresh,))).decision is BLOCK


def test_nothing_is_sent_while_the_market_is_closed() -> None:
    assert ask("market_closed").decision is PASS
    assert ask("market_closed", as_of=nouns.SESSION.close).decision is BLOCK
    assert ask("market_closed", as_of=nouns.SESSION.open - timedelta(seconds=1)).decision is BLOCK
    assert ask("market_closed", session=None).decision is BLOCK


@pytest.mark.parametrize(
    ("spot", "decision"),
    [("100", PASS), ("104", PASS), ("104.01", BLOCK), ("96", PASS), ("95.99", BLOCK), ("94", BLOCK), ("50", BLOCK), ("121", BLOCK)],
)
def test_a_price_that_ran_away_blocks_the_entry(spot: str, decision: Decision) -> None:
    assert ask("price_drift", nouns.proposal(spot=Decimal(spot))).decision is decision


def test_the_stop_and_the_first_rung_end_the_idea_however_wide_the_band_is() -> None:
    wide = replace(RULES["price_drift"], limit=50.0)
    for spot, word in ((Decimal(94), "stop"), (Decimal(120), "first rung")):
        verdict = wide.check(nouns.proposal(spot=spot), nouns.book(), nouns.view())
        assert verdict.decision is BLOCK
        assert word in verdict.reason


def test_a_signal_without_levels_cannot_be_compared() -> None:
    assert ask("price_drift", nouns.proposal(signal=nouns.signal(levels=None))).decision is ABSENT
