"""What happens in the simulated market: options, reports, news, and setups that a strategy finds."""

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta

import numpy as np

from core.feeds.simulated import SimulatedSettings
from core.market.scan import evaluate
from core.model.instruments import Option, Right, Stock
from core.model.market import MarketView
from core.strategies.atr_matrix import AtrMatrix
from tests.feeds.simulated import NOON, calendar, opened, optionable


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


async def test_options_do_not_trade_before_the_open() -> None:
    market, clock = opened(NOON)
    symbol = optionable(await market.view())[0]
    clock.turn_to(datetime(2026, 1, 5, 21, 30, tzinfo=UTC))
    evening = await market.view(chains=(symbol,))
    clock.turn_to(datetime(2026, 1, 6, 14, 29, tzinfo=UTC))
    morning = await market.view(chains=(symbol,))
    late, early = evening.symbol(symbol).chain, morning.symbol(symbol).chain
    assert late is not None
    assert early is not None
    assert late.as_of == early.as_of == datetime(2026, 1, 5, 21, 0, tzinfo=UTC)
    assert np.array_equal(late.bid, early.bid)
    share = morning.quote(Stock(symbol))
    assert share is not None
    assert share.as_of == morning.as_of


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
