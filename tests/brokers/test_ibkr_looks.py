"""Looking at Interactive Brokers: how long a look is good for, and what it says about what was sent meanwhile."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from ib_async import OrderStatus

from brokers.ibkr.reporting import _CLOSED, _EVENTS
from core.model.orders import OrderEvent
from tests.brokers.bench import HandClock, approved
from tests.brokers.ibkr_rig import IbkrRig

KEY = "qm1-one-1"


class Ticking(HandClock):
    """The wall stands still, the pace is real."""

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[IbkrRig]:
    made = IbkrRig(tmp_path)
    made.clock = Ticking()
    await made.start()
    yield made
    await made.stop()


def looks(rig: IbkrRig) -> int:
    return rig.broker._telling.facts.look


async def test_a_quick_look_is_made_anew_for_every_question(rig: IbkrRig) -> None:
    before = looks(rig)
    for _ in range(3):
        await rig.broker.open_orders()
    assert looks(rig) == before + 3


async def test_a_slow_look_answers_for_a_while_so_that_a_thousand_orders_are_matched_with_few(rig: IbkrRig) -> None:
    await rig.broker.submit(approved("-99.00"))
    rig.do("fault", on="open", what="delay", seconds=0.6)
    before = looks(rig)
    for _ in range(1000):
        assert await rig.broker.find(KEY) is not None
    assert looks(rig) == before + 1


async def test_a_slow_look_that_began_before_an_order_was_sent_says_nothing_about_it(rig: IbkrRig) -> None:
    await rig.broker.preview(approved("-99.00"))
    rig.do("fault", on="open", what="delay", seconds=0.7)
    before = looks(rig)
    asked = asyncio.ensure_future(rig.broker.find("qm1-none-1"))
    await rig.wait(0.1)
    assert (await rig.broker.submit(approved("-99.00"))).event is OrderEvent.LIVE
    assert await asked is None
    assert looks(rig) == before + 2


async def test_commissions_that_come_late_are_waited_for_once(rig: IbkrRig) -> None:
    await rig.broker.submit(approved("-99.00"))
    rig.do("fill", ref=KEY, units=10, prices=["99.00"], quiet="all")
    rig.do("commission", ref=KEY, amount="-1")
    asked = asyncio.ensure_future(rig.broker.find(KEY))
    await rig.wait(0.1)
    rig.do("commission", ref=KEY, amount="0.35")
    report = await asked
    assert report is not None
    assert str(report.fills[0].fee) == "0.35"


def test_every_status_that_the_library_knows_has_a_word_of_ours() -> None:
    """ValidationError is the library's own invention; Inactive is no end by itself and has no event."""
    statuses = {value for name, value in vars(OrderStatus).items() if name[0].isupper() and isinstance(value, str)}
    assert statuses - set(_EVENTS) == {"ValidationError", "Inactive"}
    assert {status for status, event in _EVENTS.items() if event in _CLOSED} == OrderStatus.DoneStates - {"Inactive"}
