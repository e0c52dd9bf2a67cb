"""Pointing discord.py at a loopback server, and nowhere else."""

import discord.gateway
import discord.http
import yarl

from bot.sandbox.loopback import refuse_outside


def redirect_discord(api_base: str, gateway_url: str) -> None:
    """Let every discord.py client of this process talk to these addresses; call it before login.

    Both are set or none: after an invalid session the library goes back to its default gateway, which must not be the real one.

    Raises
    ------
    OperatorError
        One of the two is not on this machine.
    """
    gateway = yarl.URL(gateway_url)
    for address in (yarl.URL(api_base), gateway):
        refuse_outside(address.host or "")
    discord.http.Route.BASE = api_base
    discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = gateway
