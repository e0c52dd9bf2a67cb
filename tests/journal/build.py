"""Small nouns for journal tests; each builder takes what the test is about and fills in the rest."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from core.model.instruments import Leg, Option, Right, Side, Stock
from core.model.notes import CandleChart, EquityChart, Note, NoteField, PayoffChart, Tone, Topic
from core.model.orders import Fill, Movement, Order, OrderState, Transaction
from core.model.positions import EquityPoint, Holding, Position
from core.model.proposals import Approval, Decision, Envelope, LegQuote, Plan, Proposal, ProposalState, Verdict, Vote
from core.model.signals import Comparison, GateResult, Intent, Levels, Outcome, Rung, Signal
from core.ports.journal import Journal

NOW = datetime(2024, 3, 4, 14, 35, 6, 789012, tzinfo=UTC)
LATER = NOW + timedelta(minutes=5)
DAY = date(2024, 3, 4)
CALL = Option("SPY", date(2024, 4, 19), Right.CALL, Decimal("512.50"))
STOCK_LEG = (Leg(Stock("SPY"), Side.BUY),)
SPREAD = (Leg(CALL, Side.BUY), Leg(Option("SPY", date(2024, 4, 19), Right.CALL, Decimal(520)), Side.SELL))
PLAN = Plan(Decimal("498.10"), ((7.0, 2), (8.0, 1)), 60, exit_days_to_expiry=10, premium_stop=0.5)


def signal(signal_id: str = "s1", *, symbol: str = "SPY", session: date = DAY, intent: Intent = Intent.OPEN) -> Signal:
    levels = Levels(Decimal("510.20"), Decimal("498.10"), (Rung(7.0, Decimal("540.00"), 2),), Decimal("8.0666"), Decimal(500))
    gates = (GateResult("trend", "close above SMA20", 510.2, Comparison.GT, None, Outcome.ABSENT),)
    return Signal(
        signal_id, "atr_matrix", symbol, intent, "entry", session, NOW, Decimal("510.20"), "it passed", score=87.5, levels=levels,
        gates=gates, trigger=Decimal("0E-8"), multiple=7.0,
    )  # fmt: skip


def proposal(
    proposal_id: str = "p1", *, intent: Intent = Intent.OPEN, legs: tuple[Leg, ...] = SPREAD, quantity: int = 3
) -> Proposal:
    return Proposal(
        id=proposal_id, signal=signal(f"s-{proposal_id}", intent=intent), account="paper", legs=legs, quantity=quantity,
        limit=Decimal("-4.10"), floor=Decimal("-4.30"), tick=Decimal("0.05"), max_loss=Decimal("1293.90"), fees=Decimal("3.90"),
        value=Decimal("1290.00"), quotes=(LegQuote(CALL.key, Decimal("4.05"), Decimal("4.15"), NOW, modelled=True),),
        spot=Decimal("510.20"), created_at=NOW, ttl_seconds=900, structure="call debit spread", plan=PLAN,
        verdicts=(Verdict("heat", Decision.TRIM, 0.21, 0.2, "%", "trimmed", 3), Verdict("vix", Decision.PASS, 14.2, 40.0, "", "")),
        remarks=("modelled chain",), sector="index", config_hash="c0ffee",
    )  # fmt: skip


def approval(of: Proposal, *, policy: bool = False) -> Approval:
    return Approval(of.id, of.digest, ("ann",), policy, NOW, NOW)


def envelope(of: Proposal, *, deadline: datetime = NOW + timedelta(hours=1)) -> Envelope:
    return Envelope(
        f"e-{of.id}", of.id, of.signal.id, of.digest, of.account, of.legs, of.quantity, of.limit, of.floor, of.tick, of.intent,
        f"pos-{of.id}", of.max_loss, ("ann",), NOW, deadline,
    )  # fmt: skip


def order(inside: Envelope, number: int = 1, *, quantity: int | None = None, state: OrderState = OrderState.NEW) -> Order:
    return Order(
        f"qm1-{inside.id}-{number}", inside.id, number, inside.account, inside.legs,
        inside.quantity if quantity is None else quantity, inside.limit, state, NOW, NOW,
    )  # fmt: skip


def fill(of: Order, exec_id: str = "x1", *, leg: int = 0, quantity: int = 1, version: int = 1, at: datetime = NOW) -> Fill:
    part = of.legs[leg]
    return Fill(
        exec_id, of.key, of.account, leg, part.instrument.key, part.side, quantity, Decimal("4.15"), None, at, 100, version=version
    )  # fmt: skip


def position(position_id: str = "pos-p1", *, units: int = 3, closed: date | None = None) -> Position:
    return Position(
        position_id, "paper", "atr_matrix", "SPY", "stock", (Holding(Stock("SPY"), units, Decimal("510.20")),), units, 3, NOW, DAY,
        Decimal("510.20"), PLAN, Decimal("36.30"), fired=(7.0,), realised=Decimal("-0.10"), closed_session=closed,
        closed_at=LATER if closed else None,
    )  # fmt: skip


def vote(proposal_id: str = "p1", voter: str = "ann", *, approve: bool = True, present: bool = True, allowed: bool = True,
         at: datetime = NOW) -> Vote:  # fmt: skip
    return Vote(proposal_id, voter, approve, present, allowed, "gateway", at, "" if allowed else "unknown person")


def note(note_id: str = "n1", *, topic: Topic = Topic.SIGNALS, edits: str | None = None, at: datetime = NOW) -> Note:
    return Note(
        note_id, topic, "SPY: entry", "**buy** 3", at, Tone.GOOD, (NoteField("stop", "498.10", inline=False),), "s1",
        EquityChart("equity", ("2024-03-01", "2024-03-04"), (100_000.0, 100_120.55), "paper"), "p1", decidable=True, edits=edits,
    )  # fmt: skip


def charts() -> tuple[CandleChart | EquityChart | PayoffChart, ...]:
    ones = (1.0, 2.0)
    return (
        CandleChart("SPY", ("a", "b"), ones, ones, ones, ones, (None, float("nan")), 1.0, None, ((7.0, 540.0),), "simulated"),
        EquityChart("equity", ("a",), (float("inf"),), "paper"),
        PayoffChart("payoff", ones, (-1.0, 5e-324), (("stop", 498.1),), "modelled"),
    )


def transaction(transaction_id: str = "t1") -> Transaction:
    return Transaction(transaction_id, "paper", NOW, Movement.DIVIDEND, "SPY", 0, Decimal("1.595"), Decimal("4.785"))


def equity(day: date = DAY, worth: str = "100120.55") -> EquityPoint:
    return EquityPoint("paper", day, Decimal(worth), Decimal(90_000), Decimal("-0.10"), Decimal("120.65"), Decimal("3.90"))


async def walk(journal: Journal) -> None:
    """One trade from the card to the last note."""
    of = proposal()
    outer = envelope(of)
    child = order(outer)
    await journal.record_proposal(of, ProposalState.DRAFT, [note("card")])
    await journal.proposal_posted(of.id, 1, 2, LATER)
    await journal.record_vote(vote())
    await journal.claim(approval(of), outer, child, NOW)
    await journal.mark_sending(child.key, "abc", NOW)
    done = order(outer, state=OrderState.FILLED)
    await journal.record_order(done, "{}")
    await journal.record_fills([fill(child)], done, position(), [note("filled")])
    await journal.close_envelope(outer.id, NOW)
    await journal.note_delivered(1, 3, 4, NOW)
