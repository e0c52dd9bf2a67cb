"""Two accounts on one desk: one bot, one set of channels, and nothing of one reaches the other."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path

import pytest

from bot import client as clients
from bot.clock import SystemClock
from bot.settings_secret import Secret
from tests.bot.rig import YES, Office, loopback, office, until


@pytest.fixture
async def two(tmp_path: Path) -> AsyncIterator[tuple[Office, Office]]:
    """The account `paper` and the account `ira`, behind one client."""
    for name in ("paper", "ira"):
        (tmp_path / name).mkdir()
    async with (
        loopback() as sandbox,
        office(tmp_path / "paper", sandbox, connect=False, label="paper") as main,
        office(
            tmp_path / "ira", sandbox, connect=False, label="ira", account="ira", start_cash=Decimal(20_000), risk_per_trade=0.005
        ) as ira,
    ):
        served = clients.Desk((*main.served.branches, *ira.served.branches), main.served.access, SystemClock(), 0.0)
        task = asyncio.create_task(clients.supervise(served, Secret(sandbox.token)))
        await until(lambda: _connected(ira))
        yield main, ira
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def _connected(room: Office) -> bool | None:
    return room.notifier.client is not None or None


async def test_a_reaction_trades_the_account_whose_card_it_is_on(two: tuple[Office, Office]) -> None:
    main, ira = two
    cards = [await main.card(), await ira.card()]
    assert cards[0].proposal.id == cards[1].proposal.id, "the same idea, asked twice: only the message tells them apart"
    titles = [(await main.user("owner").look(card.message_id or 0))["embeds"][0]["title"] for card in cards]
    assert [title.split(" · ")[0] for title in titles] == ["paper", "ira"]
    await main.user("owner").react(cards[1].message_id or 0, YES)
    assert await ira.becomes(cards[1].proposal.id, "claimed", "closed") in ("claimed", "closed")
    await main.quiet()
    assert (await main.state(cards[0].proposal.id), await main.orders()) == ("open", 0)
    assert cards[1].proposal.quantity < cards[0].proposal.quantity, "each account has its own budget"


async def test_a_button_belongs_to_the_account_whose_card_it_is_on(two: tuple[Office, Office]) -> None:
    main, ira = two
    first, second = await main.card(), await ira.card()
    await main.user("owner").click(second.message_id or 0, f"qm:no:{second.proposal.id}")
    await ira.becomes(second.proposal.id, "vetoed")
    await main.quiet()
    assert await main.state(first.proposal.id) == "open"


async def test_a_halt_of_one_account_leaves_the_other_alone(two: tuple[Office, Office]) -> None:
    main, ira = two
    await ira.desk.engine.halt("owner", "lunch")
    card = await main.card()
    await main.user("owner").react(card.message_id or 0, YES)
    await main.becomes(card.proposal.id, "claimed", "closed")
    assert ira.desk.engine.books.kill.level == 2
    assert main.desk.engine.books.kill.level == 0


async def test_commands_say_which_account_they_are_about(two: tuple[Office, Office]) -> None:
    main, _ = two
    owner = main.user("owner")
    both = [await owner.slash("portfolio summary"), await owner.slash("portfolio summary", account="ira")]
    assert ["100,000" in str(seen.embeds) for seen in both] == [True, False]
    assert "20,000" in str(both[1].embeds)
    wrong = await owner.slash("portfolio summary", account="pension")
    assert "'pension' is none of this desk; it has paper, ira" in wrong.text
