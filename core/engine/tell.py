"""Tell: notes on events, as pure functions of the nouns. The journal writes each note in the transaction of its fact."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from core.charts.build import candle_chart, payoff_chart
from core.model.instruments import Instrument, Option, instrument
from core.model.market import MarketView
from core.model.money import ZERO, cents
from core.model.notes import Note, NoteField, Tone, Topic
from core.model.orders import Fill, Movement, Order, Transaction
from core.model.positions import Position
from core.model.proposals import Decision, Envelope, Proposal, ProposalState
from core.model.signals import Intent, Levels, Signal

#: Said wherever a stop is shown that only the running desk acts on.
UNPROTECTED = "no stop at the broker"
_MARKS = {Decision.PASS: "✓", Decision.TRIM: "↓", Decision.BLOCK: "✗", Decision.ABSENT: "n/a"}


def money(amount: Decimal | None) -> str:
    """Dollars with sign, thousands and cents; "n/a" when unknown."""
    if amount is None:
        return "n/a"
    return f"{'-' if amount < 0 else ''}${abs(cents(amount)):,.2f}"


def per_share(amount: Decimal) -> str:
    """A price per share: cents, or four places below one dollar."""
    whole_cents = amount == cents(amount)
    return f"{amount:,.2f}" if abs(amount) >= 1 or whole_cents else f"{amount:,.4f}"


def price_text(limit: Decimal, floor: Decimal) -> str:
    """A net price and the worst that is allowed, in words: what we pay, or what we receive."""
    if limit < 0:
        return f"pay {per_share(-limit)}, at most {per_share(-floor)}"
    return f"receive {per_share(limit)}, at least {per_share(floor)}"


def order_text(proposal: Proposal) -> str:
    """The order in words: every leg with its whole quantity."""
    return "\n".join(
        f"{leg.side.upper()} {leg.ratio * proposal.quantity} × {instrument_text(leg.instrument)}" for leg in proposal.legs
    )


def instrument_text(thing: Instrument) -> str:
    """An instrument as people write it."""
    return str(thing) if isinstance(thing, Option) else thing.symbol


def signal_note(signal: Signal, view: MarketView, *, charts: bool) -> Note:
    """An opening signal with its levels and the numbers behind it."""
    levels = signal.levels
    fields = [NoteField("Price", per_share(signal.price))]
    if levels is not None:
        fields.append(NoteField("Stop", f"{per_share(levels.stop)} ({_percent(levels.stop, levels.entry)})"))
    if signal.score is not None:
        fields.append(NoteField("Score", f"{signal.score:.0f} of 100, a rank"))
    if levels is not None:
        fields.append(NoteField("Ladder (ATR above SMA50)", _ladder(levels), inline=False))
    return Note(
        id=f"signal-{signal.id}",
        topic=Topic.SIGNALS,
        title=f"{signal.symbol}: {strategy_name(signal.strategy)} set-up",
        body=signal.reason,
        at=signal.as_of,
        tone=Tone.GOOD,
        fields=tuple(fields),
        footer=f"completed bar of {signal.session} · {view.source}",
        chart=candle_chart(view.symbol(signal.symbol), signal, view.source) if charts else None,
    )


def _ladder(levels: Levels) -> str:
    rungs = " · ".join(f"{rung.multiple:g}× {per_share(rung.price)}" for rung in levels.rungs)
    if not rungs or levels.entry <= levels.stop:
        return rungs or "n/a"
    reward_risk = (levels.rungs[0].price - levels.entry) / (levels.entry - levels.stop)
    return f"{rungs}\nreward:risk to the first rung {reward_risk:.2f}"


def strategy_name(name: str) -> str:
    """A strategy's name as people write it: ``atr_matrix`` is ATR Matrix."""
    return " ".join(word.upper() if len(word) <= 3 else word.capitalize() for word in name.split("_"))


def rule_name(name: str) -> str:
    """A rule's name as people write it: ``trade_risk`` is trade risk, ``vix`` is VIX."""
    return "VIX" if name == "vix" else name.replace("_", " ")


def _percent(price: Decimal, base: Decimal) -> str:
    return f"{100 * (price - base) / base:+.1f} %" if base else "n/a"


def card_id(proposal: Proposal) -> str:
    """Id of a proposal's card."""
    return f"card-{proposal.id}"


def card_note(proposal: Proposal, source: str, *, charts: bool, takes: str = "1 person", protected: bool = False) -> Note:
    """The approval card: exactly what a yes would allow, what a yes takes, and whether the broker would hold the stop."""
    closing = proposal.intent is Intent.CLOSE
    fields = [
        *_order_fields(proposal),
        *(_plan_fields(proposal, protected=protected) if not closing else ()),
        NoteField("Approval takes", takes),
        NoteField("Risk rules", verdict_text(proposal), inline=False),
    ]
    remarks = list(proposal.remarks)
    if proposal.modelled:
        remarks.append("Prices are modelled, not quoted by a market.")
    if remarks:
        fields.append(NoteField("Remarks", "\n".join(remarks), inline=False))
    again = f" (card {proposal.attempt})" if proposal.attempt > 1 else ""
    return Note(
        id=card_id(proposal),
        topic=Topic.TRADES,
        title=f"{'Close' if closing else 'Open'} {proposal.signal.symbol} · {proposal.structure}{again}?",
        body=f"{proposal.signal.reason}\nReact with ✅ to approve or ❌ to veto within {proposal.ttl_seconds} s.",
        at=proposal.created_at,
        tone=Tone.WARN,
        fields=tuple(fields),
        footer=f"{proposal.account} · {source} · digest {proposal.digest[:12]}",
        chart=payoff_chart(proposal, source) if charts and proposal.first_expiry and not closing else None,
        proposal_id=proposal.id,
        decidable=True,
    )


def counted_note(card: Note, count: str, number: int) -> Note:
    """A card that shows how many stand for it, told for the so-manieth time."""
    fields = (*card.fields, NoteField("Approvals so far", count, inline=False))
    return replace(card, id=f"count-{card.proposal_id}-{number}", fields=fields, edits=card.id)


def _order_fields(proposal: Proposal) -> Sequence[NoteField]:
    risk = f"{money(proposal.max_loss)} incl. fees {money(proposal.fees)}"
    return (
        NoteField("Order", order_text(proposal), inline=False),
        NoteField("Price per share", price_text(proposal.limit, proposal.floor)),
        NoteField("Maximum loss", "reduces risk" if proposal.intent is Intent.CLOSE else risk),
    )


def _plan_fields(proposal: Proposal, *, protected: bool) -> Sequence[NoteField]:
    plan = proposal.plan
    if plan is None:
        return ()
    ladder = " · ".join(f"{units} at {multiple:g}×" for multiple, units in plan.ladder if units) or "n/a"
    stop = per_share(plan.stop) if protected else f"{per_share(plan.stop)}\n{UNPROTECTED}"
    return (NoteField("Stop (underlying)", stop), NoteField("Scale out", ladder))


def verdict_text(proposal: Proposal) -> str:
    """Every rule in one line: mark, name, and the sentence where it is not a plain pass."""
    rest = [v for v in proposal.verdicts if v.decision is not Decision.PASS]
    told = [f"{_MARKS[v.decision]} {rule_name(v.rule)}: {v.reason}" for v in rest]
    passed = [rule_name(v.rule) for v in proposal.verdicts if v.decision is Decision.PASS and v.rule not in {r.rule for r in rest}]
    return "\n".join([*told, *([f"✓ {', '.join(passed)}"] if passed else [])]) or "n/a"


def refused_note(signal: Signal, reason: str, at: datetime) -> Note:
    """A signal that became no card: which filter or rule refused it."""
    return Note(
        id=f"refused-{signal.id}",
        topic=Topic.SIGNALS,
        title=f"{signal.symbol}: no order ({signal.cause})",
        body=reason,
        at=at,
        tone=Tone.INFO,
        footer=f"signal {signal.id}",
    )


def blocked_text(proposal: Proposal) -> str:
    """The sentences of the rules that block."""
    return " ".join(f"{rule_name(v.rule)}: {v.reason.rstrip('.')}." for v in proposal.verdicts if v.decision is Decision.BLOCK)


def decided_note(proposal: Proposal, state: ProposalState, reason: str, at: datetime) -> Note:
    """The card after its end: replaces it in place, buttons gone."""
    tone = Tone.GOOD if state is ProposalState.CLAIMED else Tone.INFO
    return Note(
        id=f"decided-{proposal.id}",
        topic=Topic.TRADES,
        title=f"{proposal.signal.symbol} · {proposal.structure}: {'approved' if state is ProposalState.CLAIMED else state}",
        body=f"{proposal.signal.reason}\n**{reason[:1].upper()}{reason[1:].rstrip('.')}.**",
        at=at,
        tone=tone,
        fields=(*_order_fields(proposal), NoteField("Risk rules", verdict_text(proposal), inline=False)),
        footer=f"{proposal.account} · digest {proposal.digest[:12]}",
        proposal_id=proposal.id,
        edits=card_id(proposal),
    )


def fill_note(order: Order, fills: Sequence[Fill], proposal: Proposal, position: Position) -> Note:
    """An execution: price, quantity, fees, and the result when it closes something."""
    lines = [
        f"{fill.side.upper()} {fill.quantity} × {instrument_text(instrument(fill.instrument_key))} at {per_share(fill.price)}"
        f"{' (modelled price)' if fill.modelled else ''}"
        for fill in fills
    ]
    fees = None if any(fill.fee is None for fill in fills) else sum((fill.fee or ZERO for fill in fills), ZERO)
    cash = sum((fill.cash for fill in fills), ZERO)
    fields = [
        NoteField("Filled", f"{order.filled} of {order.quantity}"),
        NoteField("Paid" if cash < 0 else "Received", money(abs(cash))),
        NoteField("Fees", money(fees)),
    ]
    closing = proposal.intent is Intent.CLOSE
    if closing:
        fields.append(NoteField("Realised so far", money(position.realised - position.fees)))
        fields.append(NoteField("Still held", str(position.units)))
    return Note(
        id=f"fill-{order.key}-{'-'.join(fill.exec_id for fill in fills)}",
        topic=Topic.TRADES,
        title=f"{proposal.signal.symbol}: {'closed' if closing else 'opened'} ({proposal.signal.cause})",
        body="\n".join(lines) + (f"\n{proposal.signal.reason}" if closing else ""),
        at=fills[-1].at,
        tone=_result_tone(position) if closing else Tone.GOOD,
        fields=tuple(fields),
        footer=f"{order.account} · order {order.key}",
    )


def _result_tone(position: Position) -> Tone:
    return Tone.GOOD if position.realised - position.fees > 0 else Tone.BAD


def unfilled_note(envelope: Envelope, proposal: Proposal, reason: str, filled: int, at: datetime) -> Note:
    """An envelope that ended before its whole quantity was filled."""
    return Note(
        id=f"unfilled-{envelope.id}",
        topic=Topic.TRADES,
        title=f"{proposal.signal.symbol}: {filled} of {envelope.quantity} filled",
        body=reason,
        at=at,
        tone=Tone.WARN,
        footer=f"{envelope.account} · envelope {envelope.id}",
    )


def movement_note(movement: Transaction) -> Note:
    """A movement of the account that is no fill."""
    what = instrument_text(instrument(movement.instrument_key)) if movement.instrument_key else "cash"
    parts = [f"{movement.quantity:+d} × {what}"] if movement.quantity else []
    if movement.kind is Movement.SPLIT:
        parts.append(f"{movement.price.normalize():f} new for each old")
    elif movement.price:
        parts.append(f"at {per_share(movement.price)}")
    if movement.cash:
        parts.append(f"cash {money(movement.cash)}")
    return Note(
        id=f"movement-{movement.id}",
        topic=Topic.TRADES,
        title=f"{what[:1].upper()}{what[1:]}: {movement.kind}",
        body=", ".join(parts) or "nothing moved",
        at=movement.at,
        footer=f"{movement.account} · {movement.id}",
    )


def desk_note(occasion: str, title: str, body: str, at: datetime, tone: Tone = Tone.INFO) -> Note:
    """A change of the desk itself, for the status channel."""
    return Note(id=f"desk-{occasion}-{at:%Y%m%dT%H%M%S%f}", topic=Topic.STATUS, title=title, body=body, at=at, tone=tone)


def once(occasion: str, title: str, body: str, at: datetime) -> Note:
    """Something for the status channel that is told once, however often it is noticed."""
    return Note(id=f"desk-{occasion}", topic=Topic.STATUS, title=title, body=body, at=at, tone=Tone.BAD)
