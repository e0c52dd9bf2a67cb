"""Fetching Flex statements: one request, then asking until it is ready; at most once an hour, because they change once a day.

The library has a reader for them, which blocks, takes an unfinished answer for a finished one and turns ids into numbers.
"""

import logging
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from brokers.ibkr.flex import Names, movements, statement
from core.model.errors import BadDataError, OperatorError, RetryError
from core.model.orders import Transaction
from core.model.secrets import Secret
from core.ports.clock import Clock

if TYPE_CHECKING:
    import aiohttp

LOG = logging.getLogger(__name__)

_LARGEST = 5 * 1024 * 1024
_OPERATOR = frozenset({"1010", "1011", "1012", "1013", "1014", "1015", "1016", "1020"})
_WAIT = "1019"


@dataclass(frozen=True, slots=True)
class Source:
    """Where statements come from, and how old they may get."""

    url: str
    query: str
    token: Secret
    refresh: timedelta
    oldest: timedelta


@dataclass(slots=True)
class Statements:
    """The latest statement of one account."""

    source: Source
    names: Names
    clock: Clock
    read: tuple[Transaction, ...] = ()
    read_at: datetime | None = None
    tried_at: datetime | None = None
    reference: str = field(default="", repr=False)

    async def movements(self) -> tuple[Transaction, ...]:
        """Every movement that the latest statement knows.

        Raises
        ------
        OperatorError
            Token or query are not accepted.
        RetryError
            There is no statement that is young enough.
        """
        now = self.clock.now()
        if self.tried_at is not None and now - self.tried_at < self.source.refresh and self.read_at is not None:
            return self.read
        try:
            self.read = movements(await self._fetch(), self.names)
            self.read_at = self.tried_at = now
        except (RetryError, BadDataError) as error:
            if self.read_at is None or now - self.read_at >= self.source.oldest:
                raise RetryError(f"no Flex statement could be read: {error}") from error
            self.tried_at = now
            LOG.warning("the Flex statement of %s stays in use: %s", self.read_at, error)
        return self.read

    async def _fetch(self) -> ET.Element:
        import aiohttp  # noqa: PLC0415 - only for who has set a query

        timeout = aiohttp.ClientTimeout(total=8.0)
        async with aiohttp.ClientSession(timeout=timeout, trust_env=False, headers={"User-Agent": "quantmatrix"}) as session:
            try:
                if not self.reference:
                    self.reference = _reference(await self._get(session, "SendRequest", self.source.query))
                document = await self._get(session, "GetStatement", self.reference)
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                raise RetryError(f"the Flex service does not answer ({type(error).__name__})") from error
        if document.tag != "FlexQueryResponse":
            _raise(document)
        self.reference = ""
        return document

    async def _get(self, session: "aiohttp.ClientSession", what: str, query: str) -> ET.Element:
        asked = {"t": self.source.token.reveal(), "q": query, "v": "3"}
        async with session.get(f"{self.source.url}/{what}", params=asked, allow_redirects=False) as answer:
            if answer.status != 200:
                raise RetryError(f"the Flex service answered {answer.status}")
            body = await answer.content.read(_LARGEST + 1)
            while len(body) <= _LARGEST and (more := await answer.content.read(_LARGEST)):
                body += more
        if len(body) > _LARGEST:
            raise RetryError("the Flex statement is larger than 5 MB; let the query cover fewer days")
        document = statement(body)
        if (document.findtext("ErrorCode") or "") not in {"", _WAIT} and what == "GetStatement":
            self.reference = ""
        return document


def _reference(document: ET.Element) -> str:
    code = document.findtext("ReferenceCode")
    if document.findtext("Status") != "Success" or not code:
        _raise(document)
    return str(code)


def _raise(document: ET.Element) -> None:
    """What an answer means that is no statement."""
    code, words = document.findtext("ErrorCode") or "", document.findtext("ErrorMessage") or document.tag
    if code in _OPERATOR:
        raise OperatorError(f"broker.flex_query: the Flex service answered {code}: {words}; renew the token or correct the query")
    raise RetryError(f"the Flex service answered {code or 'something else'}: {words}")
