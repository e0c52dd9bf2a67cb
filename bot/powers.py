"""What the bot may do on Discord: what it needs, and what it must not hold, because whoever steals its token holds it too."""

import discord

from bot.findings import Finding, bad, good, warn

#: What a thief of the token could do most harm with.
TOO_MUCH = (
    "manage_guild",
    "manage_roles",
    "manage_webhooks",
    "manage_channels",
    "manage_messages",
    "ban_members",
    "kick_members",
    "moderate_members",
    "mention_everyone",
)


def needed() -> discord.Permissions:
    """Give the permissions that the bot needs in each of its channels, and no more."""
    return discord.Permissions(
        view_channel=True, send_messages=True, embed_links=True, attach_files=True, read_message_history=True, add_reactions=True
    )


def invite(application_id: int) -> str:
    """Give the link that invites the bot with the least permissions: view, send, embed, attach, history, react."""
    return discord.utils.oauth_url(application_id, permissions=needed(), scopes=("bot", "applications.commands"))


def powers(held: discord.Permissions, *, live: bool) -> list[Finding]:
    """Judge what the bot may do in the whole server."""
    if held.administrator:
        remedy = "take it away from the bot's role, and invite it with the link above"
        return [(bad if live else warn)("permissions", "the bot is an administrator of the server, which it never needs", remedy)]
    more = [name.replace("_", " ") for name in TOO_MUCH if getattr(held, name)]
    if more:
        return [warn("permissions", f"the bot may {', '.join(more)}, which it never needs", "take it away from the bot's role")]
    return [good("permissions", "none in the server that the bot does not need")]
