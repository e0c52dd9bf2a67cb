"""The server as its own process: killed, started again, refused."""

import asyncio
import io
import json
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import discord
import pytest

from bot.clock import SystemClock
from bot.sandbox.actors import connect
from bot.sandbox.redirect import redirect_discord
from bot.sandbox.server import Sandbox, Settings
from core.model.errors import OperatorError, RefusedError
from tests.sandbox.bots import Desk, connected, picture


@asynccontextmanager
async def process(*arguments: str) -> AsyncIterator[tuple[asyncio.subprocess.Process, dict[str, Any]]]:
    """A server process and its addresses; killed at the end when it still lives."""
    command = (sys.executable, "-m", "bot.sandbox", *arguments)
    started = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    assert started.stdout is not None
    line = await asyncio.wait_for(started.stdout.readline(), 20)
    try:
        yield started, json.loads(line)
    finally:
        if started.returncode is None:
            started.kill()
        await started.wait()
        started._transport.close()  # type: ignore[attr-defined]  # the pipe would only close with the collector


def leave_half_a_line(world: Path) -> None:
    """What a kill in the middle of a write leaves."""
    world.write_bytes(world.read_bytes() + b'{"kind":"message","mess')


async def test_a_killed_server_comes_back_with_the_same_world(tmp_path: Path) -> None:
    world = str(tmp_path / "world.jsonl")
    async with process("--world", world) as (server, where), connect(where["control_url"], where["control_token"]) as control:
        desk = Desk(where["guild_id"])
        running = await connected(where["api_base"], where["gateway_url"], where["token"], desk)
        chart, embed = discord.File(io.BytesIO(picture()), "chart.png"), discord.Embed().set_image(url="attachment://chart.png")
        card = await desk.room(where["channels"]["trades"]).send("card", nonce="note-1", embed=embed, file=chart)
        await card.add_reaction("✅")
        await control.user("owner").react(card.id, "✅")
        await control.user("stranger").say("hello", in_channel="trades")
        seen = await control.user("owner").slash("ping")
        await control.do("set_roles", user="approver", roles=[])
        server.send_signal(signal.SIGKILL)
        await server.wait()
        await desk.close()
        await asyncio.gather(running, return_exceptions=True)
    leave_half_a_line(Path(world))
    async with process("--world", world) as (_, again), connect(again["control_url"], again["control_token"]) as control:
        assert {key: again[key] for key in ("token", "guild_id", "channels", "users")} == {
            key: where[key] for key in ("token", "guild_id", "channels", "users")
        }
        owner = control.user("owner")
        assert [item["content"] for item in await owner.see("trades")] == ["card", "hello"]
        assert [item["id"] for item in await owner.see("playground")] == [seen.message["id"] if seen.message else None]
        assert (await owner.look(card.id))["reactions"][0]["count"] == 2
        desk = Desk(again["guild_id"])
        running = await connected(again["api_base"], again["gateway_url"], again["token"], desk)
        assert (await desk.room(again["channels"]["trades"]).send("card", nonce="note-1")).id == card.id
        image = (await owner.look(card.id))["embeds"][0]["image"]["url"]
        assert image.startswith(again["page_url"])
        assert await desk.http.get_from_cdn(image) == picture()
        member = await (await desk.fetch_guild(again["guild_id"])).fetch_member(again["users"]["approver"])
        assert len(member.roles) == 1
        await desk.close()
        await running


async def test_a_terminated_server_ends_with_status_0() -> None:
    async with process() as (server, _):
        server.terminate()
        assert await asyncio.wait_for(server.wait(), 10) == 0


async def test_f142_control_over_http_takes_the_token_and_our_own_name_alone(sandbox: Sandbox) -> None:
    async with connect(sandbox.control_url, sandbox.control_token) as control:
        with pytest.raises(RefusedError, match="no verb 'dance'"):
            await control.do("dance")
        with pytest.raises(RefusedError, match="needs the argument 'message'"):
            await control.do("delete_message")
    async with aiohttp.ClientSession() as session:
        good = {"Authorization": f"Bearer {sandbox.control_token}"}
        for headers in ({}, {"Authorization": "Bearer guess"}, good | {"Host": "evil.example"}):
            async with session.post(f"{sandbox.control_url}/faults", headers=headers) as response:
                assert response.status == 403
        async with session.get(sandbox.page_url, headers={"Host": "evil.example"}) as response:
            assert response.status == 403
        async with session.get(sandbox.page_url) as response:
            policy = response.headers["Content-Security-Policy"]
            assert "script-src 'self'" in policy
            assert "unsafe" not in policy
        for name in ("../server.py", "index.html", "..%2fserver.py"):
            async with session.get(f"{sandbox.page_url}page/{name}") as response:
                assert response.status == 404


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.5", "example.org", ""])
async def test_other_hosts_are_refused(host: str) -> None:
    with pytest.raises(OperatorError, match="not a loopback address"):
        await Sandbox(Settings(host=host), SystemClock()).start()


async def test_a_port_in_use_is_one_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OperatorError, match=f"port {port} on 127.0.0.1 cannot be used"):
            await Sandbox(Settings(port=port), SystemClock()).start()


async def test_a_world_in_use_and_a_damaged_world_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "world.jsonl"
    first = Sandbox(Settings(world=path), SystemClock())
    await first.start()
    with pytest.raises(OperatorError, match="in use by a running server"):
        await Sandbox(Settings(world=path), SystemClock()).start()
    await first.stop()
    path.write_bytes(b"nonsense\n" + path.read_bytes())
    with pytest.raises(OperatorError, match="line 1 of the world file"):
        await Sandbox(Settings(world=path), SystemClock()).start()


def test_discord_is_redirected_to_this_machine_alone() -> None:
    for addresses in (
        ("https://discord.com/api/v10", "ws://127.0.0.1:1/gateway"),
        ("http://127.0.0.1:1/api/v10", "wss://gateway.discord.gg"),
    ):
        with pytest.raises(OperatorError, match="not a loopback address"):
            redirect_discord(*addresses)
