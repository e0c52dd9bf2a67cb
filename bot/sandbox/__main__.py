"""`python -m bot.sandbox --world FILE --port 0 [--page]`: a loopback Discord as its own process.

Prints one JSON line with its addresses and runs until SIGINT or SIGTERM.
"""

import argparse
import asyncio
import json
import signal
import sys
from pathlib import Path

from bot.clock import SystemClock
from bot.sandbox.server import Sandbox, Settings
from core.model.errors import OperatorError


def parsed(arguments: list[str] | None = None) -> Settings:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m bot.sandbox", description="A loopback Discord for tests and the demo.")
    parser.add_argument("--world", type=Path, help="file of the world; without it everything is forgotten at the end")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--host", default="127.0.0.1", help="a loopback address")
    parser.add_argument("--page", action="store_true", help="serve the web page")
    parser.add_argument("--rate-limits", action="store_true", help="keep the real rate limits")
    parser.add_argument("--privileged-intents", type=int, default=0, help="bits of privileged intents that were granted")
    return Settings(**vars(parser.parse_args(arguments)))


async def run(settings: Settings) -> None:
    """Serve until a signal."""
    sandbox = Sandbox(settings, SystemClock())
    stop = asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    await sandbox.start()
    try:
        sys.stdout.write(json.dumps(sandbox.addresses()) + "\n")
        sys.stdout.flush()
        await stop.wait()
    finally:
        await sandbox.stop()


def main() -> int:
    """Entry point; 1 and one sentence when it cannot start."""
    try:
        asyncio.run(run(parsed()))
    except OperatorError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
