"""What people see of every slash command, over the loopback wire."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.bot.rig import YES, Office, loopback, office, until

PRIVATE = ("portfolio summary", "portfolio positions", "portfolio risk", "trades pending", "trades open", "trades history")


@pytest.fixture
async def room(tmp_path: Path) -> AsyncIterator[Office]:
    async with loopback() as sandbox, office(tmp_path, sandbox) as opened:
        yield opened


async def bought(room: Office) -> str:
    """A position that was approved and filled; its id."""
    card = await room.card()
    assert card.message_id is not None
    await room.user("owner").react(card.message_id, YES)

    async def held() -> str | None:
        return next(iter(room.desk.engine.books.positions), None)

    return await until(held)


async def test_signals_are_listed_and_shown_with_what_became_of_them(room: Office) -> None:
    empty = await room.user("stranger").slash("signals list")
    assert "No signals" in empty.embeds[0]["description"]
    await room.card()
    listed = await room.user("stranger").slash("signals list", days=3)
    assert "LEAD" in listed.embeds[0]["description"]
    assert not listed.private
    shown = await room.user("stranger").slash("signals show", symbol="lead")
    assert shown.embeds[0]["title"].startswith("LEAD: open")
    assert "open" in str(shown.embeds[0]["fields"])


async def test_explain_shows_every_gate_with_value_and_threshold(room: Office) -> None:
    seen = await room.user("stranger").slash("signals explain", symbol="LEAD")
    text = seen.embeds[0]["description"]
    strategy = next(iter(room.desk.engine.strategies.values()))
    assert len(text.splitlines()) == len(strategy.gates)
    assert all(gate.label in text for gate in strategy.gates)


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("LEAP", "did you mean LEAD?"),
        ("ZZZZ", "is not in the universe"),
        ("'; drop table fill; --", "is not a symbol"),
        ("@everyone", "is not a symbol"),
        ("\uff2c\uff25\uff21\uff24", "is not a symbol"),
        ("x" * 3_000, "is not a symbol"),
    ],
)
async def test_an_unknown_symbol_gets_one_sentence(room: Office, typed: str, said: str) -> None:
    seen = await room.user("stranger").slash("signals explain", symbol=typed)
    assert said in seen.text.replace("\\", "")
    assert seen.private
    assert len(seen.text) < 300


async def test_a_symbol_without_a_signal_is_pointed_to_explain(room: Office) -> None:
    seen = await room.user("stranger").slash("signals show", symbol="LEAD")
    assert "No signal on LEAD" in seen.text


async def test_symbols_are_completed(room: Office) -> None:
    choices = await room.user("stranger").autocomplete("signals explain", "symbol", symbol="le")
    assert [choice["value"] for choice in choices] == ["LEAD"]


@pytest.mark.parametrize("command", PRIVATE)
async def test_account_data_is_shown_to_approvers_alone_and_in_private(room: Office, command: str) -> None:
    refused = await room.user("stranger").slash(command)
    assert "not on the list" in refused.text
    assert not refused.embeds
    assert refused.private
    assert len(await room.audited("command refused")) == 1
    seen = await room.user("owner").slash(command)
    assert seen.embeds
    assert seen.private


async def test_an_approver_without_the_role_sees_nothing(room: Office) -> None:
    await room.sandbox.control.do("set_roles", user="approver", roles=[])
    seen = await room.user("approver").slash("portfolio summary")
    assert "approver role" in seen.text


async def test_risk_tells_the_use_of_every_limit_in_words(room: Office) -> None:
    seen = await room.user("owner").slash("portfolio risk")
    used, asked = seen.embeds[0]["description"], seen.embeds[0]["fields"][0]["value"]
    assert len(used.splitlines()) + len(asked.splitlines()) == len(room.desk.engine.rules)
    assert "heat of ATR Matrix 0.0 % of 20.0 %" in used
    assert "maximum loss at most 2.0 % of net liquidation" in asked
    assert "_" not in used + asked


async def test_a_position_is_shown_and_closed_by_hand(room: Office) -> None:
    position = await bought(room)
    summary = await room.user("owner").slash("portfolio summary")
    assert "Net liquidation" in str(summary.embeds[0]["fields"])
    held = await room.user("owner").slash("portfolio positions")
    assert position in held.embeds[0]["description"]
    history = await room.user("owner").slash("trades history")
    assert "LEAD" in history.embeds[0]["description"]
    choices = await room.user("owner").autocomplete("trades close", "position", position="lead")
    assert [choice["value"] for choice in choices] == [position]
    assert await room.user("stranger").autocomplete("trades close", "position", position="lead") == ()
    seen = await room.user("owner").slash("trades close", position=position)
    assert seen.text
    assert seen.private


@pytest.mark.parametrize(
    ("position", "quantity", "said"), [("nothing", None, "nothing"), ("nothing", -5, "-5 units cannot be closed")]
)
async def test_f133_closing_nonsense_gets_one_sentence(room: Office, position: str, quantity: int | None, said: str) -> None:
    options: dict[str, Any] = {"position": position} | ({} if quantity is None else {"quantity": quantity})
    seen = await room.user("owner").slash("trades close", **options)
    assert said in seen.text.replace("\\", "")
    assert seen.private


async def test_f134_a_stranger_can_neither_close_nor_halt_nor_resume_nor_flatten(room: Office) -> None:
    tries: dict[str, dict[str, Any]] = {"trades close": {"position": "x"}, "halt": {}, "resume": {}, "flatten": {}}
    for command, options in tries.items():
        seen = await room.user("stranger").slash(command, **options)
        assert "not on the list" in seen.text
    assert room.desk.engine.books.kill.level == 0
    assert len(await room.audited("command refused", 4)) == 4


async def test_status_shows_every_service_target_and_na_while_nothing_feeds_it(room: Office) -> None:
    seen = await room.user("stranger").slash("status show")
    text = str(seen.embeds[0]["fields"])
    for target in room.desk.engine.measures.targets():
        assert target.name in text
    assert "cache hits: n/a" in text
    assert not seen.private


async def test_pending_cards_and_open_orders_are_listed(room: Office) -> None:
    await room.card()
    pending = await room.user("owner").slash("trades pending")
    assert "LEAD" in pending.embeds[0]["description"]
    orders = await room.user("owner").slash("trades open")
    assert "No order is open" in orders.embeds[0]["description"]
