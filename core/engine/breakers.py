"""Breakers: what stops the desk by itself. Each is one pure function of what was measured and its limit in the settings.

"Entries off" goes away by itself when its cause is gone; a level stays until people resume. To add one, write a function here and
put it into `BREAKERS`; what it looks at is a field of `Measured`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from core.engine.safety import SafetySettings
from core.model.kill import Level

MEBIBYTE = 2**20


class Effect(StrEnum):
    """What a breaker does."""

    ENTRIES_OFF = "entries off"
    REDUCE_ONLY = "reduce only"
    HALT = "halt"

    @property
    def level(self) -> Level | None:
        """The kill level that it sets; None for entries off."""
        return {Effect.REDUCE_ONLY: Level.REDUCE_ONLY, Effect.HALT: Level.HALT}.get(self)


@dataclass(frozen=True, slots=True)
class Measured:
    """The desk and its machine at one moment; None: not measured, or not enough of it yet.

    Attributes
    ----------
    rejects : int
        Orders that the broker refused in the last `reject_minutes`.
    unknown : tuple of str
        Orders whose outcome is unknown.
    broker_failed : float or None
        Share of the last `broker_calls` calls that failed; None outside of a session or before so many were made.
    feed_age : float or None
        Seconds since the newest quote; None outside of a session.
    lagging : float
        Seconds for which the event loop has been late by more than `lag_seconds`.
    disk : int or None
        Free bytes beside the journal.
    memory : int or None
        Bytes that the program holds.
    descriptors : float or None
        Share of the open files that the system allows this program.
    audit, duplicate : str
        What is wrong with the audit chain or with the broker's order numbers; empty: nothing.
    day_change, week_change : float or None
        Net liquidation now over that of the previous session's and the previous week's end, less 1.
    crashes : int
        Starts within `crash_minutes` whose life did not end in order.
    discord_gone : float
        Seconds for which Discord has been out of reach.
    """

    rejects: int = 0
    unknown: tuple[str, ...] = ()
    broker_failed: float | None = None
    feed_age: float | None = None
    lagging: float = 0.0
    disk: int | None = None
    memory: int | None = None
    descriptors: float | None = None
    audit: str = ""
    duplicate: str = ""
    day_change: float | None = None
    week_change: float | None = None
    crashes: int = 0
    discord_gone: float = 0.0


@dataclass(frozen=True, slots=True)
class Trip:
    """A breaker that tripped: what it does, what was measured against which limit, and what clears it."""

    breaker: str
    effect: Effect
    sentence: str
    clears: str


Breaker = Callable[[Measured, SafetySettings], Trip | None]
_RESUME = "people look, then type /resume"


def rejects(measured: Measured, limits: SafetySettings) -> Trip | None:
    """Orders that the broker refuses one after the other."""
    if measured.rejects < limits.rejects:
        return None
    sentence = f"the broker refused {measured.rejects} orders within {limits.reject_minutes:g} minutes (limit {limits.rejects})"
    return Trip("rejects", Effect.REDUCE_ONLY, sentence, _RESUME)


def unknown(measured: Measured, limits: SafetySettings) -> Trip | None:
    """Several orders in doubt at once."""
    count = len(measured.unknown)
    if count < limits.unknown:
        return None
    sentence = f"the outcome of {count} orders is unknown at once (limit {limits.unknown}): {', '.join(measured.unknown)}"
    return Trip("unknown", Effect.REDUCE_ONLY, sentence, _RESUME)


def broker(measured: Measured, limits: SafetySettings) -> Trip | None:
    """A broker that answers too little."""
    share = measured.broker_failed
    if share is None or share <= limits.broker_failures:
        return None
    sentence = f"{100 * share:.0f} % of the last {limits.broker_calls} calls to the broker failed"
    sentence += f" (limit {100 * limits.broker_failures:.0f} %)"
    return Trip("broker", Effect.ENTRIES_OFF, sentence, "the broker answers again")


def feed(measured: Measured, limits: SafetySettings) -> Trip | None:
    """Quotes that stand still in session."""
    age = measured.feed_age
    if age is None or age <= limits.feed_seconds:
        return None
    sentence = f"the newest quote is {age:.0f} s old in session (limit {limits.feed_seconds:g} s)"
    return Trip("feed", Effect.ENTRIES_OFF, sentence, "fresh quotes come in")


def lag(measured: Measured, limits: SafetySettings) -> Trip | None:
    """A program that comes too late to everything."""
    if measured.lagging < limits.lag_for_seconds:
        return None
    sentence = f"the program was late by more than {limits.lag_seconds:g} s for {measured.lagging:.0f} s"
    sentence += f" (limit {limits.lag_for_seconds:g} s)"
    return Trip("lag", Effect.ENTRIES_OFF, sentence, "the program keeps its time again")


def disk_low(measured: Measured, limits: SafetySettings) -> Trip | None:
    """Little room on the disk."""
    return _disk(measured, "disk_low", limits.disk_low, Effect.ENTRIES_OFF, "there is room again")


def disk_out(measured: Measured, limits: SafetySettings) -> Trip | None:
    """No room on the disk."""
    return _disk(measured, "disk_out", limits.disk_out, Effect.HALT, f"make room, then {_RESUME}")


def _disk(measured: Measured, name: str, limit: int, effect: Effect, clears: str) -> Trip | None:
    if measured.disk is None or measured.disk >= limit * MEBIBYTE:
        return None
    return Trip(name, effect, f"{measured.disk / MEBIBYTE:.0f} MiB are free beside the journal (limit {limit} MiB)", clears)


def memory(measured: Measured, limits: SafetySettings) -> Trip | None:
    """A program that grows until the system ends it."""
    if measured.memory is None or measured.memory <= limits.memory * MEBIBYTE:
        return None
    sentence = f"the program holds {measured.memory / MEBIBYTE:.0f} MiB (limit {limits.memory} MiB)"
    return Trip("memory", Effect.ENTRIES_OFF, sentence, "it holds less, or was started again")


def descriptors(measured: Measured, limits: SafetySettings) -> Trip | None:
    """A program that soon can open nothing any more."""
    if measured.descriptors is None or measured.descriptors < limits.descriptors:
        return None
    sentence = f"{100 * measured.descriptors:.0f} % of the files that the system allows are open"
    return Trip(
        "descriptors", Effect.HALT, f"{sentence} (limit {100 * limits.descriptors:.0f} %)", f"start it again, then {_RESUME}"
    )


def audit(measured: Measured, _limits: SafetySettings) -> Trip | None:
    """A journal that somebody changed."""
    return Trip("audit", Effect.HALT, measured.audit, _RESUME) if measured.audit else None


def duplicate(measured: Measured, _limits: SafetySettings) -> Trip | None:
    """Two orders under one number of the broker."""
    return Trip("duplicate", Effect.HALT, measured.duplicate, _RESUME) if measured.duplicate else None


def day_reduce(measured: Measured, limits: SafetySettings) -> Trip | None:
    """A bad day."""
    return _loss("day_reduce", measured.day_change, limits.day_reduce, Effect.REDUCE_ONLY, "previous close")


def day_halt(measured: Measured, limits: SafetySettings) -> Trip | None:
    """A very bad day."""
    return _loss("day_halt", measured.day_change, limits.day_halt, Effect.HALT, "previous close")


def week_halt(measured: Measured, limits: SafetySettings) -> Trip | None:
    """A very bad week."""
    return _loss("week_halt", measured.week_change, limits.week_halt, Effect.HALT, "end of last week")


def _loss(name: str, change: float | None, limit: float, effect: Effect, since: str) -> Trip | None:
    if change is None or change > -limit:
        return None
    return Trip(
        name, effect, f"the account changed by {100 * change:+.2f} % since the {since} (limit {-100 * limit:+.2f} %)", _RESUME
    )


def crashes(measured: Measured, limits: SafetySettings) -> Trip | None:
    """A desk that dies again and again."""
    if measured.crashes < limits.crashes:
        return None
    sentence = f"the desk crashed {measured.crashes} times within {limits.crash_minutes:g} minutes (limit {limits.crashes})"
    return Trip("crashes", Effect.HALT, sentence, f"find out why it crashed, then {_RESUME}")


def discord(measured: Measured, limits: SafetySettings) -> Trip | None:
    """Nobody can be told anything."""
    if measured.discord_gone <= limits.discord_seconds:
        return None
    sentence = f"Discord has been out of reach for {measured.discord_gone:.0f} s (limit {limits.discord_seconds:g} s)"
    return Trip("discord", Effect.REDUCE_ONLY, sentence, _RESUME)


#: Every breaker, the ones that stop most first.
BREAKERS: tuple[Breaker, ...] = (
    audit, duplicate, crashes, disk_out, descriptors, day_halt, week_halt,
    rejects, unknown, day_reduce, discord,
    broker, feed, lag, disk_low, memory,
)  # fmt: skip


def tripped(measured: Measured, limits: SafetySettings) -> tuple[Trip, ...]:
    """Ask every breaker."""
    return tuple(trip for breaker in BREAKERS if (trip := breaker(measured, limits)) is not None)
