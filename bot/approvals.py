"""Reactions and buttons on approval cards -> votes of the engine.

Events are sorted in constant time: strangers are only counted, the people of the allow-list go into a bounded queue and are
served first. Whatever an event says, a yes is acted on only with evidence that was fetched afresh (`bot.evidence`).
"""

import asyncio
import logging
from collections import OrderedDict
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import discord

from bot import clicks
from bot.absence import Absence
from bot.access import Access, Standing
from bot.clock import SystemClock
from bot.crowd import Crowd
from bot.evidence import Reader, decides
from bot.gate import Gate
from bot.looks import Look, again, look
from bot.notifier import Posted
from core.engine.engine import Engine
from core.engine.quorum import REACTION
from core.model.errors import QuantMatrixError, RetryError
from core.model.proposals import PENDING, Evidence, ProposalState, Vote
from core.ports.clock import Clock
from core.ports.journal import StoredProposal

LOG = logging.getLogger(__name__)
WORKERS = 4
QUEUE = 1_000
REMEMBERED = 1_000
FLUSH_SECONDS = 2.0
LONG_AGO = datetime.min.replace(tzinfo=UTC)
RETRIES = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0)


@dataclass(frozen=True, slots=True)
class Hand:
    """One observed change of one reaction of a person of the allow-list; `who` None: the event did not carry the member."""

    message_id: int
    channel_id: int
    guild_id: int | None
    user_id: int
    approve: bool
    present: bool
    who: Standing | None
    author_id: int | None = None
    tries: int = 0


@dataclass(slots=True)
class Approvals:
    """Everything that people do to cards comes in here.

    Attributes
    ----------
    pace : Clock
        The machine's clock, for waiting between tries (the engine's may run faster, or stand still).
    reader : Reader or None
        Reads Discord for evidence; None while no client is connected.
    label : str
        Account that stands on every card; empty where the desk has one only.
    """

    engine: Engine
    access: Access
    pace: Clock = field(default_factory=SystemClock)
    reader: Reader | None = None
    crowd: Crowd = field(default_factory=Crowd)
    label: str = ""
    gate: Gate = field(default_factory=Gate)
    absence: Absence = field(init=False)
    _open: dict[int, str] = field(default_factory=dict)
    _queue: "asyncio.Queue[Hand | Look]" = field(default_factory=lambda: asyncio.Queue(QUEUE))
    _spoofs: "OrderedDict[int, None]" = field(default_factory=OrderedDict)
    _latest: datetime = LONG_AGO
    _later: "set[asyncio.Task[None]]" = field(default_factory=set)

    def __post_init__(self) -> None:
        self.absence = Absence(self.engine.journal, self.pace)

    def attach(self, client: discord.Client | None) -> None:
        """A new client is connected, or none is."""
        if client is None:
            self.absence.begins()
        self.reader = Reader(client, self.access, self.engine.journal, self.engine.clock, self.pace, self.label) if client else None

    async def run(self) -> None:
        """Serve until cancelled."""
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(WORKERS):
                    group.create_task(self._work())
                group.create_task(self._flush())
        finally:
            for task in self._later:
                task.cancel()

    # what comes in

    def reacted(self, event: discord.RawReactionActionEvent, *, present: bool) -> None:
        """Sort one raw reaction event; constant time, never waits."""
        approve = decides(event.emoji)
        if approve is None or self.reader is None or event.user_id == self.reader.me:
            return
        if event.member is not None and event.member.bot:
            return
        if self.access.person(event.user_id) is None:
            proposal_id = self._open.get(event.message_id)
            if proposal_id is not None and present:
                self.crowd.count(proposal_id, event.user_id, approve=approve)
            return
        who = Standing.of(event.member) if event.member else None
        self._put(
            Hand(event.message_id, event.channel_id, event.guild_id, event.user_id, approve, present, who, event.message_author_id)
        )

    def touched(self, message_id: int, gone: str = "") -> None:
        """Somebody edited or deleted a message, or cleared its reactions."""
        proposal_id = self._open.get(message_id)
        if proposal_id is not None:
            self._put(Look(proposal_id, gone))

    def channel_gone(self, channel_id: int) -> None:
        """A channel was deleted: look at every open card that stood in it."""
        for stored in self.engine.books.pending.values():
            if stored.channel_id in (channel_id, None):
                self._put(Look(stored.proposal.id))

    async def posted(self, card: Posted) -> None:
        """A card became open; somebody may have been faster than our journal, or answered while we were down."""
        self._open[card.message_id] = card.proposal_id
        stored = await self.engine.journal.proposal(card.proposal_id)
        if stored is not None and card.proposal_id in self.engine.books.pending:
            self.engine.books.pending[card.proposal_id] = stored
            if self.reader is not None:
                await self.reader.remember(stored)
        await self.absence.beat(waiting=True, at_once=True)
        self._put(Look(card.proposal_id))

    async def read_back(self) -> None:
        """After every ready and resume: what people did to open cards in between was not replayed, so it is read."""
        missed = await self.absence.over() > self.engine.settings.approval.missed_seconds
        for stored in await self.engine.journal.proposals([ProposalState.OPEN]):
            if stored.message_id is not None:
                self._open[stored.message_id] = stored.proposal.id
                self._put(Look(stored.proposal.id, missed=missed))

    def _put(self, item: Hand | Look) -> None:
        try:
            self._queue.put_nowait(item)
        except asyncio.QueueFull:
            LOG.error("More than %s decisions wait; one on %s is dropped, react again", QUEUE, item)  # noqa: TRY400 - no traceback needed

    # what is done about it

    async def _work(self) -> None:
        while True:
            item = await self._queue.get()
            try:
                await (self._hand(item) if isinstance(item, Hand) else look(self, item))
            except RetryError as error:
                self._again(item, error)
            except QuantMatrixError as error:
                LOG.error("A decision on Discord could not be handled: %s", error)  # noqa: TRY400 - the sentence says it all
            except Exception:  # the edge of this loop: one bad event must not stop the others
                LOG.exception("A decision on Discord could not be handled")

    def _again(self, item: Hand | Look, error: RetryError) -> None:
        """Try an item again later; it ends when its card does."""
        LOG.warning("%s", error)
        wait = RETRIES[min(item.tries, len(RETRIES) - 1)]
        task = asyncio.create_task(self._put_later(replace(item, tries=item.tries + 1), wait))
        self._later.add(task)
        task.add_done_callback(self._later.discard)

    async def _put_later(self, item: Hand | Look, seconds: float) -> None:
        await self.pace.sleep(seconds)
        self._put(item)

    async def _hand(self, hand: Hand) -> None:
        stored = await self._card_of(hand)
        if stored is None or self.reader is None:
            return
        if stored.state not in PENDING and hand.tries:
            return
        vote = self.vote(stored, hand.user_id, REACTION, approve=hand.approve, present=hand.present)
        refusal = self.access.refusal(hand.who, self.pace.now()) if hand.who else None
        if refusal and hand.present:
            await self.engine.vote(replace(vote, allowed=False, reason=refusal), None)
            return
        if not (hand.approve and hand.present) or stored.state not in PENDING:
            await self.say(vote, None)
            return
        reading = asyncio.create_task(self.reader.read(stored))
        try:
            await self.engine.vote(vote, None)
        finally:
            evidence = await reading
        await self.say(vote, evidence)
        await again(self, stored.proposal.id, evidence)

    async def say(self, vote: Vote, evidence: Evidence | None) -> None:
        """Hand a vote to the engine."""
        answer = await self.engine.vote(vote, evidence)
        LOG.info("Proposal %s, %s: %s", vote.proposal_id, vote.voter, answer or "noted")

    def vote(self, stored: StoredProposal, user_id: int, source: str, *, approve: bool, present: bool) -> Vote:
        """Put what an account of the allow-list did into our words."""
        voter = self.access.person(user_id) or f"user {user_id}"
        return Vote(stored.proposal.id, voter, approve, present, allowed=True, source=source, at=self.instant())

    def instant(self) -> datetime:
        """Now, and later than every vote before: what somebody did last is told by time."""
        self._latest = max(self.engine.clock.now(), self._latest + timedelta(microseconds=1))
        return self._latest

    async def _card_of(self, hand: Hand) -> StoredProposal | None:
        """Find the card that a reaction is on; anything that only looks like one is noted as a possible spoof."""
        stored = self._pending(hand.message_id) or await self.engine.journal.proposal_by_message(hand.message_id)
        settings = self.access.settings
        ours = self.reader is not None and hand.author_id in (None, self.reader.me)
        at_home = hand.guild_id == settings.guild_id and hand.channel_id in settings.channels.ids
        if stored is not None and ours and at_home and stored.channel_id == hand.channel_id:
            return stored
        if stored is None and ours and at_home:
            return None
        if hand.present and hand.message_id not in self._spoofs:
            _remember(self._spoofs, hand.message_id)
            body = {"message": hand.message_id, "channel": hand.channel_id, "guild": hand.guild_id, "author": hand.author_id}
            await self.engine.journal.audit(f"user {hand.user_id}", "spoof?", body, self.engine.clock.now())
            LOG.warning("A reaction by an approver on message %s, which is no card of this desk, was ignored", hand.message_id)
        return None

    def _pending(self, message_id: int) -> StoredProposal | None:
        """Find an open card in memory, where nearly every reaction of an approver finds it."""
        stored = self.engine.books.pending.get(self._open.get(message_id, ""))
        return stored if stored is not None and stored.message_id == message_id else None

    async def _flush(self) -> None:
        """Write down the strangers of the last seconds in a few rows, and forget cards that have ended."""
        while True:
            await self.pace.sleep(FLUSH_SECONDS)
            try:
                await self.crowd.write(self.engine)
                await self.absence.beat(waiting=bool(self._open))
                pending = {stored.proposal.id for stored in await self.engine.pending()}
                for message_id in [key for key, proposal_id in self._open.items() if proposal_id not in pending]:
                    del self._open[message_id]
            except QuantMatrixError as error:
                LOG.error("Reactions of strangers could not be written down: %s", error)  # noqa: TRY400 - the sentence says it all

    async def clicked(self, interaction: discord.Interaction, proposal_id: str, *, approve: bool) -> None:
        """A button of a card was clicked."""
        await clicks.clicked(self, interaction, proposal_id, approve=approve)


def _remember(ids: "OrderedDict[int, None]", key: int) -> None:
    """Keep an id, and forget the oldest beyond the limit."""
    ids[key] = None
    while len(ids) > REMEMBERED:
        ids.popitem(last=False)
