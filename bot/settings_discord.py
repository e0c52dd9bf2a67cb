"""Settings of the Discord side: the one server, its channels, and the people who may approve."""

from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from annotated_types import Ge, Gt, Le, MinLen, Predicate

from core.model.notes import Topic

Snowflake = Annotated[int, Ge(0), Le(2**63 - 1)]


@dataclass(frozen=True, slots=True)
class Channels:
    """Channel id by topic; 0 means that the topic has none."""

    signals: Snowflake = 0
    trades: Snowflake = 0
    portfolio: Snowflake = 0
    morning_brew: Snowflake = 0
    status: Snowflake = 0
    playground: Snowflake = 0

    def of(self, topic: Topic) -> int | None:
        """Give the channel of a topic, or None."""
        return int(getattr(self, topic.value)) or None

    @property
    def ids(self) -> frozenset[int]:
        """Every channel that is configured."""
        return frozenset(found for topic in Topic if (found := self.of(topic)))


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who may approve; all of a person's accounts count once.

    Attributes
    ----------
    daily_loss : Decimal
        Dollars of possible loss that this person may approve on one day.
    daily_count : int
        Opening orders that this person may approve on one day.
    """

    name: Annotated[str, MinLen(1)]
    user_ids: Annotated[tuple[Annotated[int, Gt(0)], ...], MinLen(1)]
    daily_loss: Annotated[Decimal, Gt(0)] = Decimal(25_000)
    daily_count: Annotated[int, Ge(1)] = 40


def _on_this_machine(address: str) -> bool:
    host = urlsplit(address).hostname
    return address == "" or host == "localhost" or (host is not None and host.startswith("127.")) or host == "::1"


@dataclass(frozen=True, slots=True)
class DiscordSettings:
    """The one server, its channels, and who may approve: a person of the list who also holds the role. An empty list is nobody.

    Attributes
    ----------
    loopback : str
        Address of a loopback Discord to talk to instead of the real one (tests and the demo); only addresses of this machine.
    """

    guild_id: Snowflake = 0
    channels: Channels = Channels()
    approvers: tuple[Person, ...] = ()
    approver_role: Snowflake = 0
    token_file: Path | None = None
    loopback: Annotated[str, Predicate(_on_this_machine)] = ""


def mistakes_of(discord: DiscordSettings, *, live: bool) -> list[str]:
    """Say what no field alone can say; with real money also who is missing to decide about it."""
    mistakes = []
    seen: dict[int, str] = {}
    for person in discord.approvers:
        for user in person.user_ids:
            if user in seen:
                mistakes.append(f"discord.approvers: {user} belongs to {seen[user]!r} and to {person.name!r}; keep one of them")
            seen[user] = person.name
    names = [person.name for person in discord.approvers]
    twice = sorted({name for name in names if names.count(name) > 1})
    mistakes += [f"discord.approvers: {name!r} is listed twice; join the two" for name in twice]
    if (discord.approvers or live) and not discord.approver_role:
        mistakes.append("discord.approver_role: 0 is nobody's role; give the id of the role that every approver holds")
    if discord.approver_role and discord.approver_role == discord.guild_id:
        mistakes.append(f"discord.approver_role: {discord.approver_role} is the role of everybody; make one for approvers")
    return mistakes + (_not_live(discord) if live else [])


def _not_live(discord: DiscordSettings) -> list[str]:
    mistakes = []
    if not discord.approvers:
        mistakes.append("discord.approvers: the list is empty, so nobody may approve; live trading needs at least one person")
    if not discord.guild_id:
        mistakes.append("discord.guild_id: is 0; live trading needs the id of the one server where approvers are known")
    if discord.channels.of(Topic.TRADES) is None:
        mistakes.append("discord.channels.trades: is 0; live trading needs the channel in which orders are approved")
    return mistakes
