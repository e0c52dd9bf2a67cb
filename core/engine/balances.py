"""Balances: what the broker says we may spend, never more than what we think ourselves."""

from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from core.engine.wire import ask
from core.model.errors import RetryError

if TYPE_CHECKING:
    from core.engine.engine import Engine

#: Balances older than this are asked for again before anything is decided on them.
FRESH = timedelta(minutes=5)


async def buying_power(engine: "Engine") -> Decimal | None:
    """Dollars that new orders may take: the smaller of the broker's word and our cash. None: the broker does not say.

    The broker's word already leaves out what working orders need. An engine that is not audited (a replay) has its own word alone.
    """
    if not engine.audited:
        return engine.books.cash
    watch = engine.books.watch
    if watch.account is None or engine.clock.now() - watch.account.as_of > FRESH:
        try:
            await refresh(engine)
        except RetryError:
            return None
    return None if watch.account is None else min(engine.books.cash, watch.account.buying_power)


async def refresh(engine: "Engine") -> None:
    """Ask for the balances; raises RetryError when the broker does not answer."""
    engine.books.watch.account = await ask(engine.broker.account())
