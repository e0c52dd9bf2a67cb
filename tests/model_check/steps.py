"""What can happen next. Each generator yields (what happened, the world after it)."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import Connection

from core.engine.approve import against
from core.engine.reconcile import stranded
from core.engine.send import last_look, meant
from core.journal import lease, orders, proposals, switches
from core.journal.lease import Held
from core.model.errors import OutcomeUnknownError, RefusedError
from core.model.orders import DOUBTFUL, Order, OrderEvent, OrderState, advance
from core.model.proposals import PENDING, Evidence, ProposalState, Vote
from core.ports.journal import Kill
from tests.model_check.designs import IDS, VALID, Ask, Design
from tests.model_check.shelf import ENVELOPE, NOW, ORDER, PROPOSAL, Shelf
from tests.model_check.state import AFTER_KILL, Answer, Phase, Process, World

Step = tuple[str, World]
Work = Callable[[Connection], object]
AFTER = NOW + timedelta(hours=2)
VETO = "veto"
WORDS = "what the broker said"
HALT = Kill(2, "owner", "halt", NOW)


@dataclass(frozen=True, slots=True)
class Model:
    """One design on one shelf, with so many persons needed for a claim."""

    shelf: Shelf
    design: Design
    needed: int = 1

    def after(self, world: World) -> Iterator[Step]:
        """Everything that can happen now."""
        yield from _people(world)
        yield from self._network(world)
        for number, process in enumerate(world.processes):
            for name, then in self._process(world, number, process):
                yield f"{number}: {name}", then

    def _did(self, world: World, number: int, name: str, work: Work) -> tuple[str, World]:
        """One transaction by one process; the instant and the lease belong to its name."""
        process = world.processes[number]
        full = f"{name} late={world.late} by={number} fence={process.fence}"
        refusal, journal = self.shelf.did(world.journal, full, work)
        return refusal, replace(world, journal=journal)

    def _network(self, world: World) -> Iterator[Step]:
        for place, writer in enumerate(world.wire):
            rest = replace(world, wire=world.wire[:place] + world.wire[place + 1 :])
            waits = world.processes[writer].phase is Phase.ASKED
            taken = replace(rest, orders=rest.orders + 1)
            yield "the broker takes the order", taken.put(writer, answer=Answer.TAKEN) if waits else taken
            yield "the broker refuses the order", rest.put(writer, answer=Answer.REFUSED) if waits else rest
            if world.left.drops:
                yield "the request is lost", replace(rest, left=replace(rest.left, drops=rest.left.drops - 1))
        if world.orders and not world.seen:
            yield "the broker's lists show the order", replace(world, seen=True)
        if not world.late:
            yield "time runs out", replace(world, late=True)

    def _process(self, world: World, number: int, process: Process) -> Iterator[Step]:
        if process.phase is Phase.DOWN:
            yield from self._start(world, number)
            return
        if world.left.crashes:
            left = replace(world.left, crashes=world.left.crashes - 1)
            yield "dies", replace(world, left=left).put(number, phase=Phase.DOWN, kill=0, approvers=(), answer=Answer.NONE, looks=0)
        if world.journal.kill == 0:
            _, then = self._did(world, number, "halt", lambda connection: switches.set_kill(connection, HALT, []))
            yield "halts", then.put(number, kill=HALT.level)
        yield from {
            Phase.STARTED: self._recover, Phase.IDLE: self._idle, Phase.HEARD: self._end_vetoed, Phase.READ: self._claim,
            Phase.DECIDED: self._claim_decided, Phase.GRANTED: self._mark, Phase.MARKED: self._write, Phase.ASKED: self._answer,
        }[process.phase](world, number)  # fmt: skip

    def _start(self, world: World, number: int) -> Iterator[Step]:
        _, then = self._did(world, number, "start", lambda connection: lease.take(connection, str(number), NOW))
        yield "starts", then.put(number, phase=Phase.STARTED, fence=then.journal.fence)

    def _recover(self, world: World, number: int) -> Iterator[Step]:
        """Crash, restart and a decision that broke off take this one path."""
        settled = stranded(self._order(world), _now(world)) if world.journal.order else None
        then = world if settled is None else self._keep(world, number, settled)[1]
        yield "recovers", then.put(number, phase=Phase.IDLE, kill=then.journal.kill, approvers=())

    def _idle(self, world: World, number: int) -> Iterator[Step]:
        journal = world.journal
        if journal.card in PENDING:
            yield from self._read(world, number)
            yield from self._hear(world, number)
            if world.late:
                yield "ends the card", self._ended(world, number, ProposalState.EXPIRED)
        if journal.order in DOUBTFUL - {OrderState.SENDING}:
            yield from self._look_up(world, number)

    def _hear(self, world: World, number: int) -> Iterator[Step]:
        """Record what people did and the journal does not say yet."""
        known = {(voter, approve): present for voter, approve, present, _ in world.journal.votes}
        for who in IDS:
            stands, gone = who in world.reactions, _gone(who) in world.reactions
            if (stands or gone) and known.get((who, True)) is not stands:
                allowed = self.design.allowed(who, NOW)
                vote = Vote(PROPOSAL.id, who, approve=True, present=stands, allowed=allowed, source="reaction", at=NOW)
                yield f"records the yes of {who}{' as gone' if gone else ''}", self._voted(world, number, vote)
        if VETO in world.reactions and ("owner", False) not in known:
            veto = Vote(PROPOSAL.id, "owner", approve=False, present=True, allowed=True, source="reaction", at=NOW)
            yield "records the veto", self._voted(world, number, veto).put(number, phase=Phase.HEARD)

    def _voted(self, world: World, number: int, vote: Vote) -> World:
        name = f"vote {vote.voter} {vote.approve} {vote.present} {vote.allowed}"
        return self._did(world, number, name, lambda connection: proposals.record_vote(connection, vote))[1]

    def _read(self, world: World, number: int) -> Iterator[Step]:
        """Read Discord afresh; what that means is the engine's decision."""
        persons = tuple(sorted(who for who in IDS if who in world.reactions and self.design.allowed(who, NOW)))
        evidence = Evidence(persons, ("owner",) if VETO in world.reactions else (), intact=True, read_at=NOW)
        refusal = against(evidence)
        if refusal is None:
            yield "reads Discord: yes", world.put(number, phase=Phase.READ, approvers=persons)
        elif refusal[0] is not ProposalState.OPEN:
            yield "reads Discord: no", self._ended(world, number, refusal[0])

    def _end_vetoed(self, world: World, number: int) -> Iterator[Step]:
        yield "ends the vetoed card", self._ended(world, number, ProposalState.VETOED).put(number, phase=Phase.IDLE)

    def _claim(self, world: World, number: int) -> Iterator[Step]:
        if self.design.claims_apart:
            if world.journal.card is ProposalState.OPEN and not world.journal.kill and not world.late:
                yield "decides to claim", world.put(number, phase=Phase.DECIDED)
            else:
                yield "does not claim", world.put(number, phase=Phase.IDLE, approvers=())
            return
        yield from self._claim_decided(world, number)

    def _claim_decided(self, world: World, number: int) -> Iterator[Step]:
        by = world.processes[number].approvers
        ask = Ask(by, self.needed, _now(world), _held(world, number))
        name = f"{self.design.name} claim {by} of {self.needed}"
        refusal, then = self._did(world, number, name, lambda connection: self.design.claim(connection, ask))
        if refusal:
            yield "does not get the claim", then.put(number, phase=Phase.IDLE, approvers=())
            return
        sins = set(world.sins)
        if world.journal.kill:
            sins.add(AFTER_KILL)
        if world.journal.vetoed:
            sins.add("no claim after a recorded veto")
        if then.journal.claims > 1:
            sins.add("claims <= 1")
        then = replace(then, proper=world.proper and len(VALID & set(by)) >= self.needed, sins=frozenset(sins))
        yield "claims", then.put(number, phase=Phase.GRANTED, approvers=())

    def _mark(self, world: World, number: int) -> Iterator[Step]:
        if self.design.sends_first:
            yield "writes the socket", self._written(world, number)
            return
        refusal, then = self._marked(world, number)
        if not refusal:
            yield "marks", then.put(number, phase=Phase.MARKED)
        elif refusal == "NotAllowedError":
            yield "may not mark", self._end(world, number, replace(self._order(world, OrderState.NEW), state=OrderState.DENIED))
        else:
            yield "cannot mark", world.put(number, phase=Phase.STARTED)

    def _write(self, world: World, number: int) -> Iterator[Step]:
        """The last look, then the socket, with nothing between them."""
        kill = replace(HALT, level=world.processes[number].kill)
        if last_look(kill, ENVELOPE, _now(world)) is None:
            yield "writes the socket", self._written(world, number)
        else:
            denied = advance(OrderState.SENDING, OrderEvent.DENY)
            yield "does not write", self._end(world, number, replace(self._order(world, OrderState.SENDING), state=denied))

    def _written(self, world: World, number: int) -> World:
        sins = world.sins | {"no order after the kill"} if world.processes[number].kill else world.sins
        return replace(world, wire=(*world.wire, number), sins=sins).put(number, phase=Phase.ASKED)

    def _answer(self, world: World, number: int) -> Iterator[Step]:
        answer = world.processes[number].answer
        if self.design.sends_first and answer is not Answer.NONE:
            _, world = self._marked(world, number)
        if answer is Answer.TAKEN:
            yield "hears that it was taken", self._meets(world, number, OrderEvent.ACK, WORDS)
        if answer is Answer.REFUSED:
            yield "hears that it was refused", self._meets(world, number, meant(RefusedError("no")), WORDS)
        if self.design.sends_again and len(world.wire) < 2:
            yield "hears nothing and writes again", replace(world, wire=(*world.wire, number))
        lost = self._marked(world, number)[1] if self.design.sends_first else world
        yield "hears nothing", self._meets(lost, number, meant(OutcomeUnknownError("?")))

    def _look_up(self, world: World, number: int) -> Iterator[Step]:
        order, looks = self._order(world), world.processes[number].looks + 1
        if world.orders and world.seen:
            found = replace(order, state=advance(order.state, OrderEvent.ACK))
            yield "finds the order", self._end(world, number, found, WORDS)
            return
        waited = 300.0 if world.late else 1.0
        after = self.design.not_found(order, waited, _now(world), looks)
        then = world if after is order else self._keep(world, number, after, WORDS)[1]
        yield "does not find the order", then.put(number, looks=min(looks, 2))

    def _meets(self, world: World, number: int, event: OrderEvent, raw: str = "") -> World:
        """The order as the process knows it meets an event; it was SENDING when the socket was written."""
        order = self._order(world, OrderState.SENDING)
        return self._end(world, number, replace(order, state=advance(order.state, event)), raw)

    def _end(self, world: World, number: int, order: Order, raw: str = "") -> World:
        """Store the order and go back to idle; what the journal refuses makes the process read everything anew."""
        refusal, then = self._keep(world, number, order, raw)
        return then.put(number, phase=Phase.STARTED if refusal else Phase.IDLE, answer=Answer.NONE)

    def _keep(self, world: World, number: int, order: Order, raw: str = "") -> tuple[str, World]:
        name = f"record {order.state} {raw}"
        return self._did(world, number, name, lambda connection: orders.record(connection, order, raw, []))

    def _marked(self, world: World, number: int) -> tuple[str, World]:
        now, held = _now(world), _held(world, number)
        return self._did(world, number, f"{self.design.name} mark", lambda connection: self.design.mark(connection, now, held))

    def _ended(self, world: World, number: int, state: ProposalState) -> World:
        work = lambda connection: proposals.end(connection, PROPOSAL.id, state, "", NOW)  # noqa: E731
        return self._did(world, number, f"end {state}", work)[1]

    def _order(self, world: World, state: OrderState | None = None) -> Order:
        stored = state or world.journal.order
        assert stored is not None
        return replace(ORDER, state=stored, sent_at=None if stored is OrderState.NEW else NOW)


def _people(world: World) -> Iterator[Step]:
    """People come and go under the card, before and after anything else."""
    if not world.left.reactions:
        return
    left = replace(world.left, reactions=world.left.reactions - 1)
    for who in IDS:
        if who in world.reactions:
            changed = world.reactions - {who} | {_gone(who)}
            yield f"{who} takes the yes back", replace(world, reactions=changed, left=left)
        elif _gone(who) not in world.reactions:
            yield f"{who} says yes", replace(world, reactions=world.reactions | {who}, left=left)
    if VETO not in world.reactions:
        yield "the owner vetoes", replace(world, reactions=world.reactions | {VETO}, left=left)


def _gone(who: str) -> str:
    return f"{who} no longer"


def _now(world: World) -> datetime:
    return AFTER if world.late else NOW


def _held(world: World, number: int) -> Held:
    return Held(str(number), world.processes[number].fence)
