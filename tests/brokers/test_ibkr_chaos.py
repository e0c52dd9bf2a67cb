"""Interactive Brokers with everything going wrong at once, from a seed; the judge is the loopback's own ledger."""

import contextlib
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from brokers.ibkr.adapter import IbkrBroker
from brokers.ibkr.facts import OrderFact
from brokers.ibkr.reporting import Telling
from core.model.errors import OutcomeUnknownError, QuantMatrixError, RefusedError, RetryError
from core.model.orders import OrderEvent, Report
from core.model.proposals import ApprovedOrder
from tests.brokers import ibkr_rig
from tests.brokers.bench import LEAD, LONG_AGO, approved
from tests.brokers.ibkr_rig import IbkrRig

OVER = {OrderEvent.FULL_FILL, OrderEvent.CANCEL, OrderEvent.EXPIRE, OrderEvent.REFUSE}


@dataclass
class Day:
    """One day of trouble: what we were told about each order, and how we saw it end."""

    rig: IbkrRig
    dice: random.Random
    told: dict[str, str] = field(default_factory=dict)
    ended: dict[str, OrderEvent | None] = field(default_factory=dict)

    async def insist(self, key: str) -> Report | None:
        for _ in range(20):
            try:
                return await self.rig.broker.find(key)
            except RetryError:
                self.rig.clock.turn(6)
                await self.rig.wait(0.01)
        raise AssertionError(f"{key} could not be looked up")

    async def send(self, number: int) -> None:
        order = approved(self.dice.choice(["-100.05", "-99.00"]), self.dice.randint(1, 9), name=f"o{number}")
        try:
            await self.rig.broker.preview(order)
            await self.rig.broker.submit(order)
        except RefusedError:
            self.told[order.key] = "refused"
        except (OutcomeUnknownError, RetryError):
            self.told[order.key] = "unknown"
        else:
            self.told[order.key] = "taken"

    async def meddle(self) -> None:
        """Something that happens beside the orders."""
        rig, what = self.rig, self.dice.randrange(8)
        if what == 0:
            rig.do("cut")
        elif what == 1:
            rig.do("down")
            rig.do("quote", key=LEAD.key, bid="98.90", ask="98.95", size=5)
            rig.do("back", code=self.dice.choice([1101, 1102]))
            rig.do("quote", key=LEAD.key, bid="99.99", ask="100.01")
        elif what == 2:
            rig.do("outside", legs=[["LEAD", "BUY", 1]], quantity=3, limit="100.05")
        elif what == 3:
            await rig.broker.close()
            rig.broker = await rig.open()
        elif what == 4:
            on, how = ["open", "completed", "executions"], ["garbled", "empty", "cut before", "duplicate"]
            rig.do("fault", on=self.dice.choice(on), what=self.dice.choice(how))
        elif what == 5:
            with contextlib.suppress(RefusedError, OutcomeUnknownError, RetryError):
                await rig.broker.cancel(self.dice.choice(list(self.told)))

    async def look(self) -> None:
        key = self.dice.choice(list(self.told))
        shown = any(order.ref == key for order in self.rig.tws._visible())
        report = await self.insist(key)
        assert report is not None or not shown, f"a look did not see {key}"
        if report is not None and report.event in OVER:
            assert self.ended.setdefault(key, report.event) is report.event, f"{key} ended twice"

    async def judge(self) -> None:
        """Compare what we were told, at any time, with what is true."""
        rows = [row for row in self.rig.do("taken") if row["client"] == self.rig.broker_client]
        frames = self.rig.tws.frames
        assert len(frames) == len(set(frames)), "one key was written to the socket twice"
        truth: dict[str, Any] = {row["ref"]: row for row in rows}
        assert len(truth) == len(rows), "something was sent twice"
        for key, word in self.told.items():
            report, row = await self.insist(key), truth.get(key)
            assert (report is not None) is (row is not None), f"{key} was {word}"
            assert not (word == "refused" and row and row["filled"]), f"{key} was called refused and traded"
            if report is not None and row is not None:
                assert report.leg_filled == (row["filled"],), key
                assert (report.event in OVER) is (row["status"] in {"Filled", "Cancelled"}), key
                assert self.ended.get(key, report.event) is report.event, f"{key} was called ended and was not"
        held = await self.rig.broker.positions()
        assert held == self.rig.do("held")
        assert held.get("LEAD", 0) == sum(fill.side.sign * fill.quantity for fill in await self.rig.broker.fills(LONG_AGO))


async def live(folder: Path, seed: int, orders: int = 15) -> Day:
    async with ibkr_rig.up(folder, timeout_seconds=1.0, answer_seconds=0.1) as rig:
        day = Day(rig, random.Random(seed))
        rig.do("plan", seed=seed, chance=0.8)
        for number in range(orders):
            await day.send(number)
            await day.meddle()
            await rig.wait(0.002)
            await day.look()
        rig.do("plan", seed=0, chance=0.0)
        await rig.wait(0.55)
        await day.judge()
    return day


async def test_nothing_is_lost_and_nothing_twice_whatever_goes_wrong(tmp_path: Path) -> None:
    words: list[str] = []
    for seed in range(3):
        words += (await live(tmp_path / str(seed), seed)).told.values()
    assert words.count("unknown") >= 0.15 * len(words), "too little was in doubt to show anything"


def an_error_ends_an_order(monkeypatch: pytest.MonkeyPatch) -> None:
    real = Telling._event

    def event(self: Telling, order: OrderFact, counted: Any) -> tuple[OrderEvent | None, str]:
        told = real(self, order, counted)
        return (OrderEvent.CANCEL, "an error") if self.facts.errors_of(order) and told[0] not in OVER else told

    monkeypatch.setattr(Telling, "_event", event)


def an_unanswered_order_is_sent_again(monkeypatch: pytest.MonkeyPatch) -> None:
    real = IbkrBroker.submit

    async def submit(self: IbkrBroker, order: ApprovedOrder) -> Report:
        try:
            return await real(self, order)
        except OutcomeUnknownError:
            await self.open_orders()
            return await real(self, order)

    monkeypatch.setattr(IbkrBroker, "submit", submit)


def not_found_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    real = IbkrBroker.submit

    async def submit(self: IbkrBroker, order: ApprovedOrder) -> Report:
        try:
            return await real(self, order)
        except OutcomeUnknownError as error:
            with contextlib.suppress(RetryError):
                for _ in range(3):
                    if (found := await self.find(order.key)) is not None:
                        return found
            raise RefusedError("it was looked for three times") from error

    monkeypatch.setattr(IbkrBroker, "submit", submit)


BROKEN = [an_error_ends_an_order, an_unanswered_order_is_sent_again, not_found_is_refused]


@pytest.mark.parametrize("broken", BROKEN, ids=lambda broken: broken.__name__)
async def test_the_judge_catches_a_broken_rule(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: Callable[[pytest.MonkeyPatch], None]
) -> None:
    broken(monkeypatch)
    caught = 0
    for seed in range(8):
        try:
            await live(tmp_path / str(seed), seed)
        except (AssertionError, QuantMatrixError):
            caught += 1
            break
    assert caught
