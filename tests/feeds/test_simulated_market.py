"""The simulated market as the engine sees it: the same seed and instant give the same answer, however it was reached."""

import asyncio
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from bot.clock import HandClock
from core.feeds.simulated import SimulatedSettings
from core.feeds.simulated.market import SimulatedMarket
from core.market.scan import evaluate
from core.market.sessions import Sessions
from core.model.errors import OperatorError, UnknownSymbolError
from core.model.instruments import Option, Right, Stock
from core.model.market import ActionKind, MarketView
from core.strategies.atr_matrix import AtrMatrix

NOON = datetime(2026, 1, 5, 17, 0, tzinfo=UTC)
ROOT = Path(__file__).resolve().parents[2]
SMALL = SimulatedSettings(symbols=40, history=270)


@cache
def calendar() -> Sessions:
    return Sessions.open(date(2024, 1, 2), date(2027, 1, 29))


def opened(instant: datetime, settings: SimulatedSettings = SMALL) -> tuple[SimulatedMarket, HandClock]:
    clock = HandClock(instant)
    return settings.open(clock, calendar()), clock


def seen(view: MarketView, symbols: tuple[str, ...]) -> str:
    """Digest of everything that a view says about some names."""
    told: list[object] = [str(view.as_of), str(view.completed), str(view.regime), view.vix]
    for symbol in symbols:
        one = view.symbol(symbol)
        bars = [row.tobytes().hex() for row in (one.bars.open, one.bars.high, one.bars.low, one.bars.close, one.bars.volume)]
        told += [symbol, str(one.quote), str(one.events), str(one.news), {k: repr(v) for k, v in one.features.items()}, bars]
        if one.chain is not None:
            told += [contract.key for contract in one.chain.contracts]
            told += [one.chain.bid.tolist(), one.chain.ask.tolist(), repr(one.chain.iv_rank)]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()


async def digest_at(instant: datetime) -> str:
    """What a fresh process answers; the child of the test below calls it."""
    market, _ = opened(instant)
    view = await market.view(chains=(await market.view()).symbols)
    return seen(view, view.symbols)


def optionable(view: MarketView) -> list[str]:
    column = view.features.columns["optionable"]
    young = np.isnan(view.features.columns["sma200"])
    return [symbol for symbol, has, new in zip(view.symbols, column, young, strict=True) if has and not new]


async def test_two_processes_see_the_same_market() -> None:
    line = "import asyncio; from tests.feeds.test_simulated_market import NOON, digest_at"
    code = f"{line}; print(asyncio.run(digest_at(NOON)))"
    answer = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", code], cwd=ROOT, env=dict(os.environ), capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == await digest_at(NOON)


async def test_the_order_of_questions_changes_nothing() -> None:
    first, _ = opened(NOON)
    second, _ = opened(NOON)
    forwards, backwards = await first.view(), await second.view()
    names = forwards.symbols
    seen(backwards, tuple(reversed(names)))
    assert seen(forwards, names) == seen(backwards, names)


async def test_a_market_that_ran_on_equals_one_that_was_opened_later() -> None:
    """Stops in the night, at noon, minutes after an early close, over several missed sessions."""
    market, clock = opened(datetime(2026, 11, 20, 14, 0, tzinfo=UTC))
    for instant in (
        datetime(2026, 11, 20, 21, 1, tzinfo=UTC),
        datetime(2026, 11, 23, 15, 30, 17, tzinfo=UTC),
        datetime(2026, 11, 27, 18, 5, tzinfo=UTC),  # early close at 18:00 UTC
        datetime(2026, 11, 29, 3, 0, tzinfo=UTC),
        datetime(2026, 12, 9, 17, 0, tzinfo=UTC),
    ):
        clock.turn_to(instant)
        ran = await market.view()
        fresh = await opened(instant)[0].view()
        assert seen(ran, ran.symbols) == seen(fresh, fresh.symbols), instant


async def test_a_clock_that_was_set_back_is_answered_as_if_it_never_ran_ahead() -> None:
    market, _ = opened(NOON + timedelta(days=9))
    market._clock = HandClock(NOON)
    back, fresh = await market.view(), await opened(NOON)[0].view()
    assert seen(back, back.symbols) == seen(fresh, fresh.symbols)


async def test_another_seed_is_another_market() -> None:
    one = await opened(NOON)[0].view()
    other = await opened(NOON, SimulatedSettings(symbols=40, history=270, seed=8))[0].view()
    assert one.symbols == other.symbols
    assert one.source == "simulated market, seed 7"
    assert other.source == "simulated market, seed 8"
    assert one.price(one.symbols) != other.price(other.symbols)


async def test_a_bar_is_complete_at_the_close_and_equals_what_was_quoted() -> None:
    early = calendar().on(date(2026, 11, 27))
    assert early is not None
    assert early.early
    market, clock = opened(early.open)
    symbols = listed(await market.view())
    quoted: dict[str, list[float]] = {symbol: [] for symbol in symbols}
    for minute in range(211):
        clock.turn_to(early.open + timedelta(minutes=minute))
        view = await market.view()
        assert view.completed == (early.day if minute == 210 else date(2026, 11, 25))
        for symbol in symbols:
            quote = view.quote(Stock(symbol))
            assert quote is not None
            quoted[symbol].append(float(quote.mid))
    for symbol, mids in quoted.items():
        bars = view.symbol(symbol).bars
        assert bars.day[-1] == np.datetime64(early.day)
        assert (mids[0], max(mids), min(mids), mids[-1]) == (bars.open[-1], bars.high[-1], bars.low[-1], bars.close[-1])


def listed(view: MarketView) -> tuple[str, ...]:
    young = np.isnan(view.features.columns["close"])
    return tuple(symbol for symbol, new in zip(view.symbols, young, strict=True) if not new)[:5]


async def test_an_old_view_does_not_learn_what_came_later() -> None:
    market, clock = opened(NOON)
    old = await market.view(chains=("BAKO",))
    before = seen(old, old.symbols)
    clock.turn_to(NOON + timedelta(days=8))
    assert (await market.view()).completed > old.completed
    assert seen(old, old.symbols) == before


async def test_views_are_cheap_when_nothing_was_completed() -> None:
    market, clock = opened(NOON)
    first = await market.view()
    clock.turn_to(NOON + timedelta(minutes=5))
    second = await market.view()
    assert first.features is second.features
    assert first.as_of < second.as_of


async def test_a_split_keeps_bars_and_features_continuous() -> None:
    market, clock = opened(datetime(2026, 1, 5, 14, 0, tzinfo=UTC), SimulatedSettings(symbols=200))
    met = 0
    for session in calendar().between(date(2026, 1, 5), date(2026, 12, 18)):
        clock.turn_to(session.open - timedelta(hours=3))
        splits = [action for action in market.actions(session.day) if action.kind is ActionKind.SPLIT]
        for action in splits:
            met += 1
            morning = (await market.view()).symbol(action.symbol)
            assert morning.quote is not None
            level = float(morning.quote.mid)
            for name in ("close", "sma20", "sma50", "ema10", "low"):
                assert 0.4 < morning.features[name] / level < 2.5, f"{name} is not in the units after the split"
            moves = np.abs(np.diff(np.log(morning.bars.close)))
            assert moves.max() < 0.6
            assert (session.day, float(action.value)) in morning.events.splits
    assert met >= 2
    assert market.actions(date(2026, 1, 3)) == ()


async def test_option_quotes_equal_the_chain_and_keep_parity() -> None:
    market, _ = opened(NOON)
    plain = await market.view()
    chosen = optionable(plain)[:4]
    view = await market.view(chains=chosen)
    assert plain.symbol(chosen[0]).chain is None, "a chain is built for those who ask"
    for symbol in chosen:
        chain = view.symbol(symbol).chain
        assert chain is not None
        assert not chain.modelled
        assert chain.as_of == NOON
        assert ((chain.bid >= 0) & (chain.bid < chain.ask)).all()
        for number, contract in list(enumerate(chain.contracts))[::17]:
            quote = view.quote(contract)
            assert quote is not None
            assert (float(quote.bid), float(quote.ask)) == (chain.bid[number], chain.ask[number])
            assert not quote.modelled
            sign = 1 if contract.right is Right.CALL else -1
            assert float(quote.ask) >= sign * (chain.spot - float(contract.strike)) - 1e-9, "the ask is below exercise value"
        asks = {(c.expiry, c.strike, c.right): (chain.bid[i], chain.ask[i]) for i, c in enumerate(chain.contracts)}
        for (expiry, strike, right), (bid, ask) in asks.items():
            if right is Right.PUT:
                continue
            put_bid, put_ask = asks[expiry, strike, Right.PUT]
            years = (expiry - NOON.date()).days / 365 + 0.01
            discount, carry = np.exp(-chain.rate * years), np.exp(-chain.dividend_yield * years)
            assert bid - put_ask <= chain.spot - float(strike) * discount + 1e-9, "American parity, upper bound"
            assert ask - put_bid >= chain.spot * carry - float(strike) - 1e-9, "American parity, lower bound"


async def test_options_of_a_name_without_options_are_not_quoted() -> None:
    view = await opened(NOON)[0].view()
    column = view.features.columns["optionable"]
    symbol = view.symbols[int(np.flatnonzero(column == 0)[0])]
    assert view.quote(Option(symbol, date(2026, 2, 20), Right.CALL, view.symbol(symbol).quote.bid.quantize(1))) is None  # type: ignore[union-attr]  # a listed name has a quote


async def test_implied_volatility_has_a_rank_over_its_year() -> None:
    market, clock = opened(NOON, SimulatedSettings(symbols=60))
    ranks = []
    for day in range(0, 30, 5):
        clock.turn_to(NOON + timedelta(days=day))
        view = await market.view(chains=(names := optionable(await market.view())[:8]))
        chains = [view.symbol(symbol).chain for symbol in names]
        ranks += [chain.iv_rank for chain in chains if chain is not None]
    assert len(ranks) >= 40
    assert all(0 <= rank <= 100 for rank in ranks)
    assert min(ranks) < 30
    assert max(ranks) > 50


async def test_a_report_is_known_ahead_and_told_on_its_day() -> None:
    market, clock = opened(NOON)
    view = await market.view()
    symbol = min((s for s in view.symbols), key=lambda s: view.symbol(s).events.next_earnings or date.max)
    day = view.symbol(symbol).events.next_earnings
    assert day is not None
    session = calendar().on(day)
    assert session is not None
    assert view.symbol(symbol).features["sessions_to_earnings"] == calendar().count(view.completed, day)
    clock.turn_to(session.open - timedelta(hours=3))
    morning = (await market.view()).symbol(symbol)
    assert morning.events.next_earnings == day
    assert not [line for line in morning.news if line.at > clock.now()]
    clock.turn_to(session.open)
    later = (await market.view()).symbol(symbol)
    assert later.events.next_earnings is not None
    assert later.events.next_earnings > day
    told = [line for line in later.news if line.at.date() == day and "expectations" in line.title]
    assert len(told) == 1
    assert told[0].source == "simulated news"
    assert told[0].sentiment is not None


async def test_an_unknown_symbol_is_refused_with_the_nearest_name() -> None:
    view = await opened(NOON)[0].view()
    wanted = view.symbols[3]
    with pytest.raises(UnknownSymbolError, match=f"nearest name is {wanted}"):
        view.symbol(wanted[:3] + "Q")
    with pytest.raises(UnknownSymbolError, match="'SPY'"):
        view.quote(Stock("SPY"))


@pytest.mark.parametrize(
    ("settings", "instant"),
    [
        (SimulatedSettings(symbols=3, history=1000), NOON),
        (SMALL, datetime(2024, 6, 3, 15, tzinfo=UTC)),
        (SMALL, datetime(2027, 1, 29, 15, tzinfo=UTC)),
    ],
)
def test_a_date_outside_of_the_market_says_what_to_change(settings: SimulatedSettings, instant: datetime) -> None:
    with pytest.raises(OperatorError, match="simulated market"):
        opened(instant, settings)


async def default_sessions(length: int) -> AsyncIterator[tuple[MarketView, tuple[str, ...]]]:
    """Views after the close at the default settings, with what passes every gate of the strategy."""
    market, clock = opened(datetime(2026, 1, 5, 13, 0, tzinfo=UTC), SimulatedSettings())
    for session in calendar().between(date(2026, 1, 5), calendar().ahead(date(2026, 1, 5), length - 1)):
        clock.turn_to(session.close + timedelta(minutes=10))
        view = await market.view()
        yield view, evaluate(AtrMatrix().gates, view.features, view.symbols, strict=True).survivors


async def test_the_demo_finds_setups_and_their_fate_is_decided_within_weeks() -> None:
    held: dict[str, float] = {}
    counts, stopped, stretched = [], 0, 0
    async for view, survivors in default_sessions(60):
        rows = view.features.columns
        for symbol, stop in list(held.items()):
            place = view.symbols.index(symbol)
            if rows["low"][place] <= stop:
                stopped += 1
                del held[symbol]
            elif rows["distance"][place] >= 7:
                stretched += 1
                del held[symbol]
        counts.append(len(survivors))
        for symbol in survivors:
            one = view.symbol(symbol)
            held.setdefault(symbol, one.features["close"] - 1.5 * one.features["atr14"])
    assert 1 <= np.mean(counts) <= 8
    assert sum(count > 0 for count in counts[:10]) >= 5, "the first days show life"
    assert stopped >= 10
    assert stretched >= 2, f"{stopped} stopped, {stretched} stretched, {np.mean(counts)} a day"
