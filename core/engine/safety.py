"""Settings of switches and breakers: every field is a key under `safety:` in config.yaml."""

from dataclasses import dataclass
from typing import Annotated

from annotated_types import Ge, Gt, Le

Share = Annotated[float, Gt(0), Le(1)]
Count = Annotated[int, Ge(1)]
Seconds = Annotated[float, Gt(0)]


@dataclass(frozen=True, slots=True)
class SafetySettings:
    """When the desk stops by itself, and what it takes to go on.

    Attributes
    ----------
    resume_minutes : float
        Cool-down after every order was cancelled or everything was closed (levels 3 and 4) before the desk may be resumed.
    confirm_seconds, second_person_seconds : float
        How long the first of two steps stands: for the same person, and for another one where two are configured.
    cancel_seconds : float
        How long open orders are cancelled again and again before people are paged.
    rejects, reject_minutes
        So many orders refused by the broker within so many minutes: REDUCE ONLY.
    unknown : int
        So many orders whose outcome is unknown at once: REDUCE ONLY.
    broker_calls, broker_failures
        More than this share of the last so many calls to the broker failed: entries off.
    feed_seconds : float
        Newest quote older than this in session: entries off.
    lag_seconds, lag_for_seconds : float
        The event loop is late by more than the first for the second: entries off.
    disk_low, disk_out : int
        Free mebibytes beside the journal: entries off, HALT.
    memory : int
        Mebibytes that the program holds: entries off.
    descriptors : float
        Share of the open files that the system allows: HALT.
    day_reduce, day_halt, week_halt : float
        Share of net liquidation that was lost since the previous close or since last week's: REDUCE ONLY, HALT, HALT.
    crashes, crash_minutes
        So many crashes within so many minutes: start in HALT.
    discord_seconds : float
        Discord out of reach for so long: REDUCE ONLY.
    clear_seconds : float
        Entries come back when their cause has been gone for so long.
    audit_minutes : float
        How often the hash chain of the audit is walked.
    """

    resume_minutes: Annotated[float, Ge(0)] = 15.0
    confirm_seconds: Seconds = 60.0
    second_person_seconds: Seconds = 600.0
    cancel_seconds: Seconds = 60.0
    rejects: Count = 3
    reject_minutes: Seconds = 10.0
    unknown: Count = 2
    broker_calls: Count = 20
    broker_failures: Share = 0.3
    feed_seconds: Seconds = 15.0
    lag_seconds: Seconds = 1.0
    lag_for_seconds: Seconds = 5.0
    disk_low: Count = 2048
    disk_out: Count = 512
    memory: Count = 4096
    descriptors: Share = 0.9
    day_reduce: Share = 0.03
    day_halt: Share = 0.05
    week_halt: Share = 0.08
    crashes: Count = 3
    crash_minutes: Seconds = 10.0
    discord_seconds: Seconds = 120.0
    clear_seconds: Annotated[float, Ge(0)] = 30.0
    audit_minutes: Seconds = 60.0
