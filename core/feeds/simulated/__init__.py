"""The simulated market: every bar, quote, chain and headline is a pure function of seed, symbol and time. Nothing is stored.

How it hangs together: `names` draws who is listed; `weather` moves the market and its sectors; `companies` report, split and
pay; `days` makes one session of bars from the one before; `path` leads the price through a session so that it touches exactly
its bar; `quotes` puts a spread around it; `news` tells what happened; `board`, `reading` and `market` show it all as a
`MarketView`. Random numbers come from `draws` alone, by address, never from a sequence.

The composition roots open it through `SimulatedSettings`. To add something that happens, give it a stream in `draws` and a
column in `Day`.
"""

from core.feeds.simulated.settings import SimulatedSettings

__all__ = ["SimulatedSettings"]
