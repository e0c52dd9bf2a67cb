"""How far the desk is stopped: the levels, and what each of them forbids."""

from enum import IntEnum

from core.model.signals import Intent


class Level(IntEnum):
    """Kill levels. A halt never lowers the level; only a resume does (and a halt by a person stops a flattening)."""

    ACTIVE = 0
    REDUCE_ONLY = 1
    HALT = 2
    CANCEL_ALL = 3
    FLATTEN = 4

    @property
    def words(self) -> str:
        """The level as people read it."""
        return ("ACTIVE", "REDUCE ONLY", "HALT", "HALT, EVERY ORDER CANCELLED", "FLATTEN")[self]

    @property
    def meaning(self) -> str:
        """What holds from now on, in one clause."""
        return (
            "orders are sent again",
            "only orders that reduce risk are sent",
            "no order is sent, orders that work already stay",
            "no order is sent, and every open order is cancelled",
            "every open order is cancelled, then everything that is held is closed with limit orders",
        )[self]


def forbidden(level: int, intent: Intent) -> str | None:
    """Why a kill level forbids an order of the intent; None when it does not."""
    if level in (Level.HALT, Level.CANCEL_ALL):
        return f"kill level {level} forbids every order"
    if level > Level.ACTIVE and intent is not Intent.CLOSE:
        return f"kill level {level} allows only orders that close"
    return None
