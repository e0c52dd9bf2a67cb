"""What is in doubt: looks for an order that the broker does not show, and underlyings that are held back meanwhile.

"Not found" proves nothing by itself. What proves that an order never was at the broker stands in `lacking`, B.6 of the reliability
notes; the engine asks it before it speaks of a proof, and the journal asks it again before it stores one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

#: A proof needs so many complete looks, so far apart.
LOOKS, APART = 3, timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Look:
    """One complete look at everything a broker tells, without a trace of an order.

    Attributes
    ----------
    fresh : bool
        The broker was reached anew for this look, so nothing that an earlier session remembered can have answered.
    evidence : str
        What was read, as JSON: how many orders, executions and movements, and what is held of the order's legs.
    """

    order_key: str
    at: datetime
    fresh: bool
    evidence: str


def lacking(looks: Sequence[Look], cutoff: datetime) -> str | None:
    """What is still missing before an order counts as proved absent; None when nothing is.

    Every look counts that came after the cutoff; looks in the same five minutes count as one.

    Parameters
    ----------
    looks : every look for the order, oldest first.
    cutoff : when its broker has ended every order of the session it was sent in.
    """
    counted = [look for look in looks if look.at > cutoff]
    if not counted:
        return f"no complete look came after the cutoff of {cutoff:%Y-%m-%d %H:%M} UTC"
    spaced = counted[:1]
    for look in counted[1:]:
        if look.at - spaced[-1].at >= APART:
            spaced.append(look)
    if len(spaced) < LOOKS:
        return f"{len(spaced)} of {LOOKS} complete looks after the cutoff, each {APART.seconds // 60} minutes apart"
    if not (spaced[0].fresh and spaced[-1].fresh):
        return "the first and the last look must come from fresh sessions with the broker"
    return None


class Hold(StrEnum):
    """Why an underlying is held back: DOUBT and LEGS let orders through that reduce risk, OUTSIDE those of a person alone."""

    DOUBT = "doubt"
    LEGS = "legs"
    OUTSIDE = "outside"


@dataclass(frozen=True, slots=True)
class Lock:
    """An underlying on which the desk opens nothing until the reason is gone."""

    account: str
    symbol: str
    kind: Hold
    reason: str
    at: datetime
