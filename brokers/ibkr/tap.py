"""Listening to the library's messages themselves, before it draws its own conclusions from them."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from brokers.ibkr.facts import Facts, Said
from core.model.errors import QuantMatrixError

if TYPE_CHECKING:
    import ib_async

LOG = logging.getLogger(__name__)
_COMMISSION = 59


@dataclass(frozen=True, slots=True)
class Ears:
    """Who hears what: errors, the end of the connection, a sending queue that fills or empties, and order ids that are named."""

    error: Callable[[int, Said], None]
    gone: Callable[[], None]
    crowded: Callable[[], None]
    free: Callable[[], None]
    named: Callable[[int, int, int], None]


class _Unread:
    """Takes the place of the decoder's logger: a message that it cannot decode is only logged there, and lost."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts

    def exception(self, text: str, *_: object) -> None:
        """Note what could not be decoded."""
        LOG.error("unreadable message: %s", text)
        self._facts.unreadable.append(text[:300])


def attach(ib: "ib_async.IB", facts: Facts, ears: Ears) -> None:
    """Put the map in front of the library's own."""
    wrapper, client = ib.wrapper, ib.client

    def named(order_id: int, *rest: object) -> None:
        if not getattr(rest[1], "whatIf", False):  # an order in thought takes no number at the broker
            ears.named(int(getattr(rest[1], "clientId", -1)), order_id, int(getattr(rest[1], "permId", 0)))

    def status_named(order_id: int, *rest: object) -> None:
        ears.named(int(str(rest[7])), order_id, int(str(rest[4])))

    _before(wrapper, "openOrder", facts, facts.open_order, named)
    _before(wrapper, "completedOrder", facts, facts.completed_order)
    _before(wrapper, "orderStatus", facts, facts.order_status, status_named)
    _before(wrapper, "execDetails", facts, facts.exec_details)
    _before(wrapper, "error", facts, lambda number, code, text, _: ears.error(number, Said(int(code), str(text))))
    client.decoder.logger = _Unread(facts)  # type: ignore[assignment]  # it needs the one method only
    handlers = client.decoder.handlers
    commission = handlers[_COMMISSION]

    def charged(fields: list[str]) -> None:
        facts.commission(fields[2], fields[3], fields[4])
        commission(fields)

    handlers[_COMMISSION] = charged
    client.apiEnd += ears.gone
    client.throttleStart += ears.crowded
    client.throttleEnd += ears.free


def cut(ib: "ib_async.IB") -> None:
    """End the connection without waiting for what is still to be written."""
    transport = ib.client.conn.transport
    if transport is not None:
        transport.abort()
    ib.client.connState = ib.client.DISCONNECTED


def _before(wrapper: object, name: str, facts: Facts, *listeners: Callable[..., None]) -> None:
    original = getattr(wrapper, name)

    def tapped(*arguments: object) -> None:
        for listener in listeners:
            try:
                listener(*arguments)
            except (ValueError, ArithmeticError, LookupError, TypeError, AttributeError, QuantMatrixError) as error:
                LOG.exception("unreadable %s", name)
                facts.unreadable.append(f"{name}: {error}")
        original(*arguments)

    setattr(wrapper, name, tapped)
