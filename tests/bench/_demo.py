"""The demo as a stranger starts it: how soon it is ready, where the time goes, and what it needs after a day of its market."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.bench.report import Row, percentile, progress
from tests.house import ROOT

#: A day of the simulated market in well under a minute; cards that nobody answers hold time at real speed for so long.
SPEED, CARD_SECONDS = 20_000, 10
DAY_SECONDS = 600.0
PARTS = """
import gc
gc.disable()
import asyncio, datetime as dt, json, sys, time
from datetime import UTC, datetime
from pathlib import Path
begun = time.perf_counter()
import bot.app_demo
from bot import settings
from bot.clock import HandClock
from bot.wiring import calendar
from core.journal.journal import open_journal
imported = time.perf_counter()
asyncio.run(open_journal(Path(sys.argv[1]) / "parts.db"))
migrated = time.perf_counter()
chosen = settings.load("", {})
begin = datetime.combine(chosen.feed.start, dt.time(13, 28), UTC)
chosen.feed.open(HandClock(begin), calendar(chosen.feed.start, chosen.feed.start))
opened = time.perf_counter()
print(json.dumps({"imports": imported - begun, "new journal": migrated - imported, "calendar and market": opened - migrated}))
"""


@dataclass(frozen=True, slots=True)
class Demo:
    """A demo in a process of its own."""

    process: subprocess.Popen[str]
    folder: Path
    ready_seconds: float

    def memory(self) -> float:
        """Resident megabytes now."""
        return float(psutil.Process(self.process.pid).memory_info().rss) / 1e6

    def day_is_over(self) -> bool:
        """Whether the portfolio digest stands in its channel."""
        with closing(sqlite3.connect(f"file:{self.folder / 'journal.db'}?mode=ro", uri=True)) as journal:
            told = "SELECT count(*) FROM outbox WHERE topic = 'portfolio' AND state = 'delivered'"
            return bool(journal.execute(told).fetchone()[0])


@contextmanager
def demo(folder: Path, symbols: int) -> Iterator[Demo]:
    """Start it and wait until its line is printed and it is connected; afterwards it is stopped as by Ctrl-C."""
    pace = f"speed: {SPEED}\n  card_seconds: {CARD_SECONDS}"
    (folder / "config.yaml").write_text(
        f"feed:\n  name: simulated\n  symbols: {symbols}\ndemo:\n  {pace}\n  folder: {folder / 'demo'}\n"
    )
    command = [sys.executable, "-m", "bot", "demo", "--config", str(folder / "config.yaml"), "--fresh"]
    environment = {key: value for key, value in os.environ.items() if not key.startswith("DISCORD")}
    started = time.perf_counter()
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert process.stdout.readline(), "the demo did not start"
        log = folder / "demo" / "desk.log"
        _wait(lambda: "Connected to Discord" in log.read_text(), 60, process)
        yield Demo(process, folder / "demo", time.perf_counter() - started)
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(60)


def _wait(done: Callable[[], bool], seconds: float, process: "subprocess.Popen[str]") -> None:
    until = time.perf_counter() + seconds
    while not done():
        assert process.poll() is None, f"the demo ended by itself with {process.returncode}"
        assert time.perf_counter() < until, f"nothing came within {seconds:.0f} s"
        time.sleep(0.01)


def start_rows(quick: bool) -> Iterator[Row]:
    """From the start of the process to its line and its connection."""
    progress("start of the demo")
    seconds = []
    with tempfile.TemporaryDirectory() as name:
        for _ in range(2 if quick else 4):
            with demo(Path(name), 500) as started:
                seconds.append(started.ready_seconds)
        done = subprocess.run(
            [sys.executable, "-c", PARTS, name],
            cwd=ROOT,
            check=True,
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
    warm = percentile(seconds[1:], 0.5)
    what = "demo, start of the process to connected and ready"
    yield Row.promised(f"{what}, warm", warm, "s", "<= 3", f"the first time {seconds[0]:.2f} s; each on an empty folder")
    for part, taken in json.loads(done.stdout).items():
        yield Row(f"  of it {part}", taken, "s")


def memory_rows(quick: bool) -> Iterator[Row]:
    """Resident memory after one day of the simulated market."""
    for symbols, target in ((500, "<= 500"), (32_345, "<= 1200")):
        progress(f"a day of the demo with {symbols} names")
        what = f"demo, memory after a day, {symbols:,} names"
        if quick and symbols > 500:
            yield Row.skipped(what, "MB", target, "left out by --quick")
            continue
        with tempfile.TemporaryDirectory() as name, demo(Path(name), symbols) as started:
            first = started.memory()
            begun = time.perf_counter()
            _wait(started.day_is_over, DAY_SECONDS, started.process)
            day = time.perf_counter() - begun
            yield Row.promised(
                what, started.memory(), "MB", target, f"{first:.0f} MB when ready in {started.ready_seconds:.1f} s; day {day:.0f} s"
            )
