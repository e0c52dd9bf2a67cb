"""The paper broker's own ledger: what a broker would know, kept apart from the bot so that reconciliation has a second opinion.

It never de-duplicates: two submits with one key are two orders, as at a real broker. Every change is one line in its file before
it is answered. It reads no clock and asks nobody for prices: each verb is shown the `Moment`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from brokers.paper import margin, movements
from brokers.paper.acceptance import Desk
from brokers.paper.log import Log
from brokers.paper.matching import FillModel, match
from brokers.paper.records import (
    Accepted,
    CorporateAction,
    Delisting,
    Dividend,
    Executed,
    Moment,
    Moved,
    PaperOrder,
    Record,
    Ticket,
    Turned,
    instruments,
)
from brokers.paper.reporting import report
from brokers.paper.state import State, midnight
from core.model.errors import BadDataError, OperatorError, RefusedError
from core.model.instruments import Instrument
from core.model.money import ZERO
from core.model.orders import Fill, Movement, OrderState, Report, Transaction
from core.ports.broker import Account, Preview
from core.quant.fees import FeeSchedule


@dataclass(frozen=True, slots=True)
class Terms:
    """What an account at this broker is opened with."""

    account: str
    start_cash: Decimal
    model: FillModel
    fees: FeeSchedule


class Ledger:
    """One account. Not thread-safe: its callers go one at a time."""

    def __init__(self, terms: Terms, log: Log) -> None:
        self._terms = terms
        self._log = log
        self._state = State(terms.account)
        self._desk = Desk(self._state, terms.fees)

    @classmethod
    def open(cls, terms: Terms, path: Path | None, now: datetime) -> "Ledger":
        """Rebuild the account from its file, or open it with the start cash as its first deposit.

        Raises
        ------
        OperatorError
            The file is damaged, in use, or belongs to another account.
        """
        ledger = cls(terms, Log(path))
        try:
            ledger._rebuild(now)
        except BaseException:
            ledger.close()
            raise
        return ledger

    @property
    def durable(self) -> bool:
        """Whether changes reach a disk."""
        return self._log.durable

    def close(self) -> None:
        """Give the file free."""
        self._log.close()

    # reads

    def account(self, now: datetime) -> Account:
        """Balances."""
        power = margin.buying_power(self._state.cash, self._state.positions, self._state.open.values())
        return Account(self._terms.account, self._state.cash, power, now)

    def positions(self) -> Mapping[str, int]:
        """Signed quantities by instrument key."""
        return dict(sorted(self._state.positions.items()))

    def wanted(self) -> tuple[Instrument, ...]:
        """Instruments whose quotes the open orders wait for."""
        return tuple(dict.fromkeys(thing for order in self._state.open.values() for thing in instruments(order.ticket)))

    def find(self, key: str) -> Report | None:
        """Report on the first order with the key."""
        found = self._state.by_key.get(key)
        return self._report(found[0]) if found else None

    def open_orders(self) -> tuple[Report, ...]:
        """Report on every order that can still fill."""
        return tuple(self._report(order_id) for order_id in self._state.open)

    def reports(self, since: datetime) -> tuple[Report, ...]:
        """Report on every order touched at or after the instant."""
        return tuple(self._report(order.id) for order in self._state.order_since(since))

    def fills(self, since: datetime) -> tuple[Fill, ...]:
        """Executions at or after the instant."""
        return self._state.fills_since(since)

    def transactions(self, since: datetime) -> tuple[Transaction, ...]:
        """Movements at or after the instant."""
        return self._state.transactions_since(since)

    def preview(self, ticket: Ticket, moment: Moment) -> Preview:
        """Say what the order would cost and whether it would be taken."""
        fees = self._desk.charges(ticket)
        refusal = self._desk.refusal(ticket, moment)
        effect = margin.needed(ticket, self._state.positions, self._state.open.values()) or ZERO
        return Preview(refusal is None, refusal or "", fees, effect + fees)

    # verbs

    def submit(self, ticket: Ticket, moment: Moment) -> Report:
        """Take an order and let it trade at once if it can.

        Raises
        ------
        RefusedError
            The order was not taken.
        """
        moment = self._steady(moment)
        refusal = self._desk.refusal(ticket, moment)
        if refusal is not None or moment.session is None:
            raise RefusedError(f"the paper broker refused the order: {refusal}")
        delay = timedelta(seconds=self._terms.model.latency_seconds)
        order = PaperOrder(
            id=f"{self._terms.account}-{len(self._state.orders) + 1:06d}",
            ticket=ticket,
            state=OrderState.ACCEPTED if delay else OrderState.WORKING,
            accepted_at=moment.now,
            live_at=moment.now + delay,
            expires_at=moment.session.close,
            updated_at=moment.now,
        )
        traded = self._execution(order, moment)
        self._commit([Accepted(order), *traded])
        return self._report(order.id)

    def cancel(self, key: str, moment: Moment) -> Report:
        """Cancel every open order with the key, unless it trades first.

        Raises
        ------
        RefusedError
            There is no such order.
        """
        ids = self._state.by_key.get(key)
        if not ids:
            raise RefusedError(f"the paper broker knows no order {key!r}; nothing was cancelled")
        moment = self._steady(moment)
        self.tick(moment)
        for order_id in ids:
            if order_id in self._state.open:
                self._commit([Turned(order_id, OrderState.CANCELLED, moment.now, "cancelled by us")])
        return self._report(ids[0])

    def tick(self, moment: Moment) -> tuple[Report, ...]:
        """Show the ledger a moment: orders go live, trade or expire. Reports on those that changed."""
        moment = self._steady(moment)
        changed = []
        for order in list(self._state.open.values()):
            records = self._progress(order, moment)
            if records:
                self._commit(records)
                changed.append(order.id)
        return tuple(self._report(order_id) for order_id in changed)

    def corporate_action(self, action: CorporateAction, now: datetime) -> tuple[Transaction, ...]:
        """Book a split, dividend or delisting once, and remove the open orders that it makes wrong.

        Splits and dividends concern what was held before their day, so being told late or again never touches what was bought
        since.
        """
        ends = isinstance(action, Delisting)
        held = self._state.positions if ends else self._state.held_before(action.day)
        rows = movements.adjust(action, held, self._booking(now))
        done = self._move([self._renamed(row) for row in rows] if ends else rows)
        at = max(now, self._state.latest)
        for order in list(self._state.open.values()):
            touched = any(thing.underlying == action.symbol for thing in instruments(order.ticket))
            old = ends or order.accepted_at < midnight(action.day)
            if touched and old and not isinstance(action, Dividend):
                self._commit([Turned(order.id, OrderState.REMOVED, at, f"{type(action).__name__.lower()} of {action.symbol}")])
        return done

    def expire(self, day: date, spots: Mapping[str, Decimal], now: datetime) -> tuple[Transaction, ...]:
        """Settle the options that expire on or before the day.

        Raises
        ------
        BadDataError
            Some underlying has no price in `spots`; its options are still held, the others are settled.
        """
        due = movements.expire(day, spots, self._state.positions, self._booking(now))
        rows = self._move([self._renamed(row) for row in due])
        left = sorted(key for key in self._state.positions if movements.due(key, day))
        if left:
            raise BadDataError(f"{', '.join(left)} expired but the price of the underlying is unknown; settle again with its close")
        return rows

    # inside

    def _rebuild(self, now: datetime) -> None:
        for record in self._log.read():
            self._state.apply(record)
        ours = self._terms.account
        owner = self._state.transactions[0].account if self._state.transactions else None
        if owner is None:
            self._commit([Moved(self._booking(now).row("start", Movement.DEPOSIT, None, (0, ZERO, self._terms.start_cash)))])
        elif owner != ours:
            raise OperatorError(f"this paper ledger belongs to account {owner!r}, not {ours!r}; give {ours!r} a file of its own")

    def _steady(self, moment: Moment) -> Moment:
        """The moment, never before the last record: a wall clock that steps back must not hide facts from "since"."""
        return moment if moment.now >= self._state.latest else replace(moment, now=self._state.latest)

    def _booking(self, now: datetime) -> movements.Booking:
        return movements.Booking(self._terms.account, max(now, self._state.latest))

    def _commit(self, records: Sequence[Record]) -> None:
        self._log.append(records)
        for record in records:
            self._state.apply(record)

    def _renamed(self, row: Transaction) -> Transaction:
        """The row under an id that was never used: what ends a holding may happen again when it was bought again."""
        used = sum(name == row.id or name.startswith(f"{row.id}-again") for name in self._state.moved)
        return replace(row, id=f"{row.id}-again{used}") if used else row

    def _move(self, rows: Sequence[Transaction]) -> tuple[Transaction, ...]:
        new = tuple(row for row in rows if row.id not in self._state.moved)
        if new:
            self._commit([Moved(row) for row in new])
        return new

    def _progress(self, order: PaperOrder, moment: Moment) -> list[Record]:
        if moment.now >= order.expires_at:
            return [Turned(order.id, OrderState.EXPIRED, moment.now, "the session closed")]
        if order.state is OrderState.ACCEPTED and moment.now >= order.live_at:
            others = [other for other in self._state.open.values() if other.id != order.id]
            short = self._desk.shortage(order.ticket, others)
            if short:
                return [Turned(order.id, OrderState.REJECTED, moment.now, short)]
            live = replace(order, state=OrderState.WORKING)
            return [Turned(order.id, OrderState.WORKING, moment.now), *self._execution(live, moment)]
        return list(self._execution(order, moment))

    def _execution(self, order: PaperOrder, moment: Moment) -> tuple[Executed, ...]:
        if moment.now < order.live_at or moment.session is None or not moment.session.holds(moment.now):
            return ()
        deal = match(order, moment.quotes, moment.now, self._state.taken, self._terms.model)
        if deal is None:
            return ()
        fills = []
        for number, (leg, price) in enumerate(zip(order.ticket.legs, deal.prices, strict=True)):
            thing, quantity = leg.instrument, leg.ratio * deal.units
            fills.append(
                Fill(
                    exec_id=f"{order.id}-{order.executions + 1}-{number}",
                    order_key=order.ticket.key or "",
                    account=self._terms.account,
                    leg=number,
                    instrument_key=thing.key,
                    side=leg.side,
                    quantity=quantity,
                    price=price,
                    fee=self._terms.fees.of(thing, quantity, leg.side, price),
                    at=moment.now,
                    multiplier=thing.multiplier,
                    modelled=deal.modelled,
                )
            )
        return (Executed(order.id, deal.units, tuple(fills), deal.quoted),)

    def _report(self, order_id: str) -> Report:
        return report(self._state.orders[order_id], self._state.fills_of.get(order_id, ()))
