"""Mask: takes known secrets out of texts, also where they were encoded or broken over lines on the way."""

import base64
import json
import re
import sys
from collections.abc import Iterable, Iterator
from urllib.parse import quote, quote_plus

from core.model.secrets import Secret

STARS = "***"
#: What may stand between two characters of a secret that was wrapped, written down by `repr`, or joined to one line.
_BREAK = re.compile(r"[ \t]*(?:(?:\\r|\\n|\r|\n|⏎)[ \t]*)+")


class Mask:
    """Callable that gives a text without any of the secrets.

    Parameters
    ----------
    secrets : iterable of Secret
    shortest : int
        Values with fewer characters are left alone, because they would be found in the middle of words.
    """

    __slots__ = ("_broken", "_known", "_least")

    def __init__(self, secrets: Iterable[Secret], shortest: int = 6) -> None:
        written = {form for secret in secrets for form in forms(secret.reveal(), shortest) if len(form) >= shortest}
        self._known = tuple(sorted(written, key=len, reverse=True))
        self._least = len(self._known[-1]) if self._known else sys.maxsize
        self._broken: dict[str, re.Pattern[str]] = {}

    def __call__(self, text: str) -> str:
        """Take every secret out."""
        if len(text) < self._least:
            return text
        for value in self._known:
            if value in text:
                text = text.replace(value, STARS)
        if not any(sign in text for sign in "\n\\⏎\r"):
            return text
        joined = _BREAK.sub("", text)
        for value in self._known:
            if _BREAK.sub("", value) in joined:
                text = self._pattern(value).sub(STARS, text)
        return text

    def _pattern(self, value: str) -> re.Pattern[str]:
        """Match a value however it is broken over lines; made when it is first needed."""
        if value not in self._broken:
            self._broken[value] = re.compile(f"(?:{_BREAK.pattern})?".join(map(re.escape, value)))
        return self._broken[value]

    def __repr__(self) -> str:
        return f"Mask({len(self._known)} forms)"


def forms(value: str, shortest: int) -> Iterator[str]:
    """Ways in which a value may be written."""
    raw = value.encode()
    yield value
    yield quote(value, safe="")
    yield quote_plus(value)
    yield json.dumps(value)[1:-1]
    yield json.dumps(value, ensure_ascii=False)[1:-1]
    yield repr(value)[1:-1]
    yield base64.b64encode(raw).decode().rstrip("=")
    yield base64.urlsafe_b64encode(raw).decode().rstrip("=")
    yield raw.hex()
    lines = value.splitlines()
    if len(lines) > 1:
        yield " ⏎ ".join(lines)
        yield from (line for line in lines if len(line) >= max(shortest, 12))
