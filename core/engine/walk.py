"""Walk: the prices of an order's children, from the fair mid towards the price that the market takes, inside the approved band.

Pure. Every limit lies on the grid of its class and never below the floor of the envelope; with the same quotes each child asks for
no more than the one before it. Nothing is ever a market order: the last child is a limit at the natural price, or at the floor
where that is better for us.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType

from core.engine.settings import EngineSettings, Pace
from core.model.instruments import Leg, Option
from core.model.signals import Intent
from core.quant.ticks import Grid


@dataclass(frozen=True, slots=True)
class Schedule:
    """Shares of the way from the mid to the natural price, one for each child, and how long each child may work."""

    shares: tuple[float, ...]
    seconds: float


#: By pace: shares alone, one option, several options. A spread's fair price is harder to find, so it is given more steps and time.
SCHEDULES: Mapping[Pace, tuple[Schedule, Schedule, Schedule]] = MappingProxyType(
    {
        Pace.FAST: (Schedule((1.0,), 20.0), Schedule((0.0, 0.5, 1.0), 5.0), Schedule((0.0, 0.33, 0.67, 1.0), 8.0)),
        Pace.NORMAL: (
            Schedule((0.5, 1.0), 20.0),
            Schedule((0.0, 0.25, 0.5, 0.75, 1.0), 15.0),
            Schedule((0.0, 0.2, 0.4, 0.6, 0.8, 1.0), 20.0),
        ),
        Pace.PATIENT: (
            Schedule((0.0, 0.5, 1.0), 30.0),
            Schedule((0.0, 0.15, 0.3, 0.45, 0.6, 0.8, 1.0), 30.0),
            Schedule((0.0, 0.1, 0.2, 0.3, 0.4, 0.55, 0.7, 0.85, 1.0), 40.0),
        ),
    }
)


def schedule(settings: EngineSettings, legs: Sequence[Leg], intent: Intent = Intent.OPEN) -> Schedule:
    """The schedule of an order: one's own where the settings give it, else that of its pace for so many option legs."""
    if settings.walk:
        return Schedule(settings.walk, settings.walk_seconds)
    options = sum(isinstance(leg.instrument, Option) for leg in legs)
    pace = settings.pace if intent is Intent.OPEN else settings.exit_pace
    return SCHEDULES[pace][min(max(options, len(legs) - 1), 2)]


def limit(mid: Decimal, natural: Decimal, floor: Decimal, share: float, grid: Grid) -> Decimal:
    """Limit of one child: so much of the way from the mid to the natural price, on the grid, never below the floor.

    Rounding goes towards the market, so that a step is a step; where that would pass the floor it goes the other way.
    """
    aimed = grid.down(mid + (natural - mid) * Decimal(str(share)))
    return aimed if aimed >= floor else grid.up(floor)


def limits(mid: Decimal, natural: Decimal, floor: Decimal, shares: Sequence[float], grid: Grid) -> tuple[Decimal, ...]:
    """Limits of all children with the quotes as they are now."""
    return tuple(limit(mid, natural, floor, share, grid) for share in shares)
