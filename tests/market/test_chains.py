"""Modelled chains: listed like real ones, free of arbitrage, and one function of their arguments."""

import math
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.market.chains import expiries, modelled_chain, modelled_quote, strikes, years_to
from core.market.sessions import Sessions
from core.model.errors import BadDataError
from core.model.instruments import Option, Right
from core.model.market import Chain

SESSIONS = Sessions.open(date(2026, 1, 2), date(2027, 12, 31))
WEEKS = ["03-13", "03-20", "03-27", "04-02", "04-10", "04-17"]
TUESDAY = datetime(2026, 3, 10, 15, 0, tzinfo=UTC)
MARKETS = st.tuples(
    st.floats(0.8, 5000.0),  # spot
    st.floats(0.05, 1.5),  # volatility
    st.integers(0, 120).map(lambda hours: TUESDAY + timedelta(hours=7 * hours)),
    st.floats(0.0, 0.07),  # rate
    st.sampled_from([0.0, 0.005, 0.02, 0.06]),  # dividend yield
)


def chain(spot: float, volatility: float, as_of: datetime, rate: float, dividend: float) -> Chain:
    return modelled_chain("AAA", spot, volatility, as_of, rate, dividend, SESSIONS)


def test_six_fridays_then_third_fridays_are_listed_and_a_holiday_moves_to_the_day_before() -> None:
    listed = [f"{day:%m-%d}" for day in expiries(TUESDAY, SESSIONS)]
    # Good Friday is 3 April, Juneteenth is Friday 19 June
    assert listed == [*WEEKS, "05-15", "06-18", "07-17", "08-21", "09-18", "10-16", "11-20"]


def test_f104_an_expiry_is_listed_until_its_close() -> None:
    friday = datetime(2026, 3, 13, 19, 59, tzinfo=UTC)
    assert expiries(friday, SESSIONS)[0] == date(2026, 3, 13)
    assert expiries(friday + timedelta(minutes=1), SESSIONS)[0] == date(2026, 3, 20)


def test_what_lies_beyond_the_calendar_is_left_out() -> None:
    short = Sessions.open(date(2026, 1, 2), date(2026, 4, 30))
    assert expiries(TUESDAY, short)[-1] == date(2026, 4, 17)


@pytest.mark.parametrize(
    ("spot", "step"), [(4.0, "0.5"), (40.0, "2.5"), (101.0, "5"), (220.0, "10"), (30.0, "2.5"), (15.0, "1"), (0.01, "0.5")]
)
def test_strikes_stand_on_the_grid_of_their_price(spot: float, step: str) -> None:
    grid = strikes(spot, 0.5, 35 / 365)
    assert {high - low for low, high in pairwise(grid)} <= {Decimal(step)}
    assert all(strike > 0 for strike in grid)
    assert grid[0] <= spot * 1.01 or spot < 0.5


def test_years_end_at_the_close_in_new_york_in_summer_and_in_winter() -> None:
    assert years_to(date(2026, 3, 10), datetime(2026, 3, 10, 20, 0, tzinfo=UTC)) == 0
    assert years_to(date(2026, 1, 16), datetime(2026, 1, 16, 20, 0, tzinfo=UTC)) == pytest.approx(1 / 24 / 365)


@given(MARKETS, st.data())
@settings(max_examples=60, deadline=None)
def test_a_single_quote_equals_the_chains_quote(market: tuple[float, float, datetime, float, float], data: st.DataObject) -> None:
    listed = chain(*market)
    place = data.draw(st.integers(0, len(listed.contracts) - 1))
    quote = modelled_quote(listed.contracts[place], *market)
    assert quote.modelled
    assert quote.as_of == listed.as_of
    assert (float(quote.bid), float(quote.ask)) == (listed.bid[place], listed.ask[place])
    assert (quote.bid_size, quote.ask_size) == (listed.bid_size[place], listed.ask_size[place])
    assert quote.bid == round(quote.bid, 2)
    assert quote.ask == round(quote.ask, 2)


@given(MARKETS)
@settings(max_examples=40, deadline=None)
def test_no_quote_breaks_its_bounds(market: tuple[float, float, datetime, float, float]) -> None:
    listed = chain(*market)
    spot = market[0]
    strike = np.array([float(contract.strike) for contract in listed.contracts])
    is_call = np.array([contract.right is Right.CALL for contract in listed.contracts])
    intrinsic = np.maximum(np.where(is_call, spot - strike, strike - spot), 0.0)
    assert (listed.bid >= 0).all()
    assert (listed.ask - listed.bid > 0.009).all()
    assert (listed.ask >= intrinsic - 1e-9).all()
    assert (listed.bid <= np.where(is_call, spot, strike)).all()
    dear = listed.ask > 3
    assert np.allclose(listed.ask[dear] * 20, np.round(listed.ask[dear] * 20))
    for name in ("bid", "ask", "bid_size", "ask_size", "volume", "open_interest", "iv", "delta", "gamma", "theta", "vega"):
        column = getattr(listed, name)
        assert column.shape == (len(listed.contracts),), name
        assert np.isfinite(column).all(), name
    assert (np.abs(listed.delta) <= 1).all()
    assert (listed.iv > 0).all()
    assert listed.contracts == tuple(sorted(listed.contracts))
    assert len(set(listed.contracts)) == len(listed.contracts)


@given(MARKETS)
@settings(max_examples=40, deadline=None)
def test_call_and_put_keep_american_parity_within_their_spreads(market: tuple[float, float, datetime, float, float]) -> None:
    spot, _, as_of, rate, dividend = market
    listed = chain(*market)
    place = {contract: i for i, contract in enumerate(listed.contracts)}
    for contract, call in place.items():
        if contract.right is Right.PUT:
            continue
        put = place[Option("AAA", contract.expiry, Right.PUT, contract.strike)]
        years, strike = years_to(contract.expiry, as_of), float(contract.strike)
        assert listed.iv[call] == listed.iv[put]
        assert listed.ask[call] - listed.bid[put] >= spot * math.exp(-dividend * years) - strike - 1e-9
        assert listed.bid[call] - listed.ask[put] <= spot - strike * math.exp(-rate * years) + 1e-9


@given(MARKETS)
@settings(max_examples=40, deadline=None)
def test_mids_fall_with_strike_and_never_by_more_than_the_strikes_differ(
    market: tuple[float, float, datetime, float, float],
) -> None:
    listed = chain(*market)
    mid = (listed.bid + listed.ask) / 2
    spread = listed.ask - listed.bid
    for low in range(len(mid) - 1):
        a, b = listed.contracts[low], listed.contracts[low + 1]
        if (a.expiry, a.right) != (b.expiry, b.right):
            continue
        drop = (mid[low] - mid[low + 1]) * (1 if a.right is Right.CALL else -1)
        slack = (spread[low] + spread[low + 1]) / 2
        assert -0.051 <= drop <= float(b.strike - a.strike) + slack
        assert listed.bid[low + (a.right is Right.PUT)] <= listed.ask[low + (a.right is Right.CALL)] + float(b.strike - a.strike)


@given(MARKETS)
@settings(max_examples=40, deadline=None)
def test_a_later_expiry_is_never_cheaper_beyond_the_spread(market: tuple[float, float, datetime, float, float]) -> None:
    listed = chain(*market)
    latest: dict[tuple[Right, Decimal], int] = {}
    for i, contract in enumerate(listed.contracts):
        before = latest.get((contract.right, contract.strike))
        if before is not None:
            assert listed.ask[i] >= listed.bid[before], (listed.contracts[before], contract)
        latest[contract.right, contract.strike] = i


@pytest.mark.parametrize("volatility", [0.05, 0.3, 1.0])
@pytest.mark.parametrize("years", [1 / 365, 35 / 365, 0.75])
def test_the_surface_implies_no_negative_density(volatility: float, years: float) -> None:
    from core.market import kernel_chains as kernel

    deviation = volatility * math.sqrt(years)
    k = np.linspace(-5 * deviation, 5 * deviation, 2001)
    sigma = np.empty_like(k)
    kernel.surface(1.0, 0.0, 0.0, volatility, np.exp(k), np.full_like(k, years), sigma)
    w = sigma**2 * years  # Gatheral and Jacquier (2014), g(k) >= 0
    first, second = np.gradient(w, k), np.gradient(np.gradient(w, k), k)
    g = (1 - k * first / (2 * w)) ** 2 - first**2 / 4 * (1 / w + 0.25) + second / 2
    assert g[5:-5].min() > 0


def test_open_interest_and_volume_give_the_filters_something_to_refuse() -> None:
    listed = chain(101.3, 0.4, TUESDAY, 0.04, 0.0)
    monthly = np.array([contract.expiry == date(2026, 4, 17) for contract in listed.contracts])
    assert listed.open_interest[monthly].max() > 5000
    assert listed.open_interest.min() < 500
    assert listed.volume.min() < 100 < listed.volume[monthly].max()
    wide = (listed.ask - listed.bid) / (listed.ask + listed.bid) * 2
    near = (np.abs(listed.delta) > 0.3) & (np.abs(listed.delta) < 0.7)
    assert wide[monthly & near].max() < 0.1
    assert wide.max() > 0.1


def test_a_seed_moves_open_interest_by_underlying_and_no_quote() -> None:
    plain = modelled_chain("AAA", 50.0, 0.3, TUESDAY, 0.03, 0.0, SESSIONS, iv_rank=33.0)
    seeded = modelled_chain("AAA", 50.0, 0.3, TUESDAY, 0.03, 0.0, SESSIONS, seed=7)
    again = modelled_chain("AAA", 50.0, 0.3, TUESDAY, 0.03, 0.0, SESSIONS, seed=7)
    other = modelled_chain("BBB", 50.0, 0.3, TUESDAY, 0.03, 0.0, SESSIONS, seed=7)
    assert plain.iv_rank == 33.0
    assert math.isnan(seeded.iv_rank)
    assert plain.modelled
    assert np.array_equal(plain.bid, seeded.bid)
    assert not np.array_equal(plain.open_interest, seeded.open_interest)
    assert not np.array_equal(other.open_interest, seeded.open_interest)
    assert np.array_equal(again.open_interest, seeded.open_interest)
    assert np.array_equal(again.vega, seeded.vega)


def test_after_expiry_a_quote_is_the_intrinsic_value_without_size() -> None:
    close = datetime(2026, 3, 13, 20, 0, tzinfo=UTC)
    call = Option("AAA", date(2026, 3, 13), Right.CALL, Decimal(100))
    quote = modelled_quote(call, 103.216, 0.4, close, 0.03, 0.0)
    assert quote.bid == quote.ask == Decimal("3.22")
    assert quote.bid_size == quote.ask_size == 0
    worthless = modelled_quote(call, 99.0, 0.4, close, 0.03, 0.0)
    assert worthless.defect(close, timedelta(seconds=1)) == "nobody offers"


def test_a_contract_that_the_chain_no_longer_lists_still_has_a_quote() -> None:
    held = Option("AAA", date(2026, 3, 20), Right.CALL, Decimal("87.5"))
    assert held not in chain(200.0, 0.3, TUESDAY, 0.03, 0.0).contracts
    assert modelled_quote(held, 200.0, 0.3, TUESDAY, 0.03, 0.0).bid > 110


def test_a_price_beyond_the_largest_strike_has_an_empty_chain() -> None:
    assert chain(500_000.0, 0.3, TUESDAY, 0.03, 0.0).contracts == ()


@pytest.mark.parametrize(
    ("name", "terms"),
    [
        ("spot", (math.nan, 0.3, 0.03, 0.0)),
        ("spot", (0.0, 0.3, 0.03, 0.0)),
        ("volatility", (10.0, math.nan, 0.03, 0.0)),
        ("volatility", (10.0, -0.1, 0.03, 0.0)),
        ("rate", (10.0, 0.3, math.nan, 0.0)),
        ("dividend yield", (10.0, 0.3, 0.03, math.inf)),
    ],
)
def test_terms_that_are_no_numbers_are_refused_by_name(name: str, terms: tuple[float, float, float, float]) -> None:
    spot, volatility, rate, dividend = terms
    option = Option("AAA", date(2026, 3, 20), Right.CALL, Decimal(10))
    with pytest.raises(BadDataError, match=name):
        modelled_chain("AAA", spot, volatility, TUESDAY, rate, dividend, SESSIONS)
    with pytest.raises(BadDataError, match=name):
        modelled_quote(option, spot, volatility, TUESDAY, rate, dividend)
