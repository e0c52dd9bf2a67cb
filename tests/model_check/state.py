"""One moment of the world: what the journal says, what each process has in its head, what is on the wire, what the broker holds."""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from core.model.orders import OrderState
from tests.model_check.shelf import Said


class Phase(StrEnum):
    """Where a process is in its program."""

    DOWN = "down"
    STARTED = "holds the lease"
    IDLE = "idle"
    READ = "has read Discord"
    HEARD = "has recorded the veto"
    GRANTED = "has claimed"
    DECIDED = "has decided to claim"
    MARKED = "has marked"
    ASKED = "has written the socket"


class Answer(StrEnum):
    """What is on its way back."""

    NONE = ""
    TAKEN = "taken"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Process:
    """One desk: its phase, its lease, the kill level in its memory, for whom it read a yes, the answer that is coming to it."""

    phase: Phase = Phase.DOWN
    fence: int = 0
    kill: int = 0
    approvers: tuple[str, ...] = ()
    answer: Answer = Answer.NONE
    looks: int = 0


@dataclass(frozen=True, slots=True)
class Left:
    """How often the world may still do something, so that the walk ends."""

    crashes: int = 2
    drops: int = 1
    reactions: int = 4


@dataclass(frozen=True, slots=True)
class World:
    """One moment.

    Attributes
    ----------
    reactions : who stands under the card now
    late : the card's time and the envelope's have run out
    wire : for each request that was written and has not arrived, the process that wrote it
    orders : how many the broker holds; `seen`: whether a look finds them
    proper : the claim stood on as many valid persons as it takes, each with a yes on the card when it was read
    sins : what must never happen and did
    """

    journal: Said
    processes: tuple[Process, ...]
    left: Left
    reactions: frozenset[str] = frozenset()
    late: bool = False
    wire: tuple[int, ...] = ()
    orders: int = 0
    seen: bool = False
    proper: bool = True
    sins: frozenset[str] = frozenset()

    def put(self, number: int, journal: Said | None = None, **changes: Any) -> "World":
        """The world with one process changed."""
        processes = list(self.processes)
        processes[number] = replace(processes[number], **changes)
        return replace(self, processes=tuple(processes), journal=journal or self.journal)


NEGATIVE = frozenset({OrderState.DENIED, OrderState.REJECTED, OrderState.ABSENT})


MANY = "orders <= 1"
UNAPPROVED = "an order needs the yes of valid persons"
FALSE_NO = "a terminal no means no order and none in flight"
AFTER_KILL = "no claim after the kill"


def broken(world: World) -> frozenset[str]:
    """The invariants that this moment breaks."""
    found = set(world.sins)
    if world.orders > 1:
        found.add(MANY)
    if (world.orders or world.wire) and not world.proper:
        found.add(UNAPPROVED)
    if world.journal.order in NEGATIVE and (world.orders or world.wire):
        found.add(FALSE_NO)
    return frozenset(found)
