"""The paper ledger behind a street that loses, delays, repeats and hides: the ledger and its wire are the real ones.

It never de-duplicates. Questions that change something are lost before or after they are done, done late when the asker has long
given up, or answered late; lists come twice and backwards; an order whose answer was lost is not visible at once.
"""

import asyncio
import random
from collections import Counter
from dataclasses import dataclass, field
from typing import cast

from brokers.paper.adapter import VERBS
from brokers.paper.ledger import Ledger
from brokers.paper.records import Ticket
from brokers.paper.remote import read, write
from core.model.errors import BadDataError, QuantMatrixError
from core.model.orders import Fill, Report

Answer = tuple[str, object]
CHANGING = frozenset({"submit", "cancel"})
#: Probabilities of what happens to a question that changes something, and to one that only asks.
CHANGES = {"": 0.70, "before": 0.08, "after": 0.10, "late": 0.06, "slow": 0.06}
HARSH = {"": 0.45, "before": 0.10, "after": 0.25, "late": 0.15, "slow": 0.05}
READS = {"": 0.95, "before": 0.01, "slow": 0.02, "twice": 0.02}
LATE_SECONDS, SLOW_SECONDS = 0.1, 0.01


@dataclass(slots=True)
class Street:
    """Answers for one ledger on loopback, badly.

    Attributes
    ----------
    hidden : Counter of key to looks
        So many looks an order is not shown for, because the asker does not know whether it arrived.
    """

    ledger: Ledger
    dice: random.Random
    harsh: bool = False
    calm: bool = False
    hidden: Counter[str] = field(default_factory=Counter)
    _late: set[asyncio.Task[Answer]] = field(default_factory=set)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, one question, at most one answer."""
        try:
            verb, *arguments = cast("tuple[str, *tuple[object, ...]]", await read(reader))
            answer = await self._calmed() if verb == "calm" else await self._met(verb, arguments)
            if answer is not None:
                await write(writer, answer)
        except (OSError, EOFError, BadDataError):
            pass  # the asker was killed; what was done is in the ledger's file
        finally:
            writer.close()

    async def _calmed(self) -> Answer:
        self.calm = True
        self.hidden.clear()
        while self._late:
            await asyncio.wait(self._late)
        return ("answer", None)

    async def _met(self, verb: str, arguments: list[object]) -> Answer | None:
        table = (HARSH if self.harsh else CHANGES) if verb in CHANGING else READS
        fate = "" if self.calm else self.dice.choices(list(table), list(table.values()))[0]
        if fate == "before":
            return None
        if fate == "slow":
            await asyncio.sleep(self.dice.random() * SLOW_SECONDS)
        if fate == "late":
            self._hide(verb, arguments)
            task = asyncio.ensure_future(self._later(verb, arguments))
            self._late.add(task)
            task.add_done_callback(self._late.discard)
            return None
        answer = self._seen(verb, self._do(verb, arguments))
        if fate == "after":
            self._hide(verb, arguments)
            return None
        return _twice(answer) if fate == "twice" else answer

    async def _later(self, verb: str, arguments: list[object]) -> Answer:
        await asyncio.sleep(self.dice.random() * LATE_SECONDS)
        return self._do(verb, arguments)

    def _do(self, verb: str, arguments: list[object]) -> Answer:
        try:
            return ("answer", VERBS[verb](self.ledger, *arguments))
        except QuantMatrixError as error:
            return (type(error).__name__, str(error))

    def _hide(self, verb: str, arguments: list[object]) -> None:
        if verb == "submit":
            self.hidden[cast("Ticket", arguments[0]).key or ""] = self.dice.randrange(12)

    def _seen(self, verb: str, answer: Answer) -> Answer:
        kind, value = answer
        if verb == "find" and isinstance(value, Report) and self.hidden[value.key or ""] > 0:
            self.hidden[value.key or ""] -= 1
            return (kind, None)
        if isinstance(value, tuple) and kind == "answer":
            return (kind, tuple(one for one in value if self.hidden[_key(one)] < 1))
        return answer


def _key(thing: object) -> str:
    if isinstance(thing, Report):
        return thing.key or ""
    return thing.order_key if isinstance(thing, Fill) else ""


def _twice(answer: Answer) -> Answer:
    """A list that comes twice, backwards first."""
    kind, value = answer
    return (kind, (*reversed(value), *value)) if kind == "answer" and isinstance(value, tuple) else answer
