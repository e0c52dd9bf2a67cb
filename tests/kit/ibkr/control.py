"""The hand from outside: one command is one mapping with `do`; over a socket it is one line of JSON, answered by one."""

import asyncio
import json
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from core.model.instruments import instrument
from tests.kit.ibkr import desk, messages
from tests.kit.ibkr.faults import Fault
from tests.kit.ibkr.flexible import settle
from tests.kit.ibkr.server import Tws
from tests.kit.ibkr.world import Market, TwsLeg, TwsOrder

MANUAL, OTHER_CLIENT = 0, 99


class Control:
    """Every command by its name."""

    def __init__(self, tws: Tws) -> None:
        self.tws = tws
        self._commands: Mapping[str, Callable[..., Any]] = {
            name.removeprefix("do_"): getattr(self, name) for name in dir(self) if name.startswith("do_")
        }

    def do(self, command: str, **values: Any) -> Any:
        """Carry out one command."""
        return self._commands[command](**values)

    async def start(self, port: int = 0) -> int:
        """Listen for commands on 127.0.0.1."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", port)
        return int(server.sockets[0].getsockname()[1])

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            values = json.loads(line)
            writer.write(json.dumps(self.do(values.pop("do"), **values), default=str).encode() + b"\n")
            await writer.drain()
        writer.close()

    def do_quote(self, key: str, bid: str, ask: str, size: int = 1000) -> None:
        """Show a market and trade on it."""
        self.tws.world.market[key] = Market(Decimal(bid), Decimal(ask), size, size)
        self.tws.trade()

    def do_generous(self, on: bool = True) -> None:
        """Every order trades at once, whole and at its limit, whatever the market shows."""
        self.tws.world.generous = on
        self.tws.trade()

    def do_clock(self, instant: str) -> None:
        """Set the time; a session that ended ends its day orders."""
        world = self.tws.world
        self.tws.instant = datetime.fromisoformat(instant)
        for order in list(world.orders.values()):
            placed = datetime.fromisoformat(order.at)
            close = placed.replace(hour=20, minute=0, second=0, microsecond=0)
            close = close if placed < close else close + timedelta(days=1)
            if order.open and world.now() >= close:
                world.turn(order, "Cancelled", "Order Expired")
                self.tws.tell_owner(order, [messages.order_status(order)])
            elif order.status == "PreSubmitted" and desk.in_session(world):
                world.turn(order, "Submitted")
        self.tws.trade()

    def do_fault(self, **values: Any) -> None:
        """Queue a fault; see `tests.kit.ibkr.faults`."""
        self.tws.faults.queued.append(Fault(**values))

    def do_plan(self, seed: int, chance: float) -> None:
        """Draw faults from a seed."""
        self.tws.faults.plan(seed, chance)

    def do_fill(self, ref: str, units: int, prices: list[str], legs: list[int] | None = None, quiet: str = "") -> None:
        """Fill an order, or some legs of it; `quiet`: "all" tells nothing, "status" leaves the statuses out."""
        order = self.tws.world.by_ref(ref)
        made = self.tws.world.execute(order, units, [Decimal(price) for price in prices], legs)
        told = [message for one in made for message in messages.execution(self.tws.world, one)]
        if not quiet:
            told = [messages.open_order(order), messages.order_status(order), *told]
        if quiet != "all":
            self.tws.tell_owner(order, told)

    def do_commission(self, ref: str, amount: str, currency: str = "USD") -> None:
        """Say the commissions of an order anew."""
        world = self.tws.world
        order = world.by_ref(ref)
        for one in world.executions:
            if one.perm == order.perm:
                one.commission, one.currency = amount, currency
                self.tws.tell_owner(order, [(59, 1, one.exec_id, amount, currency, "", "", "")])

    def do_correct(self, exec_id: str, shares: int, price: str) -> str:
        """Correct an execution; answers the new id."""
        world = self.tws.world
        made = world.correct(exec_id, shares, Decimal(price))
        self.tws.tell_owner(world.orders[made.perm], messages.execution(world, made))
        return made.exec_id

    def do_retell(self, exec_id: str, shares: int, price: str) -> None:
        """Say an execution again under the same id with other figures."""
        world = self.tws.world
        one = next(one for one in world.executions if one.exec_id == exec_id)
        one.shares, one.price = shares, price
        self.tws.tell_owner(world.orders[one.perm], messages.execution(world, one))

    def do_turn(self, ref: str, status: str, reason: str = "", code: int = 0) -> None:
        """Give an order a status, with an error before it when a code is named."""
        order = self.tws.world.by_ref(ref)
        self.tws.world.turn(order, status, reason)
        if code:
            self.tws.tell_owner(order, [messages.error(order.order_id, code, reason)])
        self.tws.tell_owner(order, [messages.order_status(order)])

    def do_say(self, code: int, words: str = "", number: int = -1) -> None:
        """A notice to everybody."""
        self.tws.tell_all(messages.error(number, code, words))

    def do_down(self, code: int = 1100) -> None:
        """TWS loses Interactive Brokers: nothing is told by itself until it is back."""
        self.do_say(code, "Connectivity between IB and TWS has been lost.")
        self.tws.down = True

    def do_back(self, code: int = 1102) -> None:
        """The connection is back; what happened meanwhile is not told again. Code 0 says nothing."""
        self.tws.down = False
        if code:
            self.do_say(code, "Connectivity between IB and TWS has been restored.")

    def do_cut(self, closed: bool = False) -> None:
        """Hang up on everybody; `closed` lets nobody in again."""
        self.tws.closed = closed
        for session in list(self.tws.sessions):
            session.cut()

    def do_silence(self) -> None:
        """The lines that stand carry nothing any more, and nobody is told."""
        for session in self.tws.sessions:
            session.silent = True
            session.client = -1

    def do_reset_ids(self) -> None:
        """The order ids begin anew."""
        self.tws.world.record("reset", perm=max(self.tws.world.orders, default=0))

    def do_move(self, key: str, quantity: int, cash: str = "0") -> None:
        """Change a holding without an execution."""
        self.tws.world.move(key, quantity, Decimal(cash))

    def do_settle(self, day: str, spots: dict[str, str]) -> None:
        """What expires by a day is exercised, assigned or removed; the statement tells it."""
        settle(self.tws.world, date.fromisoformat(day), {symbol: Decimal(spot) for symbol, spot in spots.items()})

    def do_outside(self, legs: list[list[Any]], quantity: int, limit: str, ref: str = "", client: int = OTHER_CLIENT) -> int:
        """Place an order as somebody else on this account: legs are [key, BUY or SELL, ratio], the limit is IB's."""
        world = self.tws.world
        combo = len(legs) > 1
        made = [TwsLeg(key, world.con_id(key), "BUY" if not combo else action, ratio) for key, action, ratio in legs]
        action = "BUY" if combo else legs[0][1]
        number = 0 if client == MANUAL else world.next_id(client)
        at = world.now().isoformat()
        status = "Submitted" if desk.in_session(world) else "PreSubmitted"
        order = TwsOrder(world.next_perm(), number, client, ref, action, quantity, limit, made, combo, status, at=at)
        desk_order = world.placed(order)
        self.tws.trade()
        return desk_order.perm

    def do_taken(self) -> list[dict[str, Any]]:
        """Every order that was ever taken."""
        return [
            {"perm": order.perm, "id": order.order_id, "client": order.client, "ref": order.ref, "status": order.status,
             "filled": order.filled, "quantity": order.quantity}
            for order in self.tws.world.orders.values()
        ]  # fmt: skip

    def do_executions(self) -> list[str]:
        """Every execution id."""
        return [one.exec_id for one in self.tws.world.executions]

    def do_held(self) -> dict[str, int]:
        """What the account holds."""
        return {instrument(key).key: quantity for key, quantity in self.tws.world.held.items()}
