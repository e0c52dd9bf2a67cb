"""What the tests of the paper broker stand on: a market set by hand, and the ledger in this process or in its own."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

from brokers.paper import PaperBroker, PaperSettings, Surroundings
from brokers.paper.adapter import Direct
from brokers.paper.ledger import Ledger, Terms
from brokers.paper.matching import FillModel
from brokers.paper.remote import RemoteLine
from core.model.errors import RetryError
from core.model.instruments import Instrument
from core.model.market import Quote, Session
from core.quant.fees import FeeSchedule
from tests.brokers.bench import BUY_LEAD, CASH, LEAD, LONG_AGO, SELL_LEAD, HandClock, approved
from tests.kit import nouns

__all__ = ["BUY_LEAD", "CASH", "LEAD", "LONG_AGO", "SELL_LEAD", "HandClock", "HandMarket", "RemoteRig", "Rig", "approved"]


@dataclass
class HandMarket:
    """Quotes as they were last set; `broken` makes every question fail."""

    clock: HandClock
    shown: dict[str, Quote] = field(default_factory=dict)
    broken: bool = False

    def show(self, thing: Instrument, bid: str, ask: str, size: int = 1000, **changes: object) -> None:
        quote = Quote(Decimal(bid), Decimal(ask), size, size, self.clock.now())
        self.shown[thing.key] = replace(quote, **changes)  # type: ignore[arg-type]  # fields of Quote by name

    async def quotes(self, things: Collection[Instrument]) -> Mapping[str, Quote]:
        if self.broken:
            raise RetryError("the market does not answer")
        return {thing.key: self.shown[thing.key] for thing in things if thing.key in self.shown}


def session_at(instant: datetime) -> Session | None:
    """Sessions like that of the builders' day, on weekdays."""
    if instant.weekday() > 4:
        return None
    ahead = timedelta(days=(instant.date() - nouns.DAY).days)
    return Session(nouns.DAY + ahead, nouns.SESSION.open + ahead, nouns.SESSION.close + ahead)


class Rig:
    """A paper broker in this process, with its ledger in a file."""

    def __init__(self, folder: Path, model: FillModel | None = None) -> None:
        self.folder = folder
        self.model = model or FillModel()
        self.clock = HandClock()
        self.market = HandMarket(self.clock)
        self.market.show(LEAD, "99.99", "100.01")
        self.copies = 0
        self.broker: PaperBroker

    @property
    def around(self) -> Surroundings:
        return Surroundings(self.clock, self.market.quotes, session_at)

    async def start(self) -> None:
        self.broker = await PaperSettings(fills=self.model).open("paper", CASH, self.folder / "ledger.jsonl", self.around)

    async def restart(self) -> None:
        """The bot dies and comes back; the broker's books are what they were."""
        await self.broker.close()
        await self.start()

    async def stop(self) -> None:
        await self.broker.close()

    async def lose(self, verb: str, when: str, times: int = 1) -> None:
        raise NotImplementedError


class RemoteRig(Rig):
    """The same ledger in its own process, which is killed to restart."""

    process: subprocess.Popen[str] | None = None
    line: RemoteLine

    async def start(self) -> None:
        command = [sys.executable, "-m", "brokers.paper", "--ledger", str(self.folder / "ledger.jsonl"), "--account", "paper"]
        command += ["--latency", str(self.model.latency_seconds), "--partial", str(self.model.partial)]
        self.process = await asyncio.to_thread(spawn, command)
        assert self.process.stdout is not None
        port = json.loads(await asyncio.to_thread(self.process.stdout.readline))["port"]
        self.line = RemoteLine("127.0.0.1", port, timeout_seconds=5.0)
        self.broker = await PaperSettings(address=f"127.0.0.1:{port}").open("paper", CASH, None, self.around)

    async def restart(self) -> None:
        self.kill()
        await self.start()

    async def stop(self) -> None:
        self.kill()

    async def lose(self, verb: str, when: str, times: int = 1) -> None:
        await self.line.call("fault", verb, when, times)

    def kill(self) -> None:
        """SIGKILL, nothing less."""
        if self.process is not None:
            self.process.kill()
            self.process.communicate()
            self.process = None


def spawn(command: list[str]) -> subprocess.Popen[str]:
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def memory_ledger(model: FillModel | None = None, fees: FeeSchedule | None = None, cash: Decimal = CASH) -> Ledger:
    return Ledger.open(Terms("paper", cash, model or FillModel(), fees or FeeSchedule()), None, nouns.NOW)


def memory_broker(rig: Rig) -> PaperBroker:
    return PaperBroker(Direct(memory_ledger(rig.model)), rig.around)
