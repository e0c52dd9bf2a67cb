"""Outbox -> Discord: in order in each channel, never twice, never lost. Nothing here raises into the engine."""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby

import discord

from bot import cards, messages
from bot.access import TROUBLE
from bot.buttons import APPROVE, VETO
from bot.clock import SystemClock
from bot.settings_discord import Channels
from core.model.errors import QuantMatrixError
from core.model.notes import Chart, Note, Tone, Topic
from core.model.proposals import ProposalState
from core.ports.clock import Clock
from core.ports.journal import Journal, PendingNote

LOG = logging.getLogger(__name__)
#: Discord refuses a repeated nonce for a few minutes only; an older try is looked up before it is repeated.
NONCE_AGE = timedelta(minutes=2)
LOOK_BACK = 100
SENT_KEPT = 1_000
LONGEST_WAIT = 60.0
REST = 30.0


@dataclass(frozen=True, slots=True)
class Posted:
    """An approval card stands in its channel (W3)."""

    proposal_id: str
    channel_id: int
    message_id: int
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Outlet:
    """What the notifier needs besides Discord: where notes wait, what time it is, where topics go, who draws.

    Attributes
    ----------
    draw : callable
        Picture of a chart as PNG bytes; runs in a worker thread.
    at : callable
        Called with the name of each write point; does nothing outside the kill tests.
    posted : callable
        Told of each card that became open.
    clock, pace : Clock
        The engine's clock, for deadlines; and the machine's, for waiting between tries (a simulated market runs faster).
    label : str
        Account that stands on every note; empty where the desk has one only.
    """

    journal: Journal
    clock: Clock
    channels: Channels
    draw: Callable[[Chart], bytes]
    at: Callable[[str], None]
    posted: Callable[[Posted], Awaitable[None]]
    pace: Clock = field(default_factory=SystemClock)
    label: str = ""


@dataclass(slots=True)
class DiscordNotifier:
    """Implements `core.ports.notifier.Notifier`.

    Attributes
    ----------
    client : discord.Client or None
        The client that is connected now; None while there is none.
    troubles : dict of channel id to str
        What is wrong with each channel, a sentence each; shown by the status and the doctor.
    sent : deque of int
        Latest messages that were sent or edited.
    """

    outlet: Outlet
    client: discord.Client | None = None
    troubles: dict[int, str] = field(default_factory=dict)
    sent: "deque[int]" = field(default_factory=lambda: deque(maxlen=SENT_KEPT))
    _awake: asyncio.Event = field(default_factory=asyncio.Event)
    _again_at: dict[int, float] = field(default_factory=dict)
    _failures: dict[int, int] = field(default_factory=dict)
    _own: set[int] = field(default_factory=set)

    def wake(self) -> None:
        """Something was put into the outbox; deliver it soon."""
        self._awake.set()

    def attach(self, client: discord.Client | None) -> None:
        """A new client is logged in (or none is); whatever waited for Discord is tried at once."""
        self.client = client
        self._again_at.clear()
        self._failures.clear()
        self.wake()

    async def run(self) -> None:
        """Deliver until cancelled."""
        while True:
            self._awake.clear()
            wait = REST
            if self.client is not None:
                try:
                    await self.deliver()
                    wait = self._next_wait()
                except QuantMatrixError as error:
                    LOG.error("The outbox cannot be read or written: %s", error)  # noqa: TRY400 - the sentence says it all
                    wait = 5.0
            await self._rest(wait)

    async def _rest(self, seconds: float) -> None:
        """Wait until woken, but not longer than so many seconds."""
        tasks = {asyncio.ensure_future(self._awake.wait()), asyncio.ensure_future(self.outlet.pace.sleep(seconds))}
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()

    def _next_wait(self) -> float:
        now = self.outlet.pace.monotonic()
        return min((max(instant - now, 0.01) for instant in self._again_at.values()), default=REST)

    async def deliver(self) -> None:
        """Try everything that waits, channels side by side, each in its order."""
        while True:
            now = self.outlet.pace.monotonic()
            found = await self.outlet.journal.pending_notes(200)
            waiting = [messages.named(pending, self.outlet.label) for pending in found if self._may_go(pending, now)]
            if not waiting:
                return
            waiting.sort(key=lambda pending: (self._channel(pending) or 0, pending.seq))
            queues = [tuple(queue) for _, queue in groupby(waiting, key=lambda pending: self._channel(pending) or 0)]
            done = await asyncio.gather(*(self._channel_in_order(queue) for queue in queues), return_exceptions=True)
            for error in done:
                if error is not None:
                    raise error

    def _may_go(self, pending: PendingNote, now: float) -> bool:
        return self._again_at.get(self._channel(pending) or 0, 0.0) <= now

    def _channel(self, pending: PendingNote) -> int | None:
        return pending.edits_message[0] if pending.edits_message else self.outlet.channels.of(pending.note.topic)

    async def _channel_in_order(self, queue: Sequence[PendingNote]) -> None:
        for pending in queue:
            channel = self._channel(pending)
            if channel is None:
                reason = f"no channel is configured for the topic {pending.note.topic}; set discord.channels.{pending.note.topic}"
                LOG.warning("Note %s is not told: %s", pending.note.id, reason)
                await self.outlet.journal.note_failed(pending.seq, reason, give_up=True)
                continue
            if not await self._try(pending, channel):
                return

    async def _try(self, pending: PendingNote, channel: int) -> bool:
        """Deliver one note; False when its channel has to wait."""
        client = self.client
        if client is None:
            self._again_at[channel] = self.outlet.pace.monotonic() + REST
            return False
        try:
            await self._deliver(client, pending, channel)
        except TROUBLE as error:
            return await self._failed(pending, channel, error)
        if self.troubles.pop(channel, None):
            LOG.info("Channel %s takes notes again", channel)
        self._again_at.pop(channel, None)
        self._failures.pop(channel, None)
        return True

    async def _deliver(self, client: discord.Client, pending: PendingNote, channel: int) -> None:
        journal, clock, note = self.outlet.journal, self.outlet.clock, pending.note
        place = client.get_partial_messageable(channel)
        picture = await self._picture(note)
        if pending.attempted_at is None:
            self._own.add(pending.seq)
        await journal.note_attempted(pending.seq, clock.now())
        self.outlet.at("W2")
        message_id = None
        if pending.edits_message is not None:
            message_id = await messages.edit(place.get_partial_message(pending.edits_message[1]), note, picture)
        counting = note.decidable and note.edits is not None
        if message_id is None and counting:
            await journal.note_failed(pending.seq, "the card is gone, so its count is told nowhere", give_up=True)
            return
        if message_id is None:
            message_id = await self._earlier(client, place, pending) or await messages.send(place, pending, picture)
        self.sent.append(message_id)
        self.outlet.at("W2+")
        if note.proposal_id is not None and note.decidable and not counting:
            await self._card(place.get_partial_message(message_id), note.proposal_id)
        await journal.note_delivered(pending.seq, channel, message_id, clock.now())
        self._own.discard(pending.seq)

    async def _earlier(self, client: discord.Client, place: discord.PartialMessageable, pending: PendingNote) -> int | None:
        """Look for the message of an earlier try; a young one of this process is safe without, because Discord knows its nonce."""
        young = pending.seq in self._own and self.outlet.clock.now() - pending.created_at <= NONCE_AGE
        if pending.attempted_at is None or young:
            return None
        LOG.info("Note %s was tried before; looking for it in channel %s before it is sent again", pending.note.id, place.id)
        key = cards.key_of(pending.note.id)
        async with asyncio.timeout(messages.CALL_SECONDS):
            async for message in place.history(limit=LOOK_BACK):
                ours = client.user is not None and message.author.id == client.user.id
                if ours and any(cards.key_in(drawn.footer.text) == key for drawn in message.embeds):
                    return message.id
        return None

    async def _picture(self, note: Note) -> bytes | None:
        if note.chart is None:
            return None
        try:
            return await asyncio.to_thread(self.outlet.draw, note.chart)
        except Exception:  # a picture that cannot be drawn must never hold its note back
            LOG.exception("The picture of note %s could not be drawn; the note goes without it", note.id)
            return None

    async def _card(self, message: discord.PartialMessage, proposal_id: str) -> None:
        """W3: the time to live starts now; then the two reactions to click on."""
        journal = self.outlet.journal
        stored = await journal.proposal(proposal_id)
        if stored is None:
            return
        expires_at = self.outlet.clock.now() + timedelta(seconds=stored.proposal.ttl_seconds)
        if await journal.proposal_posted(proposal_id, message.channel.id, message.id, expires_at):
            await self.outlet.posted(Posted(proposal_id, message.channel.id, message.id, expires_at))
        elif stored.state is not ProposalState.OPEN:
            return
        try:
            async with asyncio.timeout(messages.CALL_SECONDS):
                await message.add_reaction(APPROVE)
                await message.add_reaction(VETO)
        except (discord.Forbidden, discord.NotFound) as error:
            LOG.warning("The reactions of card %s cannot be added: %s. Allow the bot to add reactions.", proposal_id, error.text)

    async def _failed(self, pending: PendingNote, channel: int, error: BaseException) -> bool:
        """Say what is wrong once, keep the note, and let the channel wait. A note that Discord calls malformed is given up."""
        sentence = messages.sentence(pending.note.topic, channel, error)
        give_up = isinstance(error, discord.HTTPException) and error.status in (400, 413)
        await self.outlet.journal.note_failed(pending.seq, sentence, give_up=give_up)
        if give_up:
            LOG.error("Note %s is not told: %s", pending.note.id, sentence)
            return True
        failures = self._failures[channel] = self._failures.get(channel, 0) + 1
        lasting = isinstance(error, discord.Forbidden | discord.NotFound)
        wait = LONGEST_WAIT if lasting else min(2.0 ** (failures - 1), LONGEST_WAIT)
        self._again_at[channel] = self.outlet.pace.monotonic() + wait
        if self.troubles.get(channel) != sentence:
            self.troubles[channel] = sentence
            LOG.warning("%s The note is kept and tried again.", sentence)
            if lasting:
                await self._tell(pending, sentence)
        return False

    async def _tell(self, pending: PendingNote, sentence: str) -> None:
        """Tell the status channel about another channel that takes nothing."""
        if pending.note.topic is Topic.STATUS:
            return
        key = f"channel-{pending.note.topic}-{pending.note.id}"
        body = f"{sentence} Notes for it are kept."
        note = Note(key, Topic.STATUS, "A channel takes no notes", body, self.outlet.clock.now(), Tone.BAD)
        await self.outlet.journal.put_notes([note])
