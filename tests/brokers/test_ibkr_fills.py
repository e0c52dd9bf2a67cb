"""Executions at Interactive Brokers: counted once, corrected loudly, per leg, with fees that stay unknown until they are told."""

import itertools
from collections.abc import AsyncIterator, Sequence
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ib_async import IB

from brokers.ibkr import tap
from brokers.ibkr.facts import Facts, version_of
from brokers.ibkr.reporting import Telling
from brokers.ibkr.sent import Sent, SentLeg, SentOrder
from core.model.instruments import Side
from core.model.orders import Fill, OrderEvent, Report
from tests.brokers import ibkr_rig
from tests.brokers.bench import BUY_SPREAD, CALL, HIGHER, approved
from tests.brokers.ibkr_rig import IbkrRig
from tests.kit import nouns
from tests.kit.ibkr import messages
from tests.kit.ibkr.wire import text
from tests.kit.ibkr.world import ACCOUNT, TwsExecution, TwsLeg, TwsOrder, World

KEY = "qm1-one-1"
CLIENT = 21


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[IbkrRig]:
    async with ibkr_rig.up(tmp_path) as made:
        yield made


async def told(rig: IbkrRig, key: str = KEY) -> Report:
    report = await rig.broker.find(key)
    assert report is not None
    return report


async def test_f053_a_corrected_execution_is_a_new_version_of_the_same(rig: IbkrRig) -> None:
    await rig.broker.submit(approved("-100.05"))
    (first,) = rig.do("executions")
    rig.do("correct", exec_id=first, shares=8, price="100.00")
    report = await told(rig)
    assert [(fill.exec_id, fill.version, fill.quantity) for fill in report.fills] == [(first[:-3], 1, 10), (first[:-3], 2, 8)]
    assert await rig.broker.positions() == {"LEAD": 8}
    await rig.restart()
    assert [fill.version for fill in (await told(rig)).fills] == [1, 2]


async def test_f053_a_bust_is_a_version_that_counts_nothing(rig: IbkrRig) -> None:
    await rig.broker.submit(approved("-99.00"))
    rig.do("fill", ref=KEY, units=4, prices=["99.00"])
    (first,) = rig.do("executions")
    rig.do("correct", exec_id=first, shares=0, price="99.00")
    assert [(fill.version, fill.quantity) for fill in (await told(rig)).fills] == [(1, 4), (2, 0)]


async def test_f052_the_same_execution_again_is_nothing_and_with_other_figures_a_new_version(rig: IbkrRig) -> None:
    await rig.broker.submit(approved("-100.05"))
    (first,) = rig.do("executions")
    rig.do("retell", exec_id=first, shares=10, price="100.01")
    assert [(fill.version, fill.quantity) for fill in (await told(rig)).fills] == [(1, 10)]
    rig.do("retell", exec_id=first, shares=7, price="100.01")
    assert [(fill.version, fill.quantity) for fill in (await told(rig)).fills] == [(1, 10), (2, 7)]
    assert [(fill.version, fill.quantity) for fill in (await told(rig)).fills] == [(1, 10), (2, 7)], (
        "asked again it was another one"
    )


@pytest.mark.parametrize(
    ("amount", "currency", "fee"),
    [
        ("-1", "USD", None),
        ("-1.0", "USD", None),
        ("", "USD", None),
        ("1.7976931348623157E308", "USD", None),
        ("nan", "USD", None),
        ("0.85", "EUR", None),
        ("-0.12", "USD", Decimal("-0.12")),
        ("0.0", "USD", Decimal(0)),
        ("0.3512", "USD", Decimal("0.3512")),
    ],
)
async def test_f066_a_commission_that_is_not_stated_stays_unknown(
    rig: IbkrRig, amount: str, currency: str, fee: Decimal | None
) -> None:
    await rig.broker.submit(approved("-99.00"))
    rig.do("fill", ref=KEY, units=10, prices=["99.00"], quiet="all")
    rig.do("commission", ref=KEY, amount=amount, currency=currency)
    assert [fill.fee for fill in (await told(rig)).fills] == [fee]
    rig.do("commission", ref=KEY, amount="0.42")
    assert [fill.fee for fill in (await told(rig)).fills] == [Decimal("0.42")]
    rig.do("commission", ref=KEY, amount="-1")
    assert [fill.fee for fill in (await told(rig)).fills] == [Decimal("0.42")], "a known fee was forgotten"


async def test_f054_a_part_fill_then_a_cancel_keeps_the_part(rig: IbkrRig) -> None:
    await rig.broker.submit(approved("-99.00"))
    rig.do("fill", ref=KEY, units=3, prices=["99.00"])
    report = await rig.broker.cancel(KEY)
    assert (report.event, report.leg_filled, len(report.fills)) == (OrderEvent.CANCEL, (3,), 1)


async def test_f054_a_fill_after_the_cancel_and_an_overfill_are_told_as_they_are(rig: IbkrRig) -> None:
    await rig.broker.submit(approved("-99.00"))
    await rig.broker.cancel(KEY)
    rig.do("fill", ref=KEY, units=2, prices=["99.00"])
    report = await told(rig)
    assert (report.event, report.leg_filled) == (OrderEvent.CANCEL, (2,))
    rig.do("fill", ref=KEY, units=12, prices=["99.00"])
    report = await told(rig)
    assert (report.event, report.leg_filled) == (OrderEvent.FULL_FILL, (14,))


async def test_f055_legs_are_counted_each_for_itself(rig: IbkrRig) -> None:
    await rig.broker.submit(approved("-3.00", 4, BUY_SPREAD))
    rig.do("fill", ref=KEY, units=3, prices=["5.00", "2.00"], legs=[0])
    report = await told(rig)
    assert (report.event, report.leg_filled) == (OrderEvent.PART_FILL, (3, 0))
    rig.do("fill", ref=KEY, units=3, prices=["5.00", "2.00"], legs=[1])
    rig.do("fill", ref=KEY, units=1, prices=["5.00", "2.00"])
    report = await told(rig)
    assert (report.event, report.leg_filled) == (OrderEvent.FULL_FILL, (4, 4))
    assert {fill.leg for fill in report.fills} == {0, 1}


async def test_f050_a_status_ahead_of_its_executions_says_what_is_missing(rig: IbkrRig) -> None:
    await rig.broker.submit(approved("-99.00"))
    order = rig.tws.world.by_ref(KEY)
    rig.tws.world.record("filled", perm=order.perm, filled=6, status="Submitted")
    report = await told(rig)
    assert (report.event, report.leg_filled, report.fills) == (OrderEvent.PART_FILL, (6,), ())


@given(st.text("0123456789abcdef.", max_size=30))
def test_an_execution_id_is_split_so_that_only_its_version_is_cut_off(exec_id: str) -> None:
    base, version = version_of(exec_id)
    assert version >= 1
    assert exec_id == base or exec_id.startswith(f"{base}.")


class Wire:
    """The real decoder with the map before it, and no socket."""

    def __init__(self, sent: Sent) -> None:
        self.facts = Facts(
            ACCOUNT, lambda: nouns.NOW, lambda client, number, perm: sent.key_of(number if client == CLIENT else 0, perm)
        )
        self.facts.look = 1
        self.telling = Telling(self.facts, sent, "desk")
        self.ib = IB()
        self.ib.wrapper.clientId = CLIENT
        self.ib.client._serverVersion = self.ib.client.decoder.serverVersion = 178
        nothing = tap.Ears(lambda *_: None, lambda: None, lambda: None, lambda: None, lambda *_: None)
        tap.attach(self.ib, self.facts, nothing)

    def hear(self, told: Sequence[messages.Message]) -> Report:
        for message in told:
            self.ib.client.decoder.interpret([text(field) for field in message])  # type: ignore[no-untyped-call]  # no types there
        assert not self.facts.unreadable
        (order,) = self.facts.of_key(KEY)
        return self.telling.report(order)


@pytest.fixture
def story(tmp_path: Path) -> list[messages.Message]:
    """Six messages of an order that fills in two parts."""
    world = World(tmp_path / "tws.jsonl", lambda: nouns.NOW)
    leg = TwsLeg("LEAD", world.con_id("LEAD"), "BUY")
    order = world.placed(
        TwsOrder(7_000, 5, CLIENT, KEY, "BUY", 10, "100", [leg], combo=False, status="Submitted", at=nouns.NOW.isoformat())
    )
    begin = [messages.open_order(order), messages.order_status(order)]
    one = world.execute(order, 4, [Decimal(100)])
    middle = [messages.order_status(order), messages.execution(world, one[0])[0]]
    two = world.execute(order, 6, [Decimal("99.5")])
    world.ledger.close()
    return [*begin, *middle, messages.execution(world, two[0])[0], messages.order_status(order)]


def sent_one(con_id: int) -> Sent:
    sent = Sent()
    sent.note(SentOrder(KEY, 5, 10, (SentLeg(con_id, "LEAD", Side.BUY, 1),)))
    return sent


def test_f051_all_orders_of_six_messages_come_to_the_same_end(story: list[messages.Message]) -> None:
    con_id = int(str(story[0][2]))
    ends: set[tuple[OrderEvent | None, tuple[int, ...], tuple[Fill, ...]]] = set()
    for shuffled in itertools.permutations(story):
        report = Wire(sent_one(con_id)).hear(shuffled)
        fills = tuple(sorted(report.fills, key=lambda fill: fill.exec_id))
        ends.add((report.event, report.leg_filled, fills))
    assert [(event, legs, len(fills)) for event, legs, fills in ends] == [(OrderEvent.FULL_FILL, (10,), 2)]


@given(data=st.data())
@settings(max_examples=150, deadline=None)
def test_f051_lost_and_repeated_messages_never_claim_more_than_is_true(data: st.DataObject) -> None:
    leg = TwsLeg("LEAD", 77, "BUY")
    order = TwsOrder(7_000, 5, CLIENT, KEY, "BUY", 10, "100", [leg], combo=False, status="Submitted")
    parts = data.draw(st.lists(st.integers(1, 4), max_size=3).filter(lambda sizes: sum(sizes) <= 10))
    world = type("Shown", (), {"orders": {order.perm: order}})()
    story: list[messages.Message] = [messages.open_order(order), messages.order_status(order)]
    for number, size in enumerate(parts):
        order.filled += size
        order.status = "Filled" if order.filled == 10 else "Submitted"
        one = TwsExecution(f"0e.{number:04x}.01", order.perm, "LEAD", 77, "BOT", size, "100", nouns.NOW.isoformat())
        story += [*messages.execution(world, one), messages.order_status(order)]
    heard = data.draw(st.lists(st.sampled_from(story), min_size=1, max_size=12))
    wire = Wire(sent_one(77))
    wire.hear([story[0], *heard])
    (known,) = wire.facts.of_key(KEY)
    report = wire.telling.report(known)
    assert sum(fill.quantity for fill in report.fills) <= order.filled
    assert report.leg_filled[0] <= order.filled
    assert len({fill.exec_id for fill in report.fills}) == len(report.fills)
    assert (report.event is OrderEvent.FULL_FILL) <= (order.filled == 10)
    assert report.event not in {OrderEvent.CANCEL, OrderEvent.REFUSE, OrderEvent.EXPIRE}


async def test_the_legs_of_a_combo_that_the_file_does_not_know_come_from_the_broker(rig: IbkrRig) -> None:
    rig.do("quote", key=CALL.key, bid="5.00", ask="5.20")
    rig.do("quote", key=HIGHER.key, bid="2.00", ask="2.10")
    before = await rig.broker.submit(approved("-3.20", 2, BUY_SPREAD))
    await rig.broker.close()
    rig.broker = await rig.open(sent=str(rig.folder / "a new machine"))
    assert (await told(rig)).fills == before.fills


JUNK = ["", "NaN", "nan", "-1", "1e999", "abc", "1,5", "\ud83d", "9" * 400, "0x10", "None", "1.7976931348623157E308", "-0", "2.5"]


@given(data=st.data())
@settings(max_examples=250, deadline=None)
def test_f044_a_field_that_is_not_what_it_should_be_never_ends_or_fills_an_order(data: st.DataObject) -> None:
    """One field of one message is junk: it is read as nothing worse, or noticed, and the account can still be asked."""
    leg = TwsLeg("LEAD", 77, "BUY")
    order = TwsOrder(7_000, 5, CLIENT, KEY, "BUY", 10, "100", [leg], combo=False, status="Submitted", at="2024-06-12")
    world = type("Shown", (), {"orders": {order.perm: order}})()
    one = TwsExecution("0e.0001.01", order.perm, "LEAD", 77, "BOT", 4, "100", nouns.NOW.isoformat())
    order.filled = 4
    whole = [messages.open_order(order), messages.order_status(order), *messages.execution(world, one)]
    spoiled = data.draw(st.sampled_from(whole))
    place = data.draw(st.integers(1, len(spoiled) - 1))
    junk = data.draw(st.sampled_from(JUNK) | st.text(st.characters(blacklist_characters="\0"), max_size=8))
    wire = Wire(sent_one(77))
    for message in whole:
        fields = [text(field) for field in message]
        if message is spoiled:
            fields[place] = junk
        wire.ib.client.decoder.interpret(fields)  # type: ignore[no-untyped-call]  # no types there
    for known in wire.facts.orders.values():
        report = wire.telling.report(known)
        assert all(fill.price.is_finite() and fill.quantity >= 0 for fill in report.fills)
        if known.ref == KEY and spoiled[0] != 3 and not wire.facts.unreadable:
            assert report.event not in {OrderEvent.CANCEL, OrderEvent.REFUSE, OrderEvent.EXPIRE}, (place, junk)


def test_orders_of_another_account_of_the_same_login_are_not_ours() -> None:
    wire = Wire(Sent())
    mine = TwsOrder(7_000, 5, CLIENT, KEY, "BUY", 10, "100", [TwsLeg("LEAD", 77, "BUY")], combo=False, status="Submitted")
    other = TwsOrder(
        7_001, 6, 99, "", "BUY", 10, "100", [TwsLeg("LEAD", 77, "BUY")], combo=False, account="DU7654321", at="2024-06-12"
    )
    for order in (other, mine):
        for told in (messages.order_status(order), messages.open_order(order), messages.order_status(order)):
            wire.ib.client.decoder.interpret([text(field) for field in told])  # type: ignore[no-untyped-call]  # no types there
    wire.ib.client.decoder.interpret([text(field) for field in messages.completed_order(other)])  # type: ignore[no-untyped-call]  # same
    assert [order.perm_id for order in wire.facts.orders.values()] == [7_000]
