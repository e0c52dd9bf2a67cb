"""Whatever happens to a paper account, its books hold: cash to the cent, positions from facts, no fill beyond its order."""

import shutil
import tempfile
from collections import Counter
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from brokers.paper.ledger import Ledger, Terms
from brokers.paper.matching import FillModel, net, touch
from brokers.paper.records import Delisting, Dividend, Moment, Split, Ticket
from core.model.errors import RefusedError
from core.model.instruments import Instrument, Leg, Option, Right, Side, Stock
from core.model.market import Quote
from core.model.money import CENT
from core.model.orders import OrderEvent, Transaction
from core.quant.fees import FeeSchedule
from tests.brokers.rig import CASH, LONG_AGO
from tests.kit.nouns import DAY, NOW, SESSION

THINGS: tuple[Instrument, ...] = (
    Stock("LEAD"),
    Stock("MATE"),
    Option("LEAD", DAY, Right.CALL, Decimal(100)),
    Option("LEAD", DAY, Right.CALL, Decimal(110)),
    Option("LEAD", DAY, Right.PUT, Decimal(90)),
)
LEGS = st.lists(
    st.builds(Leg, st.sampled_from(THINGS), st.sampled_from(Side), st.integers(1, 2)),
    min_size=1,
    max_size=2,
    unique_by=lambda leg: leg.instrument,
).map(tuple)
OFFSETS = st.integers(-30, 10).map(lambda cents: Decimal(cents) / 100)
MODELS = st.builds(
    FillModel,
    improvement=st.sampled_from([0.0, 0.4]),
    slippage=st.sampled_from([0.0, 0.3]),
    partial=st.sampled_from([0.0, 0.7]),
    latency_seconds=st.sampled_from([0.0, 20.0]),
)


class Account(RuleBasedStateMachine):
    """Orders, quotes, cancels, corporate actions, expiries and restarts in any order."""

    @initialize(model=MODELS)
    def begin(self, model: FillModel) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.terms = Terms("paper", CASH, model, FeeSchedule(per_share=Decimal("0.005")))
        self.now = NOW
        middles = {THINGS[0]: 100, THINGS[1]: 20, THINGS[2]: 5, THINGS[3]: 2, THINGS[4]: 1}
        self.quotes = {thing.key: Quote(Decimal(mid) - CENT, Decimal(mid) + CENT, 40, 40, NOW) for thing, mid in middles.items()}
        self.tickets: dict[str, Ticket] = {}
        self.moved: list[Transaction] = []
        self.ledger = Ledger.open(self.terms, self.folder / "ledger.jsonl", NOW)

    def teardown(self) -> None:
        if hasattr(self, "ledger"):
            self.ledger.close()
            shutil.rmtree(self.folder)

    @property
    def moment(self) -> Moment:
        return Moment(self.now, SESSION, self.quotes)

    @rule(thing=st.sampled_from(THINGS), move=st.integers(-20, 20), width=st.integers(0, 30), size=st.integers(0, 60))
    def show(self, thing: Instrument, move: int, width: int, size: int) -> None:
        self.now += timedelta(seconds=1)
        bid = max(Decimal(0), self.quotes[thing.key].bid + Decimal(move) / 100)
        self.quotes[thing.key] = Quote(bid, bid + Decimal(width) / 100, size, size, self.now)

    @rule(legs=LEGS, quantity=st.integers(0, 30), offset=OFFSETS, key=st.sampled_from(["a", "b", "c"]))
    def submit(self, legs: tuple[Leg, ...], quantity: int, offset: Decimal, key: str) -> None:
        limit = net(legs, [touch(leg, self.quotes[leg.instrument.key]) for leg in legs]) + offset
        try:
            report = self.ledger.submit(Ticket(key, legs, quantity, limit), self.moment)
        except RefusedError:
            return
        assert report.broker_order_id not in self.tickets
        self.tickets[report.broker_order_id] = Ticket(key, legs, quantity, limit)

    @rule(thing=st.sampled_from(THINGS[:2]), quantity=st.integers(1, 300))
    def buy(self, thing: Instrument, quantity: int) -> None:
        self.submit((Leg(thing, Side.BUY),), quantity, Decimal(0), "bought")

    @rule(key=st.sampled_from(["a", "b", "c"]))
    def cancel(self, key: str) -> None:
        if any(ticket.key == key for ticket in self.tickets.values()):
            self.ledger.cancel(key, self.moment)
            assert all(report.key != key for report in self.ledger.open_orders())

    @rule(seconds=st.integers(1, 40))
    def turn(self, seconds: int) -> None:
        self.now = min(self.now + timedelta(seconds=seconds), SESSION.close - timedelta(seconds=1))
        self.ledger.tick(self.moment)

    @rule(ratio=st.sampled_from(["2", "3", "0.1", "1.5"]), day=st.integers(0, 3))
    def split(self, ratio: str, day: int) -> None:
        self.moved += self.ledger.corporate_action(
            Split("LEAD", DAY + timedelta(days=day), Decimal(ratio), Decimal("33.33")), self.now
        )

    @rule(amount=st.integers(1, 99), day=st.integers(0, 3))
    def dividend(self, amount: int, day: int) -> None:
        self.moved += self.ledger.corporate_action(Dividend("LEAD", DAY + timedelta(days=day), Decimal(amount) / 100), self.now)

    @rule(price=st.integers(0, 20))
    def delist(self, price: int) -> None:
        self.moved += self.ledger.corporate_action(Delisting("MATE", DAY, Decimal(price)), self.now)

    @rule(spot=st.integers(80, 120))
    def expire(self, spot: int) -> None:
        self.moved += self.ledger.expire(DAY, {"LEAD": Decimal(spot)}, self.now)

    @rule()
    def restart(self) -> None:
        before = self._books()
        self.ledger.close()
        self.ledger = Ledger.open(self.terms, self.folder / "ledger.jsonl", NOW)
        assert self._books() == before

    @invariant()
    def cash_is_every_fact_to_the_cent(self) -> None:
        fills = self.ledger.fills(LONG_AGO)
        facts = sum((fill.cash - (fill.fee or 0) for fill in fills), CASH) + sum(row.cash for row in self.moved)
        assert self.ledger.account(self.now).cash == facts
        assert self.ledger.transactions(LONG_AGO)[1:] == tuple(self.moved)

    @invariant()
    def positions_are_the_fold_of_fills_and_movements(self) -> None:
        held: Counter[str] = Counter()
        for fill in self.ledger.fills(LONG_AGO):
            held[fill.instrument_key] += fill.side.sign * fill.quantity
        for row in self.moved:
            held[row.instrument_key or ""] += row.quantity
        assert self.ledger.positions() == {key: quantity for key, quantity in held.items() if quantity}

    @invariant()
    def no_order_fills_beyond_its_quantity_or_its_limit(self) -> None:
        for report in self.ledger.reports(LONG_AGO):
            ticket = self.tickets[report.broker_order_id]
            assert {done // leg.ratio for done, leg in zip(report.leg_filled, ticket.legs, strict=True)} <= set(
                range(ticket.quantity + 1)
            )
            assert (report.event is OrderEvent.FULL_FILL) == (
                report.leg_filled == tuple(leg.ratio * ticket.quantity for leg in ticket.legs)
            )
            for first in range(0, len(report.fills), len(ticket.legs)):
                batch = report.fills[first : first + len(ticket.legs)]
                assert net(ticket.legs, [fill.price for fill in batch]) >= ticket.limit
            for number, done in enumerate(report.leg_filled):
                assert done == sum(fill.quantity for fill in report.fills if fill.leg == number)

    @invariant()
    def no_execution_is_counted_twice(self) -> None:
        ids = [fill.exec_id for fill in self.ledger.fills(LONG_AGO)]
        assert len(ids) == len(set(ids))

    @invariant()
    def trading_alone_never_sells_what_is_not_held(self) -> None:
        held = self.ledger.positions()
        calls = sum(100 * held.get(thing.key, 0) for thing in THINGS[2:4])
        if not self.moved:
            assert held.get("LEAD", 0) >= 0
            assert held.get("MATE", 0) >= 0
            assert held.get("LEAD", 0) + calls >= 0
            assert self.ledger.account(self.now).cash >= 0

    def _books(self) -> tuple[object, ...]:
        ledger = self.ledger
        return (
            ledger.account(self.now),
            ledger.positions(),
            ledger.reports(LONG_AGO),
            ledger.open_orders(),
            ledger.transactions(LONG_AGO),
        )


Account.TestCase.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
TestAccount = Account.TestCase
