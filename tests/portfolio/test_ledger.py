from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.model.errors import BadDataError
from core.model.instruments import Leg, Right, Side
from core.model.orders import Fill
from core.model.positions import Position
from core.model.proposals import Envelope, Proposal
from core.portfolio.holdings import cost
from core.portfolio.ledger import apply_fills, cash_after, fire, open_position
from tests.kit import nouns

SPREAD = (Leg(nouns.option(strike=100), Side.BUY), Leg(nouns.option(strike=110), Side.SELL))
RATIO = (Leg(nouns.option(strike=100), Side.BUY, 1), Leg(nouns.option(strike=110), Side.SELL, 2))
prices = st.decimals("0.01", "400", places=4)
fees = st.none() | st.decimals("0", "9", places=2)


def closing_envelope(opening: Envelope, quantity: int) -> Envelope:
    legs = tuple(Leg(leg.instrument, leg.side.opposite, leg.ratio) for leg in opening.legs)
    close = nouns.closing_proposal(legs=legs, quantity=quantity)
    return nouns.envelope(close, id="close", position_id=opening.position_id)


def spread_proposal(legs: tuple[Leg, ...] = SPREAD, quantity: int = 10) -> Proposal:
    return nouns.proposal(
        legs=legs,
        quantity=quantity,
        structure="call debit spread",
        max_loss=Decimal(400) * quantity,
        limit=Decimal(-4),
        floor=Decimal(-4),
    )


@st.composite
def executions(draw: Any, envelope: Envelope, quantity: int, tag: str) -> list[Fill]:
    """Fills of every leg in random pieces, in any order."""
    found = []
    for number, leg in enumerate(envelope.legs):
        left = quantity * leg.ratio
        while left:
            part = draw(st.integers(1, left))
            left -= part
            price = draw(prices)
            found.append(nouns.fill(envelope, part, str(price), number, exec_id=f"{tag}{number}-{left}", fee=draw(fees)))
    return list(draw(st.permutations(found)))


def booked(position: Position, envelope: Envelope, fills: list[Fill]) -> Position:
    for fill in fills:
        position = apply_fills(position, envelope, [fill], fill.at, nouns.DAY, "stop")
    return position


@given(st.data(), st.sampled_from([SPREAD, RATIO, nouns.proposal().legs]), st.integers(1, 12))
def test_cash_is_conserved_to_the_last_digit_whatever_is_traded(data: st.DataObject, legs: tuple[Leg, ...], quantity: int) -> None:
    opening = nouns.envelope(spread_proposal(legs, quantity))
    bought = data.draw(executions(opening, quantity, "open"))
    position = open_position(spread_proposal(legs, quantity), opening, bought[:1], nouns.DAY)
    position = booked(position, opening, bought[1:])
    sold_units = data.draw(st.integers(0, quantity))
    closing = closing_envelope(opening, sold_units or 1)
    sold = data.draw(executions(closing, sold_units, "close")) if sold_units else []
    position = booked(position, closing, sold)

    start = Decimal(100_000)
    cash = cash_after(start, [*bought, *sold], [])
    value = sum((one.quantity * Decimal(7) * one.instrument.multiplier for one in position.holdings), Decimal(0))
    unrealised = value - cost(position.holdings)
    assert cash + value == start + position.realised + unrealised - position.fees
    assert position.units == quantity - sold_units
    assert position.fees_unknown == any(fill.fee is None for fill in [*bought, *sold])
    assert position.is_open == (sold_units < quantity)
    if not position.is_open:
        assert position.realised == sum(fill.cash for fill in [*bought, *sold])


@given(st.data(), st.sampled_from([SPREAD, RATIO, nouns.proposal().legs]), st.integers(1, 12))
def test_any_interleaving_of_partial_fills_gives_the_same_position(
    data: st.DataObject, legs: tuple[Leg, ...], quantity: int
) -> None:
    proposal = spread_proposal(legs, quantity)
    envelope = nouns.envelope(proposal)
    fills = data.draw(executions(envelope, quantity, "open"))
    other = data.draw(st.permutations(fills))
    at_once = open_position(proposal, envelope, fills, nouns.DAY)
    one_by_one = booked(open_position(proposal, envelope, other[:1], nouns.DAY), envelope, other[1:])
    for one, two in zip(at_once.holdings, one_by_one.holdings, strict=True):
        assert (one.instrument, one.quantity) == (two.instrument, two.quantity)
        assert abs(one.price - two.price) < Decimal("1e-6")
    assert abs(at_once.max_loss - one_by_one.max_loss) < Decimal("1e-4")
    assert abs(at_once.realised - one_by_one.realised) < Decimal("0.01")
    blank = replace(one_by_one, holdings=at_once.holdings, max_loss=at_once.max_loss, realised=at_once.realised)
    assert blank == at_once


@given(st.data(), st.integers(1, 12))
def test_units_never_exceed_what_every_leg_has_and_the_loss_covers_every_touched_unit(data: st.DataObject, quantity: int) -> None:
    proposal = spread_proposal(RATIO, quantity)
    envelope = nouns.envelope(proposal)
    fills = data.draw(executions(envelope, quantity, "open"))
    position = open_position(proposal, envelope, fills[:1], nouns.DAY)
    for done in range(1, len(fills) + 1):
        legs = [sum(fill.quantity for fill in fills[:done] if fill.leg == number) for number in (0, 1)]
        assert position.units == min(legs[0], legs[1] // 2)
        assert position.is_open
        touched = max(legs[0], -(-legs[1] // 2))
        assert abs(position.max_loss - Decimal(400) * touched) < Decimal("0.0001")
        if done < len(fills):
            position = apply_fills(position, envelope, [fills[done]], fills[done].at, nouns.DAY)


def test_a_stock_position_carries_what_was_vetted() -> None:
    proposal = nouns.proposal(quantity=100)
    envelope = nouns.envelope(proposal)
    early = nouns.fill(envelope, 60, "100.00", at=nouns.NOW + timedelta(seconds=5))
    late = nouns.fill(envelope, 40, "100.05", at=nouns.NOW + timedelta(seconds=9))
    position = open_position(proposal, envelope, [late, early], nouns.DAY)
    assert position.opened_at == nouns.NOW + timedelta(seconds=5)
    assert (position.units, position.opened_units, position.holdings[0].price) == (100, 100, Decimal("100.02"))
    assert position.max_loss == Decimal(751)
    assert position.fees == Decimal("1.00")
    assert position.plan.ladder == ((7.0, 25), (8.0, 25), (9.0, 25), (10.0, 25))
    assert (position.sector, position.strategy, position.symbol) == ("Technology", "atr_matrix", "LEAD")


def test_a_partly_filled_entry_spreads_its_ladder_over_what_was_filled() -> None:
    proposal = nouns.proposal(quantity=100)
    envelope = nouns.envelope(proposal)
    position = open_position(proposal, envelope, [nouns.fill(envelope, 10)], nouns.DAY)
    assert position.plan.ladder == ((7.0, 3), (8.0, 3), (9.0, 2), (10.0, 2))
    assert position.max_loss == Decimal("75.1")
    more = apply_fills(position, envelope, [nouns.fill(envelope, 90)], nouns.NOW, nouns.DAY)
    assert more.plan.ladder == ((7.0, 25), (8.0, 25), (9.0, 25), (10.0, 25))


def test_closing_realises_against_the_average_and_says_when_and_why() -> None:
    proposal = nouns.proposal(quantity=100)
    opening = nouns.envelope(proposal)
    position = open_position(proposal, opening, [nouns.fill(opening, 100, "100")], nouns.DAY)
    closing = closing_envelope(opening, 100)
    part = apply_fills(position, closing, [nouns.fill(closing, 25, "120")], nouns.NOW, nouns.DAY, "ladder-7")
    assert (part.units, part.realised, part.max_loss) == (75, Decimal(500), Decimal("563.25"))
    assert part.closed_at is None
    assert part.close_cause is None
    tomorrow = date(2024, 6, 13)
    done = apply_fills(part, closing, [nouns.fill(closing, 75, "94")], nouns.NOW, tomorrow, "stop")
    assert (done.units, done.realised, done.max_loss, done.holdings) == (0, Decimal(50), Decimal(0), ())
    assert (done.closed_at, done.closed_session, done.close_cause) == (nouns.NOW, tomorrow, "stop")
    assert not done.is_open


def test_a_spread_with_one_leg_closed_is_still_open() -> None:
    proposal = spread_proposal(quantity=2)
    opening = nouns.envelope(proposal)
    fills = [nouns.fill(opening, 2, "5", 0), nouns.fill(opening, 2, "1", 1)]
    position = open_position(proposal, opening, fills, nouns.DAY)
    closing = closing_envelope(opening, 2)
    naked = apply_fills(position, closing, [nouns.fill(closing, 2, "6", 0)], nouns.NOW, nouns.DAY, "stop")
    assert naked.units == 0
    assert naked.is_open
    assert naked.closed_at is None
    assert naked.max_loss == position.max_loss
    closed = apply_fills(naked, closing, [nouns.fill(closing, 2, "2", 1)], nouns.NOW, nouns.DAY, "stop")
    assert not closed.is_open
    assert closed.realised == Decimal(0)


def test_selling_more_than_is_held_is_booked_as_it_happened() -> None:
    proposal = nouns.proposal(quantity=10)
    opening = nouns.envelope(proposal)
    position = open_position(proposal, opening, [nouns.fill(opening, 10, "100")], nouns.DAY)
    closing = closing_envelope(opening, 10)
    short = apply_fills(position, closing, [nouns.fill(closing, 12, "110")], nouns.NOW, nouns.DAY)
    assert short.holdings[0].quantity == -2
    assert short.holdings[0].price == Decimal(110)
    assert (short.units, short.realised, short.is_open) == (0, Decimal(100), True)


@pytest.mark.parametrize(
    "wrong",
    [{"leg": 1}, {"side": Side.SELL}, {"instrument_key": "OTHER"}, {"multiplier": 100}, {"quantity": 0}],
)
def test_a_fill_that_is_no_leg_of_the_envelope_is_refused(wrong: dict[str, Any]) -> None:
    proposal = nouns.proposal()
    envelope = nouns.envelope(proposal)
    fill = replace(nouns.fill(envelope, 100), **wrong)
    with pytest.raises(BadDataError, match="is no leg"):
        open_position(proposal, envelope, [fill], nouns.DAY)


def test_a_position_needs_a_plan_and_a_fill() -> None:
    proposal = nouns.proposal(plan=None)
    envelope = nouns.envelope(proposal)
    with pytest.raises(BadDataError, match="without a plan"):
        open_position(proposal, envelope, [nouns.fill(envelope, 100)], nouns.DAY)
    with pytest.raises(BadDataError, match="without a fill"):
        open_position(nouns.proposal(), envelope, [], nouns.DAY)


def test_a_ladder_level_fires_once() -> None:
    position = fire(fire(fire(nouns.position(), 8.0), 7.0), 8.0)
    assert position.fired == (7.0, 8.0)


def test_the_put_leg_of_a_spread_has_its_own_key() -> None:
    assert nouns.option(right=Right.PUT).key != nouns.option(right=Right.CALL).key
