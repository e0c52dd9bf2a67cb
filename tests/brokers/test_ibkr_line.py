"""The line to TWS: what is lost on it, who is on the other side, and when nothing may be sent."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from brokers.ibkr import windows
from brokers.ibkr.codes import MEANINGS, Meaning, meaning
from core.model.errors import OperatorError, OutcomeUnknownError, RefusedError, RetryError
from core.model.orders import OrderEvent
from tests.brokers import ibkr_rig
from tests.brokers.bench import LONG_AGO, approved
from tests.brokers.ibkr_rig import IbkrRig
from tests.kit.ibkr.ledger import rows

KEY = "qm1-one-1"


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[IbkrRig]:
    async with ibkr_rig.up(tmp_path, timeout_seconds=0.6) as made:
        yield made


@pytest.mark.parametrize("code", [1102, 1101, 0])
@pytest.mark.parametrize("lost", [1100, 2110])
async def test_f059_no_fill_is_lost_when_tws_loses_interactive_brokers(rig: IbkrRig, lost: int, code: int) -> None:
    await rig.broker.submit(approved("-99.00", 20))
    for _ in range(5):
        rig.do("fill", ref=KEY, units=1, prices=["99.00"])
    rig.do("down", code=lost)
    for _ in range(12):
        rig.do("fill", ref=KEY, units=1, prices=["99.00"])
    await rig.wait(0.05)
    assert rig.broker.health.state == "degraded"
    with pytest.raises(RetryError, match="lost its connection"):
        await rig.broker.find(KEY)
    with pytest.raises(RefusedError, match="not sent"):
        await rig.broker.submit(approved("-98.00", name="two"))
    rig.do("back", code=code)
    for _ in range(3):
        rig.do("fill", ref=KEY, units=1, prices=["99.00"])
    if not code:  # nothing is said: after a minute the line is made anew
        rig.clock.turn(61)
        with pytest.raises(RetryError):
            await rig.broker.find(KEY)
    await rig.wait(0.05)
    found = await rig.broker.find(KEY)
    assert found is not None
    assert (found.event, found.leg_filled, len(found.fills)) == (OrderEvent.FULL_FILL, (20,), 20)
    assert rig.broker.health.state == "up"
    assert [row["ref"] for row in rig.do("taken")] == [KEY]


async def test_f059_a_new_line_to_a_tws_that_is_cut_off_is_degraded_too(rig: IbkrRig) -> None:
    rig.do("down")
    await rig.wait(0.05)
    rig.do("cut")
    await rig.wait(0.05)
    for _ in range(2):
        with pytest.raises(RetryError):
            await rig.broker.positions()
    rig.do("back")
    await rig.wait(0.05)
    assert await rig.broker.positions() == {}


async def test_after_1102_nothing_is_sent_before_everything_was_read_back(rig: IbkrRig) -> None:
    rig.do("down")
    rig.do("back")
    await rig.wait(0.05)
    with pytest.raises(RefusedError, match="not everything was read back"):
        await rig.broker.submit(approved("-100.05"))
    await rig.broker.open_orders()
    assert (await rig.broker.submit(approved("-100.05"))).event is OrderEvent.FULL_FILL


async def test_1300_names_the_port_to_come_back_on(rig: IbkrRig) -> None:
    await rig.broker.submit(approved("-99.00"))
    rig.do("say", code=1300, words="TWS socket port has been reset and this connection is being dropped. Reconnect on - 4999")
    rig.do("cut")
    await rig.wait(0.05)
    with pytest.raises(RetryError):
        await rig.broker.open_orders()
    rig.clock.turn(6)
    assert [row.key for row in await rig.broker.open_orders()] == [KEY]


@pytest.mark.parametrize(
    "code", [10349, 399, 404, 105, 104, 103, 201, 202, 321, 110, 200, 10147, 10148, 161, 2109, 2148, 10197, 1, 99999]
)
async def test_f060_no_message_code_ends_an_order_that_lives(rig: IbkrRig, code: int) -> None:
    await rig.broker.submit(approved("-99.00"))
    number = rig.do("taken")[0]["id"]
    rig.do("say", code=code, words="an error on an order that lives", number=number)
    await rig.wait(0.02)
    found = await rig.broker.find(KEY)
    assert found is not None
    assert found.event is OrderEvent.LIVE
    assert str(code) in found.reason
    rig.do("fill", ref=KEY, units=10, prices=["99.00"])
    found = await rig.broker.find(KEY)
    assert found is not None
    assert found.event is OrderEvent.FULL_FILL


@pytest.mark.parametrize("code", [10349, 399, 202, 201, 321, 110, 103, 99999])
async def test_f060_an_error_before_the_acknowledgement_is_settled_by_looking(rig: IbkrRig, code: int) -> None:
    rig.do("fault", on="place", what="error", code=code)
    assert (await rig.broker.submit(approved("-99.00"))).event is OrderEvent.LIVE
    assert [row["ref"] for row in rig.do("taken")] == [KEY]


async def test_f060_an_error_alone_is_a_refusal_only_when_its_code_says_so(rig: IbkrRig) -> None:
    rig.do("fault", on="place", what="deny", code=201)
    with pytest.raises(RefusedError, match="201"):
        await rig.broker.submit(approved("-99.00"))
    rig.do("fault", on="place", what="deny", code=99999)
    with pytest.raises(OutcomeUnknownError):
        await rig.broker.submit(approved("-99.00", name="two"))
    assert rig.do("taken") == []


async def test_a_tws_that_only_reads_refuses_the_preview_at_once(rig: IbkrRig) -> None:
    """321 is a warning to the library, which then waits for ever; a TWS in read-only mode answers so."""
    rig.do("fault", on="what-if", what="error", code=321)
    seen = await rig.broker.preview(approved("-100.05"))
    assert not seen.accepted
    assert "321" in seen.reason


async def test_f063_an_order_that_is_refused_after_it_was_accepted(rig: IbkrRig) -> None:
    rig.do("fault", on="place", what="reject", code=201)
    with pytest.raises(RefusedError, match="margin"):
        await rig.broker.submit(approved("-99.00"))
    found = await rig.broker.find(KEY)
    assert found is not None
    assert found.event is OrderEvent.REFUSE
    assert "margin" in found.reason


async def test_f063_an_order_that_is_refused_after_it_traded_a_part_keeps_the_part(rig: IbkrRig) -> None:
    await rig.broker.submit(approved("-99.00"))
    rig.do("fill", ref=KEY, units=3, prices=["99.00"])
    rig.do("turn", ref=KEY, status="Cancelled", reason="margin", code=201)
    found = await rig.broker.find(KEY)
    assert found is not None
    assert (found.event, found.leg_filled) == (OrderEvent.CANCEL, (3,))


@pytest.mark.parametrize("status", ["Inactive", "PendingCancel", "ApiUpdate", "Frobnicated", "PreSubmitted"])
async def test_f044_only_known_ends_are_ends(rig: IbkrRig, status: str) -> None:
    await rig.broker.submit(approved("-99.00"))
    rig.tws.world.by_ref(KEY).status = status
    rig.tws.tell_owner(rig.tws.world.by_ref(KEY), [])
    found = await rig.broker.find(KEY)
    assert found is not None
    assert found.event in {None, OrderEvent.ACK, OrderEvent.LIVE}
    assert [row.key for row in await rig.broker.open_orders()] == [KEY]


async def test_f061_a_gateway_that_restarts_is_down_with_a_sentence_and_comes_back(rig: IbkrRig) -> None:
    await rig.broker.submit(approved("-99.00"))
    rig.do("cut", closed=True)
    await rig.wait(0.05)
    with pytest.raises(RetryError, match="does not answer"):
        await rig.broker.find(KEY)
    assert rig.broker.health.state == "down"
    rig.tws.closed = False
    with pytest.raises(RetryError, match="does not answer"):
        await rig.broker.find(KEY)
    rig.clock.turn(6)
    found = await rig.broker.find(KEY)
    assert found is not None
    assert found.event is OrderEvent.LIVE


async def test_f061_after_sunday_the_sentence_asks_for_the_second_factor(rig: IbkrRig) -> None:
    rig.do("cut", closed=True)
    await rig.wait(0.05)
    rig.clock.instant = datetime(2024, 6, 16, 13, tzinfo=UTC)
    with pytest.raises(RetryError, match="second factor"):
        await rig.broker.positions()


@pytest.mark.parametrize(
    ("instant", "rests"),
    [
        (datetime(2024, 6, 13, 3, 34, tzinfo=UTC), False),
        (datetime(2024, 6, 13, 3, 36, tzinfo=UTC), True),
        (datetime(2024, 6, 13, 4, 44, tzinfo=UTC), True),
        (datetime(2024, 6, 13, 4, 46, tzinfo=UTC), False),
        (datetime(2024, 6, 16, 2, 51, tzinfo=UTC), True),
        (datetime(2024, 6, 16, 6, 59, tzinfo=UTC), True),
        (datetime(2024, 6, 16, 7, 1, tzinfo=UTC), False),
        (datetime(2024, 12, 13, 4, 50, tzinfo=UTC), True),
        (datetime(2024, 6, 12, 15, 0, tzinfo=UTC), False),
    ],
)
def test_f061_nothing_is_sent_around_the_nightly_and_the_weekend_reset(instant: datetime, rests: bool) -> None:
    assert bool(windows.resting(instant)) is rests


async def test_f061_an_order_in_the_reset_window_is_not_sent(rig: IbkrRig) -> None:
    rig.clock.instant = datetime(2024, 6, 13, 3, 40, tzinfo=UTC)
    assert "resets its servers" in (await rig.broker.preview(approved("-100.05"))).reason
    with pytest.raises(RefusedError, match="resets its servers"):
        await rig.broker.submit(approved("-100.05"))
    assert rig.do("taken") == []


async def test_f035_order_ids_stay_above_every_id_that_was_ever_used(rig: IbkrRig) -> None:
    await rig.broker.submit(approved("-99.00"))
    rig.do("fault", on="place", what="cut before")
    with pytest.raises(OutcomeUnknownError):
        await rig.broker.submit(approved("-98.00", name="two"))
    await rig.restart()
    await rig.broker.submit(approved("-97.00", name="three"))
    used = [int(str(row["id"])) for row in _sent(rig) if "id" in row]
    assert used == sorted(set(used))
    assert [row["id"] for row in rig.do("taken")] == [used[0], used[2]]


async def test_f060_a_sequence_that_was_reset_stops_the_desk(rig: IbkrRig) -> None:
    await rig.broker.submit(approved("-99.00"))
    rig.do("reset_ids")
    rig.do("cut")
    await rig.wait(0.05)
    with pytest.raises(OperatorError, match="counts orders of client 21 anew"):
        await rig.broker.open_orders()


async def test_an_order_that_is_told_without_our_key_is_known_by_its_permanent_id(rig: IbkrRig) -> None:
    await rig.broker.submit(approved("-99.00"))
    await rig.broker.cancel(KEY)
    rig.tws.forgetful = True
    await rig.restart()
    found = await rig.broker.find(KEY)
    assert found is not None
    assert (found.key, found.event) == (KEY, OrderEvent.CANCEL)


async def test_an_order_in_thought_takes_no_number(rig: IbkrRig) -> None:
    """TWS may give the number of a what-if again: that is no reset of its sequence."""
    for _ in range(3):
        await rig.broker.preview(approved("-99.00"))
    await rig.restart()
    assert (await rig.broker.submit(approved("-99.00"))).event is OrderEvent.LIVE


async def test_a_restart_of_both_sides_finds_everything(rig: IbkrRig) -> None:
    await rig.broker.submit(approved("-100.05"))
    await rig.broker.submit(approved("-99.00", name="two"))
    before = [(row.key, row.event, row.leg_filled, row.fills) for row in await rig.broker.reports(LONG_AGO)]
    await rig.restart_tws()
    await rig.broker.close()
    rig.broker = await rig.open()
    assert [(row.key, row.event, row.leg_filled, row.fills) for row in await rig.broker.reports(LONG_AGO)] == before
    assert (await rig.broker.cancel("qm1-two-1")).event is OrderEvent.CANCEL


async def test_health_tells_the_doctor_who_and_where(rig: IbkrRig) -> None:
    seen = rig.broker.health
    assert (seen.state, seen.account, seen.mode, seen.accounts) == ("up", "DU1234567", "paper", ("DU1234567",))
    assert seen.server_version == 178
    assert (await rig.broker.account()).buying_power == Decimal(100_000)


def test_f060_the_table_of_codes_is_read_the_careful_way() -> None:
    assert meaning(10349) is Meaning.WARNING
    assert {meaning(code) for code in (104, 105, 99999)} == {Meaning.OTHER}
    assert {meaning(code) for code in (161, 10147, 10148)} == {Meaning.RACE}
    assert [MEANINGS[code] for code in (1100, 1101, 1102, 1300)] == [Meaning.LOST, Meaning.GAP, Meaning.KEPT, Meaning.MOVED]


def _sent(rig: IbkrRig) -> list[dict[str, object]]:
    (path,) = (rig.folder / "sent").glob("*.jsonl")
    return [dict(row) for row in rows(path)]
