"""`python -m bot migrate`, `audit verify`, `backup`: the journal without the desk."""

import asyncio
import os
from pathlib import Path

from bot import settings
from core.journal.journal import open_journal
from core.journal.schema import backup as copy_journal
from core.journal.schema import migrate as migrate_journal
from core.model.errors import OperatorError


def _settings(config: Path | None) -> settings.Settings:
    return settings.load("", dict(os.environ)) if config is None else settings.read(config, dict(os.environ))


def _existing(config: Path | None) -> str:
    """Address of a journal that is there already: checking or copying must not make an empty one."""
    chosen = _settings(config)
    path = chosen.journal.path
    if chosen.database is None and not chosen.journal.url and not path.exists():
        raise OperatorError(f"journal.path: there is no journal at {path}; name the settings of the desk with --config")
    return chosen.database_url


def migrate(config: Path | None) -> int:
    """Bring the journal to this version."""
    done = asyncio.run(migrate_journal(_settings(config).database_url))
    print(done)  # noqa: T201 - the answer
    return 0


def verify(config: Path | None) -> int:
    """Check the hash chain of the audit log."""

    async def check() -> int:
        journal = await open_journal(_existing(config))
        try:
            return await journal.verify_audit()
        finally:
            await journal.close()

    print(f"the audit log is whole: {asyncio.run(check())} rows")  # noqa: T201 - the answer
    return 0


def backup(config: Path | None, target: Path) -> int:
    """Copy the journal."""
    print(f"the journal was copied to {copy_journal(_existing(config), target)}")  # noqa: T201 - the answer
    return 0
