"""A submit at tastytrade: exactly one POST; what is proved is refused, everything else is unknown, and nothing is sent twice."""

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from core.model.errors import OutcomeUnknownError, RefusedError, RetryError
from core.model.instruments import Leg, Side, Stock
from core.model.orders import OrderEvent
from core.model.proposals import ApprovedOrder
from core.model.signals import Intent
from tests.brokers.bench import BUY_SPREAD, CALL, HIGHER, SELL_LEAD, approved
from tests.brokers.bench_tastytrade import TastytradeBench

KEY = "qm1-one-1"
ORDER = approved("-100.05")


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[TastytradeBench]:
    made = TastytradeBench(tmp_path)
    await made.start()
    yield made
    await made.stop()


def posts(bench: TastytradeBench) -> int:
    return sum(name == "submit" for name, _ in bench.loopback.desk.seen)


async def unknown(bench: TastytradeBench) -> str:
    """The submit ends unknown, after one POST at most."""
    before = posts(bench)
    with pytest.raises(OutcomeUnknownError, match=KEY) as caught:
        await bench.broker.submit(ORDER)
    assert posts(bench) <= before + 1
    return str(caught.value)


async def test_f037_a_timeout_after_accept_is_unknown_and_found_by_its_key(bench: TastytradeBench) -> None:
    bench.fault(on="submit", kind="stall", after=True)
    bench.hurry()
    assert "did not answer within 0.3 s" in await unknown(bench)
    found = await bench.broker.find(KEY)
    assert found is not None
    assert found.event is OrderEvent.FULL_FILL
    assert await bench.taken() == [KEY]


async def test_f038_a_timeout_without_accept_is_unknown_and_nothing_is_ever_sent_again(bench: TastytradeBench) -> None:
    bench.fault(on="submit", kind="stall", after=False)
    bench.hurry()
    await unknown(bench)
    assert await bench.broker.find(KEY) is None
    assert await bench.broker.find(KEY) is None
    assert (await bench.taken(), posts(bench)) == ([], 1)


@pytest.mark.parametrize("status", [500, 502, 503, 504, 524, 408, 404, 409, 418])
async def test_f039_an_accepted_order_answered_with_a_failure_is_unknown(bench: TastytradeBench, status: int) -> None:
    bench.fault(on="submit", kind="status", status=status, after=True)
    assert str(status) in await unknown(bench)
    assert await bench.broker.find(KEY) is not None


@pytest.mark.parametrize("status", [400, 401, 403, 422])
async def test_a_well_formed_refusal_is_proof_and_names_the_reason(bench: TastytradeBench, status: int) -> None:
    bench.fault(on="submit", kind="status", status=status, after=False)
    with pytest.raises(RefusedError, match="told to say so"):
        await bench.broker.submit(ORDER)
    assert await bench.taken() == []


@pytest.mark.parametrize(
    "body",
    [
        " ",
        "<html>403 Forbidden</html>",
        '{"message": "no"}',
        '{"error": "no"}',
        '{"error": {}}',
        '{"error": {"code": "x", "message": "',
        '{"error": {"code": "x", "message": "y"}, "data": {"order": {"id": 1}}}',
    ],
)
async def test_a_refusal_that_is_not_well_formed_proves_nothing(bench: TastytradeBench, body: str) -> None:
    bench.fault(on="submit", kind="status", status=403, body=body, after=True)
    await unknown(bench)


@pytest.mark.parametrize("retry_after", [None, "7", "soon"])
async def test_f040_a_429_on_a_submit_is_unknown_reads_fall_silent_and_a_cancel_still_goes(
    bench: TastytradeBench, retry_after: str | None
) -> None:
    await bench.broker.submit(approved("-98.00", name="old"))
    bench.fault(on="submit", kind="status", status=429, after=False, retry_after=retry_after)
    await unknown(bench)
    before = len(bench.loopback.desk.seen)
    with pytest.raises(RetryError, match="asked for silence"):
        await bench.broker.find(KEY)
    for verb in (bench.broker.submit, bench.broker.preview):
        with pytest.raises((RefusedError, RetryError), match="asked for silence"):
            await verb(approved("-98.00", name="next"))
    assert len(bench.loopback.desk.seen) == before, "it asked although it was told to be silent"
    with pytest.raises(OutcomeUnknownError):
        await bench.broker.cancel("qm1-old-1")
    assert [name for name, _ in bench.loopback.desk.seen[before:]] == ["cancel"]
    bench.clock.turn(8)
    assert await bench.broker.find(KEY) is None
    found = await bench.broker.find("qm1-old-1")
    assert found is not None
    assert found.event is OrderEvent.CANCEL


@pytest.mark.parametrize("status", [429, 403])
async def test_f040_f042_a_storm_of_429_or_403_is_met_with_longer_and_longer_silence(bench: TastytradeBench, status: int) -> None:
    bench.fault(on="read", kind="status", status=status, times=1000)
    waits = []
    for _ in range(8):
        with pytest.raises(RetryError):
            await bench.broker.positions()
        begun = bench.clock.now()
        while True:
            bench.clock.turn(1)
            before = len(bench.loopback.desk.seen)
            with pytest.raises(RetryError):
                await bench.broker.positions()
            if len(bench.loopback.desk.seen) > before:
                break
        waits.append((bench.clock.now() - begun).total_seconds())
    assert waits == sorted(waits)
    assert waits[-1] == 60
    assert len(bench.loopback.desk.seen) < 30


async def test_f041_a_token_that_ends_soon_is_renewed_before_the_order_is_sent(bench: TastytradeBench) -> None:
    bench.clock.turn(900 - 119)
    await bench.broker.submit(ORDER)
    assert [name for name, _ in bench.loopback.desk.seen][-2:] == ["token", "submit"]
    bench.clock.turn(900 - 121)
    await bench.broker.submit(approved("-100.05", name="two"))
    assert [name for name, _ in bench.loopback.desk.seen][-2:] == ["submit", "submit"]


async def test_f041_a_401_on_a_submit_is_a_refusal_and_the_next_question_logs_in_anew(bench: TastytradeBench) -> None:
    bench.loopback.desk.credentials.tokens.clear()
    with pytest.raises(RefusedError, match="401"):
        await bench.broker.submit(ORDER)
    assert await bench.taken() == []
    assert await bench.broker.positions() == {}
    assert bench.loopback.desk.credentials.logins == 2


async def test_f042_a_token_that_is_refused_although_it_is_fresh_is_not_renewed_again_and_again(bench: TastytradeBench) -> None:
    bench.fault(on="positions", kind="status", status=401, times=1000)
    for _ in range(20):
        with pytest.raises(RetryError):
            await bench.broker.positions()
        bench.clock.turn(30)
    assert bench.loopback.desk.credentials.logins == 2


async def test_f041_a_read_renews_a_lost_token_once_by_itself(bench: TastytradeBench) -> None:
    bench.loopback.desk.credentials.tokens.clear()
    assert await bench.broker.positions() == {}


async def test_f042_a_refused_login_is_tried_again_after_a_quarter_of_an_hour_and_not_before(bench: TastytradeBench) -> None:
    bench.loopback.desk.credentials.secret = "changed"
    bench.clock.turn(1000)
    for _ in range(50):
        with pytest.raises(RetryError):
            await bench.broker.positions()
        with pytest.raises(RefusedError, match="not sent"):
            await bench.broker.submit(ORDER)
        bench.clock.turn(10)
    assert bench.loopback.desk.credentials.logins == 2
    bench.clock.turn(900)
    bench.loopback.desk.credentials.secret = "loopback-client-secret"
    assert await bench.broker.positions() == {}


async def test_f042_an_address_that_is_blocked_is_not_hammered(bench: TastytradeBench) -> None:
    bench.fault(on="*", kind="stall", after=False, times=1000, seconds=30)
    bench.hurry(0.1)
    bench.clock.turn(1000)
    tried = 0
    for _ in range(60):
        before = len(bench.loopback.desk.seen)
        with pytest.raises(RetryError):
            await bench.broker.account()
        tried += len(bench.loopback.desk.seen) - before
        bench.clock.turn(60)
    assert tried <= 8


BODIES: dict[str, dict[str, Any]] = {
    "html": {"kind": "html"},
    "empty": {"kind": "body", "body": ""},
    "truncated": {"kind": "truncated"},
    "NaN": {"kind": "body", "body": '{"data": NaN}'},
    "a list": {"kind": "body", "body": "[]"},
    "null": {"kind": "body", "body": "null"},
    "text": {"kind": "body", "body": "OK", "content_type": "text/plain"},
    "deep": {"kind": "body", "body": '{"data":' + "[" * 100_000 + "]" * 100_000 + "}"},
    "no order": {"kind": "body", "body": '{"data": {}}'},
    "another order": {"kind": "patch", "patch": {"external-identifier": "qm1-other-1"}},
    "no key": {"kind": "patch", "patch": {"external-identifier": None}},
    "half an order": {"kind": "patch", "patch": {"legs/0/quantity": None}},
    "huge": {"kind": "huge"},
    "bomb": {"kind": "bomb"},
}


@pytest.mark.parametrize("body", BODIES)
async def test_f043_an_answer_that_makes_no_sense_leaves_the_outcome_unknown(bench: TastytradeBench, body: str) -> None:
    bench.fault(on="submit", **BODIES[body])
    async with asyncio.timeout(8):
        await unknown(bench)
    found = await bench.broker.find(KEY)
    assert found is not None
    assert found.event is OrderEvent.FULL_FILL


async def test_f044_a_status_that_nobody_knows_in_the_answer_counts_as_taken(bench: TastytradeBench) -> None:
    bench.fault(on="submit", kind="patch", patch={"status": "Teleported"})
    report = await bench.broker.submit(ORDER)
    assert report.event is None
    assert "Teleported" in report.reason


async def test_what_is_sent_has_strict_effects_signed_price_and_our_key(bench: TastytradeBench) -> None:
    await bench.show(CALL, "5.00", "5.20")
    await bench.show(HIGHER, "2.00", "2.10")
    await bench.broker.submit(approved("-3.20", 2, BUY_SPREAD))
    await bench.broker.submit(approved("2.90", 2, tuple(Leg(leg.instrument, leg.side.opposite) for leg in BUY_SPREAD), "out",
                                       intent=Intent.CLOSE))  # fmt: skip
    opened, closed = (body for name, body in bench.loopback.desk.seen if name == "submit")
    assert opened["external-identifier"] == KEY
    assert (opened["order-type"], opened["time-in-force"]) == ("Limit", "Day")
    assert opened["advanced-instructions"] == {"strict-position-effect-validation": True}
    assert (Decimal(opened["price"]), opened["price-effect"]) == (Decimal("3.20"), "Debit")
    assert (Decimal(closed["price"]), closed["price-effect"]) == (Decimal("2.90"), "Credit")
    assert [(leg["symbol"], leg["action"], leg["quantity"], leg["instrument-type"]) for leg in opened["legs"]] == [
        ("LEAD  240719C00100000", "Buy to Open", 2, "Equity Option"),
        ("LEAD  240719C00110000", "Sell to Open", 2, "Equity Option"),
    ]
    assert [leg["action"] for leg in closed["legs"]] == ["Sell to Close", "Buy to Close"]


async def test_a_price_is_sent_in_digits_alone(bench: TastytradeBench) -> None:
    await bench.broker.submit(approved("-1E+2"))
    (body,) = (body for name, body in bench.loopback.desk.seen if name == "submit")
    assert body["price"] == "100"


@pytest.mark.parametrize(
    "order",
    [
        approved("0"),
        approved("Infinity"),
        approved("-1.00", -1),
        approved("-1.00", legs=()),
        approved("-1.00", legs=tuple(Leg(Stock(f"S{n}"), Side.BUY) for n in range(5))),
        approved("-1.00", legs=(Leg(CALL, Side.BUY), Leg(CALL, Side.SELL))),
    ],
    ids=["zero price", "infinite", "negative", "no legs", "five legs", "one leg twice"],
)
async def test_what_cannot_be_said_is_refused_before_anything_is_sent(bench: TastytradeBench, order: ApprovedOrder) -> None:
    before = len(bench.loopback.desk.seen)
    for verb in (bench.broker.submit, bench.broker.preview):
        with pytest.raises(RefusedError, match="not sent"):
            await verb(order)
    assert len(bench.loopback.desk.seen) == before


async def test_a_close_never_turns_into_an_opening(bench: TastytradeBench) -> None:
    await bench.broker.submit(approved("-100.05", 5))
    with pytest.raises(RefusedError, match="larger than the open position"):
        await bench.broker.submit(approved("99.00", 6, SELL_LEAD, "out", intent=Intent.CLOSE))
    await bench.broker.submit(approved("99.00", 5, SELL_LEAD, "out", intent=Intent.CLOSE))
    assert await bench.broker.positions() == {}
