"""``python -m tests.kill --kills N --broker paper|tastytrade|ibkr --seed S --json``: a desk that is killed N times.

Exit status 1 when anything was wrong: an order twice, lost, unapproved or falsely ended, fills beyond an envelope, or journal and
broker apart. Folders of roads that went wrong are kept and named.
"""

import argparse
import asyncio
import json
import os
import resource
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from core.journal.journal import open_journal
from tests.kill.broken import RULES
from tests.kill.lane import POINTS, Order, Told, drive, forked
from tests.kill.life import imported
from tests.kill.venues import NAMES, venue

KINDS = ("duplicate", "orphan", "unapproved", "false terminal", "overfill", "lost", "different", "note", "halted")


def main() -> int:
    """Fork a lane per core, add up what they did, and say it."""
    options = _options()
    imported(venue(options.broker))
    folder = Path(tempfile.mkdtemp(prefix="quantmatrix-kill-", dir=options.folder))
    began = time.monotonic()
    template = folder / "template.db"
    os.waitpid(forked(lambda: asyncio.run(_template(template)), folder / "template.log"), 0)
    told = _added(options, folder, template)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    report = _report(options, told, time.monotonic() - began, used.ru_utime + used.ru_stime)
    print(json.dumps(report) if options.json else _text(report))
    if not told.wrong:
        _sweep(folder)
    return 1 if told.wrong else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.kill", description="kill the desk and judge what is left")
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--broker", choices=NAMES, default="paper")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--lanes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--break", dest="rule", choices=sorted(RULES), default="", help="break a rule; it must be noticed")
    parser.add_argument("--folder", type=Path, default=None, help="where the roads live (default: the system's)")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


async def _template(path: Path) -> int:
    """An empty journal, made once."""
    journal = await open_journal(path)
    await journal.close()
    return 0


def _added(options: argparse.Namespace, folder: Path, template: Path) -> Told:
    """Each lane is a process of its own that writes down what it did."""
    share = -(-options.kills // options.lanes)
    children = []
    for lane in range(options.lanes):
        order = Order(options.broker, share, options.seed * 1000 + lane, folder, template, options.rule)
        work = partial(_write, folder / f"lane-{lane}.json", order)
        children.append(forked(work, folder / f"lane-{lane}.log"))
    total = Told()
    for lane, child in enumerate(children):
        os.waitpid(child, 0)
        path = folder / f"lane-{lane}.json"
        if not path.exists():
            total.wrong.append(f"lane {lane} broke off; see {folder / f'lane-{lane}.log'}")
            continue
        found = json.loads(path.read_text())
        total.points.update(found["points"])
        total.sums.update(found["sums"])
        total.wrong += found["wrong"]
        total.random, total.roads, total.gave_up = (getattr(total, name) + found[name] for name in ("random", "roads", "gave_up"))
    return total


def _write(path: Path, order: Order) -> int:
    told = drive(order)
    body = {"points": told.points, "random": told.random, "roads": told.roads, "gave_up": told.gave_up}
    path.write_text(json.dumps({**body, "sums": told.sums, "wrong": told.wrong}))
    return 0


def _report(options: argparse.Namespace, told: Told, wall: float, cpu: float) -> Mapping[str, object]:
    found = Counter(next((kind for kind in KINDS if f": {kind}:" in sentence), "broken off") for sentence in told.wrong)
    return {
        "broker": options.broker, "seed": options.seed, "broken": options.rule,
        "kills": told.kills, "at random": told.random, "points": {point: told.points[point] for point in POINTS},
        "roads": told.roads, "gave up": told.gave_up, **told.sums,
        "ambiguous share": round(told.sums["ambiguous"] / max(told.sums["submits"], 1), 3),
        **{kind: found[kind] for kind in (*KINDS, "broken off")},
        "wall seconds": round(wall, 1), "cpu seconds": round(cpu, 1), "kills a minute": round(told.kills * 60 / wall),
        "wrong": told.wrong[:20],
    }  # fmt: skip


def _text(report: Mapping[str, object]) -> str:
    return "\n".join(f"{name:>16}  {value}" for name, value in report.items() if name != "wrong" or value)


def _sweep(folder: Path) -> None:
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()


if __name__ == "__main__":
    sys.exit(main())
