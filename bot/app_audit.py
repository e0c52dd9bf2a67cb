"""`python -m bot audit verify`: is the audit log what it was? One sentence for each account; exit status 1 when it is not."""

import asyncio
import re
from pathlib import Path

from bot import settings
from bot.app_journal import chosen_settings, existing
from core.journal import anchor
from core.journal.journal import open_journal
from core.model.errors import IllegalEventError, OperatorError

_HEAD = re.compile(r"(?:row )?(\d+)[,:]? ?([0-9a-f]{8,64})")


def verify(config: Path | None, head: str | None = None) -> int:
    """Walk the chain of every journal and compare it with its anchors, and with a head that was posted.

    Raises
    ------
    IllegalEventError
        A chain is broken; the others were looked at too.
    OperatorError
        A journal or a file of anchors cannot be read.
    """
    chosen = chosen_settings(config)
    found = []
    for account in (chosen, *chosen.accounts):
        name = f"{account.engine.account}: " if chosen.accounts else ""
        try:
            print(f"{name}the audit log is whole: {asyncio.run(_check(account, head))}")  # noqa: T201 - the answer
        except IllegalEventError as error:
            found.append(IllegalEventError(f"{name}{error}"))
    if found:
        raise found[0]
    return 0


async def _check(chosen: settings.Settings, posted: str | None) -> str:
    where = existing(chosen)
    kept = anchor.read(anchor.place_of(chosen.journal.path))
    points = [(one.seq, one.hash) for one in kept]
    if posted is not None:
        points.append(_read(posted))
    journal = await open_journal(where)
    try:
        rows = await journal.verify_audit(points)
        head = await journal.audit_rows(1)
    finally:
        await journal.close()
    told = f", head {head[0].hash[:16]}" if head else ""
    agree = f", {len(points)} anchors agree" if points else ""
    return f"{rows} rows{told}{agree}"


def _read(posted: str) -> tuple[int, str]:
    found = _HEAD.fullmatch(posted.strip())
    if found is None:
        raise OperatorError(f"--head: {posted!r} is no head; copy it from the status channel, such as '812 1f0c9a5be2d47763'")
    return int(found[1]), found[2]
