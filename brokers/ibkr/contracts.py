"""Contracts, asked for once a day each: what IB calls the thing that we mean, proved to be the same to the last field."""

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

from brokers.ibkr.line import DeniedError, Line
from brokers.ibkr.names import agrees, asked
from core.model.errors import RefusedError
from core.model.instruments import Instrument

if TYPE_CHECKING:
    import ib_async

_NO_SUCH = 200


@dataclass(frozen=True, slots=True)
class Qualified:
    """A contract that IB knows; `tick` is its smallest price step in dollars per share."""

    thing: Instrument
    contract: "ib_async.Contract"
    tick: Decimal

    @property
    def con_id(self) -> int:
        """IB's number for the contract."""
        return int(self.contract.conId)


@dataclass(slots=True)
class Contracts:
    """The cache of one line; corporate actions give new numbers, so nothing is kept over the day."""

    line: Line
    day: date | None = None
    known: dict[str, Qualified] = field(default_factory=dict)

    async def qualify(self, thing: Instrument) -> Qualified:
        """Give the contract of an instrument.

        Raises
        ------
        RefusedError
            IB knows none, or several, or one that is not what we mean.
        RetryError
            IB did not answer.
        """
        today = self.line.clock.now().date()
        if self.day != today:
            self.day, self.known = today, {}
        if thing.key not in self.known:
            self.known[thing.key] = await self._ask(thing)
        return self.known[thing.key]

    async def _ask(self, thing: Instrument) -> Qualified:
        nothing = RefusedError(f"Interactive Brokers knows no single US contract for {thing.key.strip()}; nothing was sent")
        wanted = asked(thing)
        try:
            found = await self.line.ask(lambda ib: ib.reqContractDetailsAsync(wanted))
        except DeniedError as error:
            if error.code == _NO_SUCH:
                raise nothing from error
            raise
        same = {one.contract.conId: one for one in found if one.contract is not None and agrees(thing, one.contract)}
        if len(same) != 1:
            raise nothing
        (details,) = same.values()
        assert details.contract is not None
        details.contract.exchange = "SMART"
        return Qualified(thing, details.contract, Decimal(str(details.minTick)))
