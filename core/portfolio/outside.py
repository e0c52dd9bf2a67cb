"""Trades of somebody else on the account: whose holdings they change.

An execution first undoes what somebody else bought before, then what the desk holds (oldest first), and what is left over is a
position of its own: shown and counted, never touched. The identity of `holdings` holds throughout.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from core.market.sessions import NEW_YORK
from core.model.instruments import Instrument, Option, Stock, instrument
from core.model.money import ZERO
from core.model.orders import Fill, Movement, Transaction
from core.model.positions import CLOSED_OUTSIDE, EXTERNAL, Position
from core.model.proposals import Plan
from core.portfolio.holdings import grid, quantity_of, rebooked, trade
from core.portfolio.movements import settle

NO_PLAN = Plan(ZERO, (), 0)


@dataclass(frozen=True, slots=True)
class Absorbed:
    """Positions after an execution of somebody else: those that changed or are new, and those of the desk that it shrank."""

    changed: tuple[Position, ...]
    shrunk: tuple[Position, ...]


def absorb(positions: Sequence[Position], fill: Fill) -> Absorbed:
    """Book an execution of somebody else on the open positions of its account, oldest first."""
    thing = instrument(fill.instrument_key)
    left, fee = fill.side.sign * fill.quantity, fill.fee or ZERO
    changed, shrunk = [], []
    for position in sorted(positions, key=lambda one: not one.is_external):
        held = quantity_of(position.holdings, thing)
        part = (left if abs(left) < abs(held) else -held) if held * left < 0 else 0
        if not part:
            continue
        after = replace(_less(position, thing, part, fill), fees=position.fees + fee)
        fee = ZERO
        changed.append(after)
        if not position.is_external:
            shrunk.append(after)
        left -= part
    if left:
        mine = next((one for one in positions if one.is_external and quantity_of(one.holdings, thing) * left > 0), None)
        changed.append(_more(mine or _empty(fill, thing), thing, left, fill, fee))
    return Absorbed(tuple(changed), tuple(shrunk))


def _less(position: Position, thing: Instrument, part: int, fill: Fill) -> Position:
    """The position without a part; like any other movement that takes a quantity away at a price."""
    cash = -part * fill.price * thing.multiplier
    row = Transaction(fill.exec_id, fill.account, fill.at, Movement.DELISTING, thing.key, part, fill.price, cash)
    after = settle(position, row)
    if not after.is_open:
        return replace(after, close_cause=CLOSED_OUTSIDE)
    if after.is_stock and position.units:
        return replace(after, max_loss=grid(position.max_loss * after.units / position.units))
    return after


def _empty(fill: Fill, thing: Instrument) -> Position:
    session: date = fill.at.astimezone(NEW_YORK).date()
    return Position(
        id=f"outside-{fill.account}-{fill.exec_id}",
        account=fill.account,
        strategy=EXTERNAL,
        symbol=thing.underlying,
        structure="stock" if isinstance(thing, Stock) else "option",
        holdings=(),
        units=0,
        opened_units=0,
        opened_at=fill.at,
        opened_session=session,
        entry_spot=fill.price if isinstance(thing, Stock) else thing.strike,
        plan=NO_PLAN,
        max_loss=ZERO,
    )


def _more(position: Position, thing: Instrument, quantity: int, fill: Fill, fee: Decimal) -> Position:
    holdings = trade(position.holdings, thing, quantity, fill.price)
    total = quantity_of(holdings, thing)
    return replace(
        rebooked(position, holdings, -quantity * fill.price * thing.multiplier),
        units=abs(total),
        opened_units=max(position.opened_units, abs(total)),
        max_loss=_worst(thing, total, holdings[0].price),
        fees=position.fees + fee,
        fees_unknown=position.fees_unknown or fill.fee is None,
        modelled=position.modelled or fill.modelled,
    )


def _worst(thing: Instrument, quantity: int, price: Decimal) -> Decimal:
    """What is counted as its maximum loss: what was paid; for what was sold, the value of the shares behind it."""
    if quantity > 0:
        return quantity * price * thing.multiplier
    return -quantity * thing.multiplier * (thing.strike if isinstance(thing, Option) else price)
