"""What must not be: each rule reads what the parties kept and yields a sentence for every contradiction."""

import json
from collections import Counter
from collections.abc import Callable, Iterator

from bot import cards
from core.model.money import ZERO
from core.model.notes import Tone
from core.model.orders import DOUBTFUL, Order, OrderEvent, OrderState
from core.model.proposals import PENDING
from core.model.signals import Intent
from tests.kill.judge import Judge
from tests.kill.kept import Kept

#: What the journal must say of an order when the broker says this.
_SAME = {
    OrderEvent.FULL_FILL: OrderState.FILLED,
    OrderEvent.CANCEL: OrderState.CANCELLED,
    OrderEvent.EXPIRE: OrderState.EXPIRED,
    OrderEvent.REMOVE: OrderState.REMOVED,
    OrderEvent.REFUSE: OrderState.REJECTED,
}
#: States in which the journal swears that the broker has no such order.
_NEVER_SENT = frozenset({OrderState.DENIED, OrderState.ABSENT, OrderState.NEW})


def contradictions(kept: Kept, judge: Judge) -> list[str]:
    """Every rule that is broken, a sentence each; empty when the road was sound."""
    return [sentence for rule in RULES for sentence in rule(kept, judge)]


def no_order_without_approval(kept: Kept, judge: Judge) -> Iterator[str]:
    """Each order at the broker is inside an envelope that somebody allowed to say yes has granted."""
    reacted = {str(message["id"]) for message in kept.messages if _hands(message) == 2}
    said_yes = {proposal for message, proposal in judge.approved.items() if message in reacted}
    for report in kept.broker.reports:
        order = kept.journal.orders.get(report.key or "")
        if order is None:
            yield f"the broker holds {report.broker_order_id} ({report.key}), which the journal does not know"
            continue
        envelope = kept.journal.envelopes.get(order.envelope_id)
        if envelope is None:
            yield f"order {order.key} has no envelope"
        elif envelope.intent is Intent.OPEN and (envelope.approved_by != ("owner",) or envelope.proposal_id not in said_yes):
            yield f"order {order.key} opens a position, and Discord saw no ✅ of the owner on its card"
        elif envelope.intent is Intent.CLOSE and envelope.position_id not in judge.asked:
            yield f"order {order.key} closes {envelope.position_id}, which nobody asked for"


def _hands(message: dict[str, object]) -> int:
    found = [reaction for reaction in message.get("reactions", []) if reaction["emoji"]["name"] == "✅"]  # type: ignore[attr-defined]  # JSON
    return int(found[0]["count"]) if found else 0


def no_order_twice(kept: Kept, judge: Judge | None = None) -> Iterator[str]:
    """One order for each key, one claim for each proposal."""
    keys = Counter(report.key for report in kept.broker.reports)
    yield from (f"the broker holds {count} orders with the key {key}" for key, count in keys.items() if count > 1)
    claims = Counter(json.loads(row.body)["proposal"] for row in kept.journal.audit if row.action == "claim")
    if claims != Counter(kept.journal.envelopes.keys()):
        yield f"claims in the audit {dict(claims)} are not the envelopes {sorted(kept.journal.envelopes)}"


def no_order_lost(kept: Kept, judge: Judge | None = None) -> Iterator[str]:
    """The journal says of each order what the broker says, or that it does not know; it never swears to what is not so."""
    at_broker = {report.key: report for report in kept.broker.reports}
    for order in kept.journal.orders.values():
        report = at_broker.get(order.key)
        if report is None:
            if order.state not in _NEVER_SENT | DOUBTFUL | {OrderState.REJECTED}:
                yield f"order {order.key} is {order.state} in the journal and unknown to the broker"
        elif order.state is not _SAME.get(report.event or OrderEvent.ACK) and not _in_doubt(order):
            yield f"order {order.key} is {order.state} in the journal, the broker says {report.event}"
    for envelope in kept.journal.unfinished:
        if not any(_in_doubt(order) for order in kept.journal.orders.values() if order.envelope_id == envelope.id):
            yield f"envelope {envelope.id} is still open although nothing of it is in doubt"


def _in_doubt(order: Order) -> bool:
    return order.state in DOUBTFUL


def no_approval_lost(kept: Kept, judge: Judge) -> Iterator[str]:
    """What was approved has ended: as an envelope, or with a reason."""
    for proposal_id in judge.approved.values():
        stored = kept.journal.proposals.get(proposal_id)
        if stored is None:
            yield f"the approved proposal {proposal_id} is not in the journal"
        elif stored.state in PENDING:
            yield f"the approved proposal {proposal_id} is still {stored.state}"
        elif proposal_id not in kept.journal.envelopes and not stored.reason:
            yield f"the approved proposal {proposal_id} is {stored.state} without a reason"


def same_to_the_cent(kept: Kept, judge: Judge | None = None) -> Iterator[str]:
    """Fills, cash and holdings agree exactly; a fee that the broker has not told yet is no difference."""
    journal, broker = kept.journal, kept.broker
    booked, done = (
        {(fill.exec_id, fill.order_key, fill.quantity, fill.price): fill.fee for fill in side.fills} for side in (journal, broker)
    )
    if booked.keys() != done.keys() or len(journal.fills) != len(broker.fills):
        yield f"fills differ: {sorted(map(str, booked.keys() ^ done.keys()))}"
    wrong = [fill for fill, fee in booked.items() if fee is not None and fee != done.get(fill)]
    if wrong:
        yield f"fees differ: {sorted(map(str, wrong))}"
    untold = sum((done.get(fill) or ZERO for fill, fee in booked.items() if fee is None), ZERO)
    moved = sum((movement.cash for movement in journal.movements), ZERO)
    cash = journal.opened_with + moved + sum((fill.cash - (fill.fee or ZERO) for fill in journal.fills), ZERO)
    if cash - untold != broker.account.cash:
        yield f"cash is {cash} in the journal and {broker.account.cash} at the broker, fees of {untold} not yet told"
    ours: Counter[str] = Counter()
    for position in journal.positions:
        for holding in position.holdings:
            ours[holding.instrument.key] += holding.quantity
    if {key: count for key, count in ours.items() if count} != dict(broker.held):
        yield f"the journal holds {dict(ours)}, the broker {dict(broker.held)}"


def every_note_once(kept: Kept, judge: Judge) -> Iterator[str]:
    """Each note stands in one message; one that was edited shows its latest successor."""
    shown = Counter(cards.key_in(message["embeds"][0]["footer"]["text"]) for message in kept.messages)
    yield from (f"note {key} stands in {count} messages" for key, count in shown.items() if count > 1)
    told = [note for note in kept.journal.notes if note.id not in kept.journal.waiting]
    stands: dict[str, str] = {}
    first: dict[str, str] = {}
    for note in told:
        first[note.id] = first.get(note.edits or "", note.edits or note.id)
        stands[first[note.id]] = note.id
    wanted = {cards.key_of(note) for note in stands.values()}
    yield from (f"note {key} was told and stands nowhere" for key in sorted(wanted - set(shown)))
    known = {cards.key_of(note.id) for note in kept.journal.notes}
    yield from (f"message with note {key} answers nothing in the journal" for key in shown if key not in known)


def every_bad_end_is_told(kept: Kept, judge: Judge) -> Iterator[str]:
    """An order in doubt is named in a warning; an approval that bought less than it allowed says so."""
    told = [note for note in kept.journal.notes if note.id not in kept.journal.waiting]
    for order in kept.journal.orders.values():
        if _in_doubt(order) and not any(note.tone is Tone.BAD and order.key in note.body for note in told):
            yield f"order {order.key} is {order.state}, and nobody was told"
    done = Counter[str]()
    for order in kept.journal.orders.values():
        done[order.envelope_id] += order.filled
    open_still = {envelope.id for envelope in kept.journal.unfinished}
    for envelope in kept.journal.envelopes.values():
        short = envelope.id not in open_still and done[envelope.id] < envelope.quantity
        if short and not any(note.id == f"unfilled-{envelope.id}" for note in told):
            yield f"envelope {envelope.id} bought {done[envelope.id]} of {envelope.quantity}, and nobody was told"


RULES: tuple[Callable[[Kept, Judge], Iterator[str]], ...] = (
    no_order_without_approval,
    no_order_twice,
    no_order_lost,
    no_approval_lost,
    same_to_the_cent,
    every_note_once,
    every_bad_end_is_told,
)
