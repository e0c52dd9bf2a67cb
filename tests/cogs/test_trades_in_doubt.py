"""`/trades resolve · adopt · ignore`, and what `/status` says meanwhile, over the loopback wire."""

from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from core.model.instruments import Leg, Side, Stock
from core.model.orders import OrderState
from tests.bot.rig import Office, loopback, office


@pytest.fixture
async def room(tmp_path: Path) -> AsyncIterator[Office]:
    async with loopback() as sandbox, office(tmp_path, sandbox) as opened:
        yield opened


async def outside(room: Office, side: Side, quantity: int) -> None:
    limit = Decimal("-100.01") if side is Side.BUY else Decimal("99.99")
    await room.desk.broker.trade_outside((Leg(Stock("LEAD"), side),), quantity, limit)
    room.desk.later(minutes=1)
    await room.desk.engine.tick()


async def test_what_somebody_else_holds_is_shown_and_taken_over_by_a_word(room: Office) -> None:
    await room.desk.engine.start()
    room.desk.open_market()
    await outside(room, Side.BUY, 7)
    listed = await room.user("owner").slash("portfolio positions")
    assert "of somebody else, never touched" in listed.embeds[0]["description"]
    status = await room.user("stranger").slash("status show")
    assert "1, 1 of somebody else" in str(status.embeds[0]["fields"])
    refused = await room.user("stranger").slash("trades adopt", what="LEAD", stop=95.0)
    assert "not on the list" in refused.text
    taken = await room.user("owner").slash("trades adopt", what="lead", stop=95.0)
    assert "7 shares are ours now" in taken.text
    assert taken.private
    (position,) = room.desk.engine.books.positions.values()
    assert (position.is_external, position.plan.stop) == (False, Decimal("95.0"))


async def test_a_name_that_somebody_else_traded_is_shown_and_let_go_by_a_word(room: Office) -> None:
    ours = await room.desk.buy()
    await outside(room, Side.SELL, ours.units // 2)
    status = await room.user("stranger").slash("status show")
    assert "LEAD: somebody else traded it" in str(status.embeds[0]["fields"])
    assert "not on the list" in (await room.user("stranger").slash("trades ignore", symbol="LEAD")).text
    assert "its strategy acts again" in (await room.user("owner").slash("trades ignore", symbol="lead")).text
    assert "is not held back" in (await room.user("owner").slash("trades ignore", symbol="lead")).text
    assert "Held back" not in str((await room.user("stranger").slash("status show")).embeds[0]["fields"])


async def test_a_word_on_an_order_in_doubt_names_what_is_lacking(room: Office) -> None:
    ours = await room.desk.buy()
    key = f"qm1-{ours.id}-1"
    said = await room.user("owner").slash("trades resolve", order=key)
    assert "is not in doubt" in said.text
    assert "not on the list" in (await room.user("stranger").slash("trades resolve", order=key)).text
    (order,) = await room.desk.orders()
    assert order.state is OrderState.FILLED


@pytest.mark.parametrize("typed", ["@everyone", "'; drop table lock; --", "x" * 80])
async def test_strange_words_get_one_sentence(room: Office, typed: str) -> None:
    for command, option in (("trades resolve", "order"), ("trades adopt", "what"), ("trades ignore", "symbol")):
        options: dict[str, Any] = {option: typed}
        said = await room.user("owner").slash(command, **options)
        assert said.private
        assert 0 < len(said.text) < 250
        assert not said.embeds
