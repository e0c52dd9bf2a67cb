"""Discord ids and roles -> capabilities. Deny by default: nobody is allowed anything unless both say so.

Names, nicknames and emoji names are never compared; ids are.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import aiohttp
import discord

from bot.settings_discord import DiscordSettings
from core.model.errors import RetryError

#: What any call to Discord may raise besides our own mistakes; RuntimeError is aiohttp's word for a session closed meanwhile.
TROUBLE = (discord.HTTPException, aiohttp.ClientError, TimeoutError, OSError, RuntimeError)


class Capability(StrEnum):
    """What a person may do."""

    APPROVE = "approve"
    HALT = "halt"
    RESUME = "resume"
    FLATTEN = "flatten"
    CLOSE = "close"
    VIEW_PRIVATE = "view_private"


@dataclass(frozen=True, slots=True)
class Standing:
    """A Discord account as it stands at one moment: ids, roles in our server, whether it is a bot, and until when timed out."""

    user_id: int
    guild_id: int | None = None
    roles: frozenset[int] = frozenset()
    bot: bool = False
    timed_out_until: datetime | None = None

    @classmethod
    def of(cls, user: discord.Member | discord.User) -> "Standing":
        """Read it off a member; a user outside of a server holds no roles. A webhook has no user behind it, so it is a bot."""
        if not isinstance(user, discord.Member):
            return cls(user.id, bot=user.bot)
        roles = frozenset(role.id for role in user.roles) | frozenset(user._roles)  # noqa: SLF001 - roles that the cache does not know
        return cls(user.id, user.guild.id, roles, user.bot, user.timed_out_until)


@dataclass(frozen=True, slots=True)
class Access:
    """The rule: a person of the allow-list who holds the role in our server right now may do everything, all others nothing."""

    settings: DiscordSettings

    @property
    def accounts(self) -> frozenset[int]:
        """Every Discord account of the allow-list."""
        return frozenset(user for person in self.settings.approvers for user in person.user_ids)

    def person(self, user_id: int) -> str | None:
        """Name of the person behind an account; None for strangers."""
        return next((person.name for person in self.settings.approvers if user_id in person.user_ids), None)

    def allowed(self, who: Standing, now: datetime) -> frozenset[Capability]:
        """Give what an account may do at this moment."""
        return frozenset() if self.refusal(who, now) else frozenset(Capability)

    def refusal(self, who: Standing, now: datetime) -> str | None:
        """Say in one sentence why an account may not do anything; None when it may."""
        if who.bot:
            return "A bot may not do that."
        if self.person(who.user_id) is None:
            return "You are not on the list of approvers in the settings."
        if who.guild_id is None or who.guild_id != self.settings.guild_id:
            return "This works on the configured server only."
        if not self.settings.approver_role or self.settings.approver_role not in who.roles:
            return "You do not hold the approver role right now."
        if who.timed_out_until is not None and who.timed_out_until > now:
            return "You are timed out on this server."
        return None


async def fetch(client: discord.Client, guild_id: int, user_id: int) -> Standing:
    """Read an account afresh over REST, never from a cache. Somebody who left the server stands without roles.

    Raises
    ------
    RetryError
        Discord did not answer, which says nothing about the account.
    """
    guild = client.get_guild(guild_id)
    if guild is None:
        raise RetryError(f"the server {guild_id} is not there yet; it is asked again")
    try:
        return Standing.of(await guild.fetch_member(user_id))
    except discord.NotFound:
        return Standing(user_id)
    except TROUBLE as error:
        raise RetryError(f"Discord did not answer for member {user_id} ({type(error).__name__}); it is asked again") from error
