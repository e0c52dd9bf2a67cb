"""The paper ledger as its own process: ``python -m brokers.paper --ledger FILE --account NAME``.

Prints one line of JSON with its port, serves on 127.0.0.1 until it is told to stop, and survives being killed.
"""

import argparse
import asyncio
import json
import signal
import sys
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from brokers.paper.ledger import Ledger, Terms
from brokers.paper.matching import FillModel
from brokers.paper.server import Server
from core.model.errors import QuantMatrixError
from core.quant.fees import FeeSchedule


def main() -> int:
    """Open the ledger and serve it."""
    options = _options()
    terms = Terms(options.account, options.cash, FillModel(latency_seconds=options.latency, partial=options.partial), FeeSchedule())
    try:
        ledger = Ledger.open(terms, options.ledger, options.opened)
        asyncio.run(_serve(ledger, options.port))
    except (QuantMatrixError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m brokers.paper", description="a paper broker's ledger on 127.0.0.1")
    parser.add_argument("--ledger", type=Path, required=True, help="file of the ledger; made when it is missing")
    parser.add_argument("--account", default="paper", help="name of the account")
    parser.add_argument("--port", type=int, default=0, help="0: the system chooses")
    parser.add_argument("--cash", type=Decimal, default=Decimal(100_000), help="dollars that a new account opens with")
    parser.add_argument("--latency", type=float, default=0.0, help="seconds until an accepted order can trade")
    parser.add_argument("--partial", type=float, default=0.0, help="probability that an execution is cut to a part")
    opened = datetime(2000, 1, 1, tzinfo=UTC)
    parser.add_argument("--opened", type=datetime.fromisoformat, default=opened, help="instant of a new account's first deposit")
    return parser.parse_args()


async def _serve(ledger: Ledger, port: int) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    server = await Server(ledger).start(port)
    sys.stdout.write(json.dumps({"port": server.sockets[0].getsockname()[1]}) + "\n")
    sys.stdout.flush()
    await stop.wait()
    server.close()
    ledger.close()


if __name__ == "__main__":
    sys.exit(main())
