"""The line to TWS or IB Gateway: connecting, checking who is on the other side, asking with a time limit, and letting go.

The library is imported with the first connection. A question that got no end marker in time costs the whole connection: its
late answer would otherwise be taken for the answer to the next one, because most questions carry no number.
"""

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from brokers.ibkr import tap, windows
from brokers.ibkr.codes import Meaning, meaning
from brokers.ibkr.facts import Facts, Said
from brokers.ibkr.sent import Sent
from core.model.errors import OperatorError, RetryError
from core.ports.clock import Clock

if TYPE_CHECKING:
    import ib_async

LOG = logging.getLogger(__name__)
T = TypeVar("T")

_PORT = re.compile(r"\b\d{4,5}\b")
_MARKET_DATA_ONLY = frozenset({Meaning.NEWS, Meaning.WARNING})


class DeniedError(RetryError):
    """The question was answered with an error; `code` is the broker's."""

    def __init__(self, sentence: str, code: int) -> None:
        super().__init__(sentence)
        self.code = code


@dataclass(frozen=True, slots=True)
class Place:
    """Where the line goes, as whom, and how patient it is."""

    host: str
    port: int
    client_id: int
    account: str
    live: bool
    connect_seconds: float
    timeout_seconds: float
    answer_seconds: float
    retry_seconds: float
    patience_seconds: float
    timezone: str

    def __str__(self) -> str:
        return f"TWS or IB Gateway at {self.host}:{self.port}"


class Line:
    """One connection at a time, made when somebody asks for something.

    Attributes
    ----------
    lost : str
        Why TWS itself is cut off from Interactive Brokers; empty when it is not.
    barred : str
        Why this line must never be used again in this process; empty when it may.
    complete : bool
        Whether everything was read back since the line was made or came back.
    epoch : int
        Counts connections, so that who waits can tell that his is gone.
    """

    def __init__(self, place: Place, facts: Facts, sent: Sent, clock: Clock) -> None:
        self.place = place
        self.facts = facts
        self.sent = sent
        self.clock = clock
        self.lost = ""
        self.barred = ""
        self.complete = False
        self.epoch = 0
        self.crowded = False
        self.alive_at: datetime | None = None
        self.lost_at = 0.0
        self._port = place.port
        self._ib: ib_async.IB | None = None
        self._heard: list[Said] = []
        self._failed_at: float | None = None
        self._why = ""

    @property
    def up(self) -> bool:
        """Whether a connection stands."""
        return self._ib is not None and self._ib.isConnected()

    @property
    def ib(self) -> "ib_async.IB":
        """The library's object for the connection that stands.

        Raises
        ------
        RetryError
            None stands.
        """
        if self._ib is None or not self._ib.isConnected():
            raise RetryError(f"there is no connection to {self.place}; it is made again with the next question")
        return self._ib

    async def connect(self) -> None:
        """Make the connection stand.

        Raises
        ------
        OperatorError
            Another account, paper for live, or a reset of the order ids: nothing is ever sent there.
        RetryError
            Nobody answers.
        """
        if self.barred:
            raise OperatorError(self.barred)
        if self.up:
            return
        self._pace()
        try:
            await self._dial()
        except (OSError, TimeoutError) as error:
            self._failed_at = self.clock.monotonic()
            self._why = self._sentence(error)
            self.drop()
            raise RetryError(self._why) from error
        self._failed_at = None
        self._check()
        self.alive_at = self.clock.now()

    async def ask(self, question: Callable[["ib_async.IB"], Awaitable[T]]) -> T:
        """Ask once and wait for the end of the answer.

        Raises
        ------
        RetryError
            No whole answer. The connection is dropped, so that a late rest cannot be taken for something else.
        """
        from ib_async.wrapper import RequestError  # noqa: PLC0415 - see the head of this file

        ib = self.ib
        heard, unreadable = len(self._heard), len(self.facts.unreadable)
        try:
            async with asyncio.timeout(self.place.timeout_seconds):
                answer = await question(ib)
        except RequestError as error:
            raise DeniedError(f"{self.place} answered {error.code}: {error.message}", int(error.code)) from error
        except (OSError, TimeoutError) as error:
            self.drop()
            raise RetryError(f"{self.place} did not answer completely; the connection is made anew") from error
        except asyncio.CancelledError:
            self.drop()  # whoever asked went away; the rest of the answer must not meet the next question
            raise
        self._complain(heard, unreadable)
        self.alive_at = self.clock.now()
        return answer

    def drop(self) -> None:
        """Let go of the connection at once, without waiting for anything to be written."""
        ib, self._ib = self._ib, None
        self.complete = False
        if ib is not None:
            tap.cut(ib)
        self.facts.wake_all()

    def next_id(self) -> int:
        """An order id above every id seen."""
        self.ib.client.updateReqId(self.sent.highest + 1)  # type: ignore[no-untyped-call]  # the library has no types there
        return int(self.ib.client.getReqId())

    async def _dial(self) -> None:
        from ib_async import IB, StartupFetch  # noqa: PLC0415 - see the head of this file

        ib = IB()
        ib.RaiseRequestErrors = True
        ib.RequestTimeout = self.place.timeout_seconds
        ib.TimezoneTWS = self.place.timezone
        self._heard.clear()
        self.lost, self.crowded = "", False
        tap.attach(ib, self.facts, tap.Ears(self._hear, self._gone, self._crowded, self._free, self._named))
        port, self._port = self._port, self.place.port
        dialing = asyncio.ensure_future(
            ib.connectAsync(
                self.place.host, port, self.place.client_id, timeout=self.place.connect_seconds,
                account=self.place.account, raiseSyncErrors=True, fetchFields=StartupFetch(0),
            )
        )  # fmt: skip
        try:
            async with asyncio.timeout(self.place.connect_seconds):
                await self._unless_hung_up(ib, dialing)
        except BaseException:
            dialing.cancel()
            tap.cut(ib)
            raise
        self._ib = ib
        self.epoch += 1

    async def _unless_hung_up(self, ib: "ib_async.IB", dialing: "asyncio.Future[ib_async.IB]") -> None:
        """Wait until the connection stands; the library would wait on for a greeting from a side that hung up."""
        hung_up = asyncio.Event()
        ib.client.conn.disconnected += lambda _: hung_up.set()
        ended = asyncio.ensure_future(hung_up.wait())
        try:
            either: set[asyncio.Future[Any]] = {dialing, ended}
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if not dialing.done():
                raise ConnectionResetError("it hung up")
            await dialing
        finally:
            ended.cancel()

    def _check(self) -> None:
        """Who is on the other side; whoever it is not is never spoken to again."""
        ib, place = self.ib, self.place
        managed = ib.client.getAccounts()
        paper = place.account.startswith("D")
        if place.account not in managed:
            self.barred = (
                f"broker.account: {place.account} is not among the accounts of this login ({', '.join(managed)}); "
                "log in with the right user or correct the number"
            )
        elif paper is place.live:
            kind, flag = ("a paper", "true") if paper else ("a live", "false")
            self.barred = f"broker.live: is {flag}, but {place.account} is {kind} account; correct one of the two"
        elif self.sent.seen >= ib.client._reqIdSeq:  # noqa: SLF001 - the next valid id, which has no public reader
            self.barred = (
                f"{place} counts orders of client {place.client_id} anew (its next id is {ib.client._reqIdSeq}, "  # noqa: SLF001
                f"{self.sent.seen} was used); choose another broker.client_id and start again"
            )
        if self.barred:
            self.drop()
            raise OperatorError(self.barred)

    def _pace(self) -> None:
        if self._failed_at is not None and self.clock.monotonic() - self._failed_at < self.place.retry_seconds:
            raise RetryError(self._why)

    def _sentence(self, error: Exception) -> str:
        if any(meaning(said.code) is Meaning.TAKEN for said in self._heard):
            return f"client id {self.place.client_id} is in use at {self.place}; stop the other program or choose another client_id"
        why = f"{self.place} does not answer ({type(error).__name__})"
        if self.alive_at is not None and windows.login_due(self.clock.now(), self.alive_at):
            return f"{why}; log in there with the second factor (the weekly login ends on Sunday 01:00) and enable the API port"
        return windows.resting(self.clock.now()) or f"{why}; see that it runs, is logged in and has its API port enabled"

    def _complain(self, heard: int, unreadable: int) -> None:
        """An answer during which something went wrong is no answer."""
        if len(self.facts.unreadable) > unreadable:
            self.drop()
            raise RetryError(f"{self.place} sent what cannot be read: {self.facts.unreadable[-1]}")
        for said in self._heard[heard:]:
            if meaning(said.code) not in _MARKET_DATA_ONLY:
                raise RetryError(f"{self.place} reported {said.code} while it answered: {said.text}")

    def _hear(self, number: int, said: Said) -> None:
        """A message: about one order, or about the line itself."""
        if number > 0:
            self.facts.error(self.place.client_id, number, said)
            return
        self._heard.append(said)
        kind = meaning(said.code)
        if kind is Meaning.LOST:
            self.lost, self.complete = f"TWS lost its connection to Interactive Brokers ({said.code})", False
            self.lost_at = self.clock.monotonic()
        elif kind in {Meaning.GAP, Meaning.KEPT}:
            self.lost, self.complete = "", False
        elif kind is Meaning.MOVED:
            self._port = int((_PORT.findall(said.text) or [self.place.port])[-1])
        LOG.log(logging.INFO if kind is Meaning.NEWS else logging.WARNING, "IB %s: %s", said.code, said.text)

    def _gone(self) -> None:
        self.complete = False
        self.facts.wake_all()

    def _crowded(self) -> None:
        self.crowded = True

    def _free(self) -> None:
        self.crowded = False

    def _named(self, client_id: int, order_id: int, perm_id: int) -> None:
        if client_id == self.place.client_id and order_id > 0:
            self.sent.acknowledge(order_id, perm_id)
