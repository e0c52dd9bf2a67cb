"""The account streamer: it says that something changed, and the desk asks what. A message is a hint, what is read is the truth.

The SDK neither reconnects nor notices a peer that is gone: every few seconds a heartbeat must be answered, and every new
connection begins with the hint to read everything anew.
"""

import asyncio
import logging
from enum import StrEnum

from tastytrade import Account, AlertStreamer
from tastytrade.account import AccountBalance, CurrentPosition
from tastytrade.order import PlacedOrder
from tastytrade.streamer import AlertType, SubscriptionType

from brokers.tastytrade.line import Line

LOG = logging.getLogger(__name__)
HEARTBEAT_SECONDS, PATIENCE_SECONDS = 10.0, 10.0
BACKOFF_SECONDS = (1.0, 2.0, 4.0, 8.0, 16.0, 30.0)


class Hint(StrEnum):
    """What may have changed; RESYNC: everything, because the stream was not there."""

    ORDER = "order"
    POSITION = "position"
    BALANCE = "balance"
    RESYNC = "resync"


class AccountStream:
    """Hints about one account. `run` is a task that never ends by itself."""

    def __init__(
        self, line: Line, number: str, *, heartbeat: float = HEARTBEAT_SECONDS, patience: float = PATIENCE_SECONDS
    ) -> None:
        self._line = line
        self._account = Account.model_construct(account_number=number)
        self._heartbeat, self._patience = heartbeat, patience
        self._hints: set[Hint] = set()
        self._waiting = asyncio.Event()
        self._failures = 0
        self.connected = False

    async def hints(self) -> frozenset[Hint]:
        """Wait until something may have changed; give everything since the last call."""
        await self._waiting.wait()
        self._waiting.clear()
        found, self._hints = frozenset(self._hints), set()
        return found

    async def run(self) -> None:
        """Listen for ever; after every break connect again, later each time."""
        while True:
            try:
                await self._listen()
            except Exception as error:  # noqa: BLE001 - the SDK raises groups of anything; each means that the stream is gone
                LOG.warning("The account stream broke (%s); connecting again", _cause(error))
            finally:
                self.connected = False
            await self._line.clock.sleep(BACKOFF_SECONDS[min(self._failures, len(BACKOFF_SECONDS) - 1)])
            self._failures += 1

    async def _listen(self) -> None:
        async with asyncio.timeout(self._patience) as limit:
            await self._line.token()
            streamer = AlertStreamer(self._line.session)
            if self._line.place.loopback:
                streamer.base_url = f"{self._line.place.loopback.replace('http', 'ws', 1)}/streamer"
            async with streamer, asyncio.TaskGroup() as group:
                await streamer.subscribe_accounts([self._account])
                limit.reschedule(None)
                self.connected = True
                self._tell(Hint.RESYNC)
                group.create_task(self._follow(streamer, PlacedOrder, Hint.ORDER))
                group.create_task(self._follow(streamer, CurrentPosition, Hint.POSITION))
                group.create_task(self._follow(streamer, AccountBalance, Hint.BALANCE))
                group.create_task(self._beat(streamer))

    async def _follow(self, streamer: AlertStreamer, kind: type[AlertType], hint: Hint) -> None:
        async for _ in streamer.listen(kind):
            self._tell(hint)

    async def _beat(self, streamer: AlertStreamer) -> None:
        """A heartbeat that is not answered in time means that nobody is there."""
        while True:
            await self._line.clock.sleep(self._heartbeat)
            async with asyncio.timeout(self._patience):
                await self._line.token()
                await streamer._subscribe(SubscriptionType.HEARTBEAT)  # noqa: SLF001 - the SDK has no public heartbeat
            self._failures = 0

    def _tell(self, hint: Hint) -> None:
        self._hints.add(hint)
        self._waiting.set()


def _cause(error: BaseException) -> str:
    """Name the first plain error inside a group, without what it carries: messages of the stream hold tokens."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return type(error).__name__
