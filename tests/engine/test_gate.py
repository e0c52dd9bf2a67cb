"""The last point before the wire: what leaves is held against what was approved, and counted."""

import json
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from core.engine import departures
from core.engine.checks import CHECKS, Facts, judge
from core.engine.departures import Departures
from core.engine.settings import GateSettings, Policy
from core.model.instruments import Leg, Side, Stock
from core.model.orders import Order, OrderState
from core.model.proposals import ApprovedOrder, Decision, Envelope, Proposal
from core.ports.broker import Preview
from tests.engine.door import faulty
from tests.engine.rig import desk
from tests.kit import nouns

SOUND = nouns.proposal()


def envelope(of: Proposal = SOUND, **changes: Any) -> Envelope:
    return nouns.envelope(of, **{"id": of.id, **changes})


def request(of: Proposal = SOUND, quantity: int = 100, limit: str = "-100.01", **changes: Any) -> ApprovedOrder:
    return ApprovedOrder(envelope(of, **changes), 1, quantity, Decimal(limit))


def other(symbol: str = "LEAD", side: Side = Side.BUY, state: OrderState = OrderState.WORKING) -> Order:
    """An unfinished order of another envelope."""
    legs = (Leg(Stock(symbol), side),)
    return Order("qm1-x-1", "x", 1, "paper", legs, 7, Decimal(-1), state, nouns.NOW, nouns.NOW)


def gone(*envelopes: Envelope, seconds: float = 5.0) -> Departures:
    """Envelopes that have left a moment ago."""
    left = Departures(nouns.DAY)
    for one in envelopes:
        left.add(one, nouns.NOW - timedelta(seconds=seconds))
    return left


def facts(**changes: Any) -> Facts:
    """An order that may leave."""
    made = Facts(
        request=request(),
        account="paper",
        modes=("paper", "paper", "paper"),
        stopped=None,
        approved=SOUND,
        config_hash=SOUND.config_hash,
        others=(),
        left=gone(),
        claims=1,
        off=0.0,
        preview=Preview(True, "", Decimal(1), Decimal(10_001)),
        now=nouns.NOW,
        limits=GateSettings(),
    )
    return replace(made, **changes)


def denials(of: Facts) -> set[str]:
    return {verdict.rule for verdict in judge(of) if verdict.decision is Decision.BLOCK}


EXIT = nouns.closing_proposal()
EXITS = {
    "request": ApprovedOrder(envelope(EXIT), 1, 100, Decimal("99.99")), "approved": EXIT, "config_hash": EXIT.config_hash,
}  # fmt: skip
CROWD = tuple(replace(envelope(), id=f"e-{number}", quantity=1) for number in range(3))
WHOLE = nouns.proposal(legs=(Leg(Stock("LEAD"), Side.BUY, 2),))


def test_an_order_that_follows_from_its_approval_leaves() -> None:
    assert denials(facts()) == set()
    assert denials(facts(**EXITS)) == set()


@pytest.mark.parametrize(
    ("changes", "denied"),
    [
        ({"modes": ("paper", "live", "paper")}, {"mode"}),
        ({"modes": ("live", "live", "paper")}, {"mode"}),
        ({"account": "another"}, {"mode"}),
        ({"stopped": "the desk was halted by owner: look"}, {"kill"}),
        ({"others": (other(state=OrderState.ESCALATED, side=Side.SELL),)}, {"kill", "self_cross"}),
        ({"others": (other("ELSE", state=OrderState.UNKNOWN),)}, set()),
        ({"approved": None}, {"digest", "code"}),
        ({"request": request(quantity=101)}, {"digest", "shape"}),
        ({"request": request(limit="-100.51")}, {"digest"}),
        ({"request": request(digest="0" * 64)}, {"digest"}),
        ({"request": request(account="another"), "account": "another"}, {"digest"}),
        ({"others": (other(),)}, {"duplicate"}),
        ({"left": gone(replace(envelope(), id="before")), "claims": 2}, {"duplicate"}),
        ({"left": gone(replace(envelope(), id="before"), seconds=601), "claims": 2}, set()),
        ({"left": gone(*CROWD), "claims": 4, "limits": GateSettings(per_minute=3)}, {"rate"}),
        ({"left": gone(*CROWD, seconds=61), "claims": 4, "limits": GateSettings(per_minute=3)}, set()),
        ({"left": gone(*CROWD, seconds=61), "claims": 4, "limits": GateSettings(per_day=3)}, {"rate"}),
        ({"left": gone(*CROWD, seconds=61), "claims": 4, "limits": GateSettings(per_underlying=3)}, {"rate"}),
        ({"left": gone(*CROWD), "claims": 3}, {"orders_vs_approvals"}),
        ({"claims": 0}, {"orders_vs_approvals"}),
        ({"left": gone(envelope()), "claims": 1}, set()),
        ({"request": request(WHOLE), "approved": WHOLE}, {"shape"}),
        ({"request": request(limit="NaN")}, {"digest", "type"}),
        ({"others": (other(side=Side.SELL),)}, {"self_cross"}),
        ({"off": 0.9}, set()),
        ({"off": 1.1}, {"clock"}),
        ({"off": float("inf")}, {"clock"}),
        ({"config_hash": "other"}, {"code"}),
        ({"preview": Preview(True, "", Decimal(0), Decimal(10_600))}, {"buying_power"}),
        ({"preview": Preview(True, "", Decimal(0), Decimal(-1))}, {"buying_power"}),
        ({"preview": Preview(True, "", Decimal(0), Decimal(5_000))}, set()),
    ],
)  # fmt: skip
def test_each_check_denies_what_it_is_there_for_and_nothing_else(changes: dict[str, Any], denied: set[str]) -> None:
    assert denials(facts(**changes)) == denied


def test_every_check_speaks_in_the_same_order_whatever_the_others_say() -> None:
    bad = facts(modes=("live", "paper", "paper"), stopped="halted", approved=None, claims=0, off=9.0, config_hash="x")
    found = judge(bad)
    assert [verdict.rule for verdict in found] == [verdict.rule for verdict in judge(facts())]
    assert len(found) == len(CHECKS)
    assert len(denials(bad)) >= 6
    assert all(verdict.reason.endswith(".") and verdict.unit for verdict in found)


@pytest.mark.parametrize(
    "changes",
    [
        {"left": gone(*CROWD), "claims": 9, "limits": GateSettings(per_minute=1, per_day=1, per_underlying=1)},
        {"off": 100.0},
        {"preview": Preview(True, "", Decimal(0), Decimal(99_999))},
        {"left": gone(replace(envelope(EXIT), id="before")), "claims": 2},
    ],
)
def test_nothing_that_guards_against_new_risk_holds_an_exit_up(changes: dict[str, Any]) -> None:
    assert denials(facts(**EXITS, **changes)) == set()


def test_f078_a_clock_that_drifts_by_400_milliseconds_is_named_and_one_that_is_off_by_a_second_denies() -> None:
    drifting = next(verdict for verdict in judge(facts(off=0.4)) if verdict.rule == "clock")
    assert drifting.decision is Decision.PASS
    assert "look after the time service" in drifting.reason
    assert denials(facts(off=1.01)) == {"clock"}


async def test_a_denial_is_written_down_with_every_verdict_and_told_in_one_sentence(tmp_path: Path) -> None:
    async with desk(tmp_path) as one:
        card = await one.begin()
        one.engine.config_hash = "changed meanwhile"
        await one.react(card)
        (order,) = await one.orders()
        assert order.state is OrderState.DENIED
        assert order.sent_at is None
        (row,) = [row for row in await one.journal.audit_rows() if row.actor == "gate"]
        verdicts = json.loads(row.body)["verdicts"]
        assert [verdict["rule"] for verdict in verdicts] == [verdict.rule for verdict in judge(facts())]
        (denied,) = [verdict for verdict in verdicts if verdict["decision"] == "block"]
        assert (denied["rule"], denied["measured"], denied["limit"]) == ("code", 0.0, 1.0)
        assert len(await one.told("approved under other settings")) == 1
        await one.agrees()


async def test_what_the_gate_measured_is_stored_with_the_marker_of_the_order(tmp_path: Path) -> None:
    async with desk(tmp_path) as one:
        await one.buy()
        (order,) = await one.orders()
    with closing(sqlite3.connect(tmp_path / "journal.db")) as database:
        rows = database.execute("SELECT raw FROM order_event WHERE order_key = ?", (order.key,)).fetchall()
    told = next(json.loads(raw) for (raw,) in rows if "verdicts" in raw)
    assert [verdict["rule"] for verdict in told["verdicts"]] == [verdict.rule for verdict in judge(facts())]
    assert {verdict["decision"] for verdict in told["verdicts"]} == {"pass"}


async def test_f143_too_many_approvals_in_a_minute_leave_exits_only(tmp_path: Path) -> None:
    async with desk(tmp_path, names=("LEAD", "NEXT", "LAST"), gate=GateSettings(per_minute=2)) as one:
        one.engine.rules = tuple(rule for rule in one.engine.rules if rule.name not in {"correlation", "sector"})
        await one.begin()
        for number, card in enumerate(await one.cards()):
            await one.post(str(card.proposal_id), 70 + number)
            await one.react(str(card.proposal_id))
        states = sorted(order.state for order in await one.orders())
        assert states == [OrderState.DENIED, OrderState.FILLED, OrderState.FILLED]
        assert one.engine.books.kill.level == 1
        assert await one.told("This would be opening order 3 in a minute, at most 2 are allowed")


async def test_what_leaves_without_an_approval_of_its_own_halts_the_desk(tmp_path: Path) -> None:
    async with desk(tmp_path, entries=Policy.ASK) as one:
        card = await one.begin()

        def forged(point: str) -> None:
            if point == "W6":
                one.engine.books.trades_today = 0

        one.engine.at = forged
        await one.react(card)
        assert one.engine.books.kill.level == 2
        assert await one.told("1 approvals have left today, 0 were given")
        assert [order.state for order in await one.orders()] == [OrderState.DENIED]


async def test_the_children_of_one_approval_count_once(tmp_path: Path) -> None:
    limits = GateSettings(per_minute=1, per_day=1, per_underlying=1)
    async with desk(tmp_path, walk=(1.0, 1.0, 1.0), walk_seconds=20.0, gate=limits) as one:
        card = await one.begin()
        one.market.size = 10
        await one.react(card)
        await one.tick(seconds=20)
        one.market.size = 10_000
        await one.tick(seconds=5)
        assert len(await one.orders()) == 2
        assert all(order.state in (OrderState.FILLED, OrderState.CANCELLED) for order in await one.orders())
        assert one.engine.books.kill.level == 0
        await one.agrees()


async def test_what_left_before_a_restart_still_counts(tmp_path: Path) -> None:
    async with desk(tmp_path) as one:
        await one.buy()
        now = one.clock.now()
    async with desk(tmp_path, since=now) as two:
        await two.engine.start()
        left = await departures.today(two.engine)
        assert len(left.first) == 1
        assert two.engine.books.trades_today == 1
        (first,) = left.first.values()
        assert (first.underlying, first.quantity) == ("LEAD", 49)


async def test_a_new_session_counts_anew(tmp_path: Path) -> None:
    async with desk(tmp_path) as one:
        await one.buy()
        one.later(days=1)
        assert (await departures.today(one.engine)).first == {}


async def test_f068_an_order_for_which_the_broker_ties_up_more_than_we_count_is_denied(tmp_path: Path) -> None:
    async with faulty(tmp_path) as (one, door):
        card = await one.begin()
        honest = door.inner.preview

        async def dearer(order: ApprovedOrder) -> Preview:
            told = await honest(order)
            return replace(told, buying_power_effect=told.buying_power_effect * Decimal("1.2"))

        door.inner.preview = dearer  # type: ignore[method-assign]  # the broker changed its mind about margin
        await one.react(card)
        assert [order.state for order in await one.orders()] == [OrderState.DENIED]
        assert door.submits == {}
        assert await one.told("The broker would tie up 5880.")
        await one.agrees()
