"""The first world: a guild, six channels, a bot with exactly the permissions it needs, and three people."""

import base64
import hashlib
import secrets

from bot.sandbox import shapes
from bot.sandbox.errors import JSON
from bot.sandbox.permissions import BOT_NEEDS, PEOPLE_HAVE
from bot.sandbox.world import World

GUILD = "QuantMatrix desk"
CHANNELS = {
    "signals": "Ideas that passed every gate, with a chart each",
    "trades": "Approval cards, orders and fills",
    "portfolio": "What is owned and what it earned",
    "morning-brew": "The market before the open",
    "status": "How the program feels",
    "playground": "Say anything here",
}
PEOPLE = {"owner": "Olivia Owner", "approver": "Andy Approver", "stranger": "Sam Stranger"}
APPROVER_COLOUR = 0xD99A2B


def found(world: World, secret: str | None = None) -> None:
    """Make the first world. `secret` is the part of both tokens that nobody may guess; tests may fix it."""
    guild_id, bot_id = world.next_id(), world.next_id()
    people = {name: world.next_id() for name in PEOPLE}
    approver, managed = world.next_id(), world.next_id()
    channels = {name: world.next_id() for name in CHANNELS}
    joined = world.stamp()
    ids: JSON = {"bot": bot_id, "application": bot_id, "application_flags": 0, "users": people, "channels": channels}
    world.commit(
        {
            "kind": "founded",
            "ids": ids | {"roles": {"approver": approver}} | _tokens(bot_id, secret or secrets.token_hex(16)),
            "guild": shapes.guild(guild_id, GUILD, people["owner"]),
            "users": [
                shapes.user(bot_id, "QuantMatrix", bot=True),
                *(shapes.user(people[name], shown) for name, shown in PEOPLE.items()),
            ],
            "members": {
                bot_id: shapes.member([managed], joined),
                people["owner"]: shapes.member([approver], joined),
                people["approver"]: shapes.member([approver], joined),
                people["stranger"]: shapes.member([], joined),
            },
            "roles": [
                shapes.role(guild_id, "@everyone", PEOPLE_HAVE, 0),
                shapes.role(approver, "approver", 0, 1, colour=APPROVER_COLOUR),
                shapes.role(managed, "QuantMatrix", BOT_NEEDS, 2, managed_by=bot_id),
            ],
            "channels": [
                shapes.text_channel(channels[name], guild_id, name, position, topic)
                for position, (name, topic) in enumerate(CHANNELS.items())
            ],
        }
    )


def _tokens(bot_id: str, secret: str) -> JSON:
    """The bot's token begins with its id in base64, as clients expect; the other one opens the control verbs."""
    first_part = base64.b64encode(bot_id.encode()).decode().rstrip("=")
    return {
        "token": f"{first_part}.sandbox.{secret}",
        "control_token": hashlib.sha256(f"control {secret}".encode()).hexdigest(),
    }
