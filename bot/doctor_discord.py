"""The doctor's look at Discord: token, server, channels, permissions, approvers; over REST alone, nothing is posted."""

from collections.abc import Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime

import aiohttp
import discord

from bot.access import TROUBLE
from bot.findings import Finding, bad, good, warn
from bot.powers import invite, needed, powers
from bot.sandbox.redirect import redirect_discord
from bot.settings import Settings
from bot.settings_discord import DiscordSettings
from core.model.notes import Topic

SECONDS = 10.0


async def discord_findings(chosen: Settings) -> tuple[list[Finding], datetime | None]:
    """Look at Discord as the bot; also gives the time that Discord's own clock shows, None when it was not reached."""
    if chosen.discord.loopback:
        address = chosen.discord.loopback.rstrip("/")
        redirect_discord(f"{address}/api/v10", f"{address.replace('http', 'ws', 1)}/gateway")
    if chosen.token is None:
        remedy = "make a bot in the developer portal, then set DISCORD_TOKEN or discord.token_file"
        return [bad("discord", "no token is set", remedy)], None
    clock = await _server_time()
    client = discord.Client(intents=discord.Intents.none())
    try:
        async with client:
            await client.login(chosen.token.reveal())
            return await _server(client, chosen), clock
    except discord.LoginFailure:
        return [bad("discord", "the token was refused", "make a new one in the developer portal and set DISCORD_TOKEN")], clock
    except TROUBLE as error:
        return [bad("discord", f"cannot be reached ({type(error).__name__})", "check the network, then try again")], clock


async def _server_time() -> datetime | None:
    try:
        timeout = aiohttp.ClientTimeout(total=SECONDS)
        async with aiohttp.ClientSession(timeout=timeout) as session, session.get(f"{discord.http.Route.BASE}/gateway") as answer:
            return parsedate_to_datetime(answer.headers["Date"])
    except (*TROUBLE, KeyError, ValueError):
        return None


async def _server(client: discord.Client, everything: Settings) -> list[Finding]:
    chosen = everything.discord
    link = invite(client.application_id or 0)
    found = [good("discord", f"the token belongs to application {client.application_id}; invite it with {link}")]
    if not chosen.guild_id:
        return [*found, bad("server", "discord.guild_id is not set", "copy your server's id into it")]
    try:
        guild = await client.fetch_guild(chosen.guild_id, with_counts=False)
        me = await guild.fetch_member(client.user.id if client.user else 0)
        channels = {channel.id: channel for channel in await guild.fetch_channels()}
    except (discord.Forbidden, discord.NotFound):
        return [*found, bad("server", f"the bot is not in server {chosen.guild_id}", f"invite it with {link}")]
    found += [good("server", f"{guild.id}, {len(channels)} channels"), *powers(me.guild_permissions, live=everything.live)]
    for topic in Topic:
        found += _channel(topic, chosen.channels.of(topic), channels, me)
    return [*found, *await _approvers(guild, chosen)]


def _channel(
    topic: Topic, channel_id: int | None, channels: Mapping[int, discord.abc.GuildChannel], me: discord.Member
) -> list[Finding]:
    key = f"discord.channels.{topic}"
    if channel_id is None:
        return [warn(f"#{topic}", f"{key} is not set, so its notes are told nowhere", "copy the channel's id into it")]
    channel = channels.get(channel_id)
    if channel is None:
        return [bad(f"#{topic}", f"{key}: there is no channel {channel_id} that the bot can see", "correct the id")]
    held, wanted = channel.permissions_for(me), needed()
    missing = [name.replace("_", " ") for name, value in wanted if value and not getattr(held, name)]
    if missing:
        return [bad(f"#{topic}", f"the bot may not {', '.join(missing)} there", "allow it in the channel's permissions")]
    return [good(f"#{topic}", f"channel {channel_id} can be used")]


async def _approvers(guild: discord.Guild, chosen: DiscordSettings) -> list[Finding]:
    if not chosen.approvers:
        return []
    found = []
    if chosen.approver_role not in {role.id for role in guild.roles}:
        found.append(bad("approvers", f"there is no role {chosen.approver_role}", "correct discord.approver_role"))
    for person in chosen.approvers:
        for user in person.user_ids:
            found += await _approver(guild, person.name, user, chosen.approver_role)
    return found


async def _approver(guild: discord.Guild, name: str, user: int, role: int) -> list[Finding]:
    try:
        member = await guild.fetch_member(user)
    except discord.NotFound:
        return [warn("approvers", f"{name}'s account {user} is not in the server", "invite it, or remove it from the list")]
    if role not in {held.id for held in member.roles}:
        return [warn("approvers", f"{name}'s account {user} does not hold the role {role}", "give it the role")]
    return [good("approvers", f"{name}'s account {user} holds the role")]
