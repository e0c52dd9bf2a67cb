"""An order whose outcome nobody knows: escalated, never sent again, absent only with proof; a later trace halts."""

from contextlib import AsyncExitStack
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from brokers.paper import FillModel
from core.engine import doubt
from core.model.doubts import Hold
from core.model.errors import RetryError
from core.model.orders import Order, OrderEvent, OrderState, Report
from tests.engine.door import Door, faulty
from tests.engine.rig import CALENDAR, Desk

LATE = FillModel(latency_seconds=1.0)


async def only(one: Desk) -> Order:
    (order,) = await one.orders()
    return order


async def escalated(one: Desk, door: Door) -> Order:
    """An order that never arrived, past its time budget."""
    card = await one.begin()
    door.dead.add("submit")
    await one.react(card)
    await one.tick(seconds=121)
    door.dead.clear()
    return await only(one)


def later(one: Desk, instant: datetime, **more: float) -> None:
    one.clock.turn_to(instant + timedelta(**more))


def close_of(one: Desk) -> datetime:
    session = CALENDAR.at(one.clock.now())
    assert session is not None
    return session.close


async def looked(one: Desk, times: int, minutes: float = 6) -> None:
    """After the cutoff: so many turns of the heart, so far apart."""
    later(one, close_of(one), minutes=31)
    for _ in range(times):
        await one.engine.audit()
        one.later(minutes=minutes)


async def test_f038_an_order_that_never_arrived_escalates_and_is_never_sent_again(tmp_path: Path) -> None:
    async with faulty(tmp_path) as (one, door):
        order = await escalated(one, door)
        assert order.state is OrderState.ESCALATED
        assert one.engine.books.watch.held("LEAD", Hold.DOUBT)
        assert len(await one.told("Please look at the broker")) == 1
        asked = door.asked["find"]
        for _ in range(40):
            await one.tick(seconds=30)
        assert door.asked["find"] >= asked + 40
        assert (await only(one)).state is OrderState.ESCALATED
        assert door.submits == {order.key: 1}
        envelope = one.engine.books.envelopes[order.envelope_id]
        assert (await one.engine.book()).reserved == envelope.reserved > 0
        assert "LEAD" in (await one.engine.book()).busy


async def test_f037_an_order_that_was_taken_although_its_answer_was_lost_is_attached(tmp_path: Path) -> None:
    async with faulty(tmp_path, fills=LATE) as (one, door):
        card = await one.begin()
        door.lost.add("submit")
        await one.react(card)
        assert (await only(one)).state is OrderState.UNKNOWN
        await one.tick(seconds=2)
        assert (await only(one)).state is OrderState.FILLED
        assert sum(door.submits.values()) == 1
        await one.agrees()


@pytest.mark.parametrize("minutes", [3, 60, 300])
async def test_f046_f047_an_order_that_is_listed_late_is_attached_and_was_never_given_up(tmp_path: Path, minutes: float) -> None:
    async with faulty(tmp_path, fills=LATE) as (one, door):
        card = await one.begin()
        door.hidden.add(f"qm1-{card}-1")
        door.lost.add("submit")
        await one.react(card)
        door.lost.clear()
        for _ in range(20):
            await one.tick(seconds=60 * minutes / 20)
            assert (await only(one)).state in {OrderState.UNKNOWN, OrderState.ESCALATED}
        door.hidden.clear()
        await one.tick(seconds=31)
        order = await only(one)
        assert order.state not in {OrderState.UNKNOWN, OrderState.ESCALATED, OrderState.ABSENT, OrderState.REJECTED}
        assert not one.engine.books.watch.locks
        await one.agrees()


async def test_f007_absence_is_proved_by_itself_only_in_the_next_session(tmp_path: Path) -> None:
    async with faulty(tmp_path) as (one, door):
        order = await escalated(one, door)
        end = doubt.cutoff(one.engine, order)
        await looked(one, 20)
        assert (await only(one)).state is OrderState.ESCALATED
        assert len(await one.journal.doubts.looks(order.key)) == 3
        later(one, CALENDAR.next(end).open, minutes=1)
        await one.engine.tick()
        assert (await only(one)).state is OrderState.ABSENT
        assert len(await one.journal.doubts.looks(order.key)) == 4
        assert one.engine.books.envelopes == {}
        assert not one.engine.books.watch.locks
        assert await one.journal.doubts.locks("paper") == []
        assert len(await one.told("An order is proved absent")) == 1
        assert (await one.journal.audit_rows(9))[-1] is not None
        assert any(row.action == "absence proved" for row in await one.journal.audit_rows(20))
        assert door.submits == {order.key: 1}
        await one.agrees()


async def test_absence_takes_two_persons_where_two_may_approve(tmp_path: Path) -> None:
    async with faulty(tmp_path) as (one, door):
        order = await escalated(one, door)
        early = await one.engine.resolve(order.key, "owner", 2)
        assert "1 of 2 persons" in early
        assert "no complete look came after the cutoff" in early
        await looked(one, 4)
        assert (await only(one)).state is OrderState.ESCALATED
        assert "1 of 2" in await one.engine.resolve(order.key, "owner", 2)
        assert (await only(one)).state is OrderState.ESCALATED
        assert await one.engine.resolve(order.key, "partner", 2) == f"Order {order.key} is absent."
        assert (await only(one)).state is OrderState.ABSENT
        proof = next(row for row in await one.journal.audit_rows(20) if row.action == "absence proved")
        assert proof.actor == "owner, partner"


async def test_people_cannot_shorten_the_proof(tmp_path: Path) -> None:
    async with faulty(tmp_path) as (one, door):
        order = await escalated(one, door)
        for who in ("owner", "partner", "third"):
            assert "Not proved yet" in await one.engine.resolve(order.key, who, 2)
        await looked(one, 1)
        assert "2 of 3 complete looks" in await one.engine.resolve(order.key, "owner", 2)
        one.later(minutes=6)
        await one.engine.audit()
        assert (await only(one)).state is OrderState.ABSENT


async def test_the_proof_goes_on_after_a_restart(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        one, door = await stack.enter_async_context(faulty(tmp_path))
        order = await escalated(one, door)
        await looked(one, 2)
    async with faulty(tmp_path, since=one.clock.now()) as (two, _):
        await two.engine.start()
        assert two.engine.books.watch.held("LEAD", Hold.DOUBT)
        assert await two.told("LEAD is held back")
        await two.engine.resolve(order.key, "owner", 1)
        two.later(minutes=6)
        await two.engine.audit()
        assert (await only(two)).state is OrderState.ABSENT


@pytest.mark.parametrize("verb", ["find", "reports", "open_orders", "fills", "transactions", "positions"])
async def test_a_look_that_was_not_complete_counts_for_nothing(tmp_path: Path, verb: str) -> None:
    async with faulty(tmp_path) as (one, door):
        order = await escalated(one, door)
        later(one, close_of(one), minutes=31)

        async def no_answer() -> None:
            raise RetryError(f"{verb} was cut off")

        door.before[verb] = no_answer
        for _ in range(4):
            await one.engine.audit()
            one.later(minutes=6)
        assert await one.journal.doubts.looks(order.key) == []


async def test_what_the_account_holds_of_its_legs_is_a_trace(tmp_path: Path) -> None:
    async with faulty(tmp_path, fills=LATE) as (one, door):
        card = await one.begin()
        door.hidden.add(f"qm1-{card}-1")
        door.lost.add("submit")
        await one.react(card)
        await one.tick(seconds=121)
        door.lost.clear()
        assert (await one.broker.positions()).get("LEAD")
        await looked(one, 6)
        assert await one.journal.doubts.looks(f"qm1-{card}-1") == []
        assert (await only(one)).state is OrderState.ESCALATED


async def test_a_trace_of_an_absent_order_halts(tmp_path: Path) -> None:
    async with faulty(tmp_path) as (one, door):
        order = await escalated(one, door)
        await one.engine.resolve(order.key, "owner", 1)
        await looked(one, 4)
        assert (await only(one)).state is OrderState.ABSENT
        ghost = Report(order.key, "ghost-1", OrderEvent.LIVE, one.clock.now())
        door.listed.append(ghost)
        one.later(hours=16)
        await one.engine.tick()
        assert one.engine.books.kill.level == 2
        assert await one.told("is absent and open at the broker all the same")


async def test_a_fresh_session_is_asked_for_before_each_look(tmp_path: Path) -> None:
    async with faulty(tmp_path) as (one, door):
        order = await escalated(one, door)
        renewed: list[datetime] = []

        class Renewed:
            def __getattr__(self, verb: str) -> object:
                return getattr(door, verb)

            async def renew(self) -> None:
                renewed.append(one.clock.now())
                if len(renewed) == 2:
                    raise RetryError("no session yet")

        one.engine.broker = Renewed()  # type: ignore[assignment]  # the door with one verb more
        await looked(one, 4)
        looks = await one.journal.doubts.looks(order.key)
        assert len(renewed) == 4
        assert len(looks) == 3
        assert all(look.fresh for look in looks)


async def test_nobody_resolves_what_is_not_in_doubt(tmp_path: Path) -> None:
    async with faulty(tmp_path) as (one, _):
        await one.buy()
        order = await only(one)
        assert "is not in doubt" in await one.engine.resolve(order.key, "owner", 1)
        assert "is not in doubt" in await one.engine.resolve("'; drop table", "owner", 1)
