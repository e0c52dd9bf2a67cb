"""Three rules broken on purpose, around the real verbs: a harness that does not notice them proves nothing."""

from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, cast

from core.engine import approve, follow, send
from core.engine.engine import Engine
from core.model.errors import QuantMatrixError
from core.model.market import MarketView
from core.model.orders import DOUBTFUL, Order, OrderEvent, Report, advance
from core.model.proposals import ApprovedOrder
from core.ports.broker import Broker

LOOKS = 2


def resend_on_timeout(_engine: Engine) -> None:
    """An answer that is lost counts as "not sent": the same order goes out again."""
    lose = send._lose

    async def again(engine: Engine, order: Order, error: Exception) -> None:
        await lose(engine, order, error)
        request = approve.approved(engine.books.envelopes[order.envelope_id], order)
        with suppress(QuantMatrixError):
            await engine.broker.submit(request)

    send._lose = again


def journal_after_send(engine: Engine) -> None:
    """The order goes out first, and is written down when the answer is there."""
    late = _Late(engine.broker, send._mark)

    async def unmarked(*told: object) -> str | None:
        late.told = told
        return None

    send._mark = cast("Any", unmarked)
    engine.broker = late


@dataclass(slots=True)
class _Late:
    broker: Broker
    mark: Callable[..., Any]
    told: tuple[object, ...] = ()

    def __getattr__(self, verb: str) -> Any:
        return getattr(self.broker, verb)

    async def submit(self, request: ApprovedOrder) -> Report:
        try:
            return await self.broker.submit(request)
        finally:
            await self.mark(*self.told)


def reject_after_looks(_engine: Engine) -> None:
    """An order that was not found so many times counts as refused."""
    look_up, looks = follow.look_up, Counter[str]()

    async def impatient(engine: Engine, order: Order, view: MarketView) -> None:
        await look_up(engine, order, view)
        now = engine.books.orders.get(order.key)
        looks[order.key] += 1
        if now is not None and now.state in DOUBTFUL and looks[order.key] >= LOOKS:
            await follow.settle(
                engine, replace(now, state=advance(now.state, OrderEvent.REFUSE), reason="not found"), view, raw="not found"
            )

    follow.look_up = impatient


RULES: Mapping[str, Callable[[Engine], None]] = MappingProxyType(
    {one.__name__: one for one in (resend_on_timeout, journal_after_send, reject_after_looks)}
)


def break_rule(name: str, engine: Engine) -> None:
    """Break a rule in this process; no name, nothing broken."""
    if name:
        RULES[name](engine)
