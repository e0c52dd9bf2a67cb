"""A running loopback Discord, and the bot that is logged into it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.clock import SystemClock
from bot.sandbox.server import Sandbox, Settings
from tests.sandbox.bots import Desk, connected
from tests.sandbox.openapi import Contract


@pytest.fixture
async def sandbox(tmp_path: Path) -> AsyncIterator[Sandbox]:
    """In this process, with a world on disk."""
    made = Sandbox(Settings(world=tmp_path / "world.jsonl"), SystemClock())
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
async def desk(sandbox: Sandbox) -> AsyncIterator[Desk]:
    """A discord.py bot that is ready."""
    made = Desk(sandbox.guild_id)
    running = await connected(sandbox.api_base, sandbox.gateway_url, sandbox.token, made)
    yield made
    await made.close()
    await running


@pytest.fixture(scope="session")
def contract(shared: Path) -> Contract:
    """Discord's own description of its API."""
    return Contract(shared / "reference" / "discord-openapi.json")
