"""`python -m bot replay`: from the words of the command line to a replay, with progress on the terminal."""

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path

from bot import settings
from bot.replay import Request, replay
from core.feeds.flatfiles.tape import Sources
from core.model.errors import OperatorError


def run(chosen: argparse.Namespace) -> int:
    """Replay and say where the results are.

    Raises
    ------
    OperatorError
        The dates are the wrong way round, or files or settings cannot be used.
    """
    if chosen.first > chosen.last:
        raise OperatorError(f"--from {chosen.first} lies after --to {chosen.last}: exchange them")
    sources = Sources(chosen.bars, tuple(chosen.index), chosen.actions, chosen.earnings, chosen.vix, chosen.rates, chosen.sectors)
    request = Request(
        sources, chosen.first, chosen.last, chosen.out, chosen.approve == "auto", _settings(chosen.config), _progress()
    )
    summary = replay(request)
    money = summary["money"]
    print(f"\n{summary['sessions']} sessions of {summary['symbols']} symbols; {money}; see {chosen.out}")  # noqa: T201 - the answer
    return 0


def _settings(path: Path | None) -> settings.Settings:
    environment = {} if path is None else dict(os.environ)
    return settings.load("", environment) if path is None else settings.read(path, environment)


def _progress() -> Callable[[int, int], None]:
    """Say how far it is, on a terminal only."""

    def show(done: int, total: int) -> None:
        if sys.stderr.isatty() and (done % 20 == 0 or done == total):
            sys.stderr.write(f"\rreplay: session {done} of {total}")

    return show
