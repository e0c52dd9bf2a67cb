"""The loopback broker as its own process: ``python -m tests.kit.tastytrade --ledger FILE [--port N]``.

Prints one line of JSON with its port and serves until it is told to stop; killed at any moment, its ledger stays readable.
"""

import argparse
import asyncio
import json
import signal
import sys
from datetime import datetime
from pathlib import Path

from tests.kit.tastytrade.server import Loopback


def main() -> int:
    options = _options()
    asyncio.run(_serve(options))
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.kit.tastytrade", description="a loopback tastytrade on 127.0.0.1")
    parser.add_argument("--ledger", type=Path, required=True, help="file of its books; made when it is missing")
    parser.add_argument("--port", type=int, default=0, help="0: the system chooses")
    parser.add_argument("--production", action="store_true", help="be the production side instead of the sandbox")
    parser.add_argument("--fill", choices=("market", "limit", "never"), default="market", help="what orders trade against")
    parser.add_argument("--part", type=int, default=0, help="largest number of units that trade at once; 0: no bound")
    parser.add_argument("--lag", type=float, default=0.0, help="seconds until an order is seen in any list")
    parser.add_argument("--now", type=datetime.fromisoformat, default=None, help="the broker's time at its start")
    parser.add_argument("--speed", type=float, default=1.0, help="seconds of its time per second, with --now")
    parser.add_argument("--faults", default="", help="JSON: {rules: [...], seed: N}")
    return parser.parse_args()


async def _serve(options: argparse.Namespace) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    loopback = Loopback(options.ledger, production=options.production)
    loopback.desk.market.fill, loopback.desk.market.part, loopback.desk.lag = options.fill, options.part, options.lag
    if options.now is not None:
        loopback.time.set(options.now, options.speed)
    if options.faults:
        await loopback.act("plan", **json.loads(options.faults))
    await loopback.start(options.port)
    sys.stdout.write(json.dumps({"port": loopback.port}) + "\n")
    sys.stdout.flush()
    await stop.wait()
    await loopback.close()


if __name__ == "__main__":
    sys.exit(main())
