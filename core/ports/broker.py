"""Orders out. Each read returns its whole answer or raises: a failed query is never an empty answer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Protocol, runtime_checkable

from core.model.instruments import Leg, Option, Right, Side, Stock
from core.model.orders import Fill, Report, Transaction
from core.model.proposals import ApprovedOrder
from core.model.secrets import Secret
from core.ports.clock import Clock


@dataclass(frozen=True, slots=True)
class Opening:
    """What the settings of a broker outside of this machine are opened with: ``await settings.open(opening)``.

    Attributes
    ----------
    account : str
        The account's name in our books; every fill and transaction carries it.
    live : bool
        Real money; otherwise the broker's paper or sandbox side.
    clock : Clock
    secrets : mapping of str to Secret
        By environment variable, those that the settings name in their class attribute `secrets`.
    """

    account: str
    live: bool
    clock: Clock
    secrets: Mapping[str, Secret]


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a broker can take of an account: `most_legs` in one order, all of them or none.

    `ratios`: legs of different sizes, `with_stock`: shares beside options. `option_level`: what the account may open with options,
    0 nothing, 1 what cash or shares cover, 2 what is bought, 3 spreads, 4 anything; None: not said.
    `protective_orders`: it holds a stop of ours for each position, which protects it while the desk is dead.
    """

    name: str
    live: bool
    stock: bool = True
    options: bool = True
    multi_leg: bool = True
    most_legs: int = 4
    ratios: bool = True
    with_stock: bool = True
    option_level: int | None = None
    protective_orders: bool = False

    def objection(self, legs: Sequence[Leg]) -> str | None:
        """Why the legs cannot be one order here, in one sentence; None: they can. They are never sent one by one instead."""
        options = sum(isinstance(leg.instrument, Option) for leg in legs)
        most = self.most_legs if self.multi_leg else 1
        checks = {
            f"this account at {self.name} may not trade options": self.options or not options,
            f"this account at {self.name} may not trade shares": self.stock or options == len(legs),
            f"{self.name} takes {most} leg(s) in one order, this one has {len(legs)}": len(legs) <= most,
            f"{self.name} takes no shares and options in one order": self.with_stock or options in (0, len(legs)),
            f"{self.name} takes no legs of different sizes in one order": self.ratios or len({leg.ratio for leg in legs}) == 1,
        }
        return next((sentence for sentence, holds in checks.items() if not holds), None)

    def beyond_level(self, legs: Sequence[Leg]) -> str | None:
        """Why the account may not open these options, in one sentence; None: it may, or has not said what it may."""
        if self.option_level is None:
            return None
        level, what = level_of(legs)
        if level <= self.option_level:
            return None
        return f"opening {what} takes option level {level}, this account at {self.name} has {self.option_level}"


def level_of(legs: Sequence[Leg]) -> tuple[int, str]:
    """Option level that opening the legs takes, and what they are."""
    options = [(leg, leg.instrument) for leg in legs if isinstance(leg.instrument, Option)]
    sold = [thing for leg, thing in options if leg.side is Side.SELL]
    if not options:
        return 0, "shares"
    if not sold:
        return 2, "what is bought"
    for thing in sold:
        alike = [leg for leg in legs if isinstance(leg.instrument, Stock) or leg.instrument.right is thing.right]
        net = sum(leg.side.sign * leg.ratio * leg.instrument.multiplier for leg in alike)
        if net < 0 and thing.right is Right.CALL:
            return 4, "calls that nothing covers"
    if len(options) > 1:
        return 3, "a spread"
    return 1, "a covered option"


@dataclass(frozen=True, slots=True)
class Account:
    """Balances as the broker reports them, in dollars; None where it reports none (see `core.model.standing.Standing`)."""

    account: str
    cash: Decimal
    buying_power: Decimal
    as_of: datetime
    day_trades_left: int | None = None
    intraday_excess: Decimal | None = None
    settled_cash: Decimal | None = None
    closing_only: str = ""


@dataclass(frozen=True, slots=True)
class Preview:
    """Dry run of an order: fees and buying-power effect in dollars (positive costs us)."""

    accepted: bool
    reason: str
    fees: Decimal
    buying_power_effect: Decimal


@runtime_checkable
class Renewable(Protocol):
    """A broker whose session remembers anything between two questions also offers this."""

    async def renew(self) -> None:
        """Begin a fresh session: what the old one remembered answers nothing any more.

        Raises
        ------
        RetryError
            There is no fresh session yet.
        """
        ...


class Examined(Protocol):
    """What a broker outside of this machine says about the account; sentences for the doctor."""

    @property
    def findings(self) -> tuple[str, ...]:
        """Connection, account, permissions, mode."""
        ...

    @property
    def remarks(self) -> tuple[str, ...]:
        """What deserves attention, such as a margin call."""
        ...


@runtime_checkable
class Examinable(Protocol):
    """A broker that can be asked about the account itself."""

    async def check(self) -> Examined:
        """Look at connection, account, permissions and mode once more."""
        ...


class Broker(Protocol):
    """One account at one broker."""

    @property
    def capabilities(self) -> Capabilities:
        """What it can take."""
        ...

    async def account(self) -> Account:
        """Balances now."""
        ...

    async def positions(self) -> Mapping[str, int]:
        """Signed quantity by instrument key; zero quantities are left out."""
        ...

    async def preview(self, order: ApprovedOrder) -> Preview:
        """Dry run; nothing is sent to a market."""
        ...

    async def submit(self, order: ApprovedOrder) -> Report:
        """Send once.

        Raises
        ------
        RefusedError
            The broker proved that it did not take the order.
        OutcomeUnknownError
            It may have taken it. Look it up with `find`; never send it again.
        """
        ...

    async def cancel(self, key: str) -> Report:
        """Ask to cancel; the report says where the order stands, which may be "filled".

        Raises
        ------
        OutcomeUnknownError
            The request may have had its effect.
        """
        ...

    async def find(self, key: str) -> Report | None:
        """Look an order up by our key with its status and all its fills; None: a complete look did not find it.

        Raises
        ------
        RetryError
            The look was not complete, which says nothing.
        """
        ...

    async def open_orders(self) -> tuple[Report, ...]:
        """Every order that can still fill, ours or not."""
        ...

    async def reports(self, since: datetime) -> tuple[Report, ...]:
        """Every order touched since then, with all its fills."""
        ...

    async def fills(self, since: datetime) -> tuple[Fill, ...]:
        """Every execution since then, ours or not."""
        ...

    async def transactions(self, since: datetime) -> tuple[Transaction, ...]:
        """Every movement since then that is no fill."""
        ...
