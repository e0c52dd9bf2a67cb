"""Every broker when answers get lost, and when our side dies: what may have happened is unknown, what happened is found again."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from core.model.errors import OutcomeUnknownError, RetryError
from core.model.orders import OrderEvent
from tests.brokers.bench import KEY, LEAD, LONG_AGO, Bench, approved, benches, found, up

BENCHES = benches()
DISTANT = [name for name, make in BENCHES.items() if make(Path()).distant]


@pytest.fixture(params=list(BENCHES))
async def bench(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Bench]:
    async with up(BENCHES[request.param](tmp_path)) as made:
        yield made


@pytest.fixture(params=DISTANT)
async def distant(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Bench]:
    """A broker whose answers can get lost."""
    async with up(BENCHES[request.param](tmp_path)) as made:
        yield made


async def test_a_restart_finds_the_open_orders_the_fills_and_the_cash(bench: Bench) -> None:
    async def picture() -> object:
        broker = bench.broker
        reports = {report.key: (report.event, report.leg_filled, report.fills) for report in await broker.reports(LONG_AGO)}
        return reports, await broker.positions(), (await broker.account()).cash

    await bench.show(LEAD, "99.99", "100.01", 4)
    await bench.broker.submit(approved("-100.01"))
    await bench.broker.submit(approved("-98.00", name="two"))
    before = await picture()
    await bench.restart()
    assert await picture() == before
    assert {row.key for row in await bench.broker.open_orders()} == {KEY, "qm1-two-1"}


async def test_f049_asking_twice_gives_the_same_executions_under_the_same_ids(bench: Bench) -> None:
    await bench.show(LEAD, "99.99", "100.01", 4)
    await bench.broker.submit(approved("-100.01"))
    first = await bench.broker.fills(LONG_AGO)
    await bench.restart()
    second = await bench.broker.fills(LONG_AGO)
    told = (await found(bench)).fills
    names = [(fill.exec_id, fill.version) for fill in second]
    assert names == [(fill.exec_id, fill.version) for fill in first] == [(fill.exec_id, fill.version) for fill in told]
    assert len(names) == len(set(names))


READS: dict[str, Callable[[Bench], Awaitable[object]]] = {
    "account": lambda bench: bench.broker.account(),
    "positions": lambda bench: bench.broker.positions(),
    "find": lambda bench: bench.broker.find(KEY),
    "open_orders": lambda bench: bench.broker.open_orders(),
    "reports": lambda bench: bench.broker.reports(LONG_AGO),
    "fills": lambda bench: bench.broker.fills(LONG_AGO),
    "transactions": lambda bench: bench.broker.transactions(LONG_AGO),
}


@pytest.mark.parametrize("verb", READS)
async def test_f048_a_lost_read_is_a_failure_and_not_an_empty_answer(distant: Bench, verb: str) -> None:
    await distant.broker.submit(approved("-100.05"))
    await distant.lose(verb, "after")
    with pytest.raises(RetryError):
        await READS[verb](distant)
    await READS[verb](distant)


async def test_f048_an_empty_account_answers_empty(bench: Bench) -> None:
    assert await bench.broker.positions() == {}
    assert await bench.broker.open_orders() == ()
    assert await bench.broker.fills(LONG_AGO) == ()
    assert await bench.broker.find(KEY) is None


async def test_f037_a_lost_answer_after_accept_is_unknown_and_the_order_is_found(distant: Bench) -> None:
    await distant.lose("submit", "after")
    with pytest.raises(OutcomeUnknownError):
        await distant.broker.submit(approved("-100.05"))
    await distant.restart()
    assert (await found(distant)).event is OrderEvent.FULL_FILL
    assert await distant.taken() == [KEY]


async def test_f038_a_lost_answer_without_accept_is_unknown_too_and_nothing_is_found(distant: Bench) -> None:
    await distant.lose("submit", "before")
    with pytest.raises(OutcomeUnknownError):
        await distant.broker.submit(approved("-100.05"))
    assert await distant.broker.find(KEY) is None
    assert await distant.taken() == []


async def test_f056_a_cancel_whose_answer_is_lost_is_unknown(distant: Bench) -> None:
    await distant.broker.submit(approved("-99.00"))
    await distant.lose("cancel", "after")
    with pytest.raises(OutcomeUnknownError):
        await distant.broker.cancel(KEY)
    assert (await found(distant)).event is OrderEvent.CANCEL
