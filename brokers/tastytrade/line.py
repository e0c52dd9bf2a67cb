"""The line to tastytrade: the SDK's session over our transport, a token that is good for long enough, and complete lists."""

import logging
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import httpx2
from tastytrade import Session

from brokers.tastytrade.wire import BODY, JSON, Logins, Wire, WireError
from core.model.errors import RetryError
from core.model.secrets import Secret
from core.ports.clock import Clock

if TYPE_CHECKING:
    from httpx2 import AsyncBaseTransport

USER_AGENT = "quantmatrix/0.1"
#: A submit starts with a token that is good for at least so many seconds.
SUBMIT_SECONDS, READ_SECONDS = 120.0, 30.0
PAGE, MOST_PAGES = 100, 200
QUIET_SECONDS = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0)


@dataclass(frozen=True, slots=True)
class Place:
    """Which tastytrade to talk to; `loopback` is the address of one on this machine."""

    live: bool
    loopback: str
    seconds: float

    @property
    def name(self) -> str:
        """For sentences."""
        return self.loopback or ("api.tastyworks.com (live)" if self.live else "api.cert.tastyworks.com (sandbox)")

    def context(self) -> ssl.SSLContext:
        """Whom to trust: the known authorities, or nobody where no certificate is shown (loading them takes a while)."""
        plain = self.loopback.startswith("http://")
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) if plain else httpx2.create_ssl_context(trust_env=False)


class Line:
    """Everything that is asked goes through here."""

    def __init__(self, place: Place, clock: Clock, client_secret: Secret, refresh_token: Secret) -> None:
        logging.getLogger("tastytrade").setLevel(logging.WARNING)  # below it the SDK writes access tokens into the log
        self.place = place
        self.clock = clock
        self.logins = Logins(clock)
        context = place.context()
        kept = {"trust_env": False, "follow_redirects": False, "timeout": place.seconds, "verify": context}
        self.session = Session(client_secret.reveal(), refresh_token.reveal(), is_test=not place.live, **kept)
        plain = self.session._client  # noqa: SLF001 - the SDK has no other door to its HTTP client
        self.client = httpx2.AsyncClient(
            base_url=place.loopback or plain.base_url,
            headers={**dict(plain.headers), "user-agent": USER_AGENT},
            transport=cast("AsyncBaseTransport", Wire(self.logins, place.seconds, (client_secret, refresh_token), context)),
            timeout=httpx2.Timeout(place.seconds, connect=place.seconds / 2),
            trust_env=False,
            follow_redirects=False,
        )
        self.session._client = self.client  # noqa: SLF001 - see above
        self._quiet_until = float("-inf")
        self._strikes = 0

    async def close(self) -> None:
        """Close every connection."""
        await self.client.aclose()

    async def token(self, seconds: float = READ_SECONDS) -> None:
        """See to it that the access token is good for so many seconds more; raises WireError when no login succeeds."""
        if self.logins.left() < seconds:
            await self.session.refresh(force=True)

    async def get(self, path: str, params: Mapping[str, object] | None = None) -> JSON:
        """Read once; an expired token is renewed once.

        Raises
        ------
        RetryError
            No sound answer came, or the broker asked for silence.
        """
        try:
            self._hush()
            try:
                return await self._get(path, params)
            except WireError as error:
                if error.status != 401:
                    raise
            self.logins.good_until = 0.0
            return await self._again(path, params)
        except WireError as error:
            self.heed(error, reading=True)
            raise RetryError(f"{error}; it is asked again") from error

    async def _again(self, path: str, params: Mapping[str, object] | None) -> JSON:
        """Read once more with a fresh token; when that is refused too, logging in again and again would not help."""
        try:
            return await self._get(path, params)
        except WireError as error:
            if error.status == 401:
                self.logins.failed(error)
            raise

    def _hush(self) -> None:
        wait = self._quiet_until - self.clock.monotonic()
        if wait > 0:
            raise WireError(f"tastytrade asked for silence for another {wait:.0f} s", sent=False)

    async def ready(self) -> None:
        """See to it that an order may be sent now: no silence was asked for, the token is good; else WireError."""
        self._hush()
        await self.token(SUBMIT_SECONDS)

    async def _get(self, path: str, params: Mapping[str, object] | None) -> JSON:
        await self.token()
        response = await self.client.get(path, params={name: str(value) for name, value in (params or {}).items()})
        self._strikes = 0
        return cast("JSON", response.extensions[BODY])

    async def send(self, method: str, path: str, content: str = "") -> JSON:
        """Send something that acts, once, whatever happens; the token must be good already. Raises WireError."""
        response = await self.client.request(method, path, content=content or None)
        return cast("JSON", response.extensions[BODY])

    def heed(self, error: WireError, *, reading: bool = False) -> None:
        """Reads fall silent for as long as the broker asks, or longer with each 429, and each 403 to a read."""
        if error.status == 401:
            self.logins.good_until = 0.0
        if error.status != 429 and error.wait is None and not (reading and error.status == 403):
            return
        seconds = error.wait or QUIET_SECONDS[min(self._strikes, len(QUIET_SECONDS) - 1)]
        self._strikes += 1
        self._quiet_until = self.clock.monotonic() + seconds

    async def items(self, path: str, params: Mapping[str, object] | None = None) -> list[JSON]:
        """Give the rows of a list that comes whole."""
        return _rows(await self.get(path, params))

    async def pages(self, path: str, params: Mapping[str, object]) -> list[JSON]:
        """Every row of a list that comes in pages, oldest first: all of them, each once.

        Raises
        ------
        RetryError
            A page is missing, or the list changed while it was read, twice.
        """
        for _ in range(2):
            rows = await self._walk(path, {**params, "sort": "Asc", "per-page": PAGE})
            if rows is not None:
                return rows
        raise RetryError("the list changed while its pages were read; it is asked again")

    async def _walk(self, path: str, params: Mapping[str, object]) -> list[JSON] | None:
        rows: list[JSON] = []
        total = None
        for number in range(MOST_PAGES):
            body = await self.get(path, {**params, "page-offset": number})
            rows += _rows(body)
            told, last = _pagination(body, number)
            if told != (told if total is None else total):
                return None
            total = told
            if last:
                names = {str(row.get("id")) for row in rows}
                return rows if len(rows) == total == len(names) else None
        raise RetryError(f"the list has more than {MOST_PAGES} pages; shorten how far back it reads")


def _rows(body: JSON) -> list[JSON]:
    data = body.get("data")
    items = data.get("items") if isinstance(data, dict) else None
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise RetryError("tastytrade answered without the list that was asked for; it is asked again")
    return items


def _pagination(body: JSON, number: int) -> tuple[int, bool]:
    """(rows of the whole list, whether this is its last page)."""
    told = body.get("pagination")
    if told is None and not number:
        rows = len(_rows(body))
        if rows < PAGE:
            return rows, True
    try:
        assert isinstance(told, dict)
        return int(told["total-items"]), number >= int(told["total-pages"]) - 1
    except (AssertionError, KeyError, TypeError, ValueError) as error:
        raise RetryError("tastytrade sent a page without saying how many there are; it is asked again") from error
