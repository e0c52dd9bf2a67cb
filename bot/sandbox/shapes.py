"""Objects in wire form, with every documented key (nulls included), as strict clients want them."""

from typing import Any

from bot.sandbox.errors import JSON
from bot.sandbox.state import Message, State

CDN = "cdn://"
EMPTY_IN_GUILD = (
    "icon",
    "icon_hash",
    "description",
    "home_header",
    "splash",
    "discovery_splash",
    "banner",
    "application_id",
    "afk_channel_id",
    "system_channel_id",
    "widget_channel_id",
    "max_presences",
    "vanity_url_code",
    "rules_channel_id",
    "safety_alerts_channel_id",
    "public_updates_channel_id",
    "incidents_data",
)


def user(identity: str, name: str, *, bot: bool = False) -> JSON:
    """User object."""
    return {
        "id": identity,
        "username": name if bot else name.lower().replace(" ", "-"),
        "global_name": None if bot else name,
        "discriminator": "0000" if bot else "0",
        "avatar": None,
        "bot": bot,
        "system": False,
        "banner": None,
        "accent_color": None,
        "avatar_decoration_data": None,
        "collectibles": None,
        "primary_guild": None,
        "public_flags": 0,
        "flags": 0,
    }


def member(roles: list[str], joined_at: str) -> JSON:
    """Member object without its user."""
    return {
        "roles": roles,
        "joined_at": joined_at,
        "nick": None,
        "avatar": None,
        "banner": None,
        "premium_since": None,
        "communication_disabled_until": None,
        "pending": False,
        "deaf": False,
        "mute": False,
        "flags": 0,
    }


def member_of(state: State, user_id: str) -> JSON:
    """Member object with its user."""
    return {**state.members[user_id], "user": state.users[user_id]}


def role(identity: str, name: str, bits: int, position: int, *, colour: int = 0, managed_by: str | None = None) -> JSON:
    """Role object; a managed role belongs to a bot."""
    made: JSON = {
        "id": identity,
        "name": name,
        "permissions": str(int(bits)),
        "position": position,
        "color": colour,
        "colors": {"primary_color": colour, "secondary_color": None, "tertiary_color": None},
        "hoist": colour != 0,
        "managed": managed_by is not None,
        "mentionable": False,
        "icon": None,
        "unicode_emoji": None,
        "flags": 0,
    }
    if managed_by is not None:
        made["tags"] = {"bot_id": managed_by}
    return made


def text_channel(identity: str, guild_id: str, name: str, position: int, topic: str | None = None) -> JSON:
    """Text channel object."""
    return {
        "id": identity,
        "type": 0,
        "guild_id": guild_id,
        "name": name,
        "position": position,
        "topic": topic,
        "nsfw": False,
        "flags": 0,
        "parent_id": None,
        "permission_overwrites": [],
        "rate_limit_per_user": 0,
        "last_message_id": None,
        "last_pin_timestamp": None,
    }


def guild(identity: str, name: str, owner_id: str) -> JSON:
    """Guild object without its roles."""
    return dict.fromkeys(EMPTY_IN_GUILD) | {
        "id": identity,
        "name": name,
        "owner_id": owner_id,
        "features": [],
        "region": "us-east",
        "afk_timeout": 300,
        "system_channel_flags": 0,
        "widget_enabled": False,
        "verification_level": 0,
        "default_message_notifications": 1,
        "mfa_level": 0,
        "explicit_content_filter": 0,
        "max_members": 500000,
        "max_stage_video_channel_users": 50,
        "max_video_channel_users": 25,
        "premium_tier": 0,
        "premium_subscription_count": 0,
        "preferred_locale": "en-US",
        "premium_progress_bar_enabled": False,
        "nsfw": False,
        "nsfw_level": 0,
        "emojis": [],
        "stickers": [],
    }


def application(state: State) -> JSON:
    """Application object of the bot."""
    bot = state.users[state.ids["bot"]]
    return {
        "id": state.ids["application"],
        "name": bot["username"],
        "icon": None,
        "description": "",
        "type": None,
        "bot": bot,
        "bot_public": False,
        "bot_require_code_grant": False,
        "verify_key": "0" * 64,
        "flags": state.ids["application_flags"],
        "flags_new": str(state.ids["application_flags"]),
        "tags": [],
        "summary": "",
        "rpc_origins": [],
        "redirect_uris": [],
        "interactions_endpoint_url": None,
        "role_connections_verification_url": None,
        "owner": state.users[state.guild["owner_id"]],
        "approximate_guild_count": 1,
        "approximate_user_install_count": 0,
        "approximate_user_authorization_count": 0,
        "explicit_content_filter": 0,
        "team": None,
        "eligible_oauth2_scopes": [],
        "integration_types_config": {"0": {}},
    }


def emoji(key: str) -> JSON:
    """Partial emoji of a reaction key: the characters themselves, or `name:id` for a custom one."""
    name, _, identity = key.partition(":")
    return {"id": identity or None, "name": name}


def message(state: State, found: Message, viewer: str, base: str) -> JSON:
    """Message object as one user gets it: own reactions marked, file addresses absolute."""
    body = found.body
    if found.files:
        body = absolute(body, base)
    if found.reactions:
        body = {**body, "reactions": [_reaction(key, crowd, viewer) for key, crowd in found.reactions.items()]}
    thread = state.channels.get(found.id)
    return body if thread is None else {**body, "thread": thread}


def _reaction(key: str, crowd: dict[str, None], viewer: str) -> JSON:
    return {
        "emoji": emoji(key),
        "count": len(crowd),
        "count_details": {"burst": 0, "normal": len(crowd)},
        "burst_colors": [],
        "me_burst": False,
        "burst_me": False,
        "burst_count": 0,
        "me": viewer in crowd,
    }


def absolute(thing: Any, base: str) -> Any:  # noqa: ANN401 - any JSON value, the same kind comes back
    """Copy of a JSON value with our file addresses made absolute (the port may change between runs)."""
    if isinstance(thing, str):
        return base + thing.removeprefix(CDN) if thing.startswith(CDN) else thing
    if isinstance(thing, dict):
        return {key: absolute(value, base) for key, value in thing.items()}
    if isinstance(thing, list):
        return [absolute(value, base) for value in thing]
    return thing
