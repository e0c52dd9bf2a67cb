"""Money, instruments, quotes and proposals: what they refuse, and what follows from them."""

from dataclasses import fields, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.model.errors import BadDataError
from core.model.instruments import Leg, Option, Right, Side, Stock, instrument
from core.model.market import Quote
from core.model.money import CENT, FINE, cents, down_to_tick, price, share_step, up_to_tick
from core.model.proposals import ApprovedOrder, share_out
from tests.kit import nouns

ROOTS = st.from_regex(r"[A-Z][A-Z0-9./^-]{0,5}", fullmatch=True)
AMOUNTS = st.decimals(-(10**6), 10**6, places=6)
TICKS = st.sampled_from([CENT, FINE, Decimal("0.05")])


@given(ROOTS, st.dates(date(2000, 1, 1), date(2099, 12, 31)), st.sampled_from(Right), st.integers(1, 99_999_999))
def test_the_key_of_an_option_reads_back_as_the_option(root: str, expiry: date, right: Right, thousandths: int) -> None:
    option = Option(root, expiry, right, Decimal(thousandths) / 1000)
    assert len(option.key) == 21
    assert instrument(option.key) == option


@given(ROOTS)
def test_the_key_of_a_share_reads_back_as_the_share(symbol: str) -> None:
    assert instrument(Stock(symbol).key) == Stock(symbol)


@pytest.mark.parametrize("key", ["", "LEAD  240231C00100000", "LEAD  241301P00100000"])
def test_an_impossible_key_is_refused(key: str) -> None:
    with pytest.raises(BadDataError):
        instrument(key)


@pytest.mark.parametrize("bad", ["NaN", "Infinity", "-0.01", "sNaN"])
@pytest.mark.parametrize("side", ["bid", "ask"])
def test_a_quote_refuses_what_is_no_price(side: str, bad: str) -> None:
    changes: dict[str, Any] = {side: Decimal(bad)}
    with pytest.raises(BadDataError, match=side):
        nouns.quote(**changes)


def test_a_quote_says_why_it_must_not_be_used() -> None:
    now, age = nouns.NOW, timedelta(seconds=15)
    assert nouns.quote().defect(now, age) is None
    assert nouns.quote(as_of=now - age).defect(now, age) is None
    assert "stale" in str(nouns.quote(as_of=now - age - timedelta(seconds=1)).defect(now, age))
    assert "crossed" in str(nouns.quote(spread=-0.02).defect(now, age))
    assert "nobody offers" in str(Quote(Decimal(0), Decimal(0), 0, 0, now).defect(now, age))


@given(AMOUNTS, TICKS)
def test_rounding_to_the_tick_never_passes_the_amount(amount: Decimal, tick: Decimal) -> None:
    low, high = down_to_tick(amount, tick), up_to_tick(amount, tick)
    assert low <= amount <= high
    assert high - low in (0, tick)
    assert low % tick == high % tick == 0


def test_a_share_below_a_dollar_moves_in_hundredths_of_a_cent() -> None:
    assert share_step(Decimal("0.9999")) == share_step(Decimal("-0.5")) == FINE
    assert share_step(Decimal(1)) == share_step(Decimal(-250)) == CENT


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf")])
def test_a_float_that_is_no_number_is_no_price(bad: float) -> None:
    with pytest.raises(BadDataError):
        price(bad)


def test_cents_round_half_to_even_and_floats_land_on_the_grid() -> None:
    assert [str(cents(Decimal(text))) for text in ("1.005", "1.015", "-1.005")] == ["1.00", "1.02", "-1.00"]
    assert price(0.1 + 0.2) == Decimal("0.3000")


BOUND: dict[str, Any] = {
    "id": "another", "account": "live", "legs": (Leg(Stock("OTHER"), Side.BUY),), "quantity": 99, "limit": Decimal("-100.02"),
    "floor": Decimal("-100.51"), "max_loss": Decimal(1), "plan": nouns.plan(stop=Decimal(93)), "config_hash": "changed",
    "signal": nouns.signal(id="another signal"),
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(BOUND))
def test_the_digest_changes_with_everything_that_an_approval_binds(name: str) -> None:
    made = nouns.proposal()
    assert name in {field.name for field in fields(made)}
    assert replace(made, **{name: BOUND[name]}).digest != made.digest


@pytest.mark.parametrize(
    "leg", [Leg(Stock("LEAD"), Side.SELL), Leg(Stock("LEAD"), Side.BUY, 2), Leg(nouns.option(), Side.BUY)], ids=str
)
def test_the_digest_changes_with_every_part_of_a_leg(leg: Leg) -> None:
    made = nouns.proposal()
    assert replace(made, legs=(leg,)).digest != made.digest


def test_the_digest_is_the_same_for_the_same_content() -> None:
    assert nouns.proposal().digest == nouns.proposal().digest
    assert replace(nouns.proposal(), remarks=("a remark",), sector="Energy").digest == nouns.proposal().digest


@given(st.integers(0, 500), st.integers(1, 6))
def test_the_ladder_shares_out_every_unit_lowest_rungs_first(units: int, rungs: int) -> None:
    shares = [share for _, share in share_out([float(rung) for rung in range(rungs)], units)]
    assert sum(shares) == units
    assert shares == sorted(shares, reverse=True)
    assert max(shares) - min(shares) <= 1


def test_a_purchase_needs_its_floor_in_cash_and_a_credit_none() -> None:
    assert nouns.proposal(quantity=10).cash_need == Decimal("1005.00")
    assert nouns.closing_proposal().cash_need == 0


def test_a_child_order_is_named_by_envelope_and_number() -> None:
    envelope = nouns.envelope()
    assert ApprovedOrder(envelope, 2, 5, envelope.limit).key == f"qm1-{envelope.id}-2"
