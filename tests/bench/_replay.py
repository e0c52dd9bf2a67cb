"""The replay over 17 years of real bars: options, risk and journal on, in a process of its own."""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tests.bench.report import Row, progress
from tests.house import ROOT

WHAT = "replay of the panel, symbol-bars per second"
#: The same bars, days and features without an engine: what walking and measuring alone cost.
WALK = """
import datetime as dt, json, sys, time
from pathlib import Path
from bot.clock import HandClock
from core.feeds.flatfiles.market import ReplayMarket
from core.feeds.flatfiles.tape import Sources, load
bars, first, last, *index = sys.argv[1:]
begun = time.perf_counter()
tape = load(Sources(Path(bars), tuple(map(Path, index)), None, None, None, None, None))
loaded = time.perf_counter()
market = ReplayMarket(tape, HandClock(dt.datetime.fromisoformat(first + "T00:00:00+00:00")))
days = [day for day in tape.days if day <= dt.date.fromisoformat(last)]
for day in days:
    market.advance(tape.calendar.on(day))
print(json.dumps({"load": loaded - begun, "walk": time.perf_counter() - loaded, "days": len(days), "symbols": len(tape.symbols)}))
"""


def replay_rows(quick: bool) -> Iterator[Row]:
    """Symbol-bars per second, wall time, processor time and peak memory."""
    shared = os.environ.get("QUANTMATRIX_SHARED", "")
    if not shared or not Path(shared).is_dir():
        why = "QUANTMATRIX_SHARED is not set; point it at the folder that holds data/ and reference/"
        yield Row.skipped(WHAT, "1/s", ">= 20000", why)
        return
    first, last = ("2008-01-02", "2009-12-31") if quick else ("2007-01-03", "2023-11-08")
    progress(f"replay {first} to {last}")
    daily = Path(shared) / "data" / "daily"
    bars, index = daily / "panel_2007_2023.parquet", (daily / "etf_adjusted_2005_2017.parquet", daily / "spy_raw_2019_2023.csv.gz")
    with tempfile.TemporaryDirectory() as name:
        command = ["-m", "bot", "replay", "--bars", str(bars), "--from", first, "--to", last, "--out", name, "--approve", "auto"]
        for path in index:
            command += ["--index", str(path)]
        begun = time.perf_counter()
        usage = _watched(command, Path(name) / "said.txt")
        wall = time.perf_counter() - begun
        summary = json.loads((Path(name) / "summary.json").read_text())
    processor = usage.ru_utime + usage.ru_stime
    walked = json.loads(_python(["-c", WALK, str(bars), first, last, *map(str, index)]))
    peer = f"walking and measuring {walked['days']} days alone {walked['walk']:.1f} s, loading {walked['load']:.1f} s"
    yield Row.promised(WHAT, summary["symbol_bars"] / wall, "1/s", ">= 20000", peer)
    yield Row(
        "  wall time, start of the process and warm-up included",
        wall,
        "s",
        f"{summary['sessions']} sessions of {summary['symbols']} symbols",
    )
    yield Row("  processor time", processor, "s", f"{summary['symbol_bars'] / processor:,.0f} symbol-bars per processor second")
    yield Row("  peak memory", usage.ru_maxrss / 1024, "MB")


def _watched(arguments: list[str], said: Path) -> resource.struct_rusage:
    """Run a Python process and give what it used."""
    with said.open("w") as file:
        process = subprocess.Popen([sys.executable, *arguments], cwd=ROOT, stdout=file, stderr=file)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, said.read_text()[-2000:]
    return usage


def _python(arguments: list[str]) -> str:
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout
