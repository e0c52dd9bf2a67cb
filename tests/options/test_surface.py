"""The surface on modelled and real chains: fits, flags, forwards, odds."""

import math
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.market.chains import modelled_chain
from core.market.sessions import NEW_YORK, Sessions
from core.model.errors import BadDataError
from core.model.market import Chain
from core.options.surface import Surface, calendar_gaps
from core.options.surface_build import build
from core.options.surface_fit import Svi, fit
from core.options.surface_quotes import Flaw, QuoteRules, Terms, sentences
from core.quant import curve
from core.quant.exercise import Shelf
from core.quant.reasons import Reason
from tests.options.builders import real_chain

NOW = datetime(2026, 3, 2, 16, 0, tzinfo=UTC)
RULES = QuoteRules()
TERMS = Terms(curve.flat(0.04))


@pytest.fixture(scope="module")
def chain() -> Chain:
    sessions = Sessions.open(date(2025, 1, 2), date(2027, 12, 31))
    made = modelled_chain("TEST", 100.0, 0.3, NOW, 0.04, 0.01, sessions, seed=3)
    return replace(made, bid_size=np.full(len(made.contracts), 10.0), ask_size=np.full(len(made.contracts), 10.0))


@pytest.fixture(scope="module")
def surface(chain: Chain) -> Surface:
    return build(chain, TERMS, NOW, RULES, Shelf())


def test_the_volatilities_that_made_the_quotes_are_found_again(chain: Chain, surface: Surface) -> None:
    clear = (np.abs(chain.delta) > 0.2) & (np.abs(chain.delta) < 0.8) & (surface.flaws == 0)
    assert clear.sum() > 80
    assert np.median(np.abs(surface.volatility - chain.iv)[clear]) < 0.003
    assert np.median(np.abs(surface.fitted - chain.iv)[clear]) < 0.003
    assert all(smile.svi.is_free_of_butterflies for smile in surface.smiles)
    assert max(smile.calendar for smile in surface.smiles) < 2e-4
    assert surface.spot_gap == 0.0


def test_the_forward_is_that_of_rate_and_yield(surface: Surface) -> None:
    for smile in surface.smiles:
        assert smile.forward == pytest.approx(100 * math.exp(0.03 * smile.years), abs=0.1)
        assert smile.from_parity


def test_skew_is_positive_where_puts_are_dearer_and_moves_grow_with_time(surface: Surface) -> None:
    assert all(smile.skew > 0 for smile in surface.smiles[1:])
    assert surface.expected_move(0.5) > surface.expected_move(0.1) > 0
    last = surface.smiles[-1]
    assert last.straddle == pytest.approx(math.sqrt(2 / math.pi) * surface.expected_move(last.years), rel=0.03)
    assert surface.constant_maturity(30) == pytest.approx(0.3, abs=0.01)
    assert math.isnan(surface.constant_maturity(2000))
    assert surface.term_structure[0][0] == surface.smiles[0].expiry


def test_prices_of_the_surface_lie_inside_the_quotes(chain: Chain, surface: Surface) -> None:
    inside = []
    for place, contract in enumerate(chain.contracts):
        years = (datetime.combine(contract.expiry, datetime.min.time().replace(hour=16), NEW_YORK) - NOW).total_seconds() / (
            365 * 86400
        )
        if surface.flaws[place] == 0 and place % 7 == 0:
            fair = float(surface.price(float(contract.strike), years, contract.right == "C"))
            inside.append(chain.bid[place] - 0.03 <= fair <= chain.ask[place] + 0.03)
    assert np.mean(inside) > 0.95


def test_the_odds_are_a_distribution_with_the_forward_as_its_mean(surface: Surface) -> None:
    years = 0.35
    levels = np.linspace(10, 400, 4000)
    below = surface.below(levels, years)
    assert (np.diff(below) >= -1e-9).all()
    assert below[0] < 1e-3
    assert below[-1] > 0.999
    mean = levels[0] + float(((1 - below)[:-1] * np.diff(levels)).sum()) - 0.0
    assert mean == pytest.approx(surface.forward(years), rel=2e-3)
    plain = surface.below_lognormal(levels, years)
    assert float(np.abs(plain - below).max()) < 0.08
    assert surface.below(80.0, years) > surface.below_lognormal(80.0, years)


def broken(chain: Chain, place: int, flaw: Flaw) -> Chain:
    bid, ask, size = chain.bid.copy(), chain.ask.copy(), chain.bid_size.copy()
    contracts = list(chain.contracts)
    if flaw is Flaw.ONE_SIDED:
        bid[place] = np.nan
    elif flaw is Flaw.CROSSED:
        bid[place], ask[place] = ask[place] + 1, bid[place]
    elif flaw is Flaw.WIDE:
        ask[place] = bid[place] * 3
    elif flaw is Flaw.THIN:
        size[place] = 0
    elif flaw is Flaw.ADJUSTED:
        contracts[place] = replace(contracts[place], multiplier=10)
    elif flaw is Flaw.OFF_SURFACE:
        bid[place], ask[place] = bid[place] + 2.5, ask[place] + 2.5
    elif flaw is Flaw.NO_VOLATILITY:
        bid[place], ask[place] = 150.0, 150.1
    return replace(chain, bid=bid, ask=ask, bid_size=size, contracts=tuple(contracts))


@pytest.mark.parametrize(
    "flaw", [Flaw.ONE_SIDED, Flaw.CROSSED, Flaw.WIDE, Flaw.THIN, Flaw.ADJUSTED, Flaw.OFF_SURFACE, Flaw.NO_VOLATILITY]
)
def test_a_flawed_quote_is_flagged_and_spoils_no_other(chain: Chain, surface: Surface, flaw: Flaw) -> None:
    place = next(
        i for i, one in enumerate(chain.contracts) if 0.3 < chain.delta[i] < 0.4 and surface.flaws[i] == 0 and one.expiry.month > 3
    )
    found = build(broken(chain, place, flaw), TERMS, NOW, RULES)
    assert found.flaws[place] & flaw
    assert sentences(int(found.flaws[place]))
    others = np.arange(len(found.flaws)) != place
    assert (found.flaws[others] != surface.flaws[others]).mean() < 0.02
    assert np.nanmax(np.abs(found.fitted - surface.fitted)[others]) < 0.01
    if flaw in {Flaw.ONE_SIDED, Flaw.CROSSED, Flaw.NO_VOLATILITY}:
        assert math.isnan(found.volatility[place])
        assert found.reason[place] != Reason.OK


def test_an_old_chain_is_flagged_everywhere(chain: Chain) -> None:
    found = build(replace(chain, as_of=NOW - timedelta(minutes=5)), TERMS, NOW, RULES)
    assert (found.flaws & Flaw.STALE).all()


def test_an_empty_a_one_sided_and_an_expired_chain_have_no_surface_and_say_so(chain: Chain) -> None:
    nobody = np.full(len(chain.contracts), np.nan)
    late = NOW + timedelta(days=600)
    for hollow, at in ((replace(chain, bid=nobody), NOW), (replace(chain, as_of=late), late)):
        found = build(hollow, TERMS, at, RULES)
        assert found.smiles == ()
        assert found.flaws.all()
        with pytest.raises(BadDataError, match="no volatility surface"):
            found.volatility_of(100.0, 0.1)
    none = np.empty(0)
    empty = replace(chain, contracts=(), bid=none, ask=none, bid_size=none, ask_size=none)
    assert build(empty, TERMS, NOW, RULES).smiles == ()


def test_a_chain_with_a_missing_page_keeps_its_other_expiries(chain: Chain, surface: Surface) -> None:
    gone = chain.contracts[0].expiry
    keep = np.array([contract.expiry != gone for contract in chain.contracts])
    names = ("bid", "ask", "bid_size", "ask_size", "volume", "open_interest", "iv", "delta", "gamma", "theta", "vega")
    part = replace(
        chain,
        contracts=tuple(c for c in chain.contracts if c.expiry != gone),
        **{name: getattr(chain, name)[keep] for name in names},
    )
    found = build(part, TERMS, NOW, RULES)
    assert [smile.expiry for smile in found.smiles] == [smile.expiry for smile in surface.smiles if smile.expiry != gone]


def test_a_spot_of_another_minute_is_noticed(chain: Chain) -> None:
    found = build(replace(chain, spot=99.2), TERMS, NOW, RULES)
    assert found.spot == pytest.approx(100.0, abs=0.1)
    assert found.spot_gap == pytest.approx(math.log(100 / 99.2), abs=1e-3)


@given(
    st.floats(0.005, 0.2),
    st.floats(0.02, 0.4),
    st.floats(-0.9, 0.5),
    st.floats(-0.1, 0.1),
    st.floats(0.05, 0.5),
    st.floats(0.0, 0.02),
)
@settings(max_examples=40, deadline=None)
def test_a_sound_smile_is_recovered_and_every_fit_is_free_of_butterflies(
    a: float, b: float, rho: float, m: float, sigma: float, noise: float
) -> None:
    true = Svi(a, b, rho, m, sigma, reach=1.0)
    k = np.linspace(-0.5, 0.4, 31)
    wiggle = 1 + noise * np.sin(37 * k)
    found = fit(k, true.variance(k) * wiggle, np.ones(31), 0.5)
    assert found.is_free_of_butterflies
    sound = float(true.density_factor(np.linspace(-1.0, 1.0, 321)).min()) > 0.1  # not at the edge of what is free of arbitrage
    if noise < 1e-6 and sound:
        assert np.abs(np.sqrt(found.variance(k)) - np.sqrt(true.variance(k))).max() < 5e-3


def test_calendar_gaps_are_measured(surface: Surface) -> None:
    near, far = surface.smiles[:2]
    swapped = (replace(near, svi=replace(near.svi, a=near.svi.a + 0.05)), far)
    assert calendar_gaps(swapped)[1] > 0.03


def spx(shared: Path) -> pd.DataFrame:
    table = pd.read_parquet(shared / "data/options/spx_ivolatility_2011.parquet")
    return table[table["date"] == table["date"].min()]


def test_the_real_index_chain_has_a_smooth_arbitrage_free_surface(shared: Path, tmp_path: Path) -> None:
    path = tmp_path / "spx.parquet"
    spx(shared).to_parquet(path)
    at = datetime(2011, 1, 3, 16, 0, tzinfo=NEW_YORK)
    chain = real_chain(path, "SPX", 1271.87, at, 0.019)
    found = build(chain, Terms(curve.flat(0.003), european=True), at, RULES)
    assert len(found.smiles) == 15
    assert all(smile.svi.is_free_of_butterflies for smile in found.smiles)
    assert all(smile.svi.miss < 0.004 for smile in found.smiles)
    assert all(smile.forward_low <= smile.forward <= smile.forward_high for smile in found.smiles)
    levels = [volatility for _, volatility in found.term_structure]
    assert levels == sorted(levels)[: len(levels)] or max(abs(a - b) for a, b in zip(levels, sorted(levels), strict=True)) < 0.002
    assert all(0.01 < smile.carry < 0.025 for smile in found.smiles)
    assert found.spot == pytest.approx(1269.3, abs=0.5)  # quoted a quarter of an hour after the index closed


def test_the_real_spy_chain_keeps_its_term_structure_although_its_spot_is_a_quarter_of_an_hour_old(shared: Path) -> None:
    at = datetime(2015, 1, 5, 16, 15, tzinfo=NEW_YORK)
    chain = real_chain(shared / "data/options/spy_chain_20150105.parquet", "SPY", 201.72, at, 0.019)
    found = build(chain, Terms(curve.flat(0.002)), at, RULES)
    assert (found.flaws & Flaw.EXPIRED).astype(bool).sum() == 180
    assert len(found.smiles) >= 18
    levels = np.array([smile.at_the_money for smile in found.smiles if smile.years > 0.03])
    assert np.abs(np.diff(levels)).max() < 0.012
    assert found.spot == pytest.approx(202.0, abs=0.1)
