"""How long the simulated market takes to open and to answer, and what memory it needs: a measurement, not a test.

Run it as ``python -m tests.feeds.simulated_size 500`` (or 32345). It prints one JSON object.
"""

import asyncio
import json
import resource
import sys
import time
from datetime import UTC, date, datetime, timedelta

from bot.clock import HandClock
from core.feeds.simulated import SimulatedSettings
from core.market.sessions import Sessions

MORNING = datetime(2026, 1, 5, 12, 30, tzinfo=UTC)


async def measure(symbols: int) -> dict[str, float]:
    """Milliseconds of each step, and the largest resident memory in megabytes."""
    sessions = Sessions.open(date(2024, 1, 2), date(2027, 6, 30))
    clock = HandClock(MORNING)
    found: dict[str, float] = {"symbols": symbols}
    start = time.perf_counter()
    market = SimulatedSettings(symbols=symbols).open(clock, sessions)
    found["open_ms"] = _since(start)
    clock.turn_to(MORNING + timedelta(hours=5))
    start = time.perf_counter()
    view = await market.view()
    found["view_ms"] = _since(start)
    chosen = view.symbols[:500]
    for step in ("first", "again"):
        start = time.perf_counter()
        view.price(chosen)
        found[f"price_of_500_{step}_ms"] = _since(start)
    has_options = [symbol for symbol in chosen if view.symbol(symbol).features["optionable"] == 1.0][:20]
    (await market.view(chains=has_options)).symbol(has_options[0])  # compiles or loads what is compiled
    view = await market.view(chains=has_options)
    start = time.perf_counter()
    for symbol in has_options:
        view.symbol(symbol)
    found["chain_ms"] = _since(start) / len(has_options)
    clock.turn_to(MORNING + timedelta(hours=9))
    start = time.perf_counter()
    await market.view()
    found["close_of_a_session_ms"] = _since(start)
    clock.turn_to(MORNING + timedelta(days=1))
    start = time.perf_counter()
    await market.view()
    found["morning_of_a_session_ms"] = _since(start)
    found["memory_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return found


def _since(start: float) -> float:
    return round(1000 * (time.perf_counter() - start), 3)


if __name__ == "__main__":
    print(json.dumps(asyncio.run(measure(int(sys.argv[1])))))
