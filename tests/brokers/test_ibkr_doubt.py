"""Interactive Brokers when an answer is lost: what is doubtful stays doubtful, and is found by looking, never by sending again."""

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path

import pytest

from core.model.errors import OutcomeUnknownError, RefusedError, RetryError
from core.model.orders import OrderEvent
from tests.brokers import ibkr_rig
from tests.brokers.bench import LONG_AGO, approved
from tests.brokers.ibkr_rig import IbkrRig

KEY = "qm1-one-1"


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[IbkrRig]:
    async with ibkr_rig.up(tmp_path, timeout_seconds=0.6) as made:
        yield made


@pytest.mark.parametrize("what", ["cut after", "lose after"])
async def test_f037_an_answer_lost_after_accept_is_found_and_never_sent_again(rig: IbkrRig, what: str) -> None:
    rig.do("fault", on="place", what=what)
    if what == "cut after":
        with pytest.raises(OutcomeUnknownError, match="connection ended"):
            await rig.broker.submit(approved("-100.05"))
    else:
        await rig.broker.submit(approved("-99.00"))
    found = await rig.broker.find(KEY)
    assert found is not None
    assert found.event is (OrderEvent.FULL_FILL if what == "cut after" else OrderEvent.LIVE)
    assert [row["ref"] for row in rig.do("taken")] == [KEY]


@pytest.mark.parametrize("what", ["cut before", "lose before"])
async def test_f038_an_order_that_never_arrived_stays_unknown(rig: IbkrRig, what: str) -> None:
    rig.do("fault", on="place", what=what)
    with pytest.raises(OutcomeUnknownError):
        await rig.broker.submit(approved("-100.05"))
    assert await rig.broker.find(KEY) is None
    assert rig.do("taken") == []


async def test_f037_an_answer_that_is_late_and_a_look_that_fails_leave_it_unknown(rig: IbkrRig) -> None:
    rig.do("fault", on="place", what="lose after")
    rig.do("fault", on="executions", what="no end")
    with pytest.raises(OutcomeUnknownError, match="could not be read back"):
        await rig.broker.submit(approved("-100.05"))
    found = await rig.broker.find(KEY)
    assert found is not None
    assert found.event is OrderEvent.FULL_FILL


@pytest.mark.parametrize("what", ["delay", "duplicate", "reorder", "no status"])
async def test_f051_late_repeated_shuffled_and_missing_events_come_to_the_same(rig: IbkrRig, what: str) -> None:
    rig.do("fault", on="place", what=what, seconds=0.1)
    await rig.broker.submit(approved("-100.05"))
    found = await rig.broker.find(KEY)
    assert found is not None
    assert (found.event, found.leg_filled, [fill.quantity for fill in found.fills]) == (OrderEvent.FULL_FILL, (10,), [10])


async def test_an_order_whose_only_sign_is_an_execution_is_known_from_it(rig: IbkrRig) -> None:
    rig.do("fault", on="place", what="no status")
    for on in ("open", "completed"):
        rig.do("fault", on=on, what="delay", seconds=0.2)
    report = await rig.broker.submit(approved("-100.05"))
    assert (report.key, report.event, report.leg_filled) == (KEY, OrderEvent.FULL_FILL, (10,))


async def test_f046_an_order_that_becomes_visible_late_is_unknown_until_then(rig: IbkrRig) -> None:
    rig.do("fault", on="place", what="hide", seconds=0.5)
    with pytest.raises(OutcomeUnknownError, match="not named it yet"):
        await rig.broker.submit(approved("-99.00"))
    assert await rig.broker.find(KEY) is None
    await rig.wait(0.6)
    found = await rig.broker.find(KEY)
    assert found is not None
    assert found.event is OrderEvent.LIVE


async def test_f047_an_order_that_was_named_and_is_not_listed_still_exists(rig: IbkrRig) -> None:
    await rig.broker.submit(approved("-99.00"))
    rig.hide(KEY, 30)
    found = await rig.broker.find(KEY)
    assert found is not None
    assert (found.event, found.reason) == (None, "the broker does not list the order at the moment")
    assert [row.key for row in await rig.broker.open_orders()] == [KEY]


LISTS = ["open", "completed", "executions"]


@pytest.mark.parametrize("on", LISTS)
@pytest.mark.parametrize("what", ["no end", "empty", "garbled", "cut before"])
async def test_f048_a_look_that_is_not_complete_is_a_failure(rig: IbkrRig, on: str, what: str) -> None:
    await rig.broker.submit(approved("-100.05"))
    await rig.broker.submit(approved("-99.00", name="two"))
    reads = (
        lambda: rig.broker.find("qm1-three-1"),
        rig.broker.open_orders,
        lambda: rig.broker.reports(LONG_AGO),
        lambda: rig.broker.fills(LONG_AGO),
    )
    for read in reads:
        rig.do("fault", on=on, what=what)
        with pytest.raises(RetryError):
            await read()
        await read()
    assert len(await rig.broker.reports(LONG_AGO)) == 2


@pytest.mark.parametrize("on", LISTS)
@pytest.mark.parametrize("fault", [{"what": "huge"}, {"what": "cut inside"}, {"what": "drip", "seconds": 0.01}])
async def test_f043_f067_f070_an_answer_that_breaks_off_or_never_ends_is_a_failure(
    rig: IbkrRig, on: str, fault: dict[str, object]
) -> None:
    await rig.broker.submit(approved("-100.05"))
    rig.do("fault", on=on, **fault)
    with pytest.raises(RetryError):
        await rig.broker.find("qm1-three-1")
    assert [row.key for row in await rig.broker.reports(LONG_AGO)] == [KEY]


async def test_f072_an_answer_in_single_bytes_is_an_answer(rig: IbkrRig) -> None:
    await rig.broker.submit(approved("-100.05"))
    rig.do("fault", on="positions", what="drip", seconds=0.0)
    assert await rig.broker.positions() == {"LEAD": 10}


@pytest.mark.parametrize("what", ["no end", "empty", "garbled", "cut before"])
async def test_f048_no_positions_because_of_an_error_is_not_flat(rig: IbkrRig, what: str) -> None:
    await rig.broker.submit(approved("-100.05"))
    rig.do("fault", on="positions", what=what)
    with pytest.raises(RetryError):
        await rig.broker.positions()
    assert await rig.broker.positions() == {"LEAD": 10}


async def test_f048_an_empty_list_beside_a_balance_of_positions_is_not_flat(rig: IbkrRig) -> None:
    await rig.broker.submit(approved("-100.05"))
    rig.do("fault", on="positions", what="nothing")
    with pytest.raises(RetryError, match="values positions"):
        await rig.broker.positions()


async def test_a_position_that_is_closed_while_the_list_is_told_is_not_held(rig: IbkrRig) -> None:
    await rig.broker.submit(approved("-100.05"))
    rig.do("move", key="LEAD", quantity=-10)
    rig.do("move", key="OTHER", quantity=3)
    rig.do("fault", on="positions", what="gone")
    with pytest.raises(RetryError, match="values positions"):
        await rig.broker.positions()
    assert await rig.broker.positions() == {"OTHER": 3}


async def test_f048_an_unanswered_balance_is_a_failure(rig: IbkrRig) -> None:
    rig.do("fault", on="summary", what="no end")
    with pytest.raises(RetryError):
        await rig.broker.account()
    assert (await rig.broker.account()).cash == Decimal(100_000)


async def test_f048_a_late_answer_is_not_taken_for_the_answer_to_the_next_question(rig: IbkrRig) -> None:
    """Most questions carry no number: the end of a slow empty list would end the next one early."""
    rig.do("fault", on="open", what="delay", seconds=0.7)
    with pytest.raises(RetryError):
        await rig.broker.open_orders()
    await rig.broker.preview(approved("-99.00"))
    await rig.broker.submit(approved("-99.00"))
    await rig.wait(0.3)
    assert [row.key for row in await rig.broker.open_orders()] == [KEY]


@pytest.mark.parametrize("on", LISTS)
async def test_f049_repeated_rows_are_one(rig: IbkrRig, on: str) -> None:
    await rig.broker.submit(approved("-100.05"))
    await rig.broker.submit(approved("-99.00", name="two"))
    before = await rig.broker.reports(LONG_AGO)
    rig.do("fault", on=on, what="duplicate")
    assert await rig.broker.reports(LONG_AGO) == before


async def test_f050_a_fill_that_nobody_told_is_found_by_the_next_look(rig: IbkrRig) -> None:
    await rig.broker.submit(approved("-99.00"))
    rig.do("fill", ref=KEY, units=4, prices=["99.00"], quiet="all")
    found = await rig.broker.find(KEY)
    assert found is not None
    assert (found.event, found.leg_filled) == (OrderEvent.PART_FILL, (4,))


async def test_f069_a_half_open_line_is_given_up_and_made_anew(rig: IbkrRig) -> None:
    await rig.broker.submit(approved("-99.00"))
    rig.do("silence")
    with pytest.raises(RetryError, match="made anew"):
        await rig.broker.open_orders()
    assert [row.key for row in await rig.broker.open_orders()] == [KEY]


async def test_f069_an_order_on_a_half_open_line_is_unknown(rig: IbkrRig) -> None:
    await rig.broker.preview(approved("-100.05"))
    rig.do("silence")
    with pytest.raises(OutcomeUnknownError):
        await rig.broker.submit(approved("-100.05"))
    assert await rig.broker.find(KEY) is None
    assert rig.do("taken") == []


async def test_an_order_on_a_line_that_fell_is_refused_because_nothing_was_written(rig: IbkrRig) -> None:
    rig.do("cut")
    await rig.wait(0.05)
    with pytest.raises(RefusedError, match="not sent"):
        await rig.broker.submit(approved("-100.05"))
    assert rig.do("taken") == []


@pytest.mark.parametrize("what", ["cut after", "cut before", "lose after", "lose before", "duplicate"])
async def test_f056_a_cancel_whose_answer_is_lost_is_looked_up(rig: IbkrRig, what: str) -> None:
    await rig.broker.submit(approved("-99.00"))
    rig.do("fault", on="cancel", what=what)
    if what.startswith("cut"):
        with pytest.raises(OutcomeUnknownError):
            await rig.broker.cancel(KEY)
    else:
        report = await rig.broker.cancel(KEY)
        assert report.event is (OrderEvent.LIVE if what == "lose before" else OrderEvent.CANCEL)
    found = await rig.broker.find(KEY)
    assert found is not None
    assert found.event is (OrderEvent.LIVE if "before" in what else OrderEvent.CANCEL)


@pytest.mark.parametrize("code", [104, 161, 10148])
async def test_f056_a_cancel_that_comes_too_late_reports_the_fill(rig: IbkrRig, code: int) -> None:
    await rig.broker.submit(approved("-99.00"))
    rig.do("fault", on="cancel", what="fill first", code=code)
    report = await rig.broker.cancel(KEY)
    assert (report.event, report.leg_filled) == (OrderEvent.FULL_FILL, (10,))


async def test_f056_a_cancel_that_is_turned_down_leaves_the_order_open(rig: IbkrRig) -> None:
    await rig.broker.submit(approved("-99.00"))
    rig.do("fault", on="cancel", what="error")
    assert (await rig.broker.cancel(KEY)).event is OrderEvent.LIVE


async def test_f018_who_goes_away_in_the_middle_of_an_answer_leaves_nothing_for_the_next(rig: IbkrRig) -> None:
    await rig.broker.submit(approved("-99.00"))
    rig.do("fault", on="open", what="delay", seconds=0.2)
    asked = asyncio.ensure_future(rig.broker.open_orders())
    await rig.wait(0.05)
    asked.cancel()
    await asyncio.gather(asked, return_exceptions=True)
    await rig.broker.preview(approved("-98.00", name="two"))
    await rig.broker.submit(approved("-98.00", name="two"))
    await rig.wait(0.25)
    assert [row.key for row in await rig.broker.open_orders()] == [KEY, "qm1-two-1"]
