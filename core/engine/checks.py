"""Checks of the gate: each measures one thing about an order that is about to leave and compares it with one limit. Pure.

All are made, in the order of `CHECKS`, whether an earlier one denies or not. What only guards against new risk (`duplicate` of what
left before, `rate`, `clock`, `buying_power`) never holds an exit up.
"""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from math import gcd

from core.engine import departures
from core.engine.departures import Departures
from core.engine.settings import GateSettings
from core.model.errors import BadDataError
from core.model.instruments import Leg, Stock
from core.model.orders import DOUBTFUL, Order
from core.model.proposals import ApprovedOrder, Decision, Proposal, Verdict
from core.model.signals import Intent
from core.ports.broker import Preview
from core.quant.payoff import max_loss

MOST_LEGS = 4


@dataclass(frozen=True, slots=True)
class Facts:
    """One order that is about to leave, and everything that it is held against.

    Attributes
    ----------
    modes : tuple of str
        "live" or "paper", as the settings, the broker and the journal say.
    stopped : str or None
        Why the kill level or the deadline forbids it.
    approved : Proposal or None
        What was approved, as it stands in the journal.
    others : tuple of Order
        Unfinished orders of other envelopes.
    left : Departures
        Envelopes that sent something in this session.
    claims : int
        Envelopes that were approved in this session.
    off : float
        Seconds by which the clock may be off.
    preview : Preview or None
        The broker's dry run.
    """

    request: ApprovedOrder
    account: str
    modes: tuple[str, ...]
    stopped: str | None
    approved: Proposal | None
    config_hash: str
    others: tuple[Order, ...]
    left: Departures
    claims: int
    off: float
    preview: Preview | None
    now: datetime
    limits: GateSettings

    @property
    def opens(self) -> bool:
        """Whether the order adds risk."""
        return self.request.envelope.intent is Intent.OPEN


def body(account: str, legs: Sequence[Leg], quantity: int, limit: Decimal, key: str) -> bytes:
    """The request in one spelling: the same order always gives the same bytes."""
    told = {
        "account": account,
        "key": key,
        "legs": [(leg.instrument.key, leg.side, leg.ratio) for leg in legs],
        "limit": str(limit.normalize()),
        "quantity": quantity,
        "type": "limit",
        "until": "day",
    }
    return json.dumps(told, sort_keys=True).encode()


def fingerprint(request: ApprovedOrder) -> str:
    """SHA-256 of the request as it leaves."""
    envelope = request.envelope
    return hashlib.sha256(body(envelope.account, envelope.legs, request.quantity, request.limit, request.key)).hexdigest()


def judge(facts: Facts) -> tuple[Verdict, ...]:
    """Make every check, in the fixed order."""
    return tuple(check(facts) for check in CHECKS)


def _verdict(rule: str, holds: object, measured: float | None, limit: float | None, told: tuple[str, str]) -> Verdict:
    unit, sentence = told
    return Verdict(rule, Decision.PASS if holds else Decision.BLOCK, measured, limit, unit, sentence)


def mode(facts: Facts) -> Verdict:
    """Settings, broker and journal agree on live or paper, and the order belongs to this account."""
    agree = len(set(facts.modes)) == 1
    mine = facts.request.envelope.account == facts.account
    settings, broker, journal = facts.modes
    told = f"The settings say {settings}, the broker says {broker}, the journal was begun as {journal}."
    if not agree:
        told = f"{told[:-1]}; correct the settings, or give real money a journal of its own."
    if not mine:
        told = f"The order belongs to account {facts.request.envelope.account}, this desk trades {facts.account}."
    return _verdict("mode", agree and mine, float(len(set(facts.modes))), 1.0, ("modes", told))


def kill(facts: Facts) -> Verdict:
    """The desk is not stopped, and nothing on the underlying is in doubt."""
    underlying = facts.request.envelope.legs[0].instrument.underlying
    doubtful = [order.key for order in facts.others if order.state in DOUBTFUL and _underlying(order) == underlying]
    told = "Nothing stops the order."
    if doubtful:
        told = f"{underlying} is locked: what became of order {doubtful[0]} is not known yet."
    if facts.stopped:
        told = f"{facts.stopped[:1].upper()}{facts.stopped[1:].rstrip('.')}."
    return _verdict("kill", not doubtful and not facts.stopped, float(len(doubtful)), 0.0, ("orders in doubt", told))


def digest(facts: Facts) -> Verdict:
    """The bytes that leave are those that follow from what was approved."""
    request, approved = facts.request, facts.approved
    if approved is None:
        return _verdict("digest", None, 0.0, 1.0, ("equal", f"Order {request.key} answers no stored approval."))
    envelope = request.envelope
    leaves = body(envelope.account, envelope.legs, request.quantity, request.limit, request.key)
    derived = body(approved.account, approved.legs, request.quantity, request.limit, f"qm1-{approved.id}-{request.number}")
    inside = request.quantity <= approved.quantity and request.limit.is_finite() and request.limit >= approved.floor
    same = leaves == derived and approved.digest == envelope.digest and inside
    told = "What leaves is what was approved." if same else f"Order {request.key} is not what was approved as {approved.id}."
    return _verdict("digest", same, float(same), 1.0, ("equal", told))


def duplicate(facts: Facts) -> Verdict:
    """The same order was not sent a short while ago and is not open."""
    envelope, again = facts.request.envelope, timedelta(seconds=facts.limits.again_seconds)
    alike = [
        one
        for one in facts.left.others(envelope.id)
        if facts.opens and (one.legs, one.quantity) == (envelope.legs, envelope.quantity) and facts.now - one.at < again
    ]
    working = [order for order in facts.others if order.legs == envelope.legs]
    count = len(alike) + len(working)
    told = f"The same order was sent {count} times already, within {again.total_seconds():.0f} s or still open."
    if not count:
        told = "No order like it is open or was sent a short while ago."
    return _verdict("duplicate", not count, float(count), 0.0, ("orders", told))


def rate(facts: Facts) -> Verdict:
    """Approvals that open something come no faster than people give them; every stretch is measured, the tightest is told."""
    others, limits, underlying = (
        facts.left.others(facts.request.envelope.id),
        facts.limits,
        facts.request.envelope.legs[0].instrument.underlying,
    )
    counts = (
        (departures.within(others, facts.now, departures.MINUTE), limits.per_minute, "in a minute"),
        (len(others), limits.per_day, "today"),
        (sum(one.underlying == underlying for one in others), limits.per_underlying, f"today on {underlying}"),
    )
    sent, limit, where = max(counts, key=lambda one: (one[0] + 1) / one[1])
    holds = not facts.opens or sent + 1 <= limit
    told = f"This would be opening order {sent + 1} {where}, at most {limit} are allowed."
    return _verdict("rate", holds, float(sent + 1), float(limit), ("opening orders", told))


def orders_vs_approvals(facts: Facts) -> Verdict:
    """No more envelopes leave than were approved."""
    sent = facts.left.total(facts.request.envelope.id)
    told = f"{sent} approvals have left today, {facts.claims} were given."
    return _verdict("orders_vs_approvals", sent <= facts.claims, float(sent), float(facts.claims), ("approvals", told))


def shape(facts: Facts) -> Verdict:
    """Whole units, one to four different legs in reduced ratios."""
    request, legs = facts.request, facts.request.envelope.legs
    sound = (
        1 <= request.quantity <= request.envelope.quantity
        and 1 <= len(legs) <= MOST_LEGS
        and all(leg.ratio >= 1 for leg in legs)
        and gcd(*(leg.ratio for leg in legs)) == 1
        and len({leg.instrument for leg in legs}) == len(legs)
    )
    told = f"{request.quantity} units of {len(legs)} legs."
    return _verdict("shape", sound, float(len(legs)), float(MOST_LEGS), ("legs", told if sound else f"Not a sound order: {told}"))


def order_type(facts: Facts) -> Verdict:
    """A limit order for the day, at a price that can be written down."""
    limit, live = facts.request.limit, "live" in facts.modes
    sound = limit.is_finite() and not (live and limit == 0)
    told = f"A limit order for the day at {limit} net." if sound else f"A limit of {limit} cannot be sent."
    return _verdict("type", sound, float(limit), None, ("dollars per share", told))


def self_cross(facts: Facts) -> Verdict:
    """No order of ours waits on the other side of the same contract."""
    mine = {(leg.instrument, leg.side.opposite) for leg in facts.request.envelope.legs}
    crossing = [order.key for order in facts.others if mine & {(leg.instrument, leg.side) for leg in order.legs}]
    told = f"Order {crossing[0]} waits on the other side." if crossing else "No order of ours waits on the other side."
    return _verdict("self_cross", not crossing, float(len(crossing)), 0.0, ("orders", told))


def clock(facts: Facts) -> Verdict:
    """The clock is right enough to judge how old a quote is."""
    limit, warn = facts.limits.clock_limit, facts.limits.clock_warn
    told = f"The clock may be off by {facts.off:.2f} s, at most {limit:g} s are allowed."
    if warn < facts.off <= limit:
        told = f"The clock is off by {facts.off:.2f} s: look after the time service of this machine."
    return _verdict("clock", facts.off <= limit or not facts.opens, facts.off, limit, ("seconds", told))


def buying_power(facts: Facts) -> Verdict:
    """The broker ties up no more than we count for the order."""
    request, preview = facts.request, facts.preview
    if preview is None or not facts.opens or not request.limit.is_finite():
        return _verdict("buying_power", facts, None, None, ("$", "The order needs no comparison with the broker's dry run."))
    need = needed(request.envelope.legs, request.limit) * request.quantity
    allowed = need * (1 + Decimal(str(facts.limits.power_tolerance))) + max(preview.fees, Decimal(0)) + 1
    effect = preview.buying_power_effect
    told = f"The broker would tie up {effect:.2f} dollars for the order, by our count it is {need:.2f}."
    single = len(request.envelope.legs) == 1
    return _verdict("buying_power", effect <= allowed and not (single and effect < 0), float(effect), float(allowed), ("$", told))


def needed(legs: Sequence[Leg], limit: Decimal) -> Decimal:
    """Dollars that one unit ties up by our count: what it costs, or what it can lose when it brings a credit."""
    multiplier = max(leg.instrument.multiplier for leg in legs)
    if limit < 0 or isinstance(legs[0].instrument, Stock):
        return max(-limit, Decimal(0)) * multiplier
    try:
        return max_loss(legs, limit)
    except BadDataError:
        return Decimal("Infinity")


def code(facts: Facts) -> Verdict:
    """What was approved was vetted under the settings that are in force."""
    same = facts.approved is not None and facts.approved.config_hash == facts.config_hash
    told = "The settings are those of the approval." if same else "The order was approved under other settings; ask for it anew."
    return _verdict("code", same, float(same), 1.0, ("equal", told))


def _underlying(order: Order) -> str:
    return order.legs[0].instrument.underlying


CHECKS: tuple[Callable[[Facts], Verdict], ...] = (
    mode, kill, digest, duplicate, rate, orders_vs_approvals, shape, order_type, buying_power, self_cross, clock, code,
)  # fmt: skip
