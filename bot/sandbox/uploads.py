"""Bodies of requests (JSON or multipart) and what becomes of attached files."""

import json
import mimetypes
import struct
from dataclasses import dataclass

from aiohttp import BodyPartReader, web

from bot.sandbox import shapes
from bot.sandbox.errors import JSON, WireError
from bot.sandbox.limits import FILE_BYTES, check_files
from bot.sandbox.world import World


@dataclass(frozen=True, slots=True)
class Upload:
    """One attached file; `index` is the number in `files[n]`."""

    index: int
    filename: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Body:
    """Decoded body: any JSON object or array, and files."""

    json: JSON
    files: tuple[Upload, ...] = ()
    items: list[JSON] | None = None


async def read_body(request: web.Request) -> Body:
    """Decode a request.

    Raises
    ------
    WireError
        400 when it is no JSON, 413 when a file is too large.
    """
    if request.content_type == "multipart/form-data":
        return await _multipart(request)
    content = await request.read()
    if not content:
        return Body({})
    return _body(content)


def _body(content: bytes, files: tuple[Upload, ...] = ()) -> Body:
    try:
        value = json.loads(content)
    except ValueError as error:
        raise WireError(400, 50109, "The request body contains invalid JSON.") from error
    if isinstance(value, list):
        return Body({}, files, value)
    if not isinstance(value, dict):
        raise WireError(400, 50035, "Invalid Form Body")
    return Body(value, files)


async def _multipart(request: web.Request) -> Body:
    payload = b"{}"
    files: list[Upload] = []
    async for part in await request.multipart():
        if not isinstance(part, BodyPartReader):
            continue
        name = part.name or ""
        content = bytes(await part.read(decode=False))
        if name == "payload_json":
            payload = content
        elif name.startswith("files[") and name.endswith("]") and name[6:-1].isdigit():
            files.append(Upload(int(name[6:-1]), part.filename or "file", content))
        if len(content) > FILE_BYTES:
            raise WireError(413, 40005, "Request entity too large")
    return _body(payload, tuple(files))


def keep(world: World, channel_id: str, body: Body) -> list[JSON]:
    """Store the uploaded files; give their attachment objects in the order of upload."""
    check_files([len(file.content) for file in body.files])
    told = {str(item.get("id")): item for item in body.json.get("attachments") or []}
    return [_keep(world, channel_id, file, told.get(str(file.index), {})) for file in body.files]


def _keep(world: World, channel_id: str, file: Upload, told: JSON) -> JSON:
    identity = world.next_id()
    world.store.keep_file(identity, file.content)
    filename = _safe(told.get("filename") or file.filename)
    url = f"{shapes.CDN}/cdn/attachments/{channel_id}/{identity}/{filename}"
    kind = mimetypes.guess_type(filename)[0] or "application/octet-stream"
    made: JSON = {
        "id": identity,
        "filename": filename,
        "size": len(file.content),
        "url": url,
        "proxy_url": url,
        "content_type": kind,
    }
    if told.get("description"):
        made["description"] = told["description"]
    size = _png_size(file.content)
    if size is not None:
        made["width"], made["height"] = size
    return made


def _safe(filename: str) -> str:
    """File name as Discord keeps it: letters, digits, dot, dash and underscore."""
    kept = "".join(letter if letter.isascii() and (letter.isalnum() or letter in "._-") else "_" for letter in filename)
    return kept.strip(".") or "file"


def _png_size(content: bytes) -> tuple[int, int] | None:
    if content[:8] != b"\x89PNG\r\n\x1a\n" or len(content) < 24:
        return None
    width, height = struct.unpack(">II", content[16:24])
    return width, height


def shown_embed(embed: JSON, attachments: list[JSON]) -> JSON:
    """Embed as it comes back: type filled in, nulls left out, `attachment://name` resolved."""
    by_name = {item["filename"]: item for item in attachments}
    made: JSON = {"type": "rich"} | {key: value for key, value in embed.items() if value is not None and key != "type"}
    made["content_scan_version"] = 0
    if "fields" in made:
        made["fields"] = [
            {"inline": False} | {key: value for key, value in item.items() if value is not None} for item in made["fields"]
        ]
    for name in ("image", "thumbnail"):
        if name in made:
            made[name] = _picture(str(made[name].get("url") or ""), by_name)
    return made


def _picture(url: str, by_name: dict[str, JSON]) -> JSON:
    named = by_name.get(url.removeprefix("attachment://")) if url.startswith("attachment://") else None
    if named is None:
        return {"url": url, "proxy_url": url, "width": 0, "height": 0, "flags": 0}
    size = {key: named.get(key, 0) for key in ("width", "height")}
    return {"url": named["url"], "proxy_url": named["url"], "flags": 0, **size}
