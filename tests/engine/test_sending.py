"""One submit per order, the intent on disk before it, and what happens when its answer is lost."""

import asyncio
from pathlib import Path

import pytest

from core.engine import wire
from core.engine.settings import Policy
from core.model.errors import BadDataError
from core.model.orders import OrderState
from tests.engine.door import faulty
from tests.engine.rig import desk


async def test_a_refused_order_ends_its_envelope_and_is_told(tmp_path: Path) -> None:
    async with faulty(tmp_path) as (one, door):
        card = await one.begin()
        door.refused["submit"] = "not today"
        await one.react(card)
        (order,) = await one.orders()
        assert (order.state, order.reason) == (OrderState.REJECTED, "not today")
        assert one.engine.books.envelopes == {}
        assert await one.told("not today")
        await one.agrees()


async def test_a_dry_run_that_fails_sends_nothing(tmp_path: Path) -> None:
    async with faulty(tmp_path) as (one, door):
        card = await one.begin()
        door.dead.add("preview")
        await one.react(card)
        (order,) = await one.orders()
        assert order.state is OrderState.DENIED
        assert door.submits == {}
        assert one.engine.books.envelopes == {}


async def test_a_halt_between_claim_and_send_denies_at_the_marker(tmp_path: Path) -> None:
    async with faulty(tmp_path) as (one, door):
        card = await one.begin()
        door.before["preview"] = lambda: one.engine.halt("owner", "stop")
        await one.react(card)
        (order,) = await one.orders()
        assert order.state is OrderState.DENIED
        assert door.submits == {}


async def test_a_halt_after_the_marker_denies_at_the_last_look(tmp_path: Path) -> None:
    halted: list[asyncio.Task[None]] = []
    points: list[str] = []

    def at(point: str) -> None:
        points.append(point)
        if point == "W7+":
            halted.append(asyncio.ensure_future(desks[0].engine.halt("owner", "stop")))

    desks = []
    async with faulty(tmp_path, at=at) as (one, door):
        desks.append(one)
        await one.react(await one.begin())
        await halted[0]
        (order,) = await one.orders()
        assert order.state is OrderState.DENIED
        assert "halted by owner" in order.reason
        assert door.submits == {}
        assert "W8" not in points


async def test_a_halt_does_not_wait_for_a_slow_broker(tmp_path: Path) -> None:
    async with faulty(tmp_path) as (one, door):
        card = await one.begin()
        reached, go = asyncio.Event(), asyncio.Event()

        async def slow() -> None:
            reached.set()
            await go.wait()

        door.before["submit"] = slow
        sending = asyncio.create_task(one.react(card))
        await reached.wait()
        async with asyncio.timeout(2):
            await one.engine.halt("owner", "stop")
        assert (await one.journal.kill()).level == 2
        assert not sending.done()
        go.set()
        await sending


async def test_a_broker_that_never_answers_a_question_does_not_hold_the_desk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire, "SECONDS", 0.05)
    async with faulty(tmp_path) as (one, door):
        await one.engine.start()
        one.open_market()
        door.before["transactions"] = asyncio.Event().wait
        async with asyncio.timeout(5):
            await one.tick()
        assert await one.told("The broker does not answer")
        del door.before["transactions"]
        await one.tick()
        assert await one.told("The broker answers again")


async def test_a_lost_answer_is_unknown_and_found_and_never_sent_again(tmp_path: Path) -> None:
    async with faulty(tmp_path) as (one, door):
        card = await one.begin()
        door.lost.add("submit")
        await one.react(card)
        (order,) = await one.orders()
        assert order.state is OrderState.UNKNOWN
        assert one.engine.books.positions == {}
        await one.tick(seconds=1)
        (order,) = await one.orders()
        assert order.state is OrderState.FILLED
        assert door.submits == {order.key: 1}
        await one.agrees()


@pytest.mark.parametrize("error", [BadDataError("garbage"), ValueError("an adapter broke"), OSError("reset")])
async def test_whatever_a_submit_raises_beside_a_refusal_is_unknown(tmp_path: Path, error: Exception) -> None:
    async with faulty(tmp_path) as (one, door):
        card = await one.begin()

        async def breaks() -> None:
            raise error

        door.before["submit"] = breaks
        await one.react(card)
        (order,) = await one.orders()
        assert order.state is OrderState.UNKNOWN
        assert await one.told("outcome is unknown")


async def test_an_order_that_is_not_found_is_escalated_to_people_and_locks_its_symbol(tmp_path: Path) -> None:
    async with faulty(tmp_path) as (one, door):
        card = await one.begin()
        door.dead.add("submit")
        await one.react(card)
        for seconds in (1, 2, 4, 8, 15, 30, 60):
            await one.tick(seconds=seconds)
        assert door.asked["find"] == 7
        (order,) = await one.orders()
        assert order.state is OrderState.ESCALATED
        assert len(await one.told("Please look at the broker")) == 1
        book = await one.engine.book()
        assert "LEAD" in book.busy
        assert book.reserved > 0
        assert door.submits == {order.key: 1}


async def test_an_order_that_comes_to_light_after_its_escalation_is_booked(tmp_path: Path) -> None:
    async with faulty(tmp_path) as (one, door):
        card = await one.begin()
        door.lost.add("submit")
        door.hidden.add(f"qm1-{card}-1")
        await one.react(card)
        await one.tick(minutes=3)
        (order,) = await one.orders()
        assert order.state is OrderState.ESCALATED
        door.hidden.clear()
        await one.tick(minutes=1)
        (order,) = await one.orders()
        assert order.state is OrderState.FILLED
        await one.agrees()


async def test_a_doubtful_order_freezes_its_envelope(tmp_path: Path) -> None:
    async with faulty(tmp_path, walk=(0.5, 1.0)) as (one, door):
        card = await one.begin()
        door.dead.add("submit")
        await one.react(card)
        await one.tick(minutes=30)
        await one.tick(minutes=30)
        assert len(await one.orders()) == 1
        assert len(one.engine.books.envelopes) == 1


async def test_a_submit_that_takes_too_long_is_unknown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.engine.send.SECONDS", 0.05)
    async with faulty(tmp_path) as (one, door):
        card = await one.begin()
        door.before["submit"] = asyncio.Event().wait
        await one.react(card)
        (order,) = await one.orders()
        assert order.state is OrderState.UNKNOWN


async def test_only_exits_are_sent_while_the_desk_reduces(tmp_path: Path) -> None:
    async with desk(tmp_path, names=("LEAD", "NEXT")) as one:
        await one.react(await one.begin())
        other = str((await one.cards())[1].proposal_id)
        await one.post(other, 78)
        await one.engine.halt("owner", "less", level=1)
        one.market.prices["LEAD"] = 93.0
        await one.tick()
        assert one.engine.books.positions == {}
        assert "kill level 1" in str(await one.react(other))
        await one.agrees()


async def test_a_halted_desk_keeps_its_exits_until_it_is_resumed(tmp_path: Path) -> None:
    async with desk(tmp_path) as one:
        await one.buy()
        await one.engine.halt("owner", "look first")
        notes = len(await one.journal.notes())
        one.market.prices["LEAD"] = 93.0
        for _ in range(5):
            await one.tick(seconds=5)
        assert len(one.engine.books.positions) == 1
        assert len(await one.journal.notes()) == notes
        await one.engine.resume("owner", "looked")
        await one.tick(seconds=5)
        assert one.engine.books.positions == {}
        await one.agrees()


async def test_a_weaker_halt_does_not_loosen_a_stronger_one(tmp_path: Path) -> None:
    async with desk(tmp_path) as one:
        await one.engine.halt("owner", "stop", level=2)
        await one.engine.halt("partner", "only exits", level=1)
        assert one.engine.books.kill.level == (await one.journal.kill()).level == 2


async def test_a_halt_during_a_resume_holds(tmp_path: Path) -> None:
    async with desk(tmp_path) as one:
        await one.engine.halt("owner", "stop")
        await asyncio.gather(one.engine.resume("owner", "go"), one.engine.halt("partner", "no"))
        assert one.engine.books.kill.level == (await one.journal.kill()).level == 2


async def test_an_exit_that_the_broker_refuses_is_tried_again_after_a_pause(tmp_path: Path) -> None:
    async with faulty(tmp_path, entries=Policy.AUTO) as (one, door):
        await one.engine.start()
        await one.engine.scan()
        one.open_market()
        await one.engine.entries()
        door.refused["submit"] = "not now"
        one.market.prices["LEAD"] = 93.0
        for _ in range(8):
            await one.tick(seconds=5)
        assert len(door.submits) == 1 + 2
        del door.refused["submit"]
        await one.tick(seconds=20)
        assert one.engine.books.positions == {}
        await one.agrees()
