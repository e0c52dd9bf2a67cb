"""Sessions of the simulated market: bars, company actions, listings, and the setups that a strategy can find."""

from datetime import date, timedelta
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.feeds.simulated.companies import sessions_to_report
from core.feeds.simulated.days import Day, before_first, next_day
from core.feeds.simulated.names import MOST_SYMBOLS, QUARTER, SECTORS, Traits, tickers, traits
from core.feeds.simulated.news import headlines
from core.market.sessions import Sessions
from core.model.errors import OperatorError
from core.model.market import ActionKind


@cache
def calendar() -> Sessions:
    return Sessions.open(date(2023, 1, 1), date(2026, 12, 31))


@cache
def market(seed: int, count: int, length: int) -> tuple[Traits, tuple[Day, ...]]:
    names = traits(seed, count, 300)
    day = before_first(names, calendar().all[0])
    days = []
    for session in calendar().all[:length]:
        day = next_day(day, names, seed, session)
        days.append(day)
    return names, tuple(days)


def test_every_ticker_is_distinct_and_short() -> None:
    every = tickers(MOST_SYMBOLS)
    assert len(set(every)) == MOST_SYMBOLS >= 32_345
    assert {len(symbol) for symbol in every} == {4, 5}


@pytest.mark.parametrize("count", [0, -3, MOST_SYMBOLS + 1])
def test_an_impossible_universe_is_refused(count: int) -> None:
    with pytest.raises(OperatorError, match="symbols of"):
        tickers(count)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**63 - 1))
def test_every_bar_is_ordered_positive_and_on_the_grid(seed: int) -> None:
    _, days = market(seed, 40, 60)
    for day in days:
        there = ~np.isnan(day.close)
        assert there.any()
        for column in (day.open, day.high, day.low, day.volume):
            assert np.array_equal(~np.isnan(column), there)
        low, high = day.low[there], day.high[there]
        assert (low >= 0.05).all()
        for inner in (day.open[there], day.close[there]):
            assert (low <= inner).all()
            assert (inner <= high).all()
        assert (day.volume[there] >= 1).all()
        digits = np.where(day.open[there] >= 1, 100.0, 10_000.0)
        assert np.allclose(day.close[there] * digits, np.round(day.close[there] * digits), atol=1e-6)


def test_the_same_seed_gives_the_same_market_and_another_seed_another_one() -> None:
    names = traits(11, 30, 300)
    first, again = before_first(names, calendar().all[0]), before_first(names, calendar().all[0])
    for session in calendar().all[:20]:
        first, again = next_day(first, names, 11, session), next_day(again, names, 11, session)
    assert np.array_equal(first.close, again.close, equal_nan=True)
    assert first.index == again.index
    other = market(12, 30, 20)[1][-1]
    assert not np.array_equal(first.close, other.close, equal_nan=True)


def test_a_split_changes_the_units_and_not_the_value() -> None:
    names, days = market(7, 500, 420)
    splits = [(day, action) for day in days for action in day.actions if action.kind is ActionKind.SPLIT]
    assert len(splits) >= 5
    for day, action in splits:
        place = names.symbols.index(action.symbol)
        before = days[day.position - 1]
        ratio = float(action.value)
        assert ratio in {0.1, *range(2, 11)}
        assert day.prior[place] == pytest.approx(before.close[place] / ratio)
        assert abs(np.log(day.close[place] / day.prior[place])) < 0.6
        assert days[day.position - 10].plans.split_in[place] == 10, "a split is announced ten sessions before"


def test_a_share_without_its_dividend_opens_lower_by_it() -> None:
    names, days = market(7, 500, 420)
    gaps = []
    for day in days:
        for action in day.actions:
            if action.kind is ActionKind.DIVIDEND:
                place = names.symbols.index(action.symbol)
                assert names.dividend[place] > 0
                gaps.append((day.open[place] - day.prior[place] + float(action.value)) / day.prior[place])
    assert len(gaps) > 500
    assert abs(np.mean(gaps)) < 0.002


def test_reports_come_on_their_day_and_move_the_open() -> None:
    names, days = market(7, 500, 200)
    for day in days[1:]:
        due = sessions_to_report(names, day.position - 1) == 1
        assert np.array_equal(day.jump != 0, due)
    jumps = np.concatenate([np.abs(np.log(day.open / day.prior))[day.jump != 0] for day in days])
    calm = np.concatenate([np.abs(np.log(day.open / day.prior))[day.jump == 0] for day in days])
    assert np.nanmean(jumps) > 2 * np.nanmean(calm)


def test_volatility_comes_in_clusters() -> None:
    _, days = market(7, 500, 420)
    moves = np.array([np.abs(np.log(day.close / day.prior)) for day in days])
    ranks = [np.corrcoef(column[:-1], column[1:])[0, 1] for column in moves.T if not np.isnan(column).any()]
    assert 0.05 < float(np.mean(ranks)) < 0.5


def test_names_of_a_sector_move_together() -> None:
    names, days = market(7, 500, 420)
    moves = np.array([np.log(day.close / day.prior) for day in days])
    whole = ~np.isnan(moves).any(axis=0)
    table = np.corrcoef(moves[:, whole].T)
    same = names.sector[whole][:, None] == names.sector[whole][None, :]
    distinct = ~np.eye(len(table), dtype=bool)
    assert table[same & distinct].mean() > table[~same].mean() + 0.01
    assert 0.08 < table[~same].mean() < 0.5
    assert set(names.sector.tolist()) == set(range(len(SECTORS)))


def test_some_names_begin_late_and_then_stay() -> None:
    names, days = market(7, 500, 420)
    late = np.flatnonzero(names.listed > 0)
    assert 3 <= len(late) <= 40
    for place in late.tolist():
        there = np.array([not np.isnan(day.close[place]) for day in days])
        assert np.array_equal(there, np.arange(len(days)) >= names.listed[place])


def test_the_calendar_of_reports_is_a_quarter_long() -> None:
    names = traits(3, 100, 300)
    for position in range(QUARTER * 2):
        ahead = sessions_to_report(names, position)
        assert ((ahead >= 1) & (ahead <= QUARTER)).all()
        following = sessions_to_report(names, position + 1)
        assert np.array_equal(np.where(ahead == 1, QUARTER, ahead - 1), following)


def test_a_few_names_a_month_are_halted() -> None:
    _, days = market(7, 500, 420)
    halts = [(day, halt) for day in days for halt in day.halts.values()]
    assert 1 <= len(halts) / 20 <= 8
    for day, (start, length) in halts:
        assert 15 <= length <= 90
        assert timedelta(minutes=start + length) <= day.session.close - day.session.open - timedelta(minutes=20)


def test_the_news_tell_what_happened_and_nothing_that_is_to_come() -> None:
    names, days = market(7, 500, 420)
    told: dict[str, int] = {}
    words = ("expectations", "announces a", "begins to trade after", "without its dividend", "halted", "climbs", "slides", "market")
    for last in range(10, 420, 10):
        recent = days[last - 10 : last]
        now = recent[-1].session.open + timedelta(hours=1)
        for place in range(0, 500, 3):
            lines = headlines(place, names, recent, now)
            assert [line.at for line in lines] == sorted((line.at for line in lines), reverse=True)
            for line in lines:
                assert line.at <= now
                assert line.source == "simulated news"
                assert line.sentiment is None or -1 <= line.sentiment <= 1
                word = next(word for word in words if word in line.title)
                told[word] = told.get(word, 0) + 1
    assert set(told) == set(words)


def test_the_sentiment_of_a_report_has_the_sign_of_its_jump() -> None:
    names, days = market(7, 500, 100)
    for day in days[1:]:
        for place in np.flatnonzero((day.jump != 0) & ~np.isnan(day.prior)).tolist():
            (line,) = [line for line in headlines(place, names, [day], day.session.open) if "expectations" in line.title]
            assert line.sentiment is not None
            assert line.sentiment * day.jump[place] >= 0
