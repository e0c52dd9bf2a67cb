"""The paper broker: the `Broker` port over a separate, honest ledger that fills against quotes.

`ledger` is the account (a fold of the records in its own file), `matching` the fill model, `margin` the buying power, `movements`
splits to expiries; `adapter` is the port, `remote` and `server` put the same ledger into another process. Imported by the
composition roots; imports `core.model`, `core.ports` and `core.quant`. Another kind of movement is one more function in
`movements`.
"""

from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import ClassVar

from brokers.paper.adapter import Direct, Line, PaperBroker, Surroundings
from brokers.paper.ledger import Ledger, Terms
from brokers.paper.matching import FillModel
from brokers.paper.records import Delisting, Dividend, Split
from brokers.paper.remote import RemoteLine
from core.quant.fees import FeeSchedule

__all__ = ["Delisting", "Dividend", "FillModel", "PaperBroker", "PaperSettings", "Split", "Surroundings"]


@dataclass(frozen=True, slots=True)
class PaperSettings:
    """How the paper broker fills and what it charges.

    Attributes
    ----------
    fills : FillModel
    fees : FeeSchedule
    address : str
        ``host:port`` of a ledger in its own process (``python -m brokers.paper``); empty: the ledger lives in this process.
    """

    name: ClassVar[str] = "paper"
    fills: FillModel = field(default_factory=FillModel)
    fees: FeeSchedule = field(default_factory=FeeSchedule)
    address: str = ""

    async def open(self, account: str, start_cash: Decimal, ledger: Path | None, around: Surroundings) -> PaperBroker:
        """Open the account: from its file, with the start cash when it is new; `ledger` None keeps it in memory only.

        Raises
        ------
        OperatorError
            The file or the address cannot be used.
        """
        line: Line
        if self.address:
            line = RemoteLine.to(self.address)
        else:
            line = Direct(Ledger.open(Terms(account, start_cash, self.fills, self.fees), ledger, around.clock.now()))
        return PaperBroker(line, around)
