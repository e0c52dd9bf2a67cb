"""A loopback Discord, and a desk that is connected to it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.sandbox.server import Sandbox
from tests.bot.rig import Office, loopback, office


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with loopback() as opened:
        yield opened


@pytest.fixture
async def room(tmp_path: Path, sandbox: Sandbox) -> AsyncIterator[Office]:
    async with office(tmp_path, sandbox) as opened:
        yield opened
