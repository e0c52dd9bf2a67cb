"""Payoff at expiry, the structural maximum loss, break-evens."""

from datetime import date
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.model.errors import BadDataError
from core.model.instruments import Leg, Option, Right, Side, Stock
from core.quant.payoff import break_evens, max_loss, payoff

EXPIRY = date(2026, 4, 17)
GRID = np.linspace(0.0, 400.0, 1601)


def option(strike: int | str, right: Right = Right.CALL, expiry: date = EXPIRY) -> Option:
    return Option("AAA", expiry, right, Decimal(strike))


LEGS = st.lists(
    st.builds(
        Leg,
        st.one_of(
            st.builds(option, st.integers(1, 400).map(lambda half: str(half / 2)), st.sampled_from(Right)),
            st.just(Stock("AAA")),
        ),
        st.sampled_from(Side),
        st.integers(1, 3),
    ),
    min_size=1,
    max_size=4,
)
NETS = st.decimals("-60", "60", places=2)


@given(LEGS, NETS)
def test_no_price_loses_more_than_the_maximum_loss_and_some_price_loses_it(legs: list[Leg], net: Decimal) -> None:
    profits, most = payoff(legs, net, GRID), max_loss(legs, net)
    assert most >= 0
    if not most.is_finite():
        assert payoff(legs, net, np.array([1e6]))[0] < -1e3
        return
    assert profits.min() >= -float(most) - 1e-6
    assert float(most) == pytest.approx(max(-profits.min(), 0.0), abs=1e-6)  # every strike lies on the grid


@given(LEGS, NETS)
def test_a_better_net_price_never_raises_the_maximum_loss(legs: list[Leg], net: Decimal) -> None:
    assert max_loss(legs, net + 1) <= max_loss(legs, net)


@given(LEGS, NETS)
def test_nothing_is_earned_at_a_break_even_and_every_change_of_sign_has_one(legs: list[Leg], net: Decimal) -> None:
    evens = break_evens(legs, net)
    assert list(evens) == sorted(evens)
    assert payoff(legs, net, np.array([float(even) for even in evens])) == pytest.approx(0.0, abs=1e-6)
    profits = payoff(legs, net, GRID)
    for place in np.flatnonzero(profits[:-1] * profits[1:] < -1e-9):
        assert any(GRID[place] - 1e-9 <= even <= GRID[place + 1] + 1e-9 for even in map(float, evens))


@pytest.mark.parametrize(
    ("legs", "net", "loss", "evens"),
    [
        ([Leg(option(100), Side.BUY)], "-5", 500, [105]),
        ([Leg(option(100), Side.BUY), Leg(option(110), Side.SELL)], "-4", 400, [104]),
        ([Leg(option(100, Right.PUT), Side.SELL), Leg(option(90, Right.PUT), Side.BUY)], "3", 700, [97]),
        ([Leg(option(100, Right.PUT), Side.SELL)], "3", 9700, [97]),
        ([Leg(option(100), Side.SELL)], "3", "Infinity", [103]),
        ([Leg(option(100), Side.BUY), Leg(option(100, Right.PUT), Side.BUY)], "-9", 900, [91, 109]),
        ([Leg(option(100), Side.BUY, 1), Leg(option(110), Side.SELL, 2)], "1", "Infinity", [121]),
        ([Leg(Stock("AAA"), Side.BUY)], "-50", 50, [50]),
        ([Leg(Stock("AAA"), Side.BUY, 100), Leg(option(110), Side.SELL)], "-98", 9800, [98]),
    ],
)
def test_known_structures_lose_and_break_even_where_everybody_knows(
    legs: list[Leg], net: str, loss: int | str, evens: list[int]
) -> None:
    assert max_loss(legs, Decimal(net)) == Decimal(loss)
    assert list(break_evens(legs, Decimal(net))) == evens


def test_a_payoff_needs_legs_of_one_expiry() -> None:
    with pytest.raises(BadDataError, match="without legs"):
        max_loss((), Decimal(0))
    calendar = [Leg(option(100), Side.SELL), Leg(option(100, expiry=date(2026, 5, 15)), Side.BUY)]
    with pytest.raises(BadDataError, match="2026-04-17, 2026-05-15"):
        payoff(calendar, Decimal(-1), GRID)
    with pytest.raises(BadDataError):
        max_loss(calendar, Decimal(-1))
