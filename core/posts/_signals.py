"""What posts say about set-ups: their levels, and what became of those of earlier sessions."""

from dataclasses import dataclass
from datetime import date

import numpy as np

from core.engine.engine import Engine
from core.engine.tell import per_share
from core.model.errors import UnknownSymbolError
from core.model.market import MarketView
from core.model.signals import Intent, Signal
from core.posts._text import ABSENT, count, number, percent


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one set-up did on the session after its bar: change from close to close, and which levels were touched."""

    symbol: str
    change: float
    stopped: bool
    rung: float | None


async def nothing_found(engine: Engine, session: date) -> str:
    """Why a session has no set-ups: nothing passed, or nobody looked."""
    scanned = any(scan.session == session for scan in await engine.journal.scans(2 * len(engine.strategies)))
    return "no symbol passed every gate" if scanned else f"{ABSENT}: this bar was not scanned"


async def setups(engine: Engine, session: date) -> tuple[Signal, ...]:
    """Opening signals that stand on the bar of a session, best score first."""
    found = [one for one in await engine.journal.signals(session) if one.intent is Intent.OPEN and one.session == session]
    return tuple(sorted(found, key=lambda signal: (-(signal.score or 0.0), signal.symbol)))


def setup_line(signal: Signal) -> str:
    """Levels, reward to risk and rank of a set-up in one line."""
    levels = signal.levels
    if levels is None:
        return f"**{signal.symbol}** {per_share(signal.price)} · levels {ABSENT}"
    risk = levels.entry - levels.stop
    first = levels.rungs[0] if levels.rungs else None
    reward = float((first.price - levels.entry) / risk) if first and risk > 0 else None
    target = f"{first.multiple:g}× {per_share(first.price)}" if first else f"target {ABSENT}"
    away = percent(float(levels.stop / levels.entry - 1)) if levels.entry > 0 else ABSENT
    return (
        f"**{signal.symbol}** {per_share(levels.entry)} · stop {per_share(levels.stop)} ({away}) · {target} · "
        f"reward:risk {number(reward)} · score {number(signal.score, 0)}"
    )


def outcome(signal: Signal, view: MarketView) -> Outcome | None:
    """Compare a set-up with the next completed bar; None when that bar or the symbol is missing.

    Levels are compared as multiples of the close that they were made on, so that a split in between changes nothing.
    """
    try:
        bars = view.symbol(signal.symbol).bars
    except UnknownSymbolError:
        return None
    place = int(np.searchsorted(bars.day, np.datetime64(signal.session)))
    if place + 1 >= len(bars) or bars.day[place] != np.datetime64(signal.session) or not bars.close[place] > 0:
        return None
    base = float(bars.close[place])
    change, low, high = (float(column[place + 1]) / base for column in (bars.close, bars.low, bars.high))
    if not np.isfinite([change, low, high]).all():
        return None
    levels = signal.levels
    if levels is None or levels.entry <= 0:
        return Outcome(signal.symbol, change - 1, stopped=False, rung=None)
    touched = [rung.multiple for rung in levels.rungs if high >= float(rung.price / levels.entry)]
    return Outcome(signal.symbol, change - 1, low <= float(levels.stop / levels.entry), max(touched, default=None))


def outcome_lines(outcomes: tuple[Outcome, ...], predicted: int, shown: int = 5) -> list[str]:
    """What set-ups did in sum, then the best, the worst, and those that touched a level."""
    if not outcomes:
        return []
    ordered = sorted(outcomes, key=lambda one: (-one.change, one.symbol))
    higher = sum(one.change > 0 for one in outcomes)
    mean = sum(one.change for one in outcomes) / len(outcomes)
    known = count(predicted, "set-up") + ("" if len(outcomes) == predicted else f", {len(outcomes)} of them with a bar")
    best, worst = ordered[:shown], ordered[shown:][-shown:]
    return [
        f"{known}: {higher} closed higher, mean {percent(mean)}",
        *_row("best" if worst else "", [f"{one.symbol} {percent(one.change)}" for one in best]),
        *_row("worst", [f"{one.symbol} {percent(one.change)}" for one in worst]),
        *_row(f"touched the stop ({sum(one.stopped for one in outcomes)})", [one.symbol for one in ordered if one.stopped][:shown]),
        *_row("reached a rung", [f"{one.symbol} {one.rung:g}×" for one in ordered if one.rung is not None][:shown]),
    ]


def _row(name: str, items: list[str]) -> list[str]:
    return [f"{name}: {' · '.join(items)}" if name else " · ".join(items)] if items else []
