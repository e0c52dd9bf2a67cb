"""What is in doubt: looks, locks, what a broker told later about an execution, and trades made outside of the desk."""

import json
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, bindparam, func, select

from core.journal import audit
from core.journal.books import save_position
from core.journal.columns import clean
from core.journal.door import Door
from core.journal.fills import known, row_of, versions
from core.journal.orders import one, one_envelope, prove_absent, stand
from core.journal.outbox import put_notes
from core.journal.statements import insert_new
from core.journal.tables import fee, fill, lock, look, ruling
from core.model.doubts import Hold, Lock, Look, lacking
from core.model.errors import IllegalEventError
from core.model.notes import Note
from core.model.orders import Fill, Order, OrderState
from core.model.positions import Position
from core.ports.doubts import Later, Outside, Proof

Notes = Sequence[Note]

_LOOKS = select(look).where(look.c.order_key == bindparam("name")).order_by(look.c.at)
_LOCKS = select(lock).where(lock.c.account == bindparam("owner")).order_by(lock.c.at, lock.c.symbol, lock.c.kind)
_HELD = select(lock.c.kind, lock.c.reason).where(lock.c.account == bindparam("owner"), lock.c.symbol == bindparam("name"))
_UNLOCK = lock.delete().where(
    lock.c.account == bindparam("owner"), lock.c.symbol == bindparam("name"), lock.c.kind == bindparam("why")
)
_VERSIONS = select(func.count()).where(
    fill.c.account == bindparam("owner"), fill.c.exec_id == bindparam("name"), fill.c.version == bindparam("number")
)


class SqlDoubts:
    """See `core.ports.doubts.Doubts` for what each method promises."""

    def __init__(self, door: Door) -> None:
        self._door = door

    async def record_look(self, look: Look) -> bool:
        """Keep the evidence of a look."""
        return await self._door.write("", record_look, look)

    async def looks(self, order_key: str) -> Sequence[Look]:
        """Looks for an order."""
        return await self._door.read(looks, order_key)

    async def record_absence(self, proof: Proof, notes: Notes = ()) -> None:
        """Store the proof of an absence."""
        await self._door.write("W9", record_absence, proof, notes)

    async def lock(self, lock: Lock, notes: Notes = ()) -> bool:
        """Hold an underlying back."""
        return await self._door.write("", hold, lock, notes)

    async def unlock(self, lock: Lock, by: str, at: datetime, notes: Notes = ()) -> bool:
        """Let it go."""
        return await self._door.write("", let_go, lock, (by, at), notes)

    async def locks(self, account: str) -> Sequence[Lock]:
        """Underlyings that are held back."""
        return await self._door.read(locks, account)

    async def record_outside(self, outside: Outside, notes: Notes = ()) -> bool:
        """Book executions of somebody else."""
        return await self._door.write("W10", record_outside, outside, notes)

    async def record_fee(self, later: Later, position: Position | None, notes: Notes = ()) -> bool:
        """Book a fee that came later."""
        return await self._door.write("W10", record_fee, later, position, notes)

    async def record_correction(self, fill: Fill, notes: Notes = ()) -> bool:
        """Keep another version of an execution."""
        return await self._door.write("W10", record_correction, fill, notes)

    async def versions(self, account: str, exec_id: str) -> Sequence[Fill]:
        """Every version of an execution."""
        return await self._door.read(versions, account, exec_id)

    async def record_ruling(self, later: Later, order: Order | None, position: Position | None, notes: Notes = ()) -> bool:
        """Let a version hold."""
        return await self._door.write("W10", record_ruling, later, (order, position), notes)


def record_look(connection: Connection, fact: Look) -> bool:
    """One row of evidence."""
    row = {"order_key": fact.order_key, "at": fact.at, "fresh": fact.fresh, "body": clean(fact.evidence)}
    return insert_new(connection, look, row)


def looks(connection: Connection, order_key: str) -> Sequence[Look]:
    """Give the looks for an order, oldest first."""
    return [Look(row.order_key, row.at, row.fresh, row.body) for row in connection.execute(_LOOKS, {"name": order_key})]


def record_absence(connection: Connection, proof: Proof, notes: Notes) -> None:
    """ABSENT stands only on the evidence that is kept here, whoever says so; the evidence becomes part of the audit.

    Raises
    ------
    IllegalEventError
        The order is not ESCALATED, or something is lacking.
    """
    name, stored = proof.order.key, one(connection, proof.order.key)
    if stored is None or stored.state is not OrderState.ESCALATED or proof.order.state is not OrderState.ABSENT:
        raise IllegalEventError(f"order {name} is {stored.state if stored else 'unknown'}; only an escalated one can be absent")
    granted = one_envelope(connection, stored.envelope_id)
    kept = looks(connection, name)
    missing = lacking(kept, max(proof.cutoff, granted.deadline) if granted else proof.cutoff)
    if missing is not None:
        raise IllegalEventError(f"order {name} is not proved absent: {missing}")
    prove_absent(connection, proof.order)
    body = {
        "order": name, "cutoff": proof.cutoff, "by": proof.by, "reason": proof.reason,
        "looks": [{"at": one_look.at, "fresh": one_look.fresh, "read": json.loads(one_look.evidence)} for one_look in kept],
    }  # fmt: skip
    audit.append(connection, ", ".join(proof.by), "absence proved", body, proof.order.updated_at)
    put_notes(connection, notes)


def hold(connection: Connection, fact: Lock, notes: Notes = ()) -> bool:
    """Hold an underlying back, with an audit row and its notes; once per kind."""
    row = {"account": fact.account, "symbol": fact.symbol, "kind": fact.kind.value, "reason": clean(fact.reason), "at": fact.at}
    if not insert_new(connection, lock, row):
        return False
    audit.append(connection, "engine", "lock", {"symbol": fact.symbol, "kind": fact.kind, "reason": fact.reason}, fact.at)
    put_notes(connection, notes)
    return True


def let_go(connection: Connection, fact: Lock, who: tuple[str, datetime], notes: Notes = ()) -> bool:
    """Let an underlying go again."""
    by, at = who
    if not connection.execute(_UNLOCK, {"owner": fact.account, "name": fact.symbol, "why": fact.kind.value}).rowcount:
        return False
    audit.append(connection, by, "unlock", {"symbol": fact.symbol, "kind": fact.kind, "reason": fact.reason}, at)
    put_notes(connection, notes)
    return True


def locks(connection: Connection, account: str) -> Sequence[Lock]:
    """Give what is held back, oldest first."""
    found = connection.execute(_LOCKS, {"owner": account})
    return [Lock(row.account, row.symbol, Hold(row.kind), row.reason, row.at) for row in found]


def record_outside(connection: Connection, fact: Outside, notes: Notes) -> bool:
    """Executions of somebody else with everything that follows from them; False when any of them is known."""
    if known(connection, fact.fills):
        return False
    connection.execute(fill.insert(), [row_of(one_fill) for one_fill in fact.fills])
    for position in fact.positions:
        save_position(connection, position)
    for held in fact.locks:
        hold(connection, held)
    body = {"executions": [(one_fill.exec_id, one_fill.order_key, one_fill.instrument_key, one_fill.side, one_fill.quantity,
                            one_fill.price) for one_fill in fact.fills]}  # fmt: skip
    audit.append(connection, "somebody else", "trade outside", body, fact.at)
    put_notes(connection, notes)
    return True


def record_fee(connection: Connection, later: Later, position: Position | None, notes: Notes) -> bool:
    """A fee once, with the position after it."""
    one_fill = later.fill
    row = {
        "account": one_fill.account, "exec_id": one_fill.exec_id, "version": one_fill.version, "fee": one_fill.fee, "at": later.at,
    }  # fmt: skip
    if not insert_new(connection, fee, row):
        return False
    if position is not None:
        save_position(connection, position)
    put_notes(connection, notes)
    return True


def record_correction(connection: Connection, fact: Fill, notes: Notes) -> bool:
    """Keep a version of an execution that does not hold (yet)."""
    if not insert_new(connection, fill, row_of(fact)):
        return False
    body = {"execution": fact.exec_id, "version": fact.version, "quantity": fact.quantity, "price": fact.price}
    audit.append(connection, "broker", "execution corrected", body, fact.at)
    put_notes(connection, notes)
    return True


def record_ruling(connection: Connection, later: Later, after: tuple[Order | None, Position | None], notes: Notes) -> bool:
    """A version that is kept holds from now on.

    Raises
    ------
    IllegalEventError
        No such version is kept.
    """
    one_fill, (changed, position) = later.fill, after
    asked = {"owner": one_fill.account, "name": one_fill.exec_id, "number": one_fill.version}
    if not connection.scalar(_VERSIONS, asked):
        raise IllegalEventError(f"version {one_fill.version} of execution {one_fill.exec_id} is not kept, so it cannot hold")
    row = {
        "account": one_fill.account, "exec_id": one_fill.exec_id, "version": one_fill.version, "by": clean(later.by),
        "at": later.at,
    }  # fmt: skip
    if not insert_new(connection, ruling, row):
        return False
    if changed is not None:
        stand(connection, changed)
    if position is not None:
        save_position(connection, position)
    audit.append(connection, later.by, "execution ruled", {"execution": one_fill.exec_id, "version": one_fill.version}, later.at)
    put_notes(connection, notes)
    return True


def forbids(connection: Connection, account: str, symbol: str, *, reduces: bool, by_hand: bool) -> str | None:
    """Why a lock forbids an order on an underlying; None when none does."""
    for row in connection.execute(_HELD, {"owner": account, "name": symbol}):
        kind = Hold(row.kind)
        if not reduces or (kind is Hold.OUTSIDE and not by_hand):
            return f"{symbol} is held back: {row.reason}"
    return None
