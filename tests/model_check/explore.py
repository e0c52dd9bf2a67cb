"""Breadth first over everything that can happen, so that the first harm found has the shortest path."""

from collections import deque
from dataclasses import dataclass

from tests.model_check.state import Left, Process, World, broken
from tests.model_check.steps import Model

MOST = 2_000_000


@dataclass(frozen=True, slots=True)
class Walk:
    """What was found: how many worlds, whether that was all of them, and the path to the first harm."""

    states: int
    complete: bool
    harm: str | None = None
    path: tuple[str, ...] = ()

    def __str__(self) -> str:
        if self.harm is None:
            return f"{self.states} states{'' if self.complete else ' and more'}: every invariant holds"
        steps = "\n".join(f"  {number:>2}. {step}" for number, step in enumerate(self.path, start=1))
        return f"after {self.states} states, in {len(self.path)} steps, broken: {self.harm}\n{steps}"


def walk(model: Model, processes: int, left: Left, harm: str | None = None) -> Walk:
    """Everything that can happen to so many processes, up to the first harm; with `harm` named, up to that one."""
    first = World(model.shelf.first, (Process(),) * processes, left)
    came: dict[World, tuple[World, str] | None] = {first: None}
    waiting = deque([first])
    while waiting:
        world = waiting.popleft()
        for step, then in model.after(world):
            if then in came:
                continue
            came[then] = (world, step)
            found = broken(then)
            if harm in found or (found and harm is None):
                return Walk(len(came), complete=False, harm=harm or min(found), path=_path(came, then))
            waiting.append(then)
        if len(came) > MOST:
            return Walk(len(came), complete=False)
    return Walk(len(came), complete=True)


def _path(came: dict[World, tuple[World, str] | None], world: World) -> tuple[str, ...]:
    steps: list[str] = []
    while (before := came[world]) is not None:
        world, step = before
        steps.append(step)
    return tuple(reversed(steps))
