"""`python -m bot migrate`, `audit verify`, `backup`: the journal without the desk."""

import asyncio
import os
from pathlib import Path

from bot import settings
from core.journal.journal import open_journal
from core.journal.schema import backup as copy_journal
from core.journal.schema import migrate as migrate_journal


def _where(config: Path | None) -> str:
    chosen = settings.load("", dict(os.environ)) if config is None else settings.read(config, dict(os.environ))
    return chosen.database_url


def migrate(config: Path | None) -> int:
    """Bring the journal to this version."""
    done = asyncio.run(migrate_journal(_where(config)))
    print(done)  # noqa: T201 - the answer
    return 0


def verify(config: Path | None) -> int:
    """Check the hash chain of the audit log."""

    async def check() -> int:
        journal = await open_journal(_where(config))
        try:
            return await journal.verify_audit()
        finally:
            await journal.close()

    print(f"the audit log is whole: {asyncio.run(check())} rows")  # noqa: T201 - the answer
    return 0


def backup(config: Path | None, target: Path) -> int:
    """Copy the journal."""
    print(f"the journal was copied to {copy_journal(_where(config), target)}")  # noqa: T201 - the answer
    return 0
