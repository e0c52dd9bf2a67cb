"""The ledger: fills turn into positions, and fills and movements into cash.

Quantities are exact per leg. `units` counts *whole* units: as many order units as all legs still make up together. A half-filled
spread therefore has holdings but few or no units; it is open all the same, and its maximum loss counts every unit that any of
its legs has touched. Profit follows from the identity in `holdings`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal

from core.model.errors import BadDataError
from core.model.instruments import Leg
from core.model.money import ZERO
from core.model.orders import Fill, Transaction
from core.model.positions import Holding, Position
from core.model.proposals import Envelope, Proposal, share_out
from core.model.signals import Intent
from core.portfolio.holdings import grid, quantity_of, rebooked, trade
from core.portfolio.movements import settle, settle_all

__all__ = ["apply_fills", "cash_after", "corrected", "fire", "open_position", "settle", "settle_all"]


def open_position(proposal: Proposal, envelope: Envelope, fills: Sequence[Fill], session: date) -> Position:
    """Open the position of an envelope with its first fills.

    Parameters
    ----------
    fills : the first executions of the envelope, at least one.
    session : New York date of the session they happened in.

    Raises
    ------
    BadDataError
        The proposal has no plan, there is no fill, or a fill does not belong to the envelope's legs.
    """
    if proposal.plan is None or not fills:
        missing = "a fill" if proposal.plan else "a plan"
        raise BadDataError(f"proposal {proposal.id} cannot become a position without {missing}")
    empty = Position(
        id=envelope.position_id,
        account=envelope.account,
        strategy=proposal.signal.strategy,
        symbol=proposal.signal.symbol,
        structure=proposal.structure,
        holdings=(),
        units=0,
        opened_units=0,
        opened_at=min(fill.at for fill in fills),
        opened_session=session,
        entry_spot=proposal.spot,
        plan=proposal.plan,
        max_loss=ZERO,
        sector=proposal.sector,
        modelled=proposal.modelled,
    )
    opened = apply_fills(empty, envelope, fills, empty.opened_at, session)
    touched = _touched(opened.holdings, envelope)
    return replace(opened, max_loss=grid(proposal.max_loss * touched / proposal.quantity))


def apply_fills(
    position: Position, envelope: Envelope, fills: Sequence[Fill], at: datetime, session: date, cause: str | None = None
) -> Position:
    """Book executions of an envelope that opens more of the position or closes some of it.

    Fees accumulate; a fee that the broker has not said yet is not taken as 0, it marks the position `fees_unknown`.

    Parameters
    ----------
    at, session : when the position counts as closed, should these fills close it.
    cause : why it is closed (`Signal.cause`), kept when they do.

    Raises
    ------
    BadDataError
        A fill does not belong to the envelope's legs.
    """
    holdings = position.holdings
    for fill in _checked(fills, envelope):
        leg = envelope.legs[fill.leg]
        holdings = trade(holdings, leg.instrument, leg.side.sign * fill.quantity, fill.price)
    before, after = _touched(position.holdings, envelope), _touched(holdings, envelope)
    booked = replace(
        rebooked(position, holdings, sum((fill.cash for fill in fills), ZERO)),
        units=_whole(holdings, envelope),
        max_loss=grid(position.max_loss * after / before) if before else position.max_loss,
        fees=position.fees + sum((fill.fee for fill in fills if fill.fee is not None), ZERO),
        fees_unknown=position.fees_unknown or any(fill.fee is None for fill in fills),
        modelled=position.modelled or any(fill.modelled for fill in fills),
    )
    if envelope.intent is Intent.OPEN:
        return _extended(booked, booked.units - position.units)
    if booked.holdings:
        return booked
    return replace(booked, max_loss=ZERO, closed_at=at, closed_session=session, close_cause=cause)


def corrected(position: Position, envelope: Envelope, old: Fill, new: Fill) -> Position:
    """Book that an execution was not `old` but `new` (quantity 0: it was taken back); realised profit follows the identity."""
    leg = envelope.legs[old.leg]
    holdings = trade(position.holdings, leg.instrument, -leg.side.sign * old.quantity, old.price)
    holdings = trade(holdings, leg.instrument, leg.side.sign * new.quantity, new.price)
    before, after = _touched(position.holdings, envelope), _touched(holdings, envelope)
    booked = replace(
        rebooked(position, holdings, new.cash - old.cash),
        units=_whole(holdings, envelope),
        max_loss=grid(position.max_loss * after / before) if before else position.max_loss,
        fees=position.fees + (new.fee or ZERO) - (old.fee or ZERO),
    )
    booked = _extended(booked, booked.units - position.units) if envelope.intent is Intent.OPEN else booked
    if booked.holdings:
        return replace(booked, closed_at=None, closed_session=None, close_cause=None)
    return replace(
        booked, max_loss=ZERO, closed_at=new.at, closed_session=position.closed_session or new.at.date(), close_cause="corrected"
    )


def fire(position: Position, multiple: float) -> Position:
    """Mark one level of the ladder as fired; it never fires again."""
    if multiple in position.fired:
        return position
    return replace(position, fired=tuple(sorted((*position.fired, multiple))))


def cash_after(start: Decimal, fills: Iterable[Fill], transactions: Iterable[Transaction]) -> Decimal:
    """Dollars on hand after every execution, every known fee and every movement, beginning with `start`."""
    traded = sum((fill.cash - (fill.fee or ZERO) for fill in fills), ZERO)
    return start + traded + sum((movement.cash for movement in transactions), ZERO)


def _checked(fills: Sequence[Fill], envelope: Envelope) -> Sequence[Fill]:
    for fill in fills:
        leg = envelope.legs[fill.leg] if 0 <= fill.leg < len(envelope.legs) else None
        if leg is None or not _fits(fill, leg):
            raise BadDataError(
                f"fill {fill.exec_id} ({fill.side} {fill.quantity} {fill.instrument_key}) is no leg {fill.leg} of envelope "
                f"{envelope.id}; compare the order with the broker's before going on"
            )
    return fills


def _fits(fill: Fill, leg: Leg) -> bool:
    known = (leg.instrument.key, leg.side, leg.instrument.multiplier)
    return (fill.instrument_key, fill.side, fill.multiplier) == known and fill.quantity > 0


def _extended(position: Position, more: int) -> Position:
    opened = position.opened_units + more
    ladder = share_out([multiple for multiple, _ in position.plan.ladder], opened)
    return replace(position, opened_units=opened, plan=replace(position.plan, ladder=ladder))


def _legs(holdings: Sequence[Holding], envelope: Envelope) -> list[tuple[int, int]]:
    """(quantity in the position's direction, ratio) of each leg of the envelope."""
    way = 1 if envelope.intent is Intent.OPEN else -1
    return [(quantity_of(holdings, leg.instrument) * leg.side.sign * way, leg.ratio) for leg in envelope.legs]


def _whole(holdings: Sequence[Holding], envelope: Envelope) -> int:
    return min(max(0, quantity) // ratio for quantity, ratio in _legs(holdings, envelope))


def _touched(holdings: Sequence[Holding], envelope: Envelope) -> int:
    """Order units that any leg has touched, in whole or in part."""
    return max(-(-abs(quantity) // ratio) for quantity, ratio in _legs(holdings, envelope))
