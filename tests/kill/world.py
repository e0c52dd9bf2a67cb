"""The world of the cheap roads: what the market, the people and Discord do, by the seed of a road alone."""

import hashlib
import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path

import numpy as np

from bot.clock import HandClock
from core.model.market import Floats, SymbolView
from core.model.proposals import Evidence, Vote
from core.ports.journal import Journal, PendingNote
from tests.kit import nouns

SYMBOLS = ("LEAD", "MOON", "STAR", "NOVA", "COMET", "DWARF", "ORBIT", "SPICA", "VEGA", "RIGEL")
#: A life of the desk lasts less than this on its own clock.
LIFE = timedelta(seconds=240)
#: Lives of one road that are killed before its last one.
LIVES = 24
CHANNEL = 5
#: What a wall clock may do: a second, a minute, an hour, either way.
JUMPS = (-1.0, 1.0, -60.0, 60.0, -3600.0, 3600.0)


class Says(StrEnum):
    """What people answer to a card."""

    YES = "the owner says yes"
    NO = "the owner says no"
    STRANGER = "somebody who may not vote says yes"
    WITHDRAWN = "the owner says yes and takes it back"


@dataclass(frozen=True, slots=True)
class Road:
    """One road: its folder, its seed, and whether its broker loses twice as many answers as it already does."""

    folder: Path
    seed: int
    harsh: bool = False

    @property
    def database(self) -> Path:
        """The desk's journal."""
        return self.folder / "journal.db"

    @property
    def channel(self) -> Path:
        """What stands on Discord."""
        return self.folder / "channel.jsonl"

    def begins(self, life: int) -> datetime:
        """The desk's wall clock at the start of a life."""
        return nouns.NOW - timedelta(minutes=60) + life * LIFE

    def says(self, symbol: str) -> Says:
        """What people answer to cards of a symbol; the first symbol of a road is always bought."""
        if symbol == SYMBOLS[self.seed % len(SYMBOLS)]:
            return Says.YES
        return dice(self.seed, symbol).choices(list(Says), (6, 1, 1, 1))[0]


def dice(*what: object) -> random.Random:
    """Dice that fall the same way for the same occasion, in every process."""
    return random.Random(hashlib.sha256(repr(what).encode()).digest())


def names() -> dict[str, SymbolView]:
    """Leaders that have nothing in common: a sector each, and returns of their own."""
    return {name: nouns.symbol_view(name, sector=name, bars=nouns.bars(_closes(name))) for name in SYMBOLS}


def _closes(name: str) -> Floats:
    steps = np.random.default_rng(dice(name).randrange(2**32)).normal(0.0, 0.01, 260)
    path = np.exp(np.cumsum(steps))
    return np.asarray(100.0 * path / path[-1])


def price(road: Road, symbol: str, moment: tuple[int, int], *, last: bool) -> float:
    """Around 100 until the symbol falls below its stop of 94 in some life; in the last life each does after a while.

    `moment` is the number of the life and of the turn in it.
    """
    life, turn = moment
    if life >= dice(road.seed, symbol, "falls").randrange(2, LIVES // 2) or (last and turn > 4):
        return 92.0
    return 100.0 + dice(road.seed, symbol, moment).choice((-0.2, -0.1, 0.0, 0.1, 0.2))


def jump(clock: HandClock, seconds: float) -> None:
    """The wall clock is set; the monotonic one does not notice."""
    clock.instant += timedelta(seconds=seconds)


def judgement(road: Road, proposal: str, symbol: str, now: datetime) -> tuple[Vote, Evidence]:
    """What is seen on Discord under a card: the vote, and what a fresh look finds."""
    says = road.says(symbol)
    who = "stranger" if says is Says.STRANGER else "owner"
    vote = Vote(proposal, who, says is not Says.NO, present=True, allowed=who == "owner", source="reaction", at=now)
    yes, no = ((), ("owner",)) if says is Says.NO else (("owner",) if says is Says.YES else (), ())
    return vote, Evidence(yes, no, intact=True, read_at=now)


@dataclass(slots=True)
class Channel:
    """Stands where Discord stands, and outlives the desk: a file of messages. While it is dropped nothing is delivered.

    As the real notifier does, it looks for the message of an earlier try before a note is written again.
    """

    path: Path
    journal: Journal
    clock: HandClock
    at: Callable[[str], None]
    up: Callable[[], bool]
    woken: int = 0

    def wake(self) -> None:
        self.woken += 1

    async def deliver(self) -> None:
        """Everything that waits, in its order."""
        for pending in await self.journal.pending_notes():
            if not self.up():
                return
            await self._tell(pending)

    async def _tell(self, pending: PendingNote) -> None:
        note, now = pending.note, self.clock.now()
        await self.journal.note_attempted(pending.seq, now)
        self.at("W2")
        before = None if pending.attempted_at is None else self._place(note.id)
        place = before or self._write(note.id, note.edits)
        self.at("W2+")
        if note.proposal_id is not None and note.decidable:
            stored = await self.journal.proposal(note.proposal_id)
            ttl = timedelta(seconds=stored.proposal.ttl_seconds if stored else 900)
            await self.journal.proposal_posted(note.proposal_id, CHANNEL, place, now + ttl)
        await self.journal.note_delivered(pending.seq, CHANNEL, place, now)

    def _place(self, note_id: str) -> int | None:
        return next((place for place, one in enumerate(messages(self.path), start=1) if one["note"] == note_id), None)

    def _write(self, note_id: str, edits: str | None) -> int:
        with self.path.open("a") as file:
            file.write(json.dumps({"note": note_id, "edits": edits}) + "\n")
        return len(messages(self.path))


def messages(path: Path) -> list[dict[str, str | None]]:
    """Every message of the channel, oldest first."""
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
