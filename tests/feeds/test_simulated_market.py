"""The simulated market as the engine sees it: the same seed and instant give the same answer, however it was reached."""

import asyncio
import os
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from bot.clock import HandClock
from core.feeds.simulated import SimulatedSettings
from core.model.errors import OperatorError, UnknownSymbolError
from core.model.instruments import Stock
from core.model.market import ActionKind
from tests.feeds.simulated import NOON, SMALL, calendar, digest_at, listed, opened, seen

ROOT = Path(__file__).resolve().parents[2]
SPLITTING = SimulatedSettings(symbols=200)


async def test_two_processes_see_the_same_market() -> None:
    line = "import asyncio; from tests.feeds.simulated import NOON, digest_at"
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
    market, clock = opened(datetime(2026, 1, 5, 14, 0, tzinfo=UTC), SPLITTING)
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
            night = (await opened(session.open - timedelta(hours=9), SPLITTING)[0].view()).quote(Stock(action.symbol))
            assert night is not None
            assert 0.8 < float(night.mid) / morning.features["close"] < 1.25, "the night's quote is not in the new units"
    assert met >= 2
    assert market.actions(date(2026, 1, 3)) == ()


async def test_an_unknown_symbol_is_refused_with_the_nearest_name() -> None:
    view = await opened(NOON)[0].view()
    wanted = view.symbols[3]
    with pytest.raises(UnknownSymbolError, match=f"nearest name is {wanted}"):
        view.symbol(wanted[:3] + "Q")
    with pytest.raises(UnknownSymbolError, match="'SPY'"):
        view.quote(Stock("SPY"))


async def test_the_smallest_market_works() -> None:
    for seed in range(12):
        market, clock = opened(NOON, SimulatedSettings(seed=seed, symbols=1, history=1))
        clock.turn_to(NOON + timedelta(days=3))
        view = await market.view()
        assert view.symbol(view.symbols[0]).quote is not None
        assert view.regime is not None
        assert view.regime.close > 0
        assert view.regime.above_sma200 is None
        assert np.isnan(view.features.columns["regime"]).all()


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
