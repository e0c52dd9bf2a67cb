"""The whole road over the loopback wire: signal, card, reaction, fill, exit, digest; unmodified discord.py on real sockets."""

from pathlib import Path
from typing import Any

from core.posts.portfolio_digest import PortfolioDigest
from tests.bot.rig import YES, Office, loopback, office, until


async def said(one: Office, channel: str) -> list[dict[str, Any]]:
    """Embeds that the bot has posted in a channel, oldest first, as a user sees them."""
    client = one.notifier.client
    assert client is not None
    room = await client.fetch_channel(one.sandbox.channels[channel])
    messages = [message async for message in room.history(limit=50, oldest_first=True)]  # type: ignore[union-attr]
    return [dict(embed.to_dict()) for message in messages for embed in message.embeds]


async def waits_for(one: Office, channel: str, words: str) -> dict[str, Any]:
    async def there() -> dict[str, Any] | None:
        texts = await said(one, channel)
        return next((embed for embed in texts if words in f"{embed.get('title')} {embed.get('description')}"), None)

    return await until(there)


async def test_signal_card_reaction_fill_exit_and_digest_over_the_wire(tmp_path: Path) -> None:
    async with loopback() as sandbox, office(tmp_path, sandbox) as one:
        card = await one.card()
        assert await one.orders() == 0
        await waits_for(one, "signals", "LEAD")
        assert card.message_id is not None
        await one.user("owner").react(card.message_id, YES)
        await one.becomes(card.proposal.id, "claimed", "closed")
        filled = await waits_for(one, "trades", "opened (entry)")
        assert "100.0" in filled["description"]
        one.desk.market.prices["LEAD"] = 93.0
        one.desk.later(minutes=1)
        await one.desk.engine.tick()
        closed = await waits_for(one, "trades", "closed (stop)")
        assert "at or below its stop" in closed["description"]
        assert one.desk.engine.books.positions == {}
        one.desk.clock.turn_to(one.desk.engine.sessions.at(one.desk.clock.now()).close)  # type: ignore[union-attr]
        one.desk.later(minutes=5)
        await one.desk.engine.close_session()
        one.desk.later(minutes=15)
        note = await PortfolioDigest().compose(one.desk.engine, one.desk.clock.now())
        await one.desk.journal.put_notes([note])
        one.notifier.wake()
        digest = await waits_for(one, "portfolio", "2024")
        assert "realised" in str(digest)
        assert one.desk.engine.books.cash == (await one.desk.broker.account()).cash
