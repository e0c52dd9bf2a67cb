"""A broker in another process whose answers get lost: what may have happened is unknown, a failed look is never an empty one."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from brokers.paper import PaperBroker
from brokers.paper.remote import RemoteLine
from core.model.errors import OperatorError, OutcomeUnknownError, RefusedError, RetryError
from core.model.orders import OrderEvent
from tests.brokers.rig import LONG_AGO, RemoteRig, approved


@pytest.fixture
async def distant(tmp_path: Path) -> AsyncIterator[RemoteRig]:
    """A broker whose answers can get lost."""
    made = RemoteRig(tmp_path)
    await made.start()
    yield made
    await made.stop()


async def test_f048_an_empty_account_answers_empty_and_a_dead_one_raises(distant: RemoteRig) -> None:
    assert await distant.broker.positions() == {}
    assert await distant.broker.open_orders() == ()
    distant.kill()
    for question in (distant.broker.positions, distant.broker.account, distant.broker.open_orders):
        with pytest.raises(RetryError):
            await question()
    with pytest.raises(RetryError):
        await distant.broker.find("qm1-one-1")
    with pytest.raises(RefusedError, match="nothing was sent"):
        await distant.broker.submit(approved("-100.05"))


async def test_f037_a_timeout_after_accept_is_unknown(distant: RemoteRig) -> None:
    await distant.lose("submit", "after")
    with pytest.raises(OutcomeUnknownError):
        await distant.broker.submit(approved("-100.05"))
    found = await distant.broker.find("qm1-one-1")
    assert found is not None
    assert found.event is OrderEvent.FULL_FILL
    assert len(await distant.broker.reports(LONG_AGO)) == 1


async def test_f038_a_timeout_without_accept_is_unknown_too_and_nothing_is_found(distant: RemoteRig) -> None:
    await distant.lose("submit", "before")
    with pytest.raises(OutcomeUnknownError):
        await distant.broker.submit(approved("-100.05"))
    assert await distant.broker.find("qm1-one-1") is None


async def test_f067_an_answer_that_never_comes_is_unknown(distant: RemoteRig) -> None:
    await distant.lose("submit", "stall")
    distant.line._timeout = 1.0
    quick = PaperBroker(distant.line, distant.around)
    with pytest.raises(OutcomeUnknownError, match="no answer"):
        await quick.submit(approved("-100.05"))
    assert await distant.broker.find("qm1-one-1") is not None


async def test_f056_a_cancel_whose_answer_is_lost_is_unknown(distant: RemoteRig) -> None:
    await distant.broker.submit(approved("-99.00"))
    await distant.lose("cancel", "after")
    with pytest.raises(OutcomeUnknownError):
        await distant.broker.cancel("qm1-one-1")
    found = await distant.broker.find("qm1-one-1")
    assert found is not None
    assert found.event is OrderEvent.CANCEL


async def test_f048_a_lost_read_is_a_failure_and_not_an_empty_answer(distant: RemoteRig) -> None:
    await distant.broker.submit(approved("-100.05"))
    reads: dict[str, Callable[[], Awaitable[object]]] = {
        "positions": distant.broker.positions,
        "fills": lambda: distant.broker.fills(LONG_AGO),
        "find": lambda: distant.broker.find("qm1-one-1"),
        "reports": lambda: distant.broker.reports(LONG_AGO),
    }
    for verb, ask in reads.items():
        await distant.lose(verb, "after")
        with pytest.raises(RetryError):
            await ask()


@pytest.mark.parametrize("address", ["example.com:80", "0.0.0.0:7000", "127.0.0.1", "127.0.0.1:x", ""])
def test_the_ledger_is_only_looked_for_on_this_machine(address: str) -> None:
    with pytest.raises(OperatorError, match="must be"):
        RemoteLine.to(address)


async def test_what_is_no_question_is_refused_and_the_ledger_goes_on(distant: RemoteRig) -> None:
    with pytest.raises(RefusedError, match="no verb"):
        await distant.line.call("steal")
    for bytes_sent in (b"", b"GET / HTTP/1.1\r\n\r\n", b"\xff\xff\xff\xff", b"\x00\x00\x00\x02[]", b"\x00\x00\x00\x09nonsense!"):
        _, writer = await asyncio.open_connection("127.0.0.1", distant.line._port)
        writer.write(bytes_sent)
        await writer.drain()
        writer.close()
        await writer.wait_closed()
    assert await distant.broker.positions() == {}
