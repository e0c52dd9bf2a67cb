"""A lane: one process that has only imported, and forks what opens anything: the loopback broker, each life, the judge.

It is synchronous on purpose: a process without threads, sockets and loops can be forked thousands of times and every child starts
from the same clean image, which costs milliseconds instead of a start of the interpreter.
"""

import asyncio
import json
import mmap
import os
import random
import select
import shutil
import signal
import struct
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.kill.hand import Ports
from tests.kill.life import GAVE_UP, IDLE, Life, live
from tests.kill.rules import judged
from tests.kill.venues import Venue, venue
from tests.kill.world import LIVES, Road, dice

#: Every write point that a life can be struck at.
POINTS = tuple(f"W{number}{after}" for number in range(1, 13) for after in ("", "+") if f"W{number}{after}" != "W6+")
FIRST, CARDS = ("W1", "W1+"), frozenset({"W3", "W3+"})
#: Of the kills, the share that comes at a random instant from outside.
AT_RANDOM = 0.25
START_SECONDS, LIFE_SECONDS = 20.0, 60.0
#: A life that has not come to its point by then is struck from outside.
POINT_SECONDS = 15.0
#: Exit status of a life: how many lives further it goes on.
SKIPPED = {0: LIVES, IDLE: 3}
_CODE = struct.Struct("<64q")


@dataclass(frozen=True, slots=True)
class Order:
    """What a lane is asked for."""

    broker: str
    kills: int
    seed: int
    folder: Path
    template: Path
    rule: str = ""


@dataclass(slots=True)
class Told:
    """What a lane has done so far; `points` counts lives that killed themselves there, `random` those struck from outside."""

    points: Counter[str] = field(default_factory=Counter)
    random: int = 0
    roads: int = 0
    gave_up: int = 0
    sums: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    @property
    def kills(self) -> int:
        return sum(self.points.values()) + self.random


class Counts:
    """Counters in memory that a killed child leaves behind."""

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, _CODE.size)

    def count(self, point: str) -> None:
        if point in POINTS:
            place = POINTS.index(point) * 8
            (before,) = struct.unpack_from("<q", self._memory, place)
            struct.pack_into("<q", self._memory, place, before + 1)

    def passed(self, point: str) -> int:
        """How often any life passed it."""
        (count,) = struct.unpack_from("<q", self._memory, POINTS.index(point) * 8)
        return int(count)


def forked(work: Callable[[], int], log: Path) -> int:
    """Do the work in a child; what it says goes to the log. Answers its process id."""
    child = os.fork()
    if child:
        return child
    status = 1
    try:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(output, 1)
        os.dup2(output, 2)
        status = work()
    except BaseException:  # noqa: BLE001 - a child ends here, whatever happened
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def ended(child: int, seconds: float, *, kill: bool) -> int | None:
    """Wait for a child; after so many seconds kill it (None: killed by us)."""
    watch = os.pidfd_open(child)
    try:
        ready, _, _ = select.select([watch], [], [], seconds)
    finally:
        os.close(watch)
    if not ready and kill:
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    return None if not ready and code == -signal.SIGKILL else code


@contextmanager
def serving(kind: Venue, road: Road) -> Iterator[Ports]:
    """The loopback broker of a road; yields its ports."""
    reading, writing = os.pipe()
    child = forked(lambda: _serve(kind, road, writing), road.folder / "broker.log")
    os.close(writing)
    try:
        ready, _, _ = select.select([reading], [], [], START_SECONDS)
        said = os.read(reading, 32) if ready else b""
        assert said, f"the loopback broker {kind.name} did not start; see {road.folder / 'broker.log'}"
        yield tuple(int(port) for port in said.split())
    finally:
        os.close(reading)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def _serve(kind: Venue, road: Road, writing: int) -> int:
    def ready(port: int, hand: int) -> None:
        os.write(writing, f"{port} {hand}".encode())

    kind.serve(road, ready)
    return 0


def drive(order: Order) -> Told:
    """Play roads until so many kills are done."""
    told, kind, counts, pace = Told(), venue(order.broker), Counts(), _Pace()
    while told.kills < order.kills and not (told.wrong and order.rule):
        number = told.roads
        luck = dice(order.seed, number)
        folder = order.folder / f"{order.broker}-{order.seed}-{number}"
        folder.mkdir(parents=True)
        shutil.copy(order.template, folder / "journal.db")
        road = Road(folder, order.seed * 100_003 + number, harsh=bool(order.rule))
        with serving(kind, road) as ports:
            _play(order, _Stage(road, kind, ports, counts, luck, pace), told)
        told.roads += 1
        if not told.wrong:
            shutil.rmtree(folder)
    told.sums["ambiguous"] = counts.passed("W8") - counts.passed("W8+")
    told.sums["submits"] = counts.passed("W8")
    return told


@dataclass(slots=True)
class _Pace:
    """How long a life takes here until it comes to its point, so that random instants fall inside of lives."""

    seconds: float = 0.3

    def heard(self, seconds: float) -> None:
        self.seconds = 0.8 * self.seconds + 0.2 * seconds


@dataclass(frozen=True, slots=True)
class _Stage:
    road: Road
    kind: Venue
    ports: Ports
    counts: Counts
    luck: random.Random
    pace: _Pace


def _play(order: Order, stage: _Stage, told: Told) -> None:
    """Lives that are killed, one that ends in good order, and the verdict."""
    number = 0
    while number < LIVES and told.kills < order.kills:
        number += _strike(order, stage, number, told)
    _run(order, stage, Life(stage.road, LIVES, stage.ports, last=True, rule=order.rule), told)
    _judge(stage, told)


def _strike(order: Order, stage: _Stage, number: int, told: Told) -> int:
    """One life; answers how many lives further the road goes on: one that waits for prices skips some, the end all."""
    at_random = number > 0 and stage.luck.random() < AT_RANDOM
    point = "" if at_random else f"{_wanted(stage.luck, told, number)}:{stage.luck.choice((1, 1, 1, 1, 2))}"
    life = Life(stage.road, number, stage.ports, point, rule=order.rule)
    seconds = stage.luck.uniform(0.0, 2 * stage.pace.seconds) if at_random else POINT_SECONDS
    began = time.monotonic()
    child = forked(lambda: asyncio.run(live(life, stage.kind, stage.counts)), stage.road.folder / f"life-{number}.log")
    code = ended(child, seconds, kill=True)
    if code is None:
        told.random += 1
    elif code == -signal.SIGKILL:
        told.points[point.partition(":")[0]] += 1
        stage.pace.heard(time.monotonic() - began)
    elif code in SKIPPED:
        return SKIPPED[code]
    else:
        _gave_up(stage, f"life-{number}.log", code, told)
    return 1


def _wanted(luck: random.Random, told: Told, number: int) -> str:
    """The write points that were struck least go first; proposals are new in the first life alone, cards in the first two."""
    if number == 0 and luck.random() < 0.5:
        return min(FIRST, key=lambda point: told.points[point])
    points = [point for point in POINTS if point not in FIRST and (number < 2 or point not in CARDS)]
    least = min(told.points[point] for point in points)
    return luck.choice([point for point in points if told.points[point] <= least + (number >= 2)])


def _run(order: Order, stage: _Stage, life: Life, told: Told) -> None:
    child = forked(lambda: asyncio.run(live(life, stage.kind, stage.counts)), stage.road.folder / "life-last.log")
    code = ended(child, LIFE_SECONDS, kill=True)
    if code != 0:
        _gave_up(stage, "life-last.log", code, told, last=True)


def _gave_up(stage: _Stage, log: str, code: int | None, told: Told, *, last: bool = False) -> None:
    """The desk may stop by itself when the broker is silent; anything else is wrong."""
    told.gave_up += 1
    if last or code != GAVE_UP:
        lines = (stage.road.folder / log).read_text().splitlines()
        told.wrong.append(f"{stage.road.folder.name}: {log} ended with {code}: {lines[-1] if lines else ''}")


def _judge(stage: _Stage, told: Told) -> None:
    reading, writing = os.pipe()

    def work() -> int:
        found = asyncio.run(judged(stage.road, stage.kind, stage.ports))
        os.write(writing, json.dumps(found).encode())
        return 0

    child = forked(work, stage.road.folder / "judge.log")
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        said = pipe.read()
    os.waitpid(child, 0)
    if not said:
        told.wrong.append(f"{stage.road.folder.name}: the judge could not read what was kept; see its judge.log")
        return
    found = json.loads(said)
    told.sums.update(found["sums"])
    told.wrong += [f"{stage.road.folder.name}: {sentence}" for sentence in found["wrong"]]
