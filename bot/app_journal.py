"""`python -m bot migrate`, `backup`: the journal without the desk."""

import asyncio
import os
from pathlib import Path

from bot import settings
from core.journal.schema import backup as copy_journal
from core.journal.schema import migrate as migrate_journal
from core.model.errors import OperatorError


def chosen_settings(config: Path | None) -> settings.Settings:
    """Settings of a file, or the defaults."""
    return settings.load("", dict(os.environ)) if config is None else settings.read(config, dict(os.environ))


def existing(chosen: settings.Settings) -> str:
    """Address of a journal that is there already: checking or copying must not make an empty one.

    Raises
    ------
    OperatorError
        It is not there.
    """
    path = chosen.journal.path
    if chosen.database is None and not chosen.journal.url and not path.exists():
        raise OperatorError(f"journal.path: there is no journal at {path}; name the settings of the desk with --config")
    return chosen.database_url


def migrate(config: Path | None) -> int:
    """Bring the journal to this version."""
    done = asyncio.run(migrate_journal(chosen_settings(config).database_url))
    print(done)  # noqa: T201 - the answer
    return 0


def backup(config: Path | None, target: Path) -> int:
    """Copy the journal."""
    print(f"the journal was copied to {copy_journal(existing(chosen_settings(config)), target)}")  # noqa: T201 - the answer
    return 0
