"""Interactive Brokers: the `Broker` port over TWS or IB Gateway.

`line` is the connection, `tap` and `facts` what was heard on it, `asking` and `sending` the questions and the orders, `reporting`
our words for IB's, `sent` the file of used order ids, `codes` the table of messages, `windows` the times of rest, `names`,
`contracts` and `orders` the two spellings of things. Imported by the composition roots; imports `core.model` and `core.ports`. The
library `ib_async` is imported with the first connection. Another message code is one more entry in `codes`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import ClassVar

from brokers.ibkr.adapter import Health, IbkrBroker
from brokers.ibkr.facts import Facts
from brokers.ibkr.line import Line, Place
from brokers.ibkr.reporting import Telling
from brokers.ibkr.sent import Sent
from core.model.errors import OperatorError, RetryError
from core.ports.broker import Opening

__all__ = ["Health", "IbkrBroker", "IbkrSettings"]


@dataclass(frozen=True, slots=True)
class IbkrSettings:
    """Where TWS or IB Gateway listens, and which of its accounts is traded.

    Attributes
    ----------
    host, port : str, int
        TWS: 7496 live, 7497 paper; IB Gateway: 4001 live, 4002 paper.
    client_id : int
        Of this desk alone and the same for ever: only it can cancel its orders. 0 also takes over orders placed by hand.
    account : str
        Account number; paper accounts begin with D.
    sent : str
        Folder for the file of used order ids.
    timeout_seconds : float
        For each question.
    retry_seconds : float
        Between two attempts to connect.
    patience_seconds : float
        TWS may be cut off from IB for so long before the connection to TWS is made anew.
    timezone : str
        Of times that TWS sends without one.
    """

    name: ClassVar[str] = "ibkr"
    trades_live: ClassVar[bool] = True
    secrets: ClassVar[Mapping[str, str]] = MappingProxyType({})
    host: str = "127.0.0.1"
    port: int = 7497
    client_id: int = 21
    account: str = ""
    sent: str = "var/ibkr"
    timeout_seconds: float = 5.0
    retry_seconds: float = 5.0
    patience_seconds: float = 60.0
    timezone: str = "US/Eastern"

    async def open(self, opening: Opening) -> IbkrBroker:
        """Connect, prove account and mode, and read everything back.

        Raises
        ------
        OperatorError
            Nobody answers, it is another account, or paper and live are mixed up.
        """
        if not self.account:
            raise OperatorError(
                "broker.account: is empty; set it to the account number that TWS shows (paper accounts begin with D)"
            )
        path = Path(self.sent) / f"{self.account}-{self.client_id}.jsonl" if self.sent else None
        sent = Sent.open(path)
        place = Place(
            self.host, self.port, self.client_id, self.account, opening.live, self.timeout_seconds, self.retry_seconds,
            self.patience_seconds, self.timezone,
        )  # fmt: skip

        def ref_of(client_id: int, order_id: int) -> str:
            return sent.keys.get(order_id, "") if client_id == self.client_id else ""

        facts = Facts(self.account, opening.clock.now, ref_of)
        broker = IbkrBroker(Line(place, facts, sent, opening.clock), Telling(facts, sent, opening.account))
        try:
            await broker.open()
        except RetryError as error:
            await broker.close()
            raise OperatorError(str(error)) from error
        return broker
