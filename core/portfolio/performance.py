"""Performance of one account: profit with its parts apart, exposure, heat, drawdown, streaks, best and worst.

Money that is paid in or out is no profit and no drawdown: earlier equity is shifted by every later flow before it is compared.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from core.model.money import ZERO
from core.model.positions import Book, EquityPoint, Marked, Position

YEAR = 252


@dataclass(frozen=True, slots=True)
class Profit:
    """Dollars earned, each part by itself.

    Attributes
    ----------
    realised : Decimal
        Of open and closed positions so far, before fees (dividends and cash in lieu included).
    unrealised : Decimal
        Of open positions at their marks; positions without a sound quote count 0 and are in `unmarked`.
    fees : Decimal
        Known fees, positive.
    fees_unknown : bool
        Some fees have not been said by the broker yet.
    day : Decimal
        Change of net liquidation since the end of the previous session, less money paid in or out since.
    """

    realised: Decimal
    unrealised: Decimal
    fees: Decimal
    fees_unknown: bool
    day: Decimal
    unmarked: int

    @property
    def total(self) -> Decimal:
        """Realised plus unrealised less fees."""
        return self.realised + self.unrealised - self.fees


@dataclass(frozen=True, slots=True)
class Exposure:
    """What is at stake, in dollars, and as a share of net liquidation (None when that is not positive).

    Attributes
    ----------
    long, short : Decimal
        Market value of what is held long (positive) and short (negative), at marks.
    at_risk : Decimal
        Summed maximum loss of open positions and of granted envelopes.
    """

    long: Decimal
    short: Decimal
    at_risk: Decimal
    net_liquidation: Decimal

    @property
    def heat(self) -> float | None:
        """Summed maximum loss over net liquidation."""
        return float(self.at_risk / self.net_liquidation) if self.net_liquidation > 0 else None

    @property
    def gross(self) -> float | None:
        """Long plus short value over net liquidation."""
        return float((self.long - self.short) / self.net_liquidation) if self.net_liquidation > 0 else None


def profit(book: Book, closed: Iterable[Position], flows_today: Decimal = ZERO) -> Profit:
    """Profit of the account: its open positions in the book, and every position it closed."""
    every = (*book.held, *closed)
    return Profit(
        realised=sum((position.realised for position in every), ZERO),
        unrealised=sum((marked.unrealised for marked in book.positions if marked.unrealised is not None), ZERO),
        fees=sum((position.fees for position in every), ZERO),
        fees_unknown=any(position.fees_unknown for position in every),
        day=book.net_liquidation - book.day_start - flows_today,
        unmarked=sum(marked.unrealised is None for marked in book.positions),
    )


def exposure(book: Book) -> Exposure:
    """What the account has at stake now."""
    values = [marked.value for marked in book.positions if marked.value is not None]
    return Exposure(
        long=sum((value for value in values if value > 0), ZERO),
        short=sum((value for value in values if value < 0), ZERO),
        at_risk=sum((position.max_loss for position in book.held), book.reserved),
        net_liquidation=book.net_liquidation,
    )


def net(position: Position) -> Decimal:
    """Dollars that a position has realised after known fees."""
    return position.realised - position.fees


def adjusted(points: Sequence[EquityPoint]) -> list[Decimal]:
    """Net liquidation of each point, oldest first, shifted by all later flows: as if today's deposits had always been there."""
    if not any(point.flows for point in points):
        return [point.net_liquidation for point in points]
    later, shifted = ZERO, []
    for point in reversed(points):
        shifted.append(point.net_liquidation + later)
        later += point.flows
    return shifted[::-1]


def day_start(points: Sequence[EquityPoint], day: date, start_cash: Decimal) -> Decimal:
    """Net liquidation at the end of the last session before `day`; the opening cash when there was none."""
    return next((point.net_liquidation for point in reversed(points) if point.day < day), start_cash)


def peak(points: Sequence[EquityPoint], start_cash: Decimal, sessions: int = YEAR) -> Decimal:
    """Highest net liquidation at the end of the last so many sessions, flows taken out.

    The opening cash is one of them only while fewer sessions than that have ended: an old high is forgotten, the first one too.
    """
    values = adjusted(points[-sessions:])
    if len(values) < sessions:
        values.append(start_cash + sum((point.flows for point in points), ZERO))
    return max(values)


def drawdown(now: Decimal, highest: Decimal) -> float:
    """Share lost from the highest value: 0 at a new high, 1 when everything is gone."""
    return max(0.0, float(1 - now / highest)) if highest > 0 else 0.0


def consecutive_losses(closed: Iterable[Position], since: date | None = None) -> int:
    """Closed positions in a row that lost after fees, latest first; those closed before the session `since` do not count."""
    counted = [one for one in closed if one.closed_session is not None and (since is None or one.closed_session >= since)]
    counted.sort(key=lambda one: (one.closed_session, one.closed_at, one.id))
    losses = 0
    for position in reversed(counted):
        if net(position) >= 0:
            break
        losses += 1
    return losses


def ranked(positions: Iterable[Marked]) -> tuple[Marked, ...]:
    """Open positions by unrealised plus realised profit after fees, best first; those without a sound quote are left out."""
    known = [(net(one.position) + one.unrealised, one) for one in positions if one.unrealised is not None]
    return tuple(one for _, one in sorted(known, key=lambda pair: (-pair[0], pair[1].position.id)))
