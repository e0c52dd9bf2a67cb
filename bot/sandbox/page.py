"""The web page: static files and a stream of what changes."""

from aiohttp import web

from bot.sandbox.control import Verbs
from bot.sandbox.world import World


def mount_page(app: web.Application, world: World, verbs: Verbs) -> None:
    """Register the page."""
