"""Sized, checked, priced: the proposal, the verdicts on it, the approval of it and the envelope that it grants.

Net prices are per share of one order unit, credit positive and debit negative: a stock bought at 100 has a net of -100,
sold at 100 a net of +100. So a higher net is always better for us and a fill is within its limit when `net >= limit`.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from core.model.instruments import Leg
from core.model.signals import Intent, Signal


class Decision(StrEnum):
    """What a risk rule says. ABSENT: its input does not exist in this run (replay only; live blocks)."""

    PASS = "pass"
    TRIM = "trim"
    BLOCK = "block"
    ABSENT = "not evaluated"


@dataclass(frozen=True, slots=True)
class Verdict:
    """One rule's answer: what was measured, what the limit is, why; `quantity` is the largest size that a TRIM allows."""

    rule: str
    decision: Decision
    measured: float | None
    limit: float | None
    unit: str
    reason: str
    quantity: int | None = None


class ProposalState(StrEnum):
    """Life of a proposal (`CLAIMED` and `CLOSED` mean that an envelope was granted)."""

    DRAFT = "draft"
    POSTING = "posting"
    OPEN = "open"
    CLAIMED = "claimed"
    CLOSED = "closed"
    BLOCKED = "blocked"
    VETOED = "vetoed"
    EXPIRED = "expired"
    STALE = "stale"
    WITHDRAWN = "withdrawn"
    VOID = "void"
    KILLED = "killed"
    SUPERSEDED = "superseded"
    GATE_DENIED = "gate denied"


#: States in which a person can still decide.
PENDING = frozenset({ProposalState.DRAFT, ProposalState.POSTING, ProposalState.OPEN})


@dataclass(frozen=True, slots=True)
class LegQuote:
    """The quote of one leg that a price was made from."""

    key: str
    bid: Decimal
    ask: Decimal
    as_of: datetime
    modelled: bool


def share_out(multiples: Sequence[float], units: int) -> tuple[tuple[float, int], ...]:
    """Spread whole units over the ladder: equal shares, what is left over one each from the lowest level up.

    The shares sum to `units` for every number of units. With fewer units than levels the lowest levels get one each and the
    upper ones none, so a single contract leaves whole at the first level.
    """
    share, left = divmod(units, len(multiples)) if multiples else (0, 0)
    return tuple((multiple, share + (place < left)) for place, multiple in enumerate(multiples))


@dataclass(frozen=True, slots=True)
class Plan:
    """How the position is to be managed; travels from the proposal into the position.

    Attributes
    ----------
    stop : Decimal
        Price of the underlying; the stop never loosens.
    ladder : tuple of Rung-like pairs
        (multiple, units) as planned at entry, lowest first; `Position.fired` tells which have fired.
    max_sessions : int
        Close after so many sessions.
    exit_days_to_expiry : int or None
        Options: close at so many calendar days before expiry.
    premium_stop : float or None
        Long premium: close when this share of it is lost.
    """

    stop: Decimal
    ladder: tuple[tuple[float, int], ...]
    max_sessions: int
    exit_days_to_expiry: int | None = None
    premium_stop: float | None = None


@dataclass(frozen=True, slots=True)
class Proposal:
    """One order to be decided: what, how much, at what net price, what it can lose, and what every rule said.

    Attributes
    ----------
    limit, floor : Decimal
        Net price per share aimed at, and the worst that the approval allows (`floor <= limit`).
    max_loss : Decimal
        Positive dollars for the whole quantity, fees included: structural for options, stop distance plus gap allowance for stock.
    fees : Decimal
        Estimated opening and closing fees in dollars.
    value : Decimal
        Market value in dollars that the position adds to its symbol (stock), or its maximum loss (options).
    attempt : int
        1, or higher when a TRIM or drift at the claim made a new card.
    expires_at : datetime
        Provisional until the card stands in its channel; then the time to live starts anew.
    """

    id: str
    signal: Signal
    account: str
    legs: tuple[Leg, ...]
    quantity: int
    limit: Decimal
    floor: Decimal
    tick: Decimal
    max_loss: Decimal
    fees: Decimal
    value: Decimal
    quotes: tuple[LegQuote, ...]
    spot: Decimal
    created_at: datetime
    ttl_seconds: int
    structure: str = "stock"
    modelled: bool = False
    plan: Plan | None = None
    verdicts: tuple[Verdict, ...] = ()
    remarks: tuple[str, ...] = ()
    attempt: int = 1
    sector: str | None = None
    config_hash: str = ""

    @property
    def digest(self) -> str:
        """SHA-256 of what an approval binds: account, legs, quantity, price band, and the signal it answers."""
        body = {
            "id": self.id,
            "signal": self.signal.id,
            "account": self.account,
            "legs": [(leg.instrument.key, leg.side, leg.ratio) for leg in self.legs],
            "quantity": self.quantity,
            "limit": str(self.limit),
            "floor": str(self.floor),
            "max_loss": str(self.max_loss),
            "plan": {part.name: getattr(self.plan, part.name) for part in fields(self.plan)} if self.plan else None,
            "config": self.config_hash,
        }
        return hashlib.sha256(json.dumps(body, sort_keys=True, default=str).encode()).hexdigest()

    @property
    def intent(self) -> Intent:
        """Open or close."""
        return self.signal.intent

    @property
    def cash_need(self) -> Decimal:
        """Dollars that the whole quantity costs at the floor of its band; 0 when it brings cash."""
        return max(-self.floor, Decimal(0)) * self.quantity * self.legs[0].instrument.multiplier

    @property
    def blocked(self) -> bool:
        """Whether any rule blocks."""
        return any(verdict.decision is Decision.BLOCK for verdict in self.verdicts)

    @property
    def first_expiry(self) -> date | None:
        """Earliest expiry of its option legs; None for stock."""
        expiries = [expiry for leg in self.legs if (expiry := getattr(leg.instrument, "expiry", None)) is not None]
        return min(expiries, default=None)


@dataclass(frozen=True, slots=True)
class Vote:
    """One observed change of one person's reaction or button on one proposal; append-only."""

    proposal_id: str
    voter: str
    approve: bool
    present: bool
    allowed: bool
    source: str
    at: datetime
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was read afresh on Discord for a claim: who stands for and against it now, and whether the card is untouched.

    Attributes
    ----------
    approvers, vetoers : tuple of str
        Persons (not accounts) whose reaction or button stands *and* who are allowed right now (id and role fetched).
    intact : bool
        The card still exists, is ours, and shows what was proposed; `reason` says what is wrong otherwise.
    unread : tuple of str
        Persons whose yes stands but whose standing could not be read, so that it does not count this time.
    """

    approvers: tuple[str, ...]
    vetoers: tuple[str, ...]
    intact: bool
    read_at: datetime
    reason: str = ""
    unread: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Approval:
    """A yes: which proposal, which exact content, who (persons, or the policy), when, and how old the evidence is.

    Attributes
    ----------
    needed : int
        How many different persons it takes; the claim counts them again.
    """

    proposal_id: str
    digest: str
    by: tuple[str, ...]
    policy: bool
    at: datetime
    evidence_at: datetime
    needed: int = 1


@dataclass(frozen=True, slots=True)
class Envelope:
    """What an approval grants: legs, total quantity, price band and deadline. Nothing outside it may be sent."""

    id: str
    proposal_id: str
    signal_id: str
    digest: str
    account: str
    legs: tuple[Leg, ...]
    quantity: int
    limit: Decimal
    floor: Decimal
    tick: Decimal
    intent: Intent
    position_id: str
    reserved: Decimal
    approved_by: tuple[str, ...]
    approved_at: datetime
    deadline: datetime


@dataclass(frozen=True, slots=True)
class ApprovedOrder:
    """One child order inside an envelope: the only thing that `Broker.submit` takes. Made by `core.engine.approve` alone."""

    envelope: Envelope
    number: int
    quantity: int
    limit: Decimal

    @property
    def key(self) -> str:
        """Idempotency key: envelope and number; carried by the broker's order so that it can be looked up."""
        return f"qm1-{self.envelope.id}-{self.number}"
