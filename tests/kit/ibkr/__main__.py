"""A loopback TWS as its own process: ``python -m tests.kit.ibkr --port 0 --ledger FILE``.

Prints one line of JSON with
where it is reached (`port` for the API, `control` for commands, `flex` for statements) and serves until it is killed.
"""

import argparse
import asyncio
import json
import signal
import sys
from datetime import datetime
from pathlib import Path

from tests.kit.ibkr.control import Control
from tests.kit.ibkr.flexible import Flexible
from tests.kit.ibkr.server import Tws
from tests.kit.ibkr.world import ACCOUNT


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.kit.ibkr")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--control", type=int, default=0)
    parser.add_argument("--flex", type=int, default=0)
    parser.add_argument("--ledger", type=Path, required=True)
    parser.add_argument("--account", default=ACCOUNT)
    parser.add_argument("--instant", type=datetime.fromisoformat, default=None)
    asyncio.run(_serve(parser.parse_args()))


async def _serve(options: argparse.Namespace) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    tws = Tws(options.ledger, account=options.account)
    tws.instant = options.instant
    port = await tws.start(options.port)
    control = await Control(tws).start(options.control)
    flex = await Flexible(tws).start(options.flex)
    sys.stdout.write(json.dumps({"port": port, "control": control, "flex": flex}) + "\n")
    sys.stdout.flush()
    await stop.wait()
    await tws.stop()


if __name__ == "__main__":
    main()
