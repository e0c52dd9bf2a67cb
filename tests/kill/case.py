"""One road with its kills, and all of them side by side."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from core.model.orders import DOUBTFUL, OrderState
from tests.kill.judge import Judge
from tests.kill.kept import Kept, read
from tests.kill.points import Case
from tests.kill.stage import raised
from tests.kill.verdict import contradictions

#: Roads at a time: they wait more than they work.
SIDE_BY_SIDE = 3
_LEFT = {
    "": frozenset[OrderState](),
    "denied": frozenset({OrderState.DENIED}),
    "doubtful": DOUBTFUL,
}
_SOUND = frozenset({OrderState.FILLED, OrderState.CANCELLED})


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a road: everything that is wrong, a sentence each, and the last lines of the desk's log."""

    wrong: tuple[str, ...]
    logs: str


async def play_all(cases: Iterable[Case], folder: Path) -> Mapping[str, Outcome]:
    """Play every case, a few at a time; outcomes by name of the case."""
    turn = asyncio.Semaphore(SIDE_BY_SIDE)

    async def one(number: int, case: Case) -> tuple[str, Outcome]:
        async with turn:
            place = folder / f"{number}-{case.name}"
            place.mkdir()
            return case.name, await play(case, place)

    return dict(await asyncio.gather(*(one(number, case) for number, case in enumerate(cases))))


async def play(case: Case, folder: Path) -> Outcome:
    """One road: the parties rise, the judge watches, the desk ends in good order, the verdict is read."""
    async with raised(folder, case.script) as stage:
        if case.lost is not None:
            await stage.ledger.call("fault", *case.lost, 1)
        judge = Judge(stage, list(case.failpoints))
        try:
            await judge.watch()
            status = await stage.stop()
        except (AssertionError, TimeoutError) as error:
            return Outcome((f"the road did not end: {error or type(error).__name__}",), stage.logs())
        return Outcome(tuple(_wrong(case, judge, await read(stage), status)), stage.logs())


def _wrong(case: Case, judge: Judge, kept: Kept, status: int) -> Iterable[str]:
    if status != 0:
        yield f"the desk ended with {status}"
    if judge.kills != len(case.failpoints):
        yield f"the desk was killed {judge.kills} times, not {len(case.failpoints)}"
    yield from contradictions(kept, judge)
    states = Counter(order.state for order in kept.journal.orders.values() if order.state not in _SOUND)
    wanted = _LEFT[case.left]
    if sum(states.values()) != bool(wanted) or not set(states) <= wanted:
        yield f"{dict(states)} orders were left, expected {case.left or 'none'}"
    traded = sum(order.filled > 0 for order in kept.journal.orders.values())
    if traded < 2:
        yield f"only {traded} orders traded; the road was not gone to its end"
