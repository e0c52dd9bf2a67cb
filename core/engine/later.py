"""Later words: what a broker says about an execution that is booked.

A repetition changes nothing, a fee that was unknown is booked, another version is kept but not booked: the desk halts until a
person rules that it holds.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from core.engine import halt, reports, tell
from core.model.money import ZERO
from core.model.notes import Tone
from core.model.orders import Fill, Order
from core.model.positions import Position
from core.portfolio.ledger import corrected
from core.ports.doubts import Later

if TYPE_CHECKING:
    from core.engine.engine import Engine


async def sift(engine: "Engine", told: Iterable[Fill]) -> list[Fill]:
    """Executions that are not booked yet, in the order told; what is said again about others is dealt with here."""
    booked = engine.books.fills
    fresh: dict[str, Fill] = {}
    for fill in told:
        known = booked.get(fill.exec_id) or fresh.get(fill.exec_id)
        if known is None:
            fresh[fill.exec_id] = fill
        elif fill.version >= known.version and known != fill:
            await _again(engine, known, fill)
    return list(fresh.values())


async def _again(engine: "Engine", known: Fill, fill: Fill) -> None:
    if not _alike(known, fill):
        await _correct(engine, known, fill)
    elif known.fee is None and fill.fee is not None and fill.exec_id in engine.books.fills:
        await _fee(engine, replace(known, fee=fill.fee))


def _alike(one: Fill, other: Fill) -> bool:
    """Whether both say the same; when it happened and what it cost may be told more exactly later."""
    return replace(one, at=other.at, fee=other.fee, modelled=other.modelled) == other


async def _fee(engine: "Engine", fill: Fill) -> None:
    """Book a fee that was unknown, on its position too."""
    books = engine.books
    position_id = books.watch.feeless.pop(fill.exec_id, None)
    position = await _position(engine, fill)
    if position is not None:
        unknown = position_id in books.watch.feeless.values()
        position = replace(position, fees=position.fees + (fill.fee or ZERO), fees_unknown=unknown)
    if not await engine.journal.doubts.record_fee(Later(fill, engine.clock.now()), position):
        return
    books.fills[fill.exec_id] = fill
    books.cash -= fill.fee or ZERO
    if position is not None and position.is_open:
        books.positions[position.id] = position


async def _position(engine: "Engine", fill: Fill) -> Position | None:
    """The position that an execution of ours belongs to, also when it is closed."""
    order = await engine.journal.order(fill.order_key) if fill.order_key else None
    if order is None:
        return None
    envelope, _ = await reports.granted(engine, order.envelope_id)
    return await reports.held(engine, envelope)


async def _correct(engine: "Engine", known: Fill, fill: Fill) -> None:
    """Keep another version; nothing is booked on it. Told once, and the desk halts."""
    corrected_before = engine.books.watch.corrected.get(fill.exec_id)
    if corrected_before is not None and _alike(replace(corrected_before, version=fill.version), fill):
        return
    kept = await engine.journal.doubts.versions(fill.account, fill.exec_id)
    same = next((one for one in kept if _alike(replace(one, version=fill.version), fill)), None)
    version = max(fill.version, known.version + 1, *(one.version + 1 for one in kept)) if kept else max(fill.version, 2)
    now, other = engine.clock.now(), same or replace(fill, version=version)
    engine.books.watch.corrected[fill.exec_id] = other
    what = "taken back" if other.quantity <= 0 else f"now {other.side} {other.quantity} at {tell.per_share(other.price)}"
    was = f"{known.side} {known.quantity} at {tell.per_share(known.price)}"
    body = (
        f"The broker corrected execution {fill.exec_id} of {fill.instrument_key.strip()}: it was {was}, it is {what}. Nothing is "
        f"booked on it. Compare the account, then `/trades adopt what:{fill.exec_id}` if the broker is right."
    )
    note = tell.desk_note(f"corrected-{fill.exec_id}-{version}", "An execution was corrected", body, now, Tone.BAD)
    if same is None:
        await engine.journal.doubts.record_correction(other, [note])
    await halt.alarm(engine, f"the broker corrected execution {fill.exec_id}; compare the account with the broker's")


async def rule(engine: "Engine", exec_id: str, by: str) -> str | None:
    """A person says that the broker's correction holds: cash, order and position follow. None: there is nothing to rule on."""
    books = engine.books
    new, old = books.watch.corrected.get(exec_id), books.fills.get(exec_id)
    if new is None or old is None:
        return None
    order = await engine.journal.order(old.order_key) if old.order_key else None
    if order is None:
        return f"Execution {exec_id} is not one of ours; its account is compared, not repaired."
    envelope, _ = await reports.granted(engine, order.envelope_id)
    held = await reports.held(engine, envelope)
    if held is None:
        return f"The position of execution {exec_id} is too long closed to be changed; correct it in your own accounts."
    position, changed = corrected(held, envelope, old, new), _counted(order, old, new)
    if not await engine.journal.doubts.record_ruling(Later(new, engine.clock.now(), by), changed, position):
        return f"Execution {exec_id} was ruled on before."
    books.watch.corrected.pop(exec_id)
    books.fills[exec_id] = new
    books.cash += new.cash - old.cash - (new.fee or ZERO) + (old.fee or ZERO)
    if not changed.terminal:
        books.orders[changed.key] = changed
    books.positions.pop(position.id, None)
    if position.is_open:
        books.positions[position.id] = position
    return f"Execution {exec_id} holds as the broker corrected it; {position.symbol} and the cash follow."


def _counted(order: Order, old: Fill, new: Fill) -> Order:
    counted = list(order.leg_filled or (0,) * len(order.legs))
    counted[old.leg] += new.quantity - old.quantity
    return replace(order, leg_filled=tuple(counted))
