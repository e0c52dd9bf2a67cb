"""The way of a price through a session touches exactly what its bar says."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from core.feeds.simulated.days import before_first, next_day
from core.feeds.simulated.names import traits
from core.feeds.simulated.path import DailyBar, minute_path
from core.feeds.simulated.quotes import Tape, half_spread
from core.market.sessions import Sessions

cent = st.integers(5, 60_000).map(lambda value: value / 100)


@settings(max_examples=200, deadline=None)
@given(
    prices=st.lists(cent, min_size=4, max_size=4),
    minutes=st.sampled_from([210, 390]),
    place=st.integers(0, 40_000),
    pause=st.one_of(st.none(), st.tuples(st.integers(20, 90), st.integers(15, 90))),
)
def test_a_path_starts_ends_and_turns_where_the_bar_says(
    prices: list[float], minutes: int, place: int, pause: tuple[int, int] | None
) -> None:
    low, first, second, high = sorted(prices)
    bar = DailyBar(first, high, low, second)
    path = minute_path((7, 3, place), bar, minutes, pause)
    assert len(path) == minutes + 1
    assert (path[0], path.max(), path.min(), path[-1]) == (bar.open, bar.high, bar.low, bar.close)
    assert np.array_equal(path, minute_path((7, 3, place), bar, minutes, pause))
    if pause:
        start, length = pause
        assert len(set(path[start : start + length + 1].tolist())) == 1


def test_paths_of_two_names_and_of_two_sessions_differ() -> None:
    bar = DailyBar(100.0, 103.0, 98.0, 101.0)
    paths = [minute_path(address, bar, 390) for address in ((7, 3, 1), (7, 3, 2), (7, 4, 1), (8, 3, 1))]
    for number, path in enumerate(paths):
        for other in paths[number + 1 :]:
            assert not np.array_equal(path, other)


def tapes() -> list[Tape]:
    sessions = Sessions.open(date(2024, 11, 20), date(2024, 12, 6)).all  # holds an early close, 29 November
    names = traits(5, 60, 3)
    day = before_first(names, sessions[0])
    found = []
    for session in sessions:
        day = next_day(day, names, 5, session)
        found.append(Tape(5, names, day, {}))
    return found


def test_the_quoted_price_stays_inside_the_bar_and_touches_its_ends() -> None:
    for tape in tapes():
        session = tape.day.session
        minutes = int((session.close - session.open).total_seconds()) // 60
        assert minutes == (210 if session.early else 390)
        for place in range(0, 60, 7):
            if np.isnan(tape.day.close[place]):
                assert tape.quote(place, session.open) is None
                continue
            quotes = [tape.quote(place, session.open + timedelta(minutes=m)) for m in range(minutes + 1)]
            mids = [float(quote.mid) for quote in quotes if quote is not None]
            assert len(mids) == minutes + 1
            assert mids[0] == tape.day.open[place]
            assert max(mids) == tape.day.high[place]
            assert min(mids) == tape.day.low[place]
            assert mids[-1] == tape.day.close[place]
            for quote in quotes:
                assert quote is not None
                assert 0 < quote.bid < quote.ask
                assert quote.spread <= max(quote.mid / 100, 2 * Decimal("0.01"))
                assert quote.bid_size >= 100
                assert not quote.modelled


def test_between_minutes_the_price_moves_in_a_line() -> None:
    tape = tapes()[0]
    session = tape.day.session
    place = int(np.nanargmax(tape.day.high - tape.day.low))
    path = tape.path(place)
    for second in range(0, 120, 7):
        touch = tape.touch(place, session.open + timedelta(seconds=second))
        assert touch is not None
        exact = path[second // 60] + second % 60 / 60 * (path[second // 60 + 1] - path[second // 60])
        assert abs(touch.price - exact) <= 0.0051


def test_a_halted_name_keeps_the_quote_of_the_halt_with_its_time() -> None:
    tape = tapes()[0]
    halted = Tape(5, tape.traits, replace(tape.day, halts={3: (60, 30)}), {})
    start = tape.day.session.open + timedelta(minutes=60)
    stopped = halted.quote(3, start)
    assert stopped is not None
    for seconds in (1, 600, 1799):
        later = halted.quote(3, start + timedelta(seconds=seconds))
        assert later == stopped, "a halted name is not quoted anew"
    resumed = halted.quote(3, start + timedelta(minutes=31))
    assert resumed is not None
    assert resumed.as_of == start + timedelta(minutes=31)


def test_after_the_close_the_quote_grows_stale_and_before_the_open_it_is_thin() -> None:
    tape = tapes()[4]
    session = tape.day.session
    place = int(np.nanargmax(tape.day.close))
    late = tape.quote(place, session.close + timedelta(hours=3))
    assert late is not None
    assert late.as_of == session.close
    assert late.defect(session.close + timedelta(hours=3), timedelta(seconds=15)) is not None
    early, opened = tape.touch(place, session.open - timedelta(minutes=1)), tape.touch(place, session.open + timedelta(hours=2))
    assert early is not None
    assert opened is not None
    assert early.thin
    assert half_spread(early, 1e7) > half_spread(opened, 1e7)
    assert tape.quote(place, session.open - timedelta(hours=6)) is None
