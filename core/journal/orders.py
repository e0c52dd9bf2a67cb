"""Envelopes and the child orders inside them."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from functools import cache

from sqlalchemy import Connection, Update, bindparam, func, select

from core.journal.bodies import dump, load
from core.journal.lease import Held, is_ours
from core.journal.outbox import put_notes
from core.journal.proposals import close_granted
from core.journal.switches import current_kill, forbidden
from core.journal.tables import envelope, order, order_event, send
from core.model.errors import IllegalEventError, NotAllowedError, RefusedError
from core.model.notes import Note
from core.model.orders import TERMINAL, TRANSITIONS, Order, OrderState
from core.model.proposals import Envelope

_ABSENT, _ESCALATED = frozenset({OrderState.ABSENT.value}), frozenset({OrderState.ESCALATED.value})
_LOST = (OrderState.UNKNOWN, OrderState.ESCALATED)
_UNFINISHED = sorted(state.value for state in OrderState if state not in TERMINAL)

_ENVELOPE = select(envelope.c.body, envelope.c.closed_at).where(envelope.c.id == bindparam("key"))
_OPEN_ENVELOPES = select(envelope.c.body).where(envelope.c.closed_at.is_(None)).order_by(envelope.c.approved_at, envelope.c.id)
_CLAIMED_SINCE = select(func.count()).where(envelope.c.account == bindparam("owner"), envelope.c.approved_at >= bindparam("since"))
_CLOSE = (
    envelope.update().where(envelope.c.id == bindparam("key"), envelope.c.closed_at.is_(None)).values(closed_at=bindparam("at"))
)
_ORDER = select(order.c.body).where(order.c.key == bindparam("name"))
_OF_ENVELOPE = select(order.c.body).where(order.c.envelope_id == bindparam("owner")).order_by(order.c.number)
_UNFINISHED_ORDERS = select(order.c.body).where(order.c.state.in_(_UNFINISHED)).order_by(order.c.created_at, order.c.key)
_SINCE = select(order.c.body).where(order.c.updated_at >= bindparam("since")).order_by(order.c.created_at, order.c.key)
_INSERT_ENVELOPE = envelope.insert()
_INSERT_ORDER = order.insert()
_SEND = send.insert()
_EVENT = order_event.insert()


@cache
def before(state: OrderState) -> frozenset[str]:
    """States in which an order may stand so that it can be recorded as `state` next, by the table of transitions.

    NEW is left by the send marker or a denial alone, so nothing else ever follows it here.
    """
    found = {state}
    while more := {one for one in TRANSITIONS if found & {one_next for one_next in TRANSITIONS[one].values() if one_next}} - found:
        found |= more
    if state is OrderState.SENDING:
        found = {state}
    if state not in {OrderState.NEW, OrderState.DENIED}:
        found.discard(OrderState.NEW)
    return frozenset(one.value for one in found)


@cache
def _stand_from(states: frozenset[str]) -> Update:
    return (
        order.update()
        .where(order.c.key == bindparam("name"), order.c.state.in_(sorted(states)))
        .values(
            state=bindparam("next_state"), broker_order_id=bindparam("broker_id"), updated_at=bindparam("instant"),
            body=bindparam("text"),
        )
    )  # fmt: skip


def insert_envelope(connection: Connection, fact: Envelope) -> None:
    """One row, once per proposal."""
    row = {
        "id": fact.id, "proposal_id": fact.proposal_id, "account": fact.account, "intent": fact.intent.value,
        "reserved": fact.reserved, "approved_at": fact.approved_at, "deadline": fact.deadline, "body": dump(fact),
    }  # fmt: skip
    connection.execute(_INSERT_ENVELOPE, row)


def insert_order(connection: Connection, fact: Order) -> None:
    """One row, once per envelope and number."""
    row = {
        "key": fact.key, "envelope_id": fact.envelope_id, "number": fact.number, "account": fact.account,
        "state": fact.state.value, "quantity": fact.quantity, "limit": fact.limit, "broker_order_id": fact.broker_order_id,
        "created_at": fact.created_at, "updated_at": fact.updated_at, "body": dump(fact),
    }  # fmt: skip
    connection.execute(_INSERT_ORDER, row)


def inside(outer: Envelope, fact: Order) -> bool:
    """Whether a child order stays within account, legs, quantity and price band of its envelope."""
    return (
        fact.envelope_id == outer.id
        and fact.account == outer.account
        and fact.legs == outer.legs
        and 0 < fact.quantity <= outer.quantity
        and fact.limit >= outer.floor
    )


def add(connection: Connection, fact: Order) -> bool:
    """Next child order; False when this key is known.

    Raises
    ------
    RefusedError
        The envelope is unknown or closed, another child is unfinished, or the quantity does not fit.
    """
    if one(connection, fact.key) is not None:
        return False
    row = connection.execute(_ENVELOPE, {"key": fact.envelope_id}).first()
    if row is None or row.closed_at is not None:
        raise RefusedError(f"order {fact.key} has no open envelope; nothing may be sent under {fact.envelope_id}")
    outer = load(Envelope, row.body)
    if fact.state is not OrderState.NEW or not inside(outer, fact):
        raise RefusedError(f"order {fact.key} reaches outside its envelope {outer.id}")
    children = of_envelope(connection, outer.id)
    for child in children:
        if not child.terminal:
            raise RefusedError(f"order {fact.key} must wait: order {child.key} of the same envelope is {child.state}")
    used = sum(child.taken for child in children)
    if used + fact.quantity > outer.quantity:
        raise RefusedError(f"order {fact.key} asks for {fact.quantity}; of {outer.quantity} granted {used} are used up already")
    insert_order(connection, fact)
    return True


def mark_sending(connection: Connection, key: str, request_sha256: str, now: datetime, held: Held | None, checks: str = "") -> None:
    """W7: the last look before the wire, the one submit row of the order, and what the gate measured.

    Raises
    ------
    IllegalEventError
        The order is unknown, not NEW, or was marked before, or its envelope is closed.
    NotAllowedError
        The kill level, the deadline of the envelope or the lease forbids it.
    """
    fact = one(connection, key)
    if fact is None or fact.state is not OrderState.NEW:
        raise IllegalEventError(
            f"order {key} is {fact.state if fact else 'unknown'} and cannot be sent; only a new order is sent, once"
        )
    row = connection.execute(_ENVELOPE, {"key": fact.envelope_id}).one()
    outer = load(Envelope, row.body)
    if row.closed_at is not None:
        raise IllegalEventError(f"order {key} cannot be sent: its envelope {outer.id} is closed")
    if sentence := forbidden(current_kill(connection).level, outer.intent):
        raise NotAllowedError(f"order {key} was not sent: {sentence}")
    if now > outer.deadline:
        raise NotAllowedError(f"order {key} was not sent: its envelope ended at {outer.deadline:%Y-%m-%d %H:%M:%S} UTC")
    if not is_ours(connection, held):
        raise NotAllowedError(f"order {key} was not sent: this process does not hold the lease of the journal")
    marked = replace(fact, state=OrderState.SENDING, sent_at=now, updated_at=now)
    if not _stand(connection, marked, frozenset({OrderState.NEW.value})):
        raise IllegalEventError(f"order {key} changed while it was marked; it was not sent")
    connection.execute(
        _SEND, {"order_key": key, "kind": "submit", "attempt": 1, "request_sha256": request_sha256, "marked_at": now}
    )
    if checks:
        add_event(connection, key, checks, now)


def record(connection: Connection, fact: Order, raw: str, notes: Sequence[Note]) -> None:
    """W9 and later: the order as it stands, and the broker's raw words.

    Raises
    ------
    IllegalEventError
        The order is unknown, no chain of events leads from its stored state to this one, or a doubtful order is to be rejected
        without the words of its broker: not being found is no refusal.
    """
    if fact.state is OrderState.REJECTED and not raw and (stored := one(connection, fact.key)) and stored.state in _LOST:
        raise IllegalEventError(f"order {fact.key} is {stored.state}; without its broker's own words it cannot become rejected")
    stand(connection, fact)
    if raw:
        add_event(connection, fact.key, raw, fact.updated_at)
    put_notes(connection, notes)


def stand(connection: Connection, fact: Order) -> None:
    """Keep an order as it stands now; raises as `record` does. ABSENT is no matter of saying so: see `prove_absent`."""
    if fact.state is not OrderState.ABSENT and _stand(connection, fact, before(fact.state)):
        return
    stored = one(connection, fact.key)
    if stored is not None and stored.state is fact.state is OrderState.ABSENT and _stand(connection, fact, _ABSENT):
        return
    if stored is None:
        raise IllegalEventError(f"order {fact.key} is not in the journal, so nothing can have happened to it")
    raise IllegalEventError(f"order {fact.key} is {stored.state} and cannot become {fact.state}")


def prove_absent(connection: Connection, fact: Order) -> None:
    """Keep an escalated order as absent; `core.journal.doubts` calls this once the evidence is complete."""
    if not _stand(connection, fact, _ESCALATED):
        raise IllegalEventError(f"order {fact.key} changed while its absence was proved; nothing was stored")


def _stand(connection: Connection, fact: Order, states: frozenset[str]) -> bool:
    values = {
        "name": fact.key, "next_state": fact.state.value, "broker_id": fact.broker_order_id, "instant": fact.updated_at,
        "text": dump(fact),
    }  # fmt: skip
    return connection.execute(_stand_from(states), values).rowcount == 1


def add_event(connection: Connection, key: str | None, raw: str, at: datetime | None, event_key: str | None = None) -> None:
    """Append what a broker said."""
    connection.execute(_EVENT, {"order_key": key, "event_key": event_key, "at": at, "raw": raw})


def close_envelope(connection: Connection, envelope_id: str, at: datetime, notes: Sequence[Note]) -> None:
    """W11. An envelope that is closed already stays as it is.

    Raises
    ------
    IllegalEventError
        A child order is not terminal, so its reservation must stay.
    """
    for child in of_envelope(connection, envelope_id):
        if not child.terminal:
            raise IllegalEventError(f"envelope {envelope_id} cannot be closed while its order {child.key} is {child.state}")
    if connection.execute(_CLOSE, {"key": envelope_id, "at": at}).rowcount:
        close_granted(connection, envelope_id)
    put_notes(connection, notes)


def one_envelope(connection: Connection, envelope_id: str) -> Envelope | None:
    """Give an envelope by its id."""
    row = connection.execute(_ENVELOPE, {"key": envelope_id}).first()
    return None if row is None else load(Envelope, row.body)


def open_envelopes(connection: Connection) -> Sequence[Envelope]:
    """Give envelopes under which something may still be sent, oldest first."""
    return [load(Envelope, body) for body in connection.scalars(_OPEN_ENVELOPES)]


def claimed_since(connection: Connection, account: str, since: datetime) -> int:
    """Count the envelopes of an account that were approved since then."""
    return connection.scalar(_CLAIMED_SINCE, {"owner": account, "since": since}) or 0


def of_envelope(connection: Connection, envelope_id: str) -> Sequence[Order]:
    """Give the child orders of an envelope by number."""
    return [load(Order, body) for body in connection.scalars(_OF_ENVELOPE, {"owner": envelope_id})]


def one(connection: Connection, key: str) -> Order | None:
    """Give an order by its key."""
    body = connection.scalar(_ORDER, {"name": key})
    return None if body is None else load(Order, body)


def unfinished(connection: Connection) -> Sequence[Order]:
    """Give orders that are not terminal, oldest first."""
    return [load(Order, body) for body in connection.scalars(_UNFINISHED_ORDERS)]


def since(connection: Connection, instant: datetime) -> Sequence[Order]:
    """Give orders that were touched since then, oldest first."""
    return [load(Order, body) for body in connection.scalars(_SINCE, {"since": instant})]
