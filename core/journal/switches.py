"""Switches and small facts: kill level, settings, jobs that were run."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, bindparam, func, select

from core.journal import audit
from core.journal.columns import EPOCH, clean
from core.journal.outbox import put_notes
from core.journal.statements import insert_new, put
from core.journal.tables import job_run, kill, setting
from core.model.errors import NotAllowedError
from core.model.kill import forbidden
from core.model.notes import Note
from core.ports.journal import Kill

__all__ = ["claim_job", "current_kill", "forbidden", "get_setting", "last_job", "set_kill", "set_setting"]

_INSERT = kill.insert()
_KILL = select(kill).order_by(kill.c.seq.desc()).limit(1)
_SETTING = select(setting.c.value).where(setting.c.name == bindparam("key"))
_LAST_JOB = select(func.max(job_run.c.scheduled_for)).where(job_run.c.job == bindparam("key"))


def set_kill(connection: Connection, fact: Kill, notes: Sequence[Note], after: int | None = None) -> Kill:
    """Keep every change of the kill level; the last one holds. Without `after` the level never falls.

    Raises
    ------
    NotAllowedError
        The level was changed since the generation `after`.
    """
    before = current_kill(connection)
    if after is not None and before.generation != after:
        raise NotAllowedError(f"the kill level was changed meanwhile by {before.by}: {before.reason}. Look again")
    level = fact.level if after is not None else max(fact.level, before.level)
    row = {"level": level, "by": clean(fact.by), "reason": clean(fact.reason), "at": fact.at}
    connection.execute(_INSERT, row)
    audit.append(connection, fact.by, "kill level", {"level": level, "reason": fact.reason}, fact.at)
    put_notes(connection, notes)
    return current_kill(connection)


def current_kill(connection: Connection) -> Kill:
    """Give the kill level that holds now; level 0 when nobody ever set one."""
    row = connection.execute(_KILL).first()
    return Kill(0, "", "", EPOCH) if row is None else Kill(row.level, row.by, row.reason, row.at, row.seq)


def set_setting(connection: Connection, name: str, value: str) -> None:
    """Keep a small fact; the last value holds."""
    put(connection, setting, {"name": name, "value": clean(value)})


def get_setting(connection: Connection, name: str) -> str | None:
    """Give a small fact."""
    value: str | None = connection.scalar(_SETTING, {"key": name})
    return value


def claim_job(connection: Connection, job: str, scheduled_for: datetime, notes: Sequence[Note] = ()) -> bool:
    """Take one occasion of a job with what it tells; False when it was taken before."""
    put_notes(connection, notes)
    return insert_new(connection, job_run, {"job": job, "scheduled_for": scheduled_for})


def last_job(connection: Connection, job: str) -> datetime | None:
    """Give the latest occasion of a job that was taken."""
    last: datetime | None = connection.scalar(_LAST_JOB, {"key": job})
    return last
