import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.sandbox.server import Sandbox
from core.model.notes import EquityChart, Note, Tone, Topic
from tests.bot.rig import Office, loopback, office, until


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with loopback() as opened:
        yield opened


@pytest.fixture
async def room(tmp_path: Path, sandbox: Sandbox) -> AsyncIterator[Office]:
    async with office(tmp_path, sandbox) as opened:

        async def told_all() -> bool | None:
            return not await opened.desk.journal.pending_notes() or None

        await until(told_all)
        yield opened


def note(key: str, room: Office, **changes: Any) -> Note:
    plain = Note(f"test-{key}", Topic.TRADES, key, f"body of {key}", room.desk.clock.now(), Tone.INFO, footer="paper")
    return replace(plain, **changes)


async def put(room: Office, *notes: Note) -> None:
    await room.desk.journal.put_notes(notes)
    room.notifier.wake()


async def titles(room: Office, channel: str = "trades") -> list[str]:
    shown = await room.user("owner").see(channel, 100)
    found = [entry["embeds"][0]["title"] for entry in shown if entry["embeds"]]
    return [title for title in found if not title.lower().startswith("cash:")]


async def waiting(room: Office) -> list[str]:
    return [pending.note.title for pending in await room.desk.journal.pending_notes() if pending.note.id.startswith("test-")]


async def told(room: Office, *expected: str, channel: str = "trades") -> None:
    async def there() -> bool | None:
        return (await titles(room, channel))[-len(expected) :] == list(expected) or None

    await until(there)


async def delivered(room: Office, *keys: str) -> None:
    async def there() -> bool | None:
        return all([await room.desk.journal.note_message(f"test-{key}") for key in keys]) or None

    await until(there)


async def test_notes_arrive_in_order_in_each_channel(room: Office) -> None:
    names = [f"n{number}" for number in range(12)]
    await put(room, *(note(name, room, topic=Topic.TRADES if number % 2 else Topic.SIGNALS) for number, name in enumerate(names)))
    await told(room, *names[1::2])
    await told(room, *names[0::2], channel="signals")


async def test_a_note_with_a_chart_carries_its_picture(room: Office) -> None:
    await put(room, note("drawn", room, chart=EquityChart("equity", ("d",), (1.0,), "test")))
    await told(room, "drawn")
    (shown,) = [entry for entry in await room.user("owner").see("trades") if entry["embeds"][0]["title"] == "drawn"]
    assert shown["embeds"][0]["image"]["url"].startswith("http")


async def test_a_picture_that_cannot_be_drawn_never_holds_its_note_back(room: Office) -> None:
    def broken(_chart: object) -> bytes:
        raise ValueError("no ink")

    room.notifier.outlet = replace(room.notifier.outlet, draw=broken)
    await put(room, note("plain", room, chart=EquityChart("equity", ("d",), (1.0,), "test")))
    await told(room, "plain")


async def test_an_edit_replaces_its_message_in_place(room: Office) -> None:
    await put(room, note("first", room), note("second", room))
    await told(room, "first", "second")
    await put(room, note("first-now", room, edits="test-first"))
    await told(room, "first-now", "second")


async def test_an_edit_of_a_message_that_is_gone_becomes_a_message(room: Office) -> None:
    await put(room, note("first", room))
    await delivered(room, "first")
    place = await room.desk.journal.note_message("test-first")
    assert place is not None
    await room.sandbox.control.do("delete_message", message=str(place[1]))
    await put(room, note("first-now", room, edits="test-first"))
    await told(room, "first-now")


async def test_an_edit_that_became_a_message_is_not_told_twice(room: Office) -> None:
    trades, control = room.sandbox.channels["trades"], room.sandbox.control
    await put(room, note("first", room))
    await delivered(room, "first")
    place = await room.desk.journal.note_message("test-first")
    assert place is not None
    await control.do("delete_message", message=str(place[1]))
    await control.fault("POST", f"channels/{trades}/messages$", cut=True, when="after")
    await put(room, note("first-now", room, edits="test-first"))
    await told(room, "first-now")
    room.desk.later(minutes=10)
    await delivered(room, "first-now")
    assert await titles(room) == ["first-now"]
    posts = await control.log(method="POST", path=f"channels/{trades}/messages")
    assert len([post for post in posts if "body of first-now" in str(post)]) == 1


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 502, "when": "after"},
        {"status": 500, "when": "before"},
        {"status": 503, "when": "before", "count": 2},
        {"cut": True, "when": "before"},
        {"cut": True, "when": "after"},
    ],
    ids=["502 after", "500 before", "503 twice", "cut before", "cut after"],
)
async def test_f113_a_fault_never_loses_a_note_nor_tells_it_twice(room: Office, fault: dict[str, Any]) -> None:
    await room.sandbox.control.fault("POST", f"channels/{room.sandbox.channels['trades']}/messages$", **fault)
    await put(room, note("once", room), note("next", room))
    await told(room, "once", "next")
    await delivered(room, "once", "next")
    await room.quiet()
    assert await titles(room) == ["once", "next"]


async def test_f114_an_old_try_is_looked_up_before_it_is_sent_again(room: Office) -> None:
    trades = room.sandbox.channels["trades"]
    await room.sandbox.control.fault("POST", f"channels/{trades}/messages$", cut=True, when="after")
    await put(room, note("once", room))
    await told(room, "once")
    room.desk.later(minutes=10)
    await delivered(room, "once")
    assert await titles(room) == ["once"]
    looked = await room.sandbox.control.log(method="GET", path=f"channels/{trades}/messages")
    assert looked
    posts = await room.sandbox.control.log(method="POST", path=f"channels/{trades}/messages")
    assert len([post for post in posts if "body of once" in str(post)]) == 1


async def test_while_the_look_fails_nothing_is_sent(room: Office) -> None:
    trades, control = room.sandbox.channels["trades"], room.sandbox.control
    await control.fault("POST", f"channels/{trades}/messages$", cut=True, when="after")
    await control.fault("GET", f"channels/{trades}/messages", status=503, count=-1)
    await put(room, note("once", room))
    await told(room, "once")
    room.desk.later(minutes=10)

    async def complained() -> bool | None:
        return "503" in room.notifier.troubles.get(trades, "") or None

    await until(complained)
    posts = await control.log(method="POST", path=f"channels/{trades}/messages")
    assert len([post for post in posts if "body of once" in str(post)]) == 1
    await control.do("clear_faults")
    await delivered(room, "once")
    assert await titles(room) == ["once"]
    assert trades not in room.notifier.troubles


async def test_f118_a_channel_that_takes_nothing_holds_up_no_other_and_says_why(room: Office) -> None:
    await room.sandbox.control.do("overwrite", channel="trades", user="bot", deny=1 << 11)
    await put(room, note("kept", room), note("told", room, topic=Topic.PORTFOLIO))
    await told(room, "told", channel="portfolio")
    await told(room, "A channel takes no notes", channel="status")
    assert "send messages" in room.notifier.troubles[room.sandbox.channels["trades"]]
    assert await waiting(room) == ["kept"]
    await room.sandbox.control.do("overwrite", channel="trades", user="bot")
    room.notifier.attach(room.notifier.client)
    await told(room, "kept")


async def test_a_deleted_channel_is_named(room: Office) -> None:
    await room.sandbox.control.do("delete_channel", channel="trades")
    await put(room, note("kept", room))
    await told(room, "A channel takes no notes", channel="status")
    assert "does not exist" in room.notifier.troubles[room.sandbox.channels["trades"]]
    assert await waiting(room) == ["kept"]


async def test_a_topic_without_a_channel_is_given_up_with_a_reason(room: Office) -> None:
    room.notifier.outlet = replace(room.notifier.outlet, channels=replace(room.notifier.outlet.channels, trades=0))
    await put(room, note("nowhere", room), note("told", room, topic=Topic.PORTFOLIO))
    await told(room, "told", channel="portfolio")

    async def gone() -> bool | None:
        return not await room.desk.journal.pending_notes() or None

    await until(gone)


async def test_f122_notes_wait_while_nobody_is_connected(tmp_path: Path, sandbox: Sandbox) -> None:
    async with office(tmp_path, sandbox, connect=False) as room:
        await put(room, note("later", room))
        await room.quiet()
        assert await titles(room) == []
    async with office(tmp_path, sandbox) as room:
        await told(room, "later")


async def told_all(room: Office) -> bool | None:
    """Whether nothing waits to be told."""
    return not await room.desk.journal.pending_notes() or None


async def crash_at(folder: Path, sandbox: Sandbox, point: str) -> str:
    """A process that dies at a write point of the card; the proposal."""
    died = asyncio.Event()
    async with office(folder, sandbox) as room:

        def at(name: str) -> None:
            if name == point and room.desk.engine.books.pending:
                died.set()
                raise asyncio.CancelledError

        room.notifier.outlet = replace(room.notifier.outlet, at=at)
        await room.desk.engine.scan()
        await until(lambda: told_all(room))
        room.desk.open_market()
        await room.desk.engine.entries()
        async with asyncio.timeout(20):
            await died.wait()
        (stored,) = await room.desk.engine.pending()
        assert await room.state(stored.proposal.id) == "draft"
        return stored.proposal.id


@pytest.mark.parametrize("point", ["W2", "W2+"])
@pytest.mark.parametrize("minutes", [0, 5], ids=["within the nonce", "after the nonce"])
async def test_a_card_whose_sending_was_cut_stands_once_and_works(
    tmp_path: Path, sandbox: Sandbox, point: str, minutes: int
) -> None:
    proposal = await crash_at(tmp_path, sandbox, point)
    async with office(tmp_path, sandbox, again=True, connect=False) as room:
        room.desk.later(minutes=minutes)
    async with office(tmp_path, sandbox, again=True) as room:
        room.desk.later(minutes=minutes)
        card = await room.standing()
        assert card.proposal.id == proposal
        cards = [entry for entry in await room.user("owner").see(str(card.channel_id), 100) if entry["components"]]
        assert len(cards) == 1
        await room.user("owner").react(cards[0]["id"], "✅")
        await room.becomes(proposal, "claimed", "closed")
        assert await room.orders() == 1


async def test_what_an_earlier_process_tried_is_looked_up_however_young_it_seems(tmp_path: Path, sandbox: Sandbox) -> None:
    """A simulated clock stands still while the desk is down, so the age of a note says nothing about its nonce."""
    proposal = await crash_at(tmp_path, sandbox, "W2+")
    since = (await sandbox.control.log())[-1]["number"]
    async with office(tmp_path, sandbox, again=True) as room:
        card = await room.standing()
        asked = await sandbox.control.log(since, "GET", f"channels/{card.channel_id}/messages")
        assert asked
        posted = await sandbox.control.log(since, "POST", f"channels/{card.channel_id}/messages")
        assert not [post for post in posted if f"qm:yes:{proposal}" in str(post)]
        cards = [entry for entry in await room.user("owner").see(str(card.channel_id), 100) if entry["components"]]
        assert len(cards) == 1
