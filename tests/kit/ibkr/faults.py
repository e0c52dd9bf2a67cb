"""What goes wrong: single faults that were asked for, and a plan that is drawn from a seed."""

import random
from dataclasses import dataclass, field

#: What a plan draws from for an order, with weights; the first four leave the client in doubt.
PLACE = {
    "cut after": 4, "lose after": 3, "cut before": 3, "lose before": 2, "delay": 2, "duplicate": 3, "reorder": 3, "no status": 2,
    "error": 2, "hide": 2,
}  # fmt: skip
CANCEL = {"cut after": 2, "cut before": 2, "fill first": 2, "duplicate": 2, "error": 1}


@dataclass
class Fault:
    """One thing that goes wrong with the next `times` requests of a kind.

    Attributes
    ----------
    on : str
        place, cancel, open, completed, executions, positions, summary, details or what-if.
    what : str
        On orders and cancels: "cut before", "cut after" (the connection), "lose before", "lose after" (only the answer), "delay",
        "duplicate", "reorder", "no status" (the fills come, statuses do not), "error" (`code` on an order that lives), "reject"
        (accepted, then refused with `code`), "deny" (an error and no order), "hide" (left out of lists for `seconds`), "fill first"
        (a cancel that comes too late). On lists: "no end" (half the rows and no marker), "nothing" (only the marker), "empty" (an
        error and the marker), "garbled", "huge" (a frame of two gigabytes), "cut inside" a frame, "drip" (a byte every so many
        seconds), "delay", "duplicate", "cut before".
    """

    on: str
    what: str
    times: int = 1
    seconds: float = 0.0
    code: int = 0


@dataclass
class Faults:
    """Every fault that is still to come."""

    queued: list[Fault] = field(default_factory=list)
    chance: float = 0.0
    dice: random.Random = field(default_factory=lambda: random.Random(0))

    def plan(self, seed: int, chance: float) -> None:
        """Draw faults for orders and cancels from a seed."""
        self.chance, self.dice = chance, random.Random(seed)

    def next(self, on: str) -> Fault:
        """The fault that meets this request; one that does nothing when there is none."""
        for fault in self.queued:
            if fault.on == on and fault.times > 0:
                fault.times -= 1
                return fault
        table = {"place": PLACE, "cancel": CANCEL}.get(on)
        if table is None or self.dice.random() >= self.chance:
            return Fault(on, "")
        (what,) = self.dice.choices(list(table), list(table.values()))
        return Fault(on, what, seconds=self.dice.uniform(0.05, 0.5), code=self.dice.choice((399, 10349, 2109, 404)))
