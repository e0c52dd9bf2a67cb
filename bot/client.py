"""The discord.py client: loads the cogs, syncs their commands to the one server, hands events on, and is rebuilt when it ends."""

import importlib.util
import logging
import pkgutil
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import discord
from discord import app_commands
from discord.ext import commands

from bot.access import TROUBLE, Access
from bot.approvals import Approvals
from bot.buttons import DecideButton
from bot.gate import Gate, within_budget
from bot.notifier import DiscordNotifier
from bot.own_words import OwnWords
from bot.powers import invite
from bot.replies import admit, refuse
from bot.settings_secret import Secret
from core.engine.engine import Engine
from core.model.errors import OperatorError
from core.ports.clock import Clock

LOG = logging.getLogger(__name__)
#: Close codes that trying again cannot help, with the remedy.
FINAL = {
    4004: "Discord refused the token; make a new one in the developer portal and set DISCORD_TOKEN",
    4010: "Discord refused the shard; this program needs none",
    4011: "Discord wants shards, which this program does not have; use it in fewer servers",
    4012: "Discord no longer speaks this version of its gateway; update discord.py",
    4013: "Discord does not know the intents of this program; update discord.py",
    4014: "Discord did not grant the intents of this program; allow them in the developer portal",
}


@dataclass(frozen=True, slots=True)
class Branch:
    """One account of the desk: its engine, and what it says and hears on Discord."""

    engine: Engine
    approvals: Approvals
    notifier: DiscordNotifier

    @property
    def name(self) -> str:
        """Name of the account."""
        return self.engine.account


@dataclass(frozen=True, slots=True)
class Desk:
    """Everything that a client serves; it outlives each of them.

    Attributes
    ----------
    branches : tuple of Branch
        One for each account, the main one first; commands that name no account are about that one.
    clock : Clock
        The machine's: sessions of a day are counted and waits are waited in its time, however fast a simulated market runs.
    identify_seconds : float
        Wait before an IDENTIFY that follows another one; 0 on a loopback Discord.
    """

    branches: tuple[Branch, ...]
    access: Access
    clock: Clock
    identify_seconds: float = 5.0
    identifies: "deque[float]" = field(default_factory=deque)

    @property
    def engine(self) -> Engine:
        """That of the main account."""
        return self.branches[0].engine

    @property
    def approvals(self) -> Approvals:
        """Those of the main account."""
        return self.branches[0].approvals

    @property
    def troubles(self) -> tuple[str, ...]:
        """What is wrong with channels, each sentence once."""
        return tuple(dict.fromkeys(one for branch in self.branches for one in branch.notifier.troubles.values()))

    def attach(self, connected: discord.Client | None) -> None:
        """A new client is connected, or none is."""
        for branch in self.branches:
            branch.approvals.attach(connected)
            branch.notifier.attach(connected)

    async def read_back(self) -> None:
        """Read every open card: a new session replays nothing, and what a resume replays is not all that happened."""
        for branch in self.branches:
            branch.notifier.wake()
            await branch.approvals.read_back()

    @property
    def guild_id(self) -> int:
        """The one server."""
        return self.access.settings.guild_id


class Tree(app_commands.CommandTree["DeskClient"]):
    """Slash commands: for the one server, at a bearable rate, and never a traceback."""

    async def interaction_check(self, interaction: discord.Interaction["DeskClient"], /) -> bool:
        """Let a command in, or say why not."""
        if interaction.type is discord.InteractionType.autocomplete:
            return interaction.guild_id == self.client.desk.guild_id
        await admit(interaction, self.client.gate, self.client.desk)
        return True

    async def on_error(self, interaction: discord.Interaction["DeskClient"], error: app_commands.AppCommandError, /) -> None:
        """Answer with one sentence."""
        await refuse(interaction, error, self.client.desk.engine.measures)


class DeskClient(commands.Bot):
    """One connection to Discord."""

    def __init__(self, desk: Desk) -> None:
        intents = discord.Intents(guilds=True, guild_messages=True, guild_reactions=True)
        super().__init__(
            commands.when_mentioned,
            tree_cls=Tree,
            intents=intents,
            help_command=None,
            allowed_mentions=discord.AllowedMentions.none(),
            max_messages=None,
            chunk_guilds_at_startup=False,
            member_cache_flags=discord.MemberCacheFlags.none(),
            guild_ready_timeout=0,
        )
        self.desk = desk
        self.gate = Gate()
        self.own_words = OwnWords(desk.branches, desk.access.settings.channels.ids)

    async def clicked(self, interaction: discord.Interaction, proposal_id: str, *, approve: bool) -> None:
        """Hand a click on a button to the account whose card it is on."""
        message = interaction.message
        for branch in self.desk.branches[1:]:
            if message is not None and await branch.engine.journal.proposal_by_message(message.id) is not None:
                await branch.approvals.clicked(interaction, proposal_id, approve=approve)
                return
        await self.desk.approvals.clicked(interaction, proposal_id, approve=approve)

    async def setup_hook(self) -> None:
        """Load every cog of the folder and sync the commands."""
        self.add_dynamic_items(DecideButton)
        for name in cog_names():
            await self.load_extension(name)
        server = discord.Object(self.desk.guild_id)
        self.tree.copy_global_to(guild=server)
        try:
            await self.tree.sync(guild=server)
        except (discord.Forbidden, discord.NotFound):
            LOG.error("Slash commands could not be set up in server %s; invite the bot with: %s", server.id, self.invite)  # noqa: TRY400 - one sentence

    @property
    def invite(self) -> str:
        """Link that invites the bot with the least permissions."""
        return invite(self.application_id or 0)

    async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:
        """Count every IDENTIFY and keep them apart; Discord resets the token of a bot that sends too many."""
        del shard_id
        within_budget(self.desk.identifies, self.desk.clock.monotonic())
        self.desk.identifies.append(self.desk.clock.monotonic())
        if not initial and self.desk.identify_seconds:
            await self.desk.clock.sleep(self.desk.identify_seconds)

    async def on_ready(self) -> None:
        """Serve: a new session replays nothing, so open cards are read."""
        LOG.info("Connected to Discord as user %s", self.user.id if self.user else "unknown")
        if self.get_guild(self.desk.guild_id) is None:
            LOG.error("The bot is not in server %s; invite it with: %s", self.desk.guild_id, self.invite)
        self.desk.attach(self)
        await self.desk.read_back()

    async def on_disconnect(self) -> None:
        """Nobody hears what people do from now on."""
        for branch in self.desk.branches:
            branch.approvals.absence.begins()

    async def on_resumed(self) -> None:
        """Read open cards again."""
        await self.desk.read_back()

    async def on_error(self, event_method: str, /, *_args: object, **_options: object) -> None:
        """Log what an event handler raised; the client goes on."""
        LOG.error("The event %s could not be handled", event_method, exc_info=True)  # noqa: LOG014 - called inside a handler
        self.desk.engine.page("An event of Discord could not be handled", f"{event_method}; the log says why")

    async def on_message(self, message: discord.Message, /) -> None:
        """There are no commands in text; a message under our own name must be one of ours."""
        await self.own_words.heard(message, self.user)

    async def on_raw_reaction_add(self, event: discord.RawReactionActionEvent) -> None:
        """Somebody reacted."""
        self._reacted(event, present=True)

    async def on_raw_reaction_remove(self, event: discord.RawReactionActionEvent) -> None:
        """Somebody took a reaction back (or a moderator did)."""
        self._reacted(event, present=False)

    async def on_raw_reaction_clear(self, event: discord.RawReactionClearEvent) -> None:
        """All reactions of a message were removed."""
        self._touched(event.message_id, "the reactions of the card were cleared")

    async def on_raw_reaction_clear_emoji(self, event: discord.RawReactionClearEmojiEvent) -> None:
        """All reactions of one emoji were removed."""
        self._touched(event.message_id, "the reactions of the card were cleared")

    async def on_raw_message_edit(self, event: discord.RawMessageUpdateEvent) -> None:
        """Somebody with our token, or we ourselves, edited a message."""
        self._touched(event.message_id)

    async def on_raw_message_delete(self, event: discord.RawMessageDeleteEvent) -> None:
        """A message was deleted."""
        self._touched(event.message_id)

    async def on_raw_bulk_message_delete(self, event: discord.RawBulkMessageDeleteEvent) -> None:
        """Several messages were deleted."""
        for message_id in event.message_ids:
            self._touched(message_id)

    async def on_guild_channel_delete(self, channel: discord.abc.GuildChannel) -> None:
        """A channel was deleted with every card in it."""
        for branch in self.desk.branches:
            branch.approvals.channel_gone(channel.id)

    def _reacted(self, event: discord.RawReactionActionEvent, *, present: bool) -> None:
        for branch in self.desk.branches:
            branch.approvals.reacted(event, present=present)

    def _touched(self, message_id: int, gone: str = "") -> None:
        for branch in self.desk.branches:
            branch.approvals.touched(message_id, gone)

    async def on_app_command_completion(self, _interaction: discord.Interaction, _command: object) -> None:
        """A command was answered."""
        self.desk.engine.measures.count("answers", good=True)


def cog_names() -> list[str]:
    """Every slash-command group, by name: nothing of `cogs` is imported here."""
    folder = importlib.util.find_spec("cogs")
    assert folder is not None
    return sorted(f"cogs.{module.name}" for module in pkgutil.iter_modules(folder.submodule_search_locations))


async def supervise(desk: Desk, token: Secret, connect: Callable[[DeskClient, str], Awaitable[None]] | None = None) -> None:
    """Keep a client connected until cancelled: whatever ends one, a new one is built, waiting longer after each quick end.

    Parameters
    ----------
    connect : callable, optional
        Runs one client to its end; `DeskClient.start` when not given.

    Raises
    ------
    OperatorError
        Discord refused the token or the intents, or too many sessions were asked for: trying again cannot help.
    """
    failures = 0
    while True:
        within_budget(desk.identifies, desk.clock.monotonic())
        began = desk.clock.monotonic()
        reason = await _run(DeskClient(desk), token, connect or DeskClient.start)
        desk.attach(None)
        failures = 1 if desk.clock.monotonic() - began > 120 else failures + 1
        wait = min(2.0 ** (failures - 1), 60.0) if desk.identify_seconds else 0.2
        LOG.warning("The connection to Discord ended (%s); a new one is made in %.0f s", reason, wait)
        await desk.clock.sleep(wait)


async def _run(client: DeskClient, token: Secret, connect: Callable[[DeskClient, str], Awaitable[None]]) -> str:
    """Run one client; answers why it ended."""
    try:
        async with client:
            await connect(client, token.reveal())
    except discord.LoginFailure as error:
        raise OperatorError(FINAL[4004]) from error
    except discord.PrivilegedIntentsRequired as error:
        raise OperatorError(FINAL[4014]) from error
    except discord.ConnectionClosed as error:
        if error.code in FINAL:
            raise OperatorError(FINAL[error.code]) from error
        return f"closed with {error.code}"
    except OperatorError:
        raise
    except (*TROUBLE, discord.DiscordException) as error:
        return f"{type(error).__name__}: {error}"
    except Exception as error:  # the library ends in many ways when Discord speaks nonsense
        LOG.exception("The Discord client failed")
        return type(error).__name__
    return "the client stopped by itself"
