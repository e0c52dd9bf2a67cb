"""Attached files, served under our own address."""

import mimetypes
from collections.abc import Awaitable, Callable

from aiohttp import web

from bot.sandbox.world import World

INLINE = {"image/png", "image/jpeg", "image/gif", "image/webp", "text/plain"}


def serve_file(world: World) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """Make the handler. Only pictures and plain text are shown in a browser; all else is a download."""

    async def serve(request: web.Request) -> web.StreamResponse:
        content = world.store.file(request.match_info["attachment_id"])
        if content is None:
            raise web.HTTPNotFound
        kind = mimetypes.guess_type(request.match_info["filename"])[0] or "application/octet-stream"
        headers = {"X-Content-Type-Options": "nosniff", "Cache-Control": "private, max-age=86400"}
        if kind not in INLINE:
            headers["Content-Disposition"] = "attachment"
        return web.Response(body=content, content_type=kind, headers=headers)

    return serve
