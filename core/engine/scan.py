"""Scan: a strategy's gates over the whole universe on the completed bar; what survives may become signals."""

from typing import TYPE_CHECKING

from core.engine import tell
from core.engine.answers import Explanation
from core.market.scan import evaluate
from core.market.scan import explain as explain_gates
from core.model.errors import UnknownSymbolError
from core.model.market import MarketView
from core.model.signals import Signal
from core.ports.journal import Scan
from core.ports.strategy import Strategy

if TYPE_CHECKING:
    from core.engine.engine import Engine


async def run(engine: "Engine") -> tuple[Signal, ...]:
    """Scan with every strategy; store each run and each new signal with its note. Answers the new signals."""
    view = await engine.view()
    fresh: list[Signal] = []
    for strategy in engine.strategies.values():
        fresh += await _scan(engine, strategy, view)
    if fresh:
        engine.notifier.wake()
    return tuple(fresh)


async def _scan(engine: "Engine", strategy: Strategy, view: MarketView) -> list[Signal]:
    funnel = evaluate(strategy.gates, view.features, view.symbols, engine.settings.strict)
    for gate, times in funnel.absent:
        engine.books.absent[f"gate {gate}"] += times
    signals = strategy.propose(view, await engine.book(view), funnel.survivors)
    at = engine.clock.now()
    record = Scan(strategy.name, view.completed, at, len(view.symbols), funnel.left, funnel.absent, len(signals))
    await engine.journal.record_scan(record)
    fresh = []
    for signal in signals:
        note = tell.signal_note(signal, view, charts=engine.settings.charts)
        if await engine.journal.record_signal(signal, [note]):
            fresh.append(signal)
    return fresh


def explain(engine: "Engine", symbol: str, view: MarketView) -> Explanation:
    """Every gate of the first strategy for one symbol.

    Raises
    ------
    UnknownSymbolError
        The symbol is not in the universe.
    """
    if symbol not in view.symbols:
        raise UnknownSymbolError(f"{symbol!r} is not in the universe of {len(view.symbols)} symbols; check the spelling")
    strategy = next(iter(engine.strategies.values()))
    column = view.symbols.index(symbol)
    results = explain_gates(strategy.gates, view.features, column, engine.settings.strict)
    score, levels = strategy.rate(symbol, view)
    close = float(view.features.columns["close"][column])
    return Explanation(symbol, strategy.name, view.completed, close, results, score, levels)
