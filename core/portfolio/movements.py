"""Movements that are no fill: what splits, dividends, expiries, assignments and delistings do to positions.

A movement belongs to the account, a position holds a part of it: quantities and cents are shared out by what each position
holds, in the order given (oldest first), so that the parts always sum to the whole. The identity of `holdings` holds
throughout: dividends and cash in lieu are part of realised profit, an expired option realises its premium, shares delivered
by an assignment stand at the strike.

Splits multiply quantities and divide prices, stop and entry price. What makes no whole share leaves with the split, its worth
returns as a CASH_IN_LIEU movement. Options follow whole-number ratios (contracts multiplied, strike divided); at other ratios
the clearing house changes the deliverable instead, so contracts and strike stay.
"""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from core.market.sessions import NEW_YORK
from core.model.errors import BadDataError
from core.model.instruments import Instrument, Option, Stock, instrument
from core.model.money import CENT, ZERO
from core.model.orders import Movement, Transaction
from core.model.positions import Holding, Position
from core.model.proposals import share_out
from core.portfolio.holdings import grid, quantity_of, rebooked, trade


def settle(position: Position, transaction: Transaction) -> Position:
    """Book a movement on the only position that it concerns; see `settle_all`."""
    return settle_all((position,), transaction)[0]


def settle_all(positions: Sequence[Position], transaction: Transaction) -> tuple[Position, ...]:
    """Book a movement on the positions of its account, oldest first; those it does not concern come back as they were.

    Raises
    ------
    BadDataError
        A split without a positive ratio.
    """
    if transaction.kind is Movement.DEPOSIT or transaction.instrument_key is None:
        return tuple(positions)
    moved = instrument(transaction.instrument_key)
    if transaction.kind is Movement.SPLIT:
        return _split_all(positions, transaction, moved)
    if transaction.quantity == 0:
        return _paid(positions, moved, transaction.cash)
    return _moved(positions, moved, transaction)


def apportion(total: int, weights: Sequence[int]) -> list[int]:
    """Share a whole number out by weight so that the shares sum to it; what rounding leaves goes to the first ones."""
    sum_of_weights, shares, done = sum(weights), [], 0
    for place, _ in enumerate(weights):
        upto = -(-total * sum(weights[: place + 1]) // sum_of_weights) if sum_of_weights else 0
        shares.append(upto - done)
        done = upto
    return shares


def _paid(positions: Sequence[Position], moved: Instrument, cash: Decimal) -> tuple[Position, ...]:
    """Cash on what is held: shared by quantity; when nobody holds it any more, it goes to the first position of the symbol."""
    weights = [quantity_of(position.holdings, moved) for position in positions]
    if not sum(weights):
        weights = _first(positions, moved)
    cash_shares = apportion(int(cash / CENT), weights)
    rest = cash - sum(cash_shares) * CENT if any(weights) else ZERO
    result = []
    for position, weight, part in zip(positions, weights, cash_shares, strict=True):
        mine, rest = (part * CENT + rest, ZERO) if weight else (ZERO, rest)
        result.append(rebooked(position, position.holdings, mine) if mine else position)
    return tuple(result)


def _first(positions: Sequence[Position], moved: Instrument) -> list[int]:
    place = next((i for i, position in enumerate(positions) if position.symbol == moved.underlying), None)
    return [int(i == place) for i in range(len(positions))]


def _moved(positions: Sequence[Position], moved: Instrument, transaction: Transaction) -> tuple[Position, ...]:
    """A quantity leaves those who hold it, oldest first; what is left over is a delivery to the first position of the symbol."""
    left, parts = transaction.quantity, []
    for position in positions:
        held = quantity_of(position.holdings, moved)
        part = _nearer_zero(left, -held) if held * left < 0 else 0
        parts.append(part)
        left -= part
    if left:
        parts = [part + left * first for part, first in zip(parts, _first(positions, moved), strict=True)]
    result, unpaid = [], transaction.cash
    places = [place for place, part in enumerate(parts) if part]
    for place, (position, part) in enumerate(zip(positions, parts, strict=True)):
        share = unpaid if places and place == places[-1] else grid(transaction.cash * part / transaction.quantity)
        unpaid -= share if part else ZERO
        result.append(_settled(position, moved, part, share, transaction) if part else position)
    return tuple(result)


def _nearer_zero(one: int, other: int) -> int:
    return one if abs(one) < abs(other) else other


def _settled(position: Position, moved: Instrument, quantity: int, cash: Decimal, transaction: Transaction) -> Position:
    holdings = trade(position.holdings, moved, quantity, transaction.price)
    booked = rebooked(position, holdings, cash)
    if not holdings:
        return _ended(booked, transaction)
    if all(isinstance(holding.instrument, Stock) for holding in holdings):
        shares = sum(abs(holding.quantity) for holding in holdings)
        return _resized(replace(booked, structure="stock"), shares, max(shares, position.opened_units))
    whole, touched = _units_after(position, holdings)
    loss = grid(position.max_loss * touched / position.units) if position.units else position.max_loss
    return replace(booked, units=whole, max_loss=min(loss, position.max_loss))


def _units_after(position: Position, holdings: tuple[Holding, ...]) -> tuple[int, int]:
    """(whole units, touched units) after a leg changed; the legs' ratios are read off the position as it was."""
    if not position.units:
        return 0, 0
    legs = [
        (abs(quantity_of(holdings, holding.instrument)), max(1, abs(holding.quantity) // position.units))
        for holding in position.holdings
    ]
    return min(quantity // ratio for quantity, ratio in legs), max(-(-quantity // ratio) for quantity, ratio in legs)


def _ended(position: Position, transaction: Transaction) -> Position:
    return replace(
        position,
        units=0,
        max_loss=ZERO,
        closed_at=transaction.at,
        closed_session=transaction.at.astimezone(NEW_YORK).date(),
        close_cause=str(transaction.kind),
    )


def _resized(position: Position, units: int, opened: int) -> Position:
    ladder = share_out([multiple for multiple, _ in position.plan.ladder], opened)
    return replace(position, units=units, opened_units=opened, plan=replace(position.plan, ladder=ladder))


def _split_all(positions: Sequence[Position], transaction: Transaction, moved: Instrument) -> tuple[Position, ...]:
    ratio = transaction.price
    if not ratio.is_finite() or ratio <= 0:
        raise BadDataError(f"a split of {moved.key} by {ratio} makes no sense; the ratio is new shares per old share")
    held = [quantity_of(position.holdings, moved) for position in positions]
    after = apportion(sum(held) + transaction.quantity, held)
    return tuple(
        _split(position, shares, transaction) if position.symbol == moved.underlying else position
        for position, shares in zip(positions, after, strict=True)
    )


def _split(position: Position, shares: int, transaction: Transaction) -> Position:
    ratio = transaction.price
    holdings = tuple(replaced for holding in position.holdings if (replaced := _split_holding(holding, shares, ratio)).quantity)
    plan = replace(position.plan, stop=grid(position.plan.stop / ratio))
    booked = replace(rebooked(position, holdings, ZERO), plan=plan, entry_spot=grid(position.entry_spot / ratio))
    if not holdings:
        return _ended(booked, transaction)
    if position.is_stock:
        return _resized(booked, abs(shares), int(position.opened_units * ratio))
    factor = int(ratio) if ratio == int(ratio) else 1
    return _resized(booked, position.units * factor, position.opened_units * factor)


def _split_holding(holding: Holding, shares: int, ratio: Decimal) -> Holding:
    held = holding.instrument
    if isinstance(held, Stock):
        return Holding(held, shares, grid(holding.price / ratio))
    if ratio != int(ratio):
        return holding
    contract = Option(held.underlying, held.expiry, held.right, held.strike / ratio, held.multiplier)
    return Holding(contract, holding.quantity * int(ratio), grid(holding.price / ratio))
