"""What a replay leaves behind in one JSON file: counts and dollars, no paths, no wall times, the same bits every time."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

from core.engine.engine import Engine
from core.model.money import ZERO, cents
from core.model.positions import EquityPoint, Position
from core.model.proposals import ProposalState
from core.model.signals import Intent

_BEGINNING = datetime(1900, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Run:
    """What was asked for and what was fed in."""

    first: date
    last: date
    sessions: int
    symbols: int
    symbol_bars: int
    approve: str
    raw: bool
    fingerprint: str
    defects: Mapping[str, int]


async def summarise(engine: Engine, run: Run) -> dict[str, object]:
    """Gather the figures from the journal."""
    journal, account = engine.journal, engine.account
    positions = await journal.positions(account, closed_since=run.first)
    closed = [position for position in positions if not position.is_open]
    points = await journal.equity(account)
    signals = await journal.signals(run.first)
    proposals = await journal.proposals(list(ProposalState))
    fills = await journal.fills(account)
    notes = Counter(note.topic.value for note in await journal.notes())
    return {
        "from": run.first.isoformat(),
        "to": run.last.isoformat(),
        "sessions": run.sessions,
        "symbols": run.symbols,
        "symbol_bars": run.symbol_bars,
        "approve": run.approve,
        "prices": "as traded" if run.raw else "adjusted: price-level gates are off, quantities are in adjusted units",
        "fills_modelled": any(fill.modelled for fill in fills),
        "inputs_sha256": run.fingerprint,
        "settings_sha256": engine.config_hash,
        "defects": dict(sorted(run.defects.items())),
        "not_evaluated": {name: times for name, times in sorted(engine.books.absent.items()) if times},
        "signals": {
            "opening": sum(signal.intent is Intent.OPEN for signal in signals),
            "closing": dict(sorted(Counter(s.cause for s in signals if s.intent is Intent.CLOSE).items())),
        },
        "proposals": dict(sorted(Counter(stored.state.value for stored in proposals).items())),
        "orders": dict(sorted(Counter(order.state.value for order in await journal.orders(_BEGINNING)).items())),
        "fills": len(fills),
        "positions": _results(closed, positions),
        "money": _money(engine, points, positions),
        "notes": dict(sorted(notes.items())),
        "audit_rows": await journal.verify_audit(),
    }


def _results(closed: Sequence[Position], every: Sequence[Position]) -> dict[str, object]:
    won = [position for position in closed if position.realised - position.fees > 0]
    lost = [position for position in closed if position.realised - position.fees <= 0]
    return {
        "opened": len(every),
        "closed": len(closed),
        "still_open": len(every) - len(closed),
        "won": len(won),
        "lost": len(lost),
        "average_win": _average(won),
        "average_loss": _average(lost),
        "closed_by": dict(sorted(Counter(position.close_cause or "n/a" for position in closed).items())),
        "modelled": sum(position.modelled for position in every),
    }


def _average(positions: Sequence[Position]) -> str | None:
    if not positions:
        return None
    return str(cents(_sum(position.realised - position.fees for position in positions) / len(positions)))


def _sum(amounts: Iterable[Decimal]) -> Decimal:
    return sum(amounts, ZERO)


def _money(engine: Engine, points: Sequence[EquityPoint], positions: Sequence[Position]) -> dict[str, str | None]:
    high, fall = ZERO, ZERO
    for point in points:
        high = max(high, point.net_liquidation)
        fall = max(fall, 1 - point.net_liquidation / high if high > 0 else ZERO)
    return {
        "started_with": str(engine.settings.start_cash),
        "cash": str(cents(engine.books.cash)),
        "net_liquidation": str(cents(points[-1].net_liquidation)) if points else None,
        "realised": str(cents(_sum(position.realised for position in positions))),
        "fees": str(cents(_sum(position.fees for position in positions))),
        "largest_drawdown": f"{fall:.6f}",
    }


def write(summary: Mapping[str, object], path: Path) -> None:
    """Write the summary, keys in a fixed order; it appears whole or not at all."""
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps(summary, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    fresh.replace(path)
