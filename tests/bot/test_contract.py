"""What our own bot and the loopback Discord say to each other keeps Discord's own description of its API."""

from pathlib import Path

import pytest

from core.charts import draw
from core.posts.portfolio_digest import PortfolioDigest
from tests.bot.cases import DONE, posted
from tests.bot.rig import NO, YES, Office, loopback, office, replace, until
from tests.sandbox.openapi import Contract


@pytest.fixture(scope="session")
def contract(shared: Path) -> Contract:
    return Contract(shared / "reference" / "discord-openapi.json")


async def a_day(room: Office) -> None:
    """Cards, reactions, buttons, edits, every kind of command, a picture, refusals."""
    room.notifier.outlet = replace(room.notifier.outlet, draw=draw)
    proposal, message = await posted(room)
    owner, stranger = room.user("owner"), room.user("stranger")
    await stranger.react(message, NO)
    await stranger.click(message, f"qm:yes:{proposal}")
    for command in ("signals list", "status show", "portfolio summary", "portfolio risk", "trades pending", "trades history"):
        await owner.slash(command)
    await stranger.slash("portfolio positions")
    await owner.slash("signals explain", symbol="LEAD")
    await owner.autocomplete("signals explain", "symbol", symbol="le")
    await owner.react(message, YES)
    await room.becomes(proposal, *DONE)

    async def held() -> str | None:
        return next(iter(room.desk.engine.books.positions), None)

    await owner.slash("trades close", position=await until(held))
    await owner.slash("halt", reason="the end of the day")
    await room.desk.journal.put_notes([await PortfolioDigest().compose(room.desk.engine, room.desk.clock.now())])
    room.notifier.wake()

    async def told() -> bool | None:
        return None if await room.desk.journal.pending_notes(1) else True

    await until(told, 20)


async def test_every_exchange_of_a_day_at_the_desk_keeps_discords_contract(tmp_path: Path, contract: Contract) -> None:
    async with loopback(tmp_path / "chat.jsonl") as sandbox, office(tmp_path, sandbox, charts=True) as room:
        await a_day(room)
        log = await sandbox.control.log()
    asked = {(exchange["method"], exchange["path"].split("/")[1]) for exchange in log}
    assert {
        ("PUT", "applications"),
        ("POST", "channels"),
        ("PUT", "channels"),
        ("POST", "interactions"),
        ("GET", "guilds"),
    } <= asked
    assert {exchange["method"] for exchange in log} >= {"GET", "POST", "PUT", "PATCH"}
    problems = [problem for exchange in log for problem in contract.violations(exchange)]
    assert not problems, "\n".join(problems)
