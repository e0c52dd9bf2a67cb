"""The judge of the cheap roads: the loopback broker's own ledger against the journal, rule by rule."""

from collections import Counter
from collections.abc import Iterator, Mapping
from decimal import Decimal

from core.journal.journal import open_journal
from core.model.orders import DOUBTFUL, Fill, OrderState
from core.model.signals import Intent
from tests.kill.hand import Ports
from tests.kill.kept import InJournal, Kept, read_journal
from tests.kill.venues import Venue
from tests.kill.verdict import no_order_lost, no_order_twice, same_to_the_cent
from tests.kill.world import Road, Says, messages

#: States in which the journal swears that nothing is or was at the broker.
NEVER = frozenset({OrderState.NEW, OrderState.DENIED, OrderState.REJECTED, OrderState.ABSENT})


async def judged(road: Road, kind: Venue, ports: Ports) -> Mapping[str, object]:
    """Everything that is wrong on one road, each with its kind in front, and what was counted."""
    journal = await open_journal(road.database)
    try:
        kept = Kept(await kind.truth(ports), await read_journal(journal), ())
        halted = await journal.kill()
    finally:
        await journal.close()
    wrong = [
        *(f"duplicate: {sentence}" for sentence in no_order_twice(kept)),
        *(f"orphan: {sentence}" for sentence in _orphans(kept)),
        *(f"unapproved: {sentence}" for sentence in _unapproved(kept, road)),
        *(f"false terminal: {sentence}" for sentence in _false_terminals(kept)),
        *(f"overfill: {sentence}" for sentence in _overfills(kept)),
        *(f"lost: {sentence}" for sentence in no_order_lost(kept)),
        *(f"lost: {sentence}" for sentence in _doubt_in_vain(kept)),
        *(f"different: {sentence}" for sentence in same_to_the_cent(kept)),
        *(f"note: {sentence}" for sentence in _notes(kept, road)),
    ]
    if halted.level:
        wrong.append(f"halted: {halted.reason}")
    return {"wrong": wrong, "sums": _sums(kept)}


def _sums(kept: Kept) -> Mapping[str, int]:
    states = Counter(order.state for order in kept.journal.orders.values())
    return {
        "orders": len(kept.broker.reports),
        "fills": len(kept.broker.fills),
        "exits": sum(envelope.intent is Intent.CLOSE for envelope in kept.journal.envelopes.values()),
        "in doubt": sum(states[state] for state in DOUBTFUL),
        "never arrived": len(set(kept.journal.orders) - {report.key for report in kept.broker.reports}),
    }


def _orphans(kept: Kept) -> Iterator[str]:
    for report in kept.broker.reports:
        order = kept.journal.orders.get(report.key or "")
        if order is None or order.envelope_id not in kept.journal.envelopes:
            yield f"the broker holds {report.broker_order_id} ({report.key}), which the journal does not know"


def _unapproved(kept: Kept, road: Road) -> Iterator[str]:
    """People said yes to what was bought; the policy lets what closes a position through."""
    for report in kept.broker.reports:
        order = kept.journal.orders.get(report.key or "")
        envelope = kept.journal.envelopes.get(order.envelope_id) if order else None
        if envelope is None:
            continue
        symbol = kept.journal.proposals[envelope.proposal_id].proposal.signal.symbol
        if envelope.intent is Intent.OPEN and (road.says(symbol) is not Says.YES or envelope.approved_by != ("owner",)):
            yield f"order {report.key} buys {symbol}, of which {road.says(symbol)}"
        if envelope.intent is Intent.CLOSE and envelope.approved_by != ("policy",):
            yield f"order {report.key} closes {symbol}, approved by {envelope.approved_by}"


def _false_terminals(kept: Kept) -> Iterator[str]:
    for report in kept.broker.reports:
        order = kept.journal.orders.get(report.key or "")
        if order is not None and order.state in NEVER:
            yield f"order {report.key} is {order.state} in the journal, and the broker has it"


def _overfills(kept: Kept) -> Iterator[str]:
    """The ledger's own fills of all children stay within what their envelope granted."""
    filled: Counter[tuple[str, int]] = Counter()
    for fill in kept.broker.fills:
        order = kept.journal.orders.get(fill.order_key)
        if order is not None:
            filled[order.envelope_id, fill.leg] += fill.quantity
    for (envelope_id, leg), quantity in filled.items():
        envelope = kept.journal.envelopes.get(envelope_id)
        granted = envelope.quantity * envelope.legs[leg].ratio if envelope else 0
        if quantity > granted:
            yield f"envelope {envelope_id} granted {granted}, {quantity} were filled"
    yield from (f"fill {fill.exec_id} is worse than its limit" for fill in kept.broker.fills if not _within(fill, kept.journal))


def _within(fill: Fill, journal: InJournal) -> bool:
    order = journal.orders.get(fill.order_key)
    return order is None or len(order.legs) > 1 or Decimal(-fill.side.sign) * fill.price >= order.limit


def _doubt_in_vain(kept: Kept) -> Iterator[str]:
    """After a life in which the broker answered everything, what it holds is known."""
    at_broker = {report.key for report in kept.broker.reports}
    for order in kept.journal.orders.values():
        if order.state in DOUBTFUL and order.key in at_broker:
            yield f"order {order.key} is still {order.state}, and the broker shows it"


def _notes(kept: Kept, road: Road) -> Iterator[str]:
    """Each note stands in one message."""
    told = Counter(message["note"] for message in messages(road.channel) if message["edits"] is None)
    yield from (f"{note} was told {count} times" for note, count in told.items() if count > 1)
    if kept.journal.waiting:
        yield f"{sorted(kept.journal.waiting)} were never told"
