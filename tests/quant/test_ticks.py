"""On which prices an order may stand."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.model.instruments import Leg, Option, Right, Side, Stock
from core.quant.ticks import CENTS, PENNY, SHARES, STANDARD, Grid, grid, option_grid

GRIDS = (SHARES, PENNY, STANDARD, CENTS, Grid(Decimal("0.05")))
prices = st.decimals(-900, 900, places=5, allow_nan=False)


def leg(root: str = "LEAD", side: Side = Side.BUY) -> Leg:
    return Leg(Option(root, date(2024, 7, 19), Right.CALL, Decimal(100)), side)


@pytest.mark.parametrize(
    ("steps", "price", "down", "up"),
    [
        (PENNY, "-2.995", "-3.00", "-2.99"),
        (PENNY, "-3.01", "-3.05", "-3.00"),
        (PENNY, "3.04", "3.00", "3.05"),
        (STANDARD, "2.99", "2.95", "3.00"),
        (STANDARD, "-3.01", "-3.10", "-3.00"),
        (SHARES, "-0.99995", "-1.0000", "-0.9999"),
        (SHARES, "1.005", "1.00", "1.01"),
        (CENTS, "7.013", "7.01", "7.02"),
    ],
)
def test_prices_round_towards_and_away_from_the_market(steps: Grid, price: str, down: str, up: str) -> None:
    assert (steps.down(Decimal(price)), steps.up(Decimal(price))) == (Decimal(down), Decimal(up))


@given(steps=st.sampled_from(GRIDS), price=prices)
def test_a_rounded_price_lies_on_the_grid_and_on_its_side(steps: Grid, price: Decimal) -> None:
    low, high = steps.down(price), steps.up(price)
    assert low <= price <= high
    assert steps.holds(low)
    assert steps.holds(high)
    assert high - low <= max(steps.step(low), steps.step(high))
    if steps.holds(price):
        assert low == price == high


@given(price=prices)
def test_the_standard_steps_lie_on_every_finer_grid(price: Decimal) -> None:
    coarse = STANDARD.down(price)
    assert PENNY.holds(coarse)
    assert CENTS.holds(coarse)


@pytest.mark.parametrize(
    ("root", "quotes", "expected"),
    [
        ("SPY", ("7.35", "7.40"), CENTS),
        ("SPX", ("2.01", "2.07"), STANDARD),
        ("LEAD", ("1.20", "1.30"), STANDARD),
        ("LEAD", ("3.10", "3.20"), STANDARD),
        ("LEAD", ("1.21", "1.30"), PENNY),
        ("LEAD", ("3.15", "3.20"), PENNY),
        ("LEAD", ("4.37", "4.40"), CENTS),
        ("LEAD", (), STANDARD),
    ],
)
def test_the_class_of_an_option_shows_in_its_name_or_its_quotes(root: str, quotes: tuple[str, ...], expected: Grid) -> None:
    assert option_grid(root, [Decimal(quote) for quote in quotes]) == expected


def test_a_spread_has_one_net_price_on_one_step() -> None:
    legs = (leg(), leg(side=Side.SELL))
    assert grid(legs).step(Decimal("-7.41")) == Decimal("0.01")
    assert grid(legs, net=Decimal("0.05")).down(Decimal("-7.41")) == Decimal("-7.45")


def test_shares_stand_on_cents_and_below_a_dollar_on_hundredths_of_a_cent() -> None:
    steps = grid((Leg(Stock("LEAD"), Side.BUY),))
    assert (steps.step(Decimal("-12.5")), steps.step(Decimal("0.42"))) == (Decimal("0.01"), Decimal("0.0001"))
