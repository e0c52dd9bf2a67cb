"""Limits of messages and embeds, those included that Discord's OpenAPI file does not state."""

from collections.abc import Iterator

from bot.sandbox.errors import JSON, WireError, invalid

COMPONENTS_V2 = 1 << 15
EPHEMERAL = 1 << 6
LOADING = 1 << 7
CONTENT = 2000
FILES = 10
FILE_BYTES = 10 * 1024 * 1024
NONCE = 25
Problem = tuple[str, str, str]

_EMBED_TEXTS = (("title", 256), ("description", 4096), ("author.name", 256), ("footer.text", 2048))


def check_message(body: JSON, files: int, *, editing: bool = False) -> None:
    """Check the body of a new or edited message.

    Raises
    ------
    WireError
        400 with one error for each field at fault.
    """
    problems = [*_content(body), *_embeds(body.get("embeds") or [])]
    nonce = body.get("nonce")
    if nonce is not None and len(str(nonce)) > NONCE:
        problems.append(too_long("nonce", NONCE))
    if problems:
        raise refused(problems)
    if not editing and empty(body, files):
        raise WireError(400, 50006, "Cannot send an empty message")


def empty(body: JSON, files: int) -> bool:
    """Whether a message shows nothing at all."""
    shown = ("content", "embeds", "components", "sticker_ids", "poll", "message_reference")
    return files == 0 and not any(body.get(key) for key in shown)


def check_files(sizes: list[int]) -> None:
    """Check number and sizes (bytes) of attached files."""
    if len(sizes) > FILES:
        raise WireError(400, 30015, "Maximum number of attachments in a message reached (10)")
    if any(size > FILE_BYTES for size in sizes):
        raise WireError(413, 40005, "Request entity too large")


def refused(problems: list[Problem]) -> WireError:
    """One 400 for all problems (path, code, message)."""
    return invalid({path: (code, message) for path, code, message in problems})


def too_long(path: str, limit: int, least: int = 0) -> Problem:
    """A text that is longer than its limit."""
    if least:
        return path, "BASE_TYPE_BAD_LENGTH", f"Must be between {least} and {limit} in length."
    return path, "BASE_TYPE_MAX_LENGTH", f"Must be {limit} or fewer in length."


def required(path: str) -> Problem:
    """A field that must be there and must not be empty."""
    return path, "BASE_TYPE_REQUIRED", "This field is required"


def _content(body: JSON) -> Iterator[Problem]:
    content = body.get("content") or ""
    if len(content) > CONTENT:
        yield too_long("content", CONTENT)
    if (body.get("flags") or 0) & COMPONENTS_V2:
        for key in ("content", "embeds"):
            if body.get(key):
                yield (
                    key,
                    "MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2",
                    f"The '{key}' field cannot be used when using MessageFlags.IS_COMPONENTS_V2",
                )


def _embeds(embeds: list[JSON]) -> Iterator[Problem]:
    if len(embeds) > 10:
        yield "embeds", "BASE_TYPE_BAD_LENGTH", "Must be 10 or fewer in length."
    total = 0
    for number, embed in enumerate(embeds):
        yield from _embed(f"embeds.{number}", embed)
        total += _letters(embed)
    if total > 6000:
        yield "embeds", "MAX_EMBED_SIZE_EXCEEDED", "Embed size exceeds maximum size of 6000"


def _embed(path: str, embed: JSON) -> Iterator[Problem]:
    for name, limit in _EMBED_TEXTS:
        if len(_text(embed, name)) > limit:
            yield too_long(f"{path}.{name}", limit)
    yield from _fields(path, embed.get("fields") or [])
    for name in ("image", "thumbnail"):
        url = (embed.get(name) or {}).get("url")
        if url and not url.startswith(("http://", "https://", "attachment://")):
            yield f"{path}.{name}.url", "URL_TYPE_INVALID_SCHEME", "Scheme must be one of ('http', 'https')."
    if not any(embed.get(name) for name in ("title", "description", "author", "footer", "image", "thumbnail", "fields", "url")):
        yield required(f"{path}.description")


def _fields(path: str, fields: list[JSON]) -> Iterator[Problem]:
    if len(fields) > 25:
        yield f"{path}.fields", "BASE_TYPE_BAD_LENGTH", "Must be 25 or fewer in length."
    for number, field in enumerate(fields):
        for name, limit in (("name", 256), ("value", 1024)):
            text = field.get(name) or ""
            if not text.strip():
                yield required(f"{path}.fields.{number}.{name}")
            elif len(text) > limit:
                yield too_long(f"{path}.fields.{number}.{name}", limit)


def _text(embed: JSON, path: str) -> str:
    place: JSON = embed
    *parents, name = path.split(".")
    for parent in parents:
        place = place.get(parent) or {}
    return str(place.get(name) or "")


def _letters(embed: JSON) -> int:
    fields = embed.get("fields") or []
    texts = sum(len(_text(embed, name)) for name, _ in _EMBED_TEXTS)
    return texts + sum(len(field.get("name") or "") + len(field.get("value") or "") for field in fields)
