"""Settings of the engine: every field is a key under `engine:` in config.yaml."""

from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from itertools import pairwise
from typing import Annotated

from annotated_types import Ge, Gt, Le, MinLen


class Policy(StrEnum):
    """Who says yes: a person, or the policy itself."""

    ASK = "ask"
    AUTO = "auto"


class Pace(StrEnum):
    """How patiently an order walks from the fair mid to the price that the market takes."""

    FAST = "fast"
    NORMAL = "normal"
    PATIENT = "patient"


class Expression(StrEnum):
    """What an opening signal is bought with."""

    STOCK = "stock"
    OPTIONS = "options"
    OPTIONS_FIRST = "options first"


class Tiers(StrEnum):
    """When the tiers of approval hold: with two or more approvers, always, or never."""

    AUTO = "auto"
    ON = "on"
    OFF = "off"


@dataclass(frozen=True, slots=True)
class Tier:
    """Orders that can lose up to so many dollars need so many persons, and a second gesture with a button where `confirm`."""

    up_to: Annotated[Decimal, Gt(0)]
    persons: Annotated[int, Ge(1), Le(5)] = 1
    confirm: bool = False


@dataclass(frozen=True, slots=True)
class ApprovalSettings:
    """What a yes takes.

    Attributes
    ----------
    tiers : Tiers
        With `auto` a single approver decides everything alone, as nobody else could; two or more are asked by tier.
    steps : tuple of Tier
        Smallest first; an order that can lose more than the last one allows is refused.
    missed_seconds : float
        A reaction that was given while the desk was cut off for longer than this counts only after a click on the button.
    burst, burst_seconds, cool_down_seconds : int, float, float
        So many approvals of one person within so many seconds pause that person, and the status channel is told.
    newcomer_hours : float
        With real money, somebody who was added to the list counts only after so many hours.
    """

    tiers: Tiers = Tiers.AUTO
    steps: Annotated[tuple[Tier, ...], MinLen(1)] = (
        Tier(Decimal(250)),
        Tier(Decimal(2500), confirm=True),
        Tier(Decimal(10_000), persons=2),
    )
    missed_seconds: Annotated[float, Ge(0)] = 30.0
    burst: Annotated[int, Ge(2)] = 10
    burst_seconds: Annotated[float, Gt(0)] = 60.0
    cool_down_seconds: Annotated[float, Ge(0)] = 900.0
    newcomer_hours: Annotated[float, Ge(0)] = 24.0

    def __post_init__(self) -> None:
        limits = [step.up_to for step in self.steps]
        if any(low >= high for low, high in pairwise(limits)):
            raise ValueError("steps: their up_to must rise from step to step; put the smallest first")


@dataclass(frozen=True, slots=True)
class GateSettings:
    """Limits of the last point before the wire; they count envelopes, not their child orders.

    Attributes
    ----------
    per_minute, per_day, per_underlying : int
        Envelopes that open something: within any minute, in a session, and on one underlying in a session.
    again_seconds : float
        The same order may not be opened a second time within so many seconds.
    clock_warn, clock_limit : float
        Seconds by which the clock may be off before a word is said, and before nothing new is opened.
    time_server : str
        Who is asked for the time (SNTP); empty: nobody, then only jumps of the clock are noticed.
    power_tolerance : float
        Share by which the broker may tie up more than we count for the same order.
    """

    per_minute: Annotated[int, Ge(1)] = 60
    per_day: Annotated[int, Ge(1)] = 500
    per_underlying: Annotated[int, Ge(1)] = 20
    again_seconds: Annotated[float, Ge(0)] = 600.0
    clock_warn: Annotated[float, Gt(0)] = 0.25
    clock_limit: Annotated[float, Gt(0)] = 1.0
    time_server: str = ""
    power_tolerance: Annotated[float, Ge(0), Le(1)] = 0.05


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """How the desk decides, sizes, asks and sends.

    Attributes
    ----------
    account : str
        Name of the account that is traded.
    start_cash : Decimal
        Dollars that a paper account opens with.
    strict : bool
        A gate or rule whose input is missing blocks. False in replay alone, where it counts as "not evaluated".
    expression : Expression
        Stock; options alone (no contract qualifies: no order); or options first, and stock where no contract qualifies.
    entries, exits : Policy
        Ask a person, or wave through. `auto_below`: entries whose maximum loss is below so many dollars are waved through too.
    card_seconds : int
        Life of an approval card from the moment it stands in its channel.
    risk_per_trade : float
        Target maximum loss of one trade as a share of net liquidation (the rule `trade_risk` has the hard limit).
    gap_allowance : float
        Stock: the assumed loss is the stop distance times (1 + this), because stops gap.
    quote_seconds : float
        Oldest quote that may be used for sizing and sending.
    pace, exit_pace : Pace
        Schedule of the price walk of entries and exits: how many child orders, how far apart, how long each works (`walk`).
    walk : tuple of float
        A schedule of one's own instead: limit of each child order as a share of the way from the mid to the natural price, never
        below the floor of the band. Empty: that of `pace`.
    walk_seconds : float
        With `walk`: how long each child may work before it is cancelled for the next one.
    net_tick : Decimal
        Step of a spread's one net price: 0.01, or 0.05 where the exchange takes nothing finer.
    band, premium_band : float
        How far the price may move against us between card and order, as a share of the price: shares, and options (at least two
        price steps). Beyond it a new card is asked.
    lookup_seconds : tuple of float
        When an UNKNOWN order is looked up after its send; afterwards every 30 s.
    unknown_seconds : float
        Time budget of an UNKNOWN order before it is ESCALATED.
    max_cards : int
        Opening proposals per session; the best scores go first.
    charts : bool
        Put pictures on notes.
    approval : ApprovalSettings
        How many persons a yes takes, by what the order can lose.
    gate : GateSettings
        Limits of the last point before the wire.
    """

    account: str = "paper"
    start_cash: Annotated[Decimal, Gt(0)] = Decimal(100_000)
    strict: bool = True
    expression: Expression = Expression.OPTIONS_FIRST
    entries: Policy = Policy.ASK
    auto_below: Annotated[Decimal, Ge(0)] = Decimal(0)
    exits: Policy = Policy.AUTO
    card_seconds: Annotated[int, Ge(10), Le(86_400)] = 900
    risk_per_trade: Annotated[float, Gt(0), Le(0.1)] = 0.01
    gap_allowance: Annotated[float, Ge(0), Le(5)] = 0.25
    quote_seconds: Annotated[float, Gt(0)] = 15.0
    pace: Pace = Pace.NORMAL
    exit_pace: Pace = Pace.FAST
    walk: tuple[Annotated[float, Ge(0), Le(1)], ...] = ()
    walk_seconds: Annotated[float, Gt(0)] = 20.0
    net_tick: Annotated[Decimal, Ge(Decimal("0.01")), Le(Decimal("0.05"))] = Decimal("0.01")
    band: Annotated[float, Ge(0), Le(0.5)] = 0.01
    premium_band: Annotated[float, Ge(0), Le(0.5)] = 0.05
    lookup_seconds: tuple[float, ...] = (1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0, 90.0, 120.0)
    unknown_seconds: Annotated[float, Gt(0)] = 120.0
    max_cards: Annotated[int, Ge(1)] = 5
    charts: bool = True
    approval: ApprovalSettings = ApprovalSettings()
    gate: GateSettings = field(default_factory=GateSettings)
