"""Opening: what an account held before this desk first looked at it. It belongs to somebody else: counted, never touched."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from core.engine import poll
from core.engine.wire import ask
from core.model.instruments import Instrument, Side, instrument
from core.model.market import MarketView
from core.model.money import ZERO
from core.model.orders import Fill
from core.portfolio.outside import absorb

if TYPE_CHECKING:
    from core.engine.engine import Engine


async def first(engine: "Engine") -> str:
    """Keep what the account began with: its holdings, and its cash before everything that the broker still reports.

    What it reports (movements, executions of the last day) is booked next, like everything that happens later.
    """
    now = engine.clock.now()
    balances, held = await ask(engine.broker.account()), await ask(engine.broker.positions())
    moved = await ask(engine.broker.transactions(now - poll.LOOK_BACK))
    traded = await ask(engine.broker.fills(now - poll.FILLS_BACK))
    if held or traded:
        await _holdings(engine, held, traded)
    opened_with = balances.cash - sum((movement.cash for movement in moved), ZERO)
    opened_with -= sum((fill.cash - (fill.fee or ZERO) for fill in traded), ZERO)
    await engine.journal.set_setting(f"start_cash:{engine.account}", str(opened_with))
    return str(opened_with)


async def _holdings(engine: "Engine", held: Mapping[str, int], traded: tuple[Fill, ...]) -> None:
    before = Counter(held)
    for fill in traded:
        before[fill.instrument_key] -= fill.side.sign * fill.quantity
    things = {key: instrument(key) for key, quantity in before.items() if quantity}
    view = await engine.view(quotes=list(things.values())) if things else None
    for key, thing in sorted(things.items()):
        assert view is not None
        taken = _taken(engine, thing, before[key], view)
        for position in absorb((), taken).changed:
            await engine.journal.save_position(replace(position, fees_unknown=False, realised=ZERO))


def _taken(engine: "Engine", thing: Instrument, quantity: int, view: MarketView) -> Fill:
    """A holding as if it had been bought just now, at the middle of its quote; 0 where there is none."""
    quote = view.quote(thing)
    return Fill(
        exec_id=f"opening-{thing.key.strip()}",
        order_key="",
        account=engine.account,
        leg=0,
        instrument_key=thing.key,
        side=Side.BUY if quantity > 0 else Side.SELL,
        quantity=abs(quantity),
        price=quote.mid if quote is not None and quote.ask > 0 else ZERO,
        fee=ZERO,
        at=view.as_of,
        multiplier=thing.multiplier,
    )
