"""Positions and points of equity."""

from collections.abc import Sequence
from datetime import date

from sqlalchemy import Connection, bindparam, select

from core.journal.bodies import dump, load
from core.journal.outbox import put_notes
from core.journal.statements import put
from core.journal.tables import equity, position
from core.model.notes import Note
from core.model.positions import EquityPoint, Position

_OF_ACCOUNT = select(position.c.opened_at, position.c.id, position.c.body).where(position.c.account == bindparam("owner"))
_OPEN = _OF_ACCOUNT.where(position.c.closed_session.is_(None))
_CLOSED = _OF_ACCOUNT.where(position.c.closed_session >= bindparam("since"))
_EQUITY = select(equity.c.body).where(equity.c.account == bindparam("owner")).order_by(equity.c.day)
_EQUITY_SINCE = _EQUITY.where(equity.c.day >= bindparam("since"))


def save_position(connection: Connection, fact: Position, notes: Sequence[Note] = ()) -> None:
    """Keep a position as it stands now."""
    row = {
        "id": fact.id, "account": fact.account, "symbol": fact.symbol, "units": fact.units, "opened_at": fact.opened_at,
        "closed_session": fact.closed_session, "body": dump(fact),
    }  # fmt: skip
    put(connection, position, row)
    put_notes(connection, notes)


def positions(connection: Connection, account: str, closed_since: date | None) -> Sequence[Position]:
    """Give open positions, and closed ones from a session on, oldest first."""
    found = list(connection.execute(_OPEN, {"owner": account}))
    if closed_since is not None:
        found += connection.execute(_CLOSED, {"owner": account, "since": closed_since})
    return [load(Position, row.body) for row in sorted(found, key=lambda row: (row.opened_at, row.id))]


def record_equity(connection: Connection, fact: EquityPoint) -> None:
    """Keep the equity of a session; measured again it replaces the earlier point."""
    put(connection, equity, {"account": fact.account, "day": fact.day, "net_liquidation": fact.net_liquidation, "body": dump(fact)})


def equity_points(connection: Connection, account: str, since: date | None) -> Sequence[EquityPoint]:
    """Give points of equity, oldest first."""
    if since is None:
        return [load(EquityPoint, body) for body in connection.scalars(_EQUITY, {"owner": account})]
    return [load(EquityPoint, body) for body in connection.scalars(_EQUITY_SINCE, {"owner": account, "since": since})]
