"""What Discord says right now about one card: who stands for and against it, and whether it is untouched. Never cached."""

import asyncio
from collections.abc import Collection
from dataclasses import dataclass, field

import discord

from bot import cards
from bot.access import TROUBLE, Access, Standing, fetch
from bot.buttons import APPROVE, VETO
from core.engine.quorum import CLICKED
from core.model.errors import RetryError
from core.model.proposals import Evidence
from core.ports.clock import Clock
from core.ports.journal import Journal, StoredProposal

PAGE = 100
CALL_SECONDS = 10.0
FACES_KEPT = 256


def decides(emoji: discord.PartialEmoji | discord.Emoji | str) -> bool | None:
    """Read an emoji: True approves, False vetoes, None says nothing.

    Only the exact code points count (a variation selector is ignored); skin tones and custom look-alikes say nothing.
    """
    name = emoji if isinstance(emoji, str) else emoji.name
    if not isinstance(emoji, str) and emoji.id is not None:
        return None
    plain = name.replace("\ufe0f", "")
    return {APPROVE: True, VETO: False}.get(plain)


@dataclass(slots=True)
class Reader:
    """Reads evidence over REST for whoever decides. `clock` is the engine's, `pace` the machine's, which Discord shares."""

    client: discord.Client
    access: Access
    journal: Journal
    clock: Clock
    pace: Clock
    label: str = ""
    _faces: dict[str, tuple[cards.Face, ...]] = field(default_factory=dict)

    @property
    def me(self) -> int | None:
        """User id of this bot."""
        return self.client.user.id if self.client.user else None

    async def read(self, stored: StoredProposal, clicked: Standing | None = None) -> Evidence:
        """Gather evidence; `clicked` approves by a button, which leaves no reaction behind.

        Raises
        ------
        RetryError
            Discord did not answer everything, so nothing may be concluded.
        """
        read_at = self.clock.now()
        try:
            async with asyncio.timeout(CALL_SECONDS):
                message = await self._message(stored)
                if isinstance(message, str):
                    return Evidence((), (), intact=False, read_at=read_at, reason=message)
                for_it, against = await self._standing(message)
        except TROUBLE as error:
            raise RetryError(
                f"card {stored.proposal.id} cannot be read on Discord ({type(error).__name__}); it is tried again"
            ) from error
        for_it |= await self._clicked(stored) | ({clicked.user_id} if clicked else set())
        approvers, unread = await self._persons(for_it)
        vetoers, unsure = await self._persons(against)
        wrong = await self._wrong(stored, message)
        against_it = tuple(dict.fromkeys((*vetoers, *unsure)))
        return Evidence(approvers, against_it, intact=not wrong, read_at=read_at, reason=wrong, unread=unread)

    async def _message(self, stored: StoredProposal) -> discord.Message | str:
        """Give the card's message, or a sentence why there is none."""
        if stored.channel_id is None or stored.message_id is None:
            return "the card was never posted"
        place = self.client.get_partial_messageable(stored.channel_id, guild_id=self.access.settings.guild_id)
        try:
            return await place.fetch_message(stored.message_id)
        except discord.NotFound:
            return "the card was deleted"

    async def _standing(self, message: discord.Message) -> tuple[set[int], set[int]]:
        """Accounts of the allow-list whose reactions stand for and against."""
        sides: tuple[set[int], set[int]] = (set(), set())
        wanted = [(reaction, word) for reaction in message.reactions if (word := decides(reaction.emoji)) is not None]
        found = await asyncio.gather(*(self._accounts(reaction) for reaction, _ in wanted))
        for (_, word), accounts in zip(wanted, found, strict=True):
            sides[0 if word else 1].update(accounts)
        return sides

    async def _accounts(self, reaction: discord.Reaction) -> set[int]:
        details = {discord.ReactionType.normal: reaction.normal_count, discord.ReactionType.burst: reaction.burst_count}
        if not any(details.values()):
            details = dict.fromkeys(details, reaction.count)
        lists = await asyncio.gather(*(self._of_kind(reaction, kind, count) for kind, count in details.items() if count))
        return set().union(*lists) & self.access.accounts

    async def _of_kind(self, reaction: discord.Reaction, kind: discord.ReactionType, count: int) -> set[int]:
        """One page names everybody; in a crowd each account of the allow-list is asked for by itself, so a crowd costs nothing."""
        if count <= PAGE:
            return {user.id async for user in reaction.users(limit=count, type=kind)}
        found = set()
        for account in self.access.accounts:
            async for user in reaction.users(limit=1, after=discord.Object(account - 1), type=kind):
                found.add(user.id)
        return found

    async def _clicked(self, stored: StoredProposal) -> set[int]:
        """Accounts of the persons whose last word was a yes by button, which leaves no reaction behind."""
        votes = await self.journal.votes(stored.proposal.id)
        names = {vote.voter for vote in votes if vote.approve and vote.present and vote.allowed and vote.source in CLICKED}
        return {user for person in self.access.settings.approvers if person.name in names for user in person.user_ids}

    async def _persons(self, accounts: Collection[int]) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Name the persons behind accounts who are allowed right now, and those whom Discord could not show us."""
        found = await asyncio.gather(*(self._person(account) for account in sorted(accounts)))
        allowed = dict.fromkeys(name for name, sure in found if name and sure)
        unread = dict.fromkeys(name for name, sure in found if name and not sure and name not in allowed)
        return tuple(allowed), tuple(unread)

    async def _person(self, account: int) -> tuple[str | None, bool]:
        """Name the person behind an account, None for one who is not allowed; False: nobody can tell right now."""
        name = self.access.person(account)
        if name is None:
            return None, True
        try:
            who = await fetch(self.client, self.access.settings.guild_id, account)
        except RetryError:
            return name, False
        return (None if self.access.refusal(who, self.pace.now()) else name), True

    async def _wrong(self, stored: StoredProposal, message: discord.Message) -> str:
        """Say how the card differs from what was posted; empty when it does not."""
        if message.author.id != self.me or message.webhook_id is not None:
            return "the card is not a message of this bot"
        shown, key = cards.face_of_message(message), stored.proposal.id
        if shown in self._faces.get(key, ()):
            return ""
        drawn = await self.remember(stored)  # again: a count may have been told meanwhile
        if not drawn:
            return "the desk has no note of this card"
        return "" if shown in drawn else f"the card was edited: {', '.join(cards.differences(shown, drawn[-1]))}"

    async def remember(self, stored: StoredProposal) -> tuple[cards.Face, ...]:
        """Give what a card may show, oldest first: as it was posted, and with each count of its approvals."""
        notes = await self.journal.notes(since=stored.proposal.created_at)
        key = stored.proposal.id
        drawn = [cards.labelled(note, self.label) for note in notes if note.proposal_id == key and note.decidable]
        while len(self._faces) >= FACES_KEPT:
            del self._faces[next(iter(self._faces))]
        self._faces[key] = faces = tuple(cards.face_of_note(note) for note in drawn)
        return faces
