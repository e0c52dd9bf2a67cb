"""Positions: bounds, odds, Greeks, early assignment, stress; the largest loss is never smaller than any loss of a grid."""

import math
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.market.chains import years_to
from core.model.errors import BadDataError
from core.model.instruments import Leg, Option, Right, Side, Stock
from core.options import stress as book
from core.options.structures import (
    Assignment,
    Moment,
    Position,
    assignment_risks,
    break_evens,
    least,
    margin,
    max_loss,
    max_profit,
    weight,
)
from core.options.structures_odds import odds, payoff, reward, touch
from core.options.structures_value import Scenario, greeks, profit, worth
from core.options.surface import Smile, Surface
from core.options.surface_fit import Svi
from core.options.surface_quotes import Terms
from core.quant import curve
from core.quant import payoff as older
from core.quant.dividends import Dividend
from core.quant.exercise import Shelf
from tests.quant import twins

NOW = datetime(2026, 3, 2, 16, 0, tzinfo=UTC)
NEAR, FAR = date(2026, 4, 17), date(2026, 6, 19)
SHELF = Shelf()


def surface(level: float = 0.3, skew: float = 0.0, dividends: tuple[Dividend, ...] = (), *, european: bool = False) -> Surface:
    smiles = []
    for expiry in (NEAR, FAR):
        years = years_to(expiry, NOW)
        w = level**2 * years
        svi = Svi(w, 0.0, 0.0, 0.0, 1.0) if skew == 0 else Svi(w - skew * 0.2, skew, -0.5, 0.0, 0.2)
        smiles.append(Smile(expiry, years, 100 * math.exp(0.04 * years), 0.04, 0.0, svi))
    none, codes = np.empty(0), np.empty(0, np.uint8)
    terms = Terms(curve.flat(0.04), dividends, european)
    return Surface("TEST", NOW, 100.0, terms, tuple(smiles), none, none, none, none, codes, np.empty(0, np.uint16))


def option(strike: float, right: Right = Right.CALL, expiry: date = NEAR) -> Option:
    return Option("TEST", expiry, right, Decimal(str(strike)))


LEGS = st.lists(
    st.tuples(
        st.sampled_from([80.0, 90.0, 95.0, 100.0, 105.0, 110.0, 120.0]),
        st.sampled_from(list(Right)),
        st.sampled_from(list(Side)),
        st.integers(1, 3),
        st.sampled_from([NEAR, NEAR, FAR]),
    ),
    min_size=1,
    max_size=4,
)


def made(rows: list[tuple[float, Right, Side, int, date]], shares: int) -> Position:
    legs = [Leg(option(strike, right, expiry), side, ratio) for strike, right, side, ratio, expiry in rows]
    if shares:
        legs.append(Leg(Stock("TEST"), Side.BUY if shares > 0 else Side.SELL, abs(shares)))
    at = surface()
    now = float(worth(tuple(legs), at, NOW, Scenario(np.array([100.0]), np.ones(1), np.zeros(1)), SHELF)[0, 0, 0])
    return Position(tuple(legs), Decimal(str(round(-now / 100, 2))) if rows else Decimal(-100), Decimal("2.60"))


@given(LEGS, st.sampled_from([0, 0, 100, -100]), st.sampled_from([0.15, 0.3, 0.8]))
@settings(max_examples=60, deadline=None)
def test_the_largest_loss_is_at_least_every_loss_of_the_grid(
    rows: list[tuple[float, Right, Side, int, date]], shares: int, level: float
) -> None:
    position = made(rows, shares)
    last = (datetime(position.first_expiry.year, position.first_expiry.month, position.first_expiry.day, 19, tzinfo=UTC) - NOW).days  # type: ignore[union-attr]  # there is an option
    scenario = Scenario(np.linspace(20, 260, 33), np.array([0.5, 1.0, 2.0]), np.array([0.0, last / 2, float(last)]))
    seen = profit(position, surface(level), NOW, scenario, SHELF)
    assert np.isfinite(seen).all()
    slack = 0.05 * sum(abs(weight(leg)) for leg in position.legs) / 100  # European and American formulas differ by less
    assert seen.min() >= -float(max_loss(position)) - slack


@given(LEGS, st.integers(-500, 500))
@settings(max_examples=100, deadline=None)
def test_bounds_of_one_expiry_agree_with_the_payoff_at_every_price(
    rows: list[tuple[float, Right, Side, int, date]], cents: int
) -> None:
    legs = tuple(Leg(option(strike, right), side, ratio) for strike, right, side, ratio, _ in rows)
    position = Position(legs, Decimal(cents) / 100)
    spots = np.array([0.0, *np.linspace(1, 400, 200), *sorted(row[0] for row in rows)])
    result = payoff(position, spots) + float(position.opened)
    assert np.allclose(result, older.payoff(legs, position.net, spots))
    assert max_loss(position) == older.max_loss(legs, position.net)
    assert max_loss(position) == Decimal("Infinity") or float(max_loss(position)) >= -result.min() - 0.01
    assert max_profit(position) == Decimal("Infinity") or float(max_profit(position)) >= result.max() - 0.01
    for price in break_evens(position):
        assert abs(float(least(position, price))) <= 0.02 * sum(abs(weight(leg)) for leg in legs)


def test_known_structures_have_their_known_bounds() -> None:
    spread = Position((Leg(option(100), Side.BUY), Leg(option(110), Side.SELL)), Decimal("-3.20"), Decimal("2.60"))
    assert max_loss(spread) == Decimal("322.60")
    assert max_profit(spread) == Decimal("677.40")
    assert break_evens(spread) == (Decimal("103.23"),)
    naked = Position((Leg(option(110), Side.SELL),), Decimal("1.50"))
    assert max_loss(naked) == Decimal("Infinity")
    assert margin(naked, Decimal(100)) == Decimal("1150.00")
    covered = Position((Leg(Stock("TEST"), Side.BUY, 100), Leg(option(110), Side.SELL)), Decimal("-98.50"))
    assert max_loss(covered) == Decimal("9850.00")
    calendar = Position((Leg(option(100), Side.SELL), Leg(option(100, expiry=FAR), Side.BUY)), Decimal("-1.80"))
    assert max_loss(calendar) == Decimal("180.00")
    assert max_profit(calendar).is_nan()
    with pytest.raises(BadDataError, match="expire together"):
        break_evens(calendar)
    assert max_loss(Position((Leg(option(100), Side.BUY), Leg(option(100, expiry=FAR), Side.SELL)), Decimal("1.80"))) == Decimal(
        "9820.00"
    )


@pytest.mark.parametrize(
    "legs",
    [
        (),
        tuple(Leg(option(strike), Side.BUY) for strike in (80, 90, 100, 110, 120)),
        (Leg(Stock("TEST"), Side.BUY), Leg(Stock("TEST"), Side.SELL)),
        (Leg(option(100), Side.BUY), Leg(Stock("OTHER"), Side.BUY)),
        (Leg(option(100), Side.BUY, 0),),
    ],
)
def test_impossible_positions_are_refused(legs: tuple[Leg, ...]) -> None:
    with pytest.raises(BadDataError):
        Position(legs, Decimal(0))


def test_worth_on_a_grid_equals_the_model_leg_by_leg() -> None:
    scenario = Scenario(np.array([90.0, 100.0]), np.array([1.0, 1.5]), np.array([0.0, 20.0]))
    legs = (Leg(option(100), Side.BUY, 2), Leg(option(95, Right.PUT), Side.SELL), Leg(Stock("TEST"), Side.BUY, 50))
    seen = worth(legs, surface(european=True), NOW, scenario)
    years = years_to(NEAR, NOW)
    for day, days in enumerate((0.0, 20.0)):
        for row, factor in enumerate((1.0, 1.5)):
            for column, spot in enumerate((90.0, 100.0)):
                left = years - days / 365
                call = twins.european(spot, 100, left, 0.04, 0.0, 0.3 * factor, call=True)["price"]
                put = twins.european(spot, 95, left, 0.04, 0.0, 0.3 * factor, call=False)["price"]
                assert seen[day, row, column] == pytest.approx(200 * call - 100 * put + 50 * spot, rel=1e-9)


def test_a_scenario_after_the_first_expiry_is_refused() -> None:
    position = Position((Leg(option(100), Side.BUY),), Decimal(-4))
    with pytest.raises(BadDataError, match="after the first expiry"):
        profit(position, surface(), NOW, Scenario(np.array([100.0]), np.ones(1), np.array([60.0])))


def test_the_greeks_of_a_position_are_the_slopes_of_its_worth() -> None:
    legs = (Leg(option(95), Side.BUY), Leg(option(105), Side.SELL), Leg(Stock("TEST"), Side.SELL, 20))
    at = surface(skew=0.1)
    found = greeks(legs, at, NOW, SHELF)
    spots = np.array([99.9, 100.0, 100.1])
    seen = worth(legs, at, NOW, Scenario(spots, np.ones(1), np.zeros(1)), SHELF)[0, 0]
    assert found.worth == pytest.approx(seen[1])
    assert found.delta == pytest.approx((seen[2] - seen[0]) / 0.2, abs=0.02)
    assert found.gamma == pytest.approx((seen[2] - 2 * seen[1] + seen[0]) / 0.01, abs=0.05)
    later = worth(legs, at, NOW, Scenario(spots, np.ones(1), np.array([0.1])), SHELF)[0, 0]
    assert found.theta == pytest.approx((later[1] - seen[1]) / 0.1, abs=0.3)


def test_a_fair_position_earns_nothing_on_average_and_its_costs_are_lost() -> None:
    at = surface(skew=0.08, european=True)
    years = years_to(NEAR, NOW)
    legs = (Leg(option(100), Side.BUY), Leg(option(110), Side.SELL))
    fair = float(worth(legs, at, NOW, Scenario(np.array([100.0]), np.ones(1), np.zeros(1)))[0, 0, 0]) / 100
    seen = odds(Position(legs, Decimal(str(round(-fair, 6))), Decimal(5)), at, NOW)
    assert seen.expected == pytest.approx(-5, abs=1.0)
    assert 0 < seen.profit < 1
    assert seen.profit != pytest.approx(seen.profit_lognormal, abs=1e-4)
    plain = surface(european=True)
    long = odds(Position((Leg(option(100), Side.BUY),), Decimal("-4.0")), plain, NOW)
    d2 = (math.log(100 / 104) + (0.04 - 0.045) * years) / (0.3 * math.sqrt(years))
    assert long.profit == pytest.approx(twins.normal(d2), abs=1e-3)
    assert long.profit == pytest.approx(long.profit_lognormal, abs=1e-3)


def test_touching_is_about_twice_as_likely_as_ending_beyond() -> None:
    at, years = surface(), years_to(NEAR, NOW)
    assert touch(at, 110.0, years) == pytest.approx(2 * (1 - float(at.below(110.0, years))), rel=0.1)
    assert touch(at, 90.0, years) == pytest.approx(2 * float(at.below(90.0, years)), rel=0.1)
    assert touch(at, 100.0, years) == 1.0
    draw = np.random.default_rng(5)
    steps = 2000
    paths = np.cumsum(draw.normal((0.04 - 0.045) * years / steps, 0.3 * math.sqrt(years / steps), (2000, steps)), axis=1)
    assert touch(at, 108.0, years) == pytest.approx((paths.max(axis=1) >= math.log(1.08)).mean(), abs=0.035)


def test_reward_and_risk_are_measured_on_one_day() -> None:
    position = Position((Leg(option(100), Side.BUY),), Decimal("-4.45"))
    seen = reward(position, surface(), NOW, (110.0, 96.0), 10.0)
    assert seen.at_target > 0 > seen.at_stop
    assert seen.ratio == pytest.approx(seen.at_target / -seen.at_stop)
    assert math.isnan(reward(position, surface(), NOW, (96.0, 95.0), 10.0).ratio)


def test_short_legs_that_pay_to_be_exercised_are_named() -> None:
    call, put = option(80), option(130, Right.PUT)
    position = Position((Leg(call, Side.SELL), Leg(put, Side.SELL), Leg(option(100, expiry=FAR), Side.SELL)), Decimal(50))
    years = {NEAR: 0.3, FAR: 0.5}
    mids = {call.key: 20.1, put.key: 30.2, option(100, expiry=FAR).key: 6.0}
    moment = Moment(100.0, 0.04, years, (Dividend(0.1, 0.5),), mids)
    seen = assignment_risks(position, moment)
    assert [(risk.leg.instrument, risk.why) for risk in seen] == [(call, Assignment.DIVIDEND), (put, Assignment.INTEREST)]
    last_day = assignment_risks(position, replace(moment, years={NEAR: 0.3, FAR: 1 / 365}, dividends=()))
    assert last_day[-1].why is Assignment.PIN


def test_a_book_adds_up_and_names_what_it_cannot_value() -> None:
    index = book.Index(500.0, {"TEST": 1.2})
    held = [
        book.Holding(option(100), 10, "one"),
        book.Holding(option(100), -4, "two"),
        book.Holding(Stock("TEST"), -300, "one"),
        book.Holding(Stock("GONE"), 5, "one"),
        book.Holding(option(100, expiry=date(2026, 2, 20)), 1, "one"),
    ]
    seen = book.exposures(held, {"TEST": surface()}, index, NOW, SHELF)
    one = greeks((Leg(option(100), Side.BUY),), surface(), NOW, SHELF)
    assert seen.whole.delta == pytest.approx(6 * one.delta - 300)
    assert seen.whole.index_delta == pytest.approx((6 * one.delta - 300) * 100 * 1.2 / 500)
    assert seen.by_account["two"].vega == pytest.approx(-4 * one.vega)
    assert seen.by_expiry[NEAR].theta == pytest.approx(6 * one.theta)
    assert seen.unknown == ("GONE", option(100, expiry=date(2026, 2, 20)).key)


def test_stress_equals_the_grid_of_each_holding_and_finds_the_worst() -> None:
    index = book.Index(500.0, {"TEST": 2.0})
    held = [book.Holding(option(100, Right.PUT), -2), book.Holding(Stock("TEST"), 100)]
    shocks = book.usual_shocks()
    seen = book.stress(held, {"TEST": surface()}, index, NOW, shocks, SHELF)
    assert seen.profit.shape == (5, 9, 25)
    spots = 100 * (1 + 2 * shocks.moves)
    put = worth((Leg(option(100, Right.PUT), Side.BUY),), surface(), NOW, Scenario(spots, shocks.factors, shocks.days), SHELF)
    today = greeks((Leg(option(100, Right.PUT), Side.BUY),), surface(), NOW, SHELF).worth
    assert np.allclose(seen.profit, -2 * (put - today) + 100 * (spots - 100))
    loss, move, _, _ = seen.worst
    assert move == pytest.approx(-0.2)
    assert loss == seen.profit.min()
    assert timedelta(days=float(shocks.days.max())) <= timedelta(days=30)
