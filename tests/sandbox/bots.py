"""A discord.py bot with one of everything, as a real program would write it."""

import asyncio
import io
import struct
import zlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import discord
from discord import app_commands

from bot.clock import SystemClock
from bot.sandbox.redirect import redirect_discord
from bot.sandbox.server import Sandbox, Settings

PERSISTENT = "test:approve"


def picture(width: int = 8, height: int = 4) -> bytes:
    """A small valid PNG."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    rows = b"".join(b"\0" + b"\x2e\x8b\x57" * width for _ in range(height))
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


class Ask(discord.ui.Modal, title="Why?"):
    reason: discord.ui.TextInput["Ask"] = discord.ui.TextInput(label="Reason", custom_id="reason", max_length=100)
    note: discord.ui.TextInput["Ask"] = discord.ui.TextInput(
        label="Note", custom_id="note", required=False, style=discord.TextStyle.paragraph
    )

    async def on_submit(self, interaction: discord.Interaction) -> None:
        await interaction.response.send_message(f"because {self.reason.value}", ephemeral=True)


class Card(discord.ui.View):
    def __init__(self) -> None:
        super().__init__(timeout=None)
        self.add_item(discord.ui.Button(label="Read", url="https://example.org/"))

    @discord.ui.button(label="Approve", style=discord.ButtonStyle.success, custom_id=PERSISTENT)
    async def approve(self, interaction: discord.Interaction, _: discord.ui.Button["Card"]) -> None:
        await interaction.response.edit_message(content=f"approved by {interaction.user.id}")

    @discord.ui.button(label="Ask", custom_id="test:ask", emoji="❓")
    async def ask(self, interaction: discord.Interaction, _: discord.ui.Button["Card"]) -> None:
        await interaction.response.send_modal(Ask())

    @discord.ui.select(
        custom_id="test:pick",
        placeholder="Pick some",
        max_values=2,
        options=[discord.SelectOption(label=name, value=name, description=f"the {name}") for name in ("alpha", "beta", "gamma")],
    )
    async def pick(self, interaction: discord.Interaction, select: discord.ui.Select["Card"]) -> None:
        await interaction.response.defer()
        await interaction.followup.send("picked " + ", ".join(select.values), ephemeral=True)


class Desk(discord.Client):
    """Commands `ping`, `wait`, `late`, `more`, `ask`, `find` and `desk book|team list`; a persistent view; raw reactions."""

    def __init__(self, guild_id: int, intents: int = 1537, heartbeat_timeout: float = 60.0) -> None:
        super().__init__(intents=discord.Intents(intents), guild_ready_timeout=0, heartbeat_timeout=heartbeat_timeout)
        self.tree = app_commands.CommandTree[Desk](self)
        self.guild = discord.Object(guild_id)
        self.ready = asyncio.Event()
        self.readies = 0
        self.resumes = 0
        self.reactions: asyncio.Queue[discord.RawReactionActionEvent] = asyncio.Queue()
        self.heard: asyncio.Queue[discord.Message] = asyncio.Queue()
        self.failures: list[Exception] = []
        add_commands(self)

    async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:
        return

    async def setup_hook(self) -> None:
        self.add_view(Card())
        self.tree.copy_global_to(guild=self.guild)
        await self.tree.sync(guild=self.guild)

    async def on_ready(self) -> None:
        self.readies += 1
        self.ready.set()

    async def on_resumed(self) -> None:
        self.resumes += 1

    async def on_raw_reaction_add(self, payload: discord.RawReactionActionEvent) -> None:
        self.reactions.put_nowait(payload)

    async def on_message(self, message: discord.Message) -> None:
        self.heard.put_nowait(message)

    def room(self, channel_id: int) -> discord.TextChannel:
        channel = self.get_channel(channel_id)
        assert isinstance(channel, discord.TextChannel)
        return channel


def add_commands(desk: Desk) -> None:
    """The desk's slash commands."""
    add_simple(desk.tree)
    add_nested(desk.tree)

    @desk.tree.error
    async def failed(interaction: discord.Interaction, error: app_commands.AppCommandError) -> None:
        desk.failures.append(error)


def add_simple(tree: app_commands.CommandTree[Desk]) -> None:
    @tree.command(name="ping", description="Answer at once")
    @app_commands.describe(times="How often", loud="With emphasis", who="Somebody")
    @app_commands.choices(tone=[app_commands.Choice(name="Kind", value="kind"), app_commands.Choice(name="Stern", value="stern")])
    async def ping(
        interaction: discord.Interaction,
        times: app_commands.Range[int, 1, 5] = 1,
        loud: bool = False,
        who: discord.Member | None = None,
        tone: str = "kind",
    ) -> None:
        text = " ".join(["pong"] * times) + ("!" if loud else "") + (f" for {who.id}" if who else "") + f" ({tone})"
        await interaction.response.send_message(text, ephemeral=True)

    @tree.command(name="wait", description="Answer later")
    async def wait(interaction: discord.Interaction, private: bool = False) -> None:
        await interaction.response.defer(ephemeral=private, thinking=True)
        await asyncio.sleep(0.05)
        await interaction.edit_original_response(content="worth it", embed=discord.Embed(title="Later", colour=0x2E8B57))

    @tree.command(name="late", description="Answer too late")
    async def late(interaction: discord.Interaction) -> None:
        await asyncio.sleep(3.2)
        await interaction.response.send_message("too late")

    @tree.command(name="more", description="Several answers")
    async def more(interaction: discord.Interaction) -> None:
        await interaction.response.defer(ephemeral=True)
        await interaction.followup.send("first", file=discord.File(io.BytesIO(picture()), "first.png"))
        second = await interaction.followup.send("second", wait=True)
        await second.edit(content="second, edited")
        third = await interaction.followup.send("third", ephemeral=True, wait=True)
        await third.delete()

    @tree.command(name="ask", description="Open a form")
    async def ask(interaction: discord.Interaction) -> None:
        await interaction.response.send_modal(Ask())

    @tree.command(name="find", description="Find a symbol")
    async def find(interaction: discord.Interaction, symbol: str) -> None:
        await interaction.response.send_message(f"found {symbol}")

    @find.autocomplete("symbol")
    async def symbols(_: discord.Interaction, current: str) -> list[app_commands.Choice[str]]:
        known = ("AAPL", "AMD", "MSFT")
        return [app_commands.Choice(name=name, value=name) for name in known if name.startswith(current.upper())]


def add_nested(tree: app_commands.CommandTree[Desk]) -> None:
    group = app_commands.Group(name="desk", description="The desk")
    inner = app_commands.Group(name="team", description="Its people", parent=group)

    @group.command(name="book", description="What is held")
    async def book(interaction: discord.Interaction, day: str = "today") -> None:
        await interaction.response.send_message(f"the book of {day}")

    @inner.command(name="list", description="Who is here")
    async def people(interaction: discord.Interaction) -> None:
        await interaction.response.send_message("nobody")

    tree.add_command(group)
    assert inner.parent is group


async def connected(api_base: str, gateway_url: str, token: str, desk: Desk) -> asyncio.Task[None]:
    """Start the bot and wait until it is ready."""
    redirect_discord(api_base, gateway_url)
    running = asyncio.create_task(desk.start(token))
    ready = asyncio.create_task(desk.ready.wait())
    await asyncio.wait({running, ready}, timeout=10, return_when=asyncio.FIRST_COMPLETED)
    if running.done():
        await running
    assert ready.done(), "the bot did not get ready"
    await until(lambda: list(desk.get_all_channels()))  # it is ready at once, its guild may come a moment later
    return running


@asynccontextmanager
async def serving(folder: Path) -> AsyncIterator[Sandbox]:
    """A server in this process, with its world in a folder."""
    made = Sandbox(Settings(world=folder / "world.jsonl"), SystemClock())
    await made.start()
    try:
        yield made
    finally:
        await made.stop()


@asynccontextmanager
async def at_work(sandbox: Sandbox) -> AsyncIterator[Desk]:
    """A bot that is ready, closed at the end."""
    made = Desk(sandbox.guild_id)
    running = await connected(sandbox.api_base, sandbox.gateway_url, sandbox.token, made)
    try:
        yield made
    finally:
        await made.close()
        await running


async def until(check: Callable[[], object], seconds: float = 5.0) -> None:
    """Wait until it is true."""
    async with asyncio.timeout(seconds):
        while not check():  # noqa: ASYNC110 - the thing that is waited for lives in a library
            await asyncio.sleep(0.005)
