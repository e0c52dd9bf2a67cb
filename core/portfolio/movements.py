"""Movements that are no fill: what splits, dividends, expiries, exercises, assignments and delistings do to positions.

A movement belongs to the account, a position holds a part of it: quantities and cents are shared out by what each position
holds, in the order given (oldest first), so that the parts always sum to the whole. The identity of `holdings` holds
throughout: dividends and cash in lieu are part of realised profit, and an expired option realises its premium.

What the rows of a broker mean here:

- SPLIT of a stock changes its shares; what makes no whole share returns as CASH_IN_LIEU. SPLIT of a contract is told by two rows:
  the one that takes the old contract away turns it into the new one (strike divided, contracts multiplied), the one that brings the
  new one changes nothing more. Rows come in the order of their keys; stop, entry price and units follow with the last holding.
- EXERCISE or ASSIGNMENT of a contract without cash delivers shares at the strike to the position that held the contract; the
  row of the shares themselves changes nothing more. With cash it is settled in cash, and no shares come.
- Every other row with a quantity takes that quantity away at the row's cash, one without a quantity is cash alone.
"""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from core.market.sessions import NEW_YORK
from core.model.errors import BadDataError
from core.model.instruments import Instrument, Option, Right, Stock, instrument
from core.model.money import CENT, ZERO
from core.model.orders import Movement, Transaction
from core.model.positions import Holding, Position
from core.model.proposals import share_out
from core.portfolio.holdings import grid, quantity_of, rebooked, trade

DELIVERIES = frozenset({Movement.EXERCISE, Movement.ASSIGNMENT})


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
    if transaction.kind in DELIVERIES and isinstance(moved, Stock):
        return tuple(positions)
    return _removed(positions, moved, transaction)


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


def _removed(positions: Sequence[Position], moved: Instrument, transaction: Transaction) -> tuple[Position, ...]:
    """A quantity leaves those who hold it, oldest first; the cash follows the quantity, the last one taking the remainder."""
    left, parts = transaction.quantity, []
    for position in positions:
        held = quantity_of(position.holdings, moved)
        part = _nearer_zero(left, -held) if held * left < 0 else 0
        parts.append(part)
        left -= part
    result, unpaid = [], transaction.cash
    last = max((place for place, part in enumerate(parts) if part), default=-1)
    for place, (position, part) in enumerate(zip(positions, parts, strict=True)):
        cash = unpaid if place == last else grid(transaction.cash * part / sum(parts)) if part else ZERO
        unpaid -= cash
        result.append(_without(position, moved, part, cash, transaction) if part else position)
    return tuple(result)


def _nearer_zero(one: int, other: int) -> int:
    return one if abs(one) < abs(other) else other


def _without(position: Position, moved: Instrument, part: int, cash: Decimal, transaction: Transaction) -> Position:
    """The position after a signed part of one instrument left it, shares delivered where the movement delivers."""
    holdings = trade(position.holdings, moved, part, transaction.price)
    if transaction.kind in DELIVERIES and isinstance(moved, Option) and not transaction.cash:
        shares = -part * moved.multiplier * (1 if moved.right is Right.CALL else -1)
        holdings = trade(holdings, Stock(moved.underlying), shares, moved.strike)
        cash = -shares * moved.strike
    booked = rebooked(position, holdings, cash)
    if not holdings:
        return _ended(booked, transaction)
    if all(isinstance(holding.instrument, Stock) for holding in holdings):
        return _stock_now(booked)
    whole, touched = _units_after(position, holdings)
    loss = grid(position.max_loss * touched / position.units) if position.units else position.max_loss
    return replace(booked, units=whole, max_loss=min(loss, position.max_loss))


def _stock_now(position: Position) -> Position:
    """What is left is stock alone: shares are its units, and what only options need leaves its plan."""
    shares = sum(abs(holding.quantity) for holding in position.holdings)
    opened = shares if not position.is_stock else position.opened_units
    plan = replace(position.plan, exit_days_to_expiry=None, premium_stop=None)
    return _resized(replace(position, structure="stock", plan=plan), shares, opened)


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
        raise BadDataError(f"a split of {moved.key} by {ratio} makes no sense; the ratio is new units per old unit")
    held = [quantity_of(position.holdings, moved) for position in positions]
    becomes: Instrument = moved
    if isinstance(moved, Stock):
        after = apportion(sum(held) + transaction.quantity, held)
    elif sum(held) * transaction.quantity < 0:
        after, becomes = [int(quantity * ratio) for quantity in held], replace(moved, strike=moved.strike / ratio)
    else:
        return tuple(positions)
    return tuple(
        _split(position, moved, Holding(becomes, count, ZERO), transaction) if quantity else position
        for position, quantity, count in zip(positions, held, after, strict=True)
    )


def _split(position: Position, moved: Instrument, becomes: Holding, transaction: Transaction) -> Position:
    """The position with one holding in new units; with the last of its holdings its plan and its units follow."""
    ratio = transaction.price
    old = next(holding for holding in position.holdings if holding.instrument == moved)
    rest = [holding for holding in position.holdings if holding is not old]
    new = [replace(becomes, price=grid(old.price / ratio))] if becomes.quantity else []
    holdings = tuple(sorted([*rest, *new], key=lambda holding: holding.instrument.key))
    booked = rebooked(position, holdings, ZERO)
    if not holdings:
        return _ended(booked, transaction)
    if moved.key != max(holding.instrument.key for holding in position.holdings):
        return booked
    plan = replace(position.plan, stop=grid(position.plan.stop / ratio))
    booked = replace(booked, plan=plan, entry_spot=grid(position.entry_spot / ratio))
    units = abs(becomes.quantity) if position.is_stock else int(position.units * ratio)
    return _resized(booked, units, int(position.opened_units * ratio))
