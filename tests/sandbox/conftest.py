"""A running loopback Discord, and the bot that is logged into it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.sandbox.server import Sandbox
from tests.sandbox.bots import Desk, at_work, serving
from tests.sandbox.openapi import Contract


@pytest.fixture
async def sandbox(tmp_path: Path) -> AsyncIterator[Sandbox]:
    """In this process, with a world on disk."""
    async with serving(tmp_path) as made:
        yield made


@pytest.fixture
async def desk(sandbox: Sandbox) -> AsyncIterator[Desk]:
    """A discord.py bot that is ready."""
    async with at_work(sandbox) as made:
        yield made


@pytest.fixture(scope="session")
def contract(shared: Path) -> Contract:
    """Discord's own description of its API."""
    return Contract(shared / "reference" / "discord-openapi.json")
