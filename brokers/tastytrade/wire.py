"""What goes over the wire: one request, one whole answer in bounded time and size, or a `WireError` that says how far it came.

The SDK hides the status of an answer, follows what its environment says about proxies and reads bodies of any size. This transport
sits below its HTTP client and lets only sound answers through: status 2xx, JSON, at most five MiB, within ten seconds.
"""

import asyncio
import json
import ssl
from collections.abc import Collection
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NoReturn, Self

import httpx2

from core.model.secrets import Secret
from core.ports.clock import Clock

JSON = dict[str, Any]
MOST_BYTES = 5 * 1024 * 1024
TOKEN_PATH = "/oauth/token"  # noqa: S105 - a path
#: Whoever was refused a login waits so long; many failed logins block the address for hours.
REFUSED_LOGIN_SECONDS = 900.0
UNANSWERED_LOGIN_SECONDS = (5.0, 20.0, 80.0, 320.0, 900.0)
KEPT, BODY = "reused", "json"


class WireError(Exception):
    """A request without a sound answer.

    Attributes
    ----------
    status : int
        Of the answer; 0 when none came.
    sent : bool
        Whether any byte of the request may have left.
    refusal : bool
        The answer is a well-formed error object with a 4xx status.
    wait : float or None
        Seconds that the broker asks to wait.
    raw : str
        The answer as it came, cut.
    """

    def __init__(
        self, sentence: str, *, status: int = 0, sent: bool = True, refusal: bool = False, wait: float | None = None
    ) -> None:
        super().__init__(sentence)
        self.status = status
        self.sent = sent
        self.refusal = refusal
        self.wait = wait
        self.raw = ""


@dataclass(slots=True)
class Logins:
    """When the next login may be tried, and how long the last one is good (in seconds of the clock's monotonic time)."""

    clock: Clock
    good_until: float = 0.0
    not_before: float = field(default=float("-inf"))
    _unanswered: int = 0

    def left(self) -> float:
        """Seconds that the access token is still good."""
        return self.good_until - self.clock.monotonic()

    def ask(self) -> None:
        """Raise when it is too early for another login."""
        wait = self.not_before - self.clock.monotonic()
        if wait > 0:
            raise WireError(f"no login is tried for another {wait:.0f} s, because the last one failed", sent=False, wait=wait)

    def came(self, body: JSON) -> None:
        """A login was answered with a token."""
        self.good_until = self.clock.monotonic() + float(body.get("expires_in", 900))
        self.not_before, self._unanswered = float("-inf"), 0

    def failed(self, error: WireError) -> None:
        """A login failed; refused ones wait long, unanswered ones longer each time."""
        step = min(self._unanswered, len(UNANSWERED_LOGIN_SECONDS) - 1)
        self._unanswered += 1
        seconds = REFUSED_LOGIN_SECONDS if error.refusal else UNANSWERED_LOGIN_SECONDS[step]
        self.not_before = self.clock.monotonic() + max(seconds, error.wait or 0.0)


class Wire:
    """An asynchronous transport for httpx2. Orders and cancels each go over a connection of their own, reads share some."""

    def __init__(self, logins: Logins, seconds: float, secrets: Collection[Secret], context: ssl.SSLContext) -> None:
        self._logins = logins
        self._seconds = seconds
        self._secrets = secrets
        self._kept = httpx2.AsyncHTTPTransport(verify=context, trust_env=False)
        self._fresh = httpx2.AsyncHTTPTransport(
            verify=context, trust_env=False, limits=httpx2.Limits(max_connections=8, max_keepalive_connections=0)
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close every connection."""
        await self._kept.aclose()
        await self._fresh.aclose()

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send once and read the whole answer.

        Raises
        ------
        WireError
            No sound answer came.
        """
        if request.url.path != TOKEN_PATH:
            return await self._clean(request)
        self._logins.ask()
        try:
            response = await self._clean(request)
            if not isinstance(response.extensions[BODY].get("access_token"), str):
                _fail("tastytrade answered the login without an access token")
        except WireError as error:
            self._logins.failed(error)
            raise
        self._logins.came(response.extensions[BODY])
        return response

    async def _clean(self, request: httpx2.Request) -> httpx2.Response:
        """Exchange; an answer that repeats a secret is not repeated."""
        try:
            return await self._exchange(request)
        except WireError as error:
            token = request.headers.get("authorization", "").removeprefix("Bearer ")
            for known in (*(secret.reveal() for secret in self._secrets), token):
                if known:
                    error.args = (str(error).replace(known, "***"),)
                    error.raw = error.raw.replace(known, "***")
            raise

    async def _exchange(self, request: httpx2.Request) -> httpx2.Response:
        pool = self._kept if request.method == "GET" else self._fresh
        request.headers["Accept-Encoding"] = "identity"
        try:
            async with asyncio.timeout(self._seconds):
                answer = await pool.handle_async_request(request)
                try:
                    body = await _whole(answer)
                finally:
                    await answer.aclose()
        except TimeoutError as error:
            raise WireError(f"tastytrade did not answer within {self._seconds:g} s") from error
        except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout) as error:
            raise WireError(
                f"tastytrade cannot be reached ({type(error).__name__}: {_one_line(str(error))})", sent=False
            ) from error
        except (httpx2.HTTPError, OSError) as error:
            raise WireError(f"the connection to tastytrade broke ({type(error).__name__})") from error
        return _sound(request, answer, body)


async def _whole(answer: httpx2.Response) -> bytes:
    if answer.headers.get("content-encoding", "identity") != "identity":
        _fail("tastytrade sent a compressed answer that was not asked for", answer.status_code)
    assert isinstance(answer.stream, httpx2.AsyncByteStream)
    body = bytearray()
    async for piece in answer.stream:
        body += piece
        if len(body) > MOST_BYTES:
            _fail(f"tastytrade sent more than {MOST_BYTES} bytes", answer.status_code)
    return bytes(body)


def _sound(request: httpx2.Request, answer: httpx2.Response, body: bytes) -> httpx2.Response:
    status = answer.status_code
    if 300 <= status < 400:
        _fail(f"tastytrade sent a redirect ({status}), which is not followed", status)
    parsed = _parsed(body) if body or request.method != "DELETE" else {}
    if status // 100 != 2:
        raise _error(answer, parsed, body)
    if parsed is None:
        unreadable = WireError(f"tastytrade answered with something that is no JSON: {_shown(body)}", status=status)
        unreadable.raw = _shown(body, 2000)
        raise unreadable
    return httpx2.Response(status, headers=_plain(answer), content=body, request=request, extensions={BODY: parsed})


def _plain(answer: httpx2.Response) -> dict[str, str]:
    return {"content-type": answer.headers.get("content-type", "application/json")}


def _parsed(body: bytes) -> JSON | None:
    """The object that the body holds, numbers exact; None when it is no JSON object, or holds NaN."""
    try:
        found = json.loads(body, parse_float=Decimal, parse_constant=_refuse)
    except (ValueError, RecursionError, ArithmeticError):
        return None
    return found if isinstance(found, dict) else None


def _refuse(word: str) -> NoReturn:
    raise ValueError(word)


def _error(answer: httpx2.Response, parsed: JSON | None, body: bytes) -> WireError:
    """What an answer with a status of failure says."""
    status, told = answer.status_code, (parsed or {}).get("error")
    sentence = _sentence(told) if isinstance(told, dict) else ""
    proven = bool(sentence) and 400 <= status < 500 and status != 429 and not (parsed or {}).get("data")
    error = WireError(
        f"tastytrade answered {status}: {sentence or _shown(body) or 'nothing'}",
        status=status,
        refusal=proven,
        wait=_seconds(answer.headers.get("retry-after", "")),
    )
    error.raw = _shown(body, 2000)
    return error


def _sentence(told: JSON) -> str:
    inner = told.get("errors")
    rows = [row for row in inner if isinstance(row, dict)] if isinstance(inner, list) and inner else [told]
    words = [str(row.get("message") or row.get("reason") or row.get("code") or "") for row in rows]
    return _one_line("; ".join(word for word in words if word))[:300]


def _seconds(header: str) -> float | None:
    return min(float(header), 3600.0) if header.isascii() and header.isdigit() else None


def _shown(body: bytes, most: int = 120) -> str:
    return _one_line(body[:most].decode("utf-8", "replace"))


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _fail(sentence: str, status: int = 0) -> NoReturn:
    raise WireError(sentence, status=status)
