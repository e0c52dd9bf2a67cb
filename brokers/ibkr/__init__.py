"""Interactive Brokers: the `Broker` port over TWS or IB Gateway.

`line` is the connection, `tap` and `facts` what was heard on it, `asking` and `sending` the questions and the orders, `reporting`
our words for IB's, `sent` the file of used order ids, `codes` the table of messages, `windows` the times of rest, `names`,
`contracts` and `orders` the two spellings of things, `statements` and `flex` the movements that TWS does not tell, `check` what
the doctor says. Imported by the composition roots; imports `core.model` and `core.ports`. The library `ib_async` is imported with
the first connection. Another message code is one more entry in `codes`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import ClassVar

from brokers.ibkr.adapter import Health, IbkrBroker
from brokers.ibkr.facts import Facts
from brokers.ibkr.flex import Names
from brokers.ibkr.line import Line, Place
from brokers.ibkr.reporting import Telling
from brokers.ibkr.sent import Sent
from brokers.ibkr.statements import Source, Statements
from core.model.errors import OperatorError, RetryError
from core.ports.broker import Opening

__all__ = ["Health", "IbkrBroker", "IbkrSettings"]

FLEX_TOKEN = "IBKR_FLEX_TOKEN"  # noqa: S105 - the name of a variable


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
    connect_seconds : float
        For the connection to stand.
    timeout_seconds : float
        For each question.
    answer_seconds : float
        For what IB says by itself to an order or a cancel; then we look.
    retry_seconds : float
        Between two attempts to connect.
    patience_seconds : float
        TWS may be cut off from IB for so long before the connection to TWS is made anew.
    timezone : str
        Of times that TWS sends without one.
    flex_query : str
        Number of a Flex query over this account with the sections Option Exercises, Assignments and Expirations, Cash
        Transactions and Corporate Actions of the last 30 days; empty: movements that are no fill are not read.
    flex_token_file : pathlib.Path or None
        File that holds the token of the Flex web service, when ``IBKR_FLEX_TOKEN`` does not.
    flex_url : str
    flex_minutes : float
        A statement is asked for so often; IB makes a new one once a day.
    flex_hours : float
        When none can be had, an older one counts for so long.
    """

    name: ClassVar[str] = "ibkr"
    trades_live: ClassVar[bool] = True
    host: str = "127.0.0.1"
    port: int = 7497
    client_id: int = 21
    account: str = ""
    sent: str = "var/ibkr"
    connect_seconds: float = 5.0
    timeout_seconds: float = 8.0
    answer_seconds: float = 3.0
    retry_seconds: float = 5.0
    patience_seconds: float = 60.0
    timezone: str = "US/Eastern"
    flex_query: str = ""
    flex_token_file: Path | None = None
    flex_url: str = "https://ndcdyn.interactivebrokers.com/AccountManagement/FlexWebService"
    flex_minutes: float = 60.0
    flex_hours: float = 26.0

    @property
    def secrets(self) -> Mapping[str, str]:
        """The one secret, needed for Flex statements alone; TWS itself holds the login."""
        return {FLEX_TOKEN: "flex_token_file"} if self.flex_query else {}

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
            self.host, self.port, self.client_id, self.account, opening.live, self.connect_seconds, self.timeout_seconds,
            self.answer_seconds, self.retry_seconds, self.patience_seconds, self.timezone,
        )  # fmt: skip

        def ref_of(client_id: int, order_id: int, perm_id: int) -> str:
            return sent.key_of(order_id if client_id == self.client_id else 0, perm_id)

        facts = Facts(self.account, opening.clock.now, ref_of)
        line = Line(place, facts, sent, opening.clock)
        broker = IbkrBroker(line, Telling(facts, sent, opening.account), self._statements(opening))
        try:
            await broker.open()
        except RetryError as error:
            await broker.close()
            raise OperatorError(str(error)) from error
        return broker

    def _statements(self, opening: Opening) -> Statements | None:
        if not self.flex_query:
            return None
        if FLEX_TOKEN not in opening.secrets:
            raise OperatorError(f"{FLEX_TOKEN}: is missing; set it in the environment, or leave broker.flex_query empty")
        refresh, oldest = timedelta(minutes=self.flex_minutes), timedelta(hours=self.flex_hours)
        source = Source(self.flex_url, self.flex_query, opening.secrets[FLEX_TOKEN], refresh, oldest)
        return Statements(source, Names(self.account, opening.account), opening.clock)
