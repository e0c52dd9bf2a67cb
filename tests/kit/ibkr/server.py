"""The loopback's sessions: what a client asks, what it is answered, and what it is told without asking."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from core.model.instruments import instrument
from tests.kit.ibkr import desk, messages
from tests.kit.ibkr.faults import Fault, Faults
from tests.kit.ibkr.messages import Message
from tests.kit.ibkr.placing import Placing
from tests.kit.ibkr.wire import VERSION, frame, place_order, read_frame
from tests.kit.ibkr.world import ACCOUNT, TwsOrder, World, known


class Session:
    """One connected client."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.client = -1
        self.silent = False

    def tell(self, *told: Message) -> None:
        """Write messages, unless the line is dead."""
        if not self.silent and not self.writer.is_closing():
            for message in told:
                self.writer.write(frame(message))

    def cut(self) -> None:
        """End it at once."""
        if self.writer.transport is not None:
            self.writer.transport.abort()


class Tws:
    """A loopback TWS for one account."""

    def __init__(self, ledger: Path, now: Callable[[], datetime] | None = None, account: str = ACCOUNT) -> None:
        self._now = now
        self.instant: datetime | None = None
        self.account = account
        self.world = World(ledger, self.now)
        self.faults = Faults()
        self.frames: list[str] = []
        self.sessions: set[Session] = set()
        self.tasks: set[asyncio.Task[None]] = set()
        self.down = False
        self.closed = False
        self.forgetful = False
        self.port = 0
        self._server: asyncio.Server | None = None
        self._verbs = {
            "71": self._start, "61": self._positions, "5": self._open, "16": self._all_open, "99": self._completed,
            "62": self._summary, "7": self._executions, "9": self._details, "3": self._place, "4": self._cancel, "8": self._ids,
        }  # fmt: skip

    def now(self) -> datetime:
        """The instant that was set from outside, or the machine's."""
        return self._now() if self._now else self.instant or datetime.now(UTC)

    async def start(self, port: int = 0) -> int:
        """Listen on 127.0.0.1; answers the port."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", port)
        self.port = self._server.sockets[0].getsockname()[1]
        return self.port

    async def stop(self) -> None:
        """Hang up on everybody."""
        for task in self.tasks:
            task.cancel()
        for session in list(self.sessions):
            session.cut()
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
        self.world.ledger.close()

    def tell_owner(self, order: TwsOrder, told: Sequence[Message]) -> None:
        """Messages about an order go to the client that placed it, unless TWS is cut off."""
        for session in self.sessions:
            if session.client == order.client and not self.down:
                session.tell(*told)

    def tell_all(self, *told: Message) -> None:
        """A notice for everybody."""
        for session in self.sessions:
            session.tell(*told)

    def trade(self) -> None:
        """Trade what can trade on the market that is shown."""
        for order in list(self.world.orders.values()):
            made = desk.trade(self.world, order)
            if made:
                told = [message for one in made for message in messages.execution(self.world, one)]
                self.tell_owner(order, [messages.open_order(order), messages.order_status(order), *told])

    def later(self, seconds: float, act: Callable[[], None]) -> None:
        """Do something after so many seconds of the machine."""

        async def wait() -> None:
            await asyncio.sleep(seconds)
            act()

        task = asyncio.get_running_loop().create_task(wait())
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        session = Session(reader, writer)
        if self.closed:
            session.cut()
            return
        self.sessions.add(session)
        try:
            await reader.readexactly(4)
            (greeting,) = await self._greeting(reader)
            highest = int(greeting.split(" ")[0].removeprefix("v").split("..")[1])
            session.tell((min(highest, VERSION), "20240612 11:00:00 US/Eastern"))
            while True:
                fields = await read_frame(reader)
                if session.silent:
                    continue
                verb = self._verbs.get(fields[0])
                if verb is not None:
                    verb(session, fields)
        except (OSError, EOFError, asyncio.CancelledError):
            pass
        finally:
            self.sessions.discard(session)
            session.cut()

    async def _greeting(self, reader: asyncio.StreamReader) -> list[str]:
        length = int.from_bytes(await reader.readexactly(4))
        return [(await reader.readexactly(length)).decode()]

    def _start(self, session: Session, fields: list[str]) -> None:
        client = int(fields[2])
        if any(other.client == client for other in self.sessions):
            session.tell(messages.error(-1, 326, "Unable to connect as the client id is already in use."))
            asyncio.get_running_loop().call_soon(session.cut)
            return
        session.client = client
        session.tell((15, 1, self.account), (9, 1, self.world.next_id(client)))
        session.tell(messages.error(-1, 2104, "Market data farm connection is OK:usfarm"))
        if self.down:
            session.tell(messages.error(-1, 2110, "Connectivity between Trader Workstation and server is broken."))

    def _ids(self, session: Session, _: list[str]) -> None:
        session.tell((9, 1, self.world.next_id(session.client)))

    def _positions(self, session: Session, _: list[str]) -> None:
        held = self.world.held.items()
        rows = [messages.position(key, self.world.con_id(key), quantity) for key, quantity in sorted(held)]
        self._list(session, "positions", rows, (62, 1))

    def _open(self, session: Session, _: list[str]) -> None:
        self._open_of(session, lambda order: order.client == session.client)

    def _all_open(self, session: Session, _: list[str]) -> None:
        self._open_of(session, lambda order: True)

    def _open_of(self, session: Session, wanted: Callable[[TwsOrder], bool]) -> None:
        shown = [order for order in self._visible() if order.open and wanted(order)]
        rows = [message for order in shown for message in (messages.open_order(order), messages.order_status(order))]
        self._list(session, "open", rows, (53, 1))

    def _completed(self, session: Session, _: list[str]) -> None:
        shown = [order for order in self._visible() if not order.open]
        rows = [messages.completed_order(replace(order, ref="") if self.forgetful else order) for order in shown]
        self._list(session, "completed", rows, (102,))

    def _executions(self, session: Session, fields: list[str]) -> None:
        visible = {order.perm for order in self._visible()}
        number = int(fields[2])
        shown = [one for one in self.world.executions if one.perm in visible]
        rows = [message for one in shown for message in messages.execution(self.world, one, number)]
        self._list(session, "executions", rows, (55, 1, number))

    def _summary(self, session: Session, fields: list[str]) -> None:
        worth = sum(abs(quantity) for quantity in self.world.held.values()) * 10
        figures = (
            ("TotalCashValue", self.world.cash),
            ("AvailableFunds", desk.available(self.world)),
            ("GrossPositionValue", worth),
        )
        rows: list[Message] = [(63, 1, fields[2], self.account, tag, value, "USD") for tag, value in figures]
        rows += [
            (63, 1, fields[2], self.account, "AccountType", "INDIVIDUAL", ""),
            (63, 1, fields[2], self.account, "Cushion", "1", ""),
        ]
        rows.append((63, 1, fields[2], self.account, "DayTradesRemaining", "3", ""))
        self._list(session, "summary", rows, (64, 1, fields[2]))

    def _details(self, session: Session, fields: list[str]) -> None:
        number, symbol, kind, local = int(fields[2]), fields[4], fields[5], fields[13]
        key = local if kind == "OPT" else symbol.replace(" ", ".")
        if not key or not known(key):
            session.tell(messages.error(number, 200, "No security definition has been found for the request"))
            return
        thing = instrument(key)
        self._list(session, "details", [messages.details(number, thing, self.world.con_id(thing.key), "0.01")], (52, 1, number))

    def _list(self, session: Session, on: str, rows: Sequence[Message], end: Message) -> None:
        fault = self.faults.next(on)
        if fault.what == "cut before":
            session.cut()
        elif fault.what in {"huge", "cut inside", "drip"}:
            self._broken(session, fault, b"".join(frame(message) for message in (*rows, end)))
        else:
            told = {
                "nothing": [end],
                "gone": [*rows, *((*row[:-2], "0", row[-1]) for row in rows), end],
                "empty": [messages.error(-1, fault.code or 504, "Not connected"), end],
                "no end": rows[: len(rows) // 2],
                "garbled": [*(row[:10] for row in rows), end],
                "duplicate": [*rows, *rows, end],
            }.get(fault.what, [*rows, end])
            if fault.what == "delay":
                self.later(fault.seconds, lambda: session.tell(*told))
            else:
                session.tell(*told)

    def _broken(self, session: Session, fault: Fault, whole: bytes) -> None:
        """An answer whose bytes go wrong: a length of two gigabytes, an end inside a frame, or one byte at a time."""
        if fault.what == "huge":
            session.writer.write(b"\x7f\xff\xff\xff" + whole)
        elif fault.what == "cut inside":
            session.writer.write(whole[: len(whole) // 2 + 1])
            asyncio.get_running_loop().call_soon(session.writer.close)
        elif whole:
            session.writer.write(whole[:1])
            self.later(fault.seconds, lambda: self._broken(session, fault, whole[1:]))

    def _visible(self) -> list[TwsOrder]:
        moment = asyncio.get_running_loop().time()
        return [order for order in self.world.orders.values() if order.seen_from <= moment and order.account == self.account]

    def _place(self, session: Session, fields: list[str]) -> None:
        asked = place_order(fields)
        if not asked.what_if:
            self.frames.append(asked.ref)
        Placing(self, session).order(asked, self.faults.next("what-if" if asked.what_if else "place"))

    def _cancel(self, session: Session, fields: list[str]) -> None:
        Placing(self, session).cancel(int(fields[2]), self.faults.next("cancel"))
