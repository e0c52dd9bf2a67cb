"""Flex statements: movements that TWS does not tell, from real statements and over a loopback service."""

import gzip
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from brokers.ibkr import IbkrSettings
from brokers.ibkr.flex import Names, movements, statement
from core.model.errors import BadDataError, OperatorError, RetryError
from core.model.orders import Movement, Transaction
from tests.brokers import ibkr_rig
from tests.brokers.bench import LONG_AGO
from tests.brokers.ibkr_rig import IbkrRig
from tests.kit.ibkr.flexible import QUERY

PAGE = (
    "<FlexQueryResponse><FlexStatements><FlexStatement accountId='U1234567'>{}</FlexStatement></FlexStatements></FlexQueryResponse>"
)


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[IbkrRig]:
    async with ibkr_rig.up(tmp_path, flex_query=QUERY) as made:
        yield made


def one_row(row: str, number: str = "U1234567") -> Transaction:
    (found,) = movements(statement(PAGE.format(row).encode()), Names(number, "desk"))
    return found


def sample(shared: Path, element: str) -> str:
    lines = (shared / "data/fixtures/ibkr_flex/ibflex_elements.jsonl").read_text().splitlines()
    return next(str(row["xml"]) for row in map(json.loads, lines) if row["element"] == element)


def test_a_real_assignment_is_read(shared: Path) -> None:
    found = one_row(sample(shared, "OptionEAE"))
    assert (found.kind, found.instrument_key, found.quantity, found.cash) == (
        Movement.ASSIGNMENT,
        "VXX   110805C00020000",
        20,
        Decimal(0),
    )
    assert found.at == datetime(2011, 8, 5, 20, tzinfo=UTC)


def test_a_real_dividend_is_read(shared: Path) -> None:
    found = one_row(sample(shared, "CashTransaction"))
    assert (found.kind, found.instrument_key, found.price, found.cash) == (Movement.DIVIDEND, "RHDGF", Decimal(1), Decimal(27_800))


def test_a_real_buy_out_for_cash_is_read(shared: Path) -> None:
    found = one_row(sample(shared, "CorporateAction"))
    assert (found.kind, found.instrument_key, found.quantity) == (Movement.DELISTING, "NILSY.TEN", -1000)
    assert (found.price, found.cash) == (Decimal("30.6"), Decimal(30_600))


def test_every_real_statement_can_be_read(shared: Path) -> None:
    seen: dict[str, int] = {}
    for path in sorted((shared / "data/fixtures/ibkr_flex").glob("*.xml*")):
        body = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        document = statement(body)
        for number in {str(one.get("accountId")) for one in document.iter("FlexStatement")}:
            rows = movements(document, Names(number, "desk"))
            assert len({row.id for row in rows}) == len(rows)
            assert [row.at for row in rows] == sorted(row.at for row in rows)
            for row in rows:
                seen[row.kind] = seen.get(row.kind, 0) + 1
    assert seen["dividend"] >= 5, seen


def test_dividend_and_its_tax_of_one_day_are_two_rows(shared: Path) -> None:
    document = statement((shared / "data/fixtures/ibkr_flex/pp_08.xml").read_bytes())
    rows = movements(document, Names("UXXXXXX", "desk"))
    assert [(row.kind, row.instrument_key, row.price, row.cash) for row in rows if row.instrument_key] == [
        (Movement.DIVIDEND, "SGN", Decimal("0.088051"), Decimal("10.56")),
        (Movement.DIVIDEND, "SGN", Decimal(0), Decimal("-1.58")),
    ]


SPLIT = (
    "<CorporateAction accountId='U1234567' currency='USD' symbol='{}' description='GCM(CA38501D2041) SPLIT 1 FOR 25 (GCM)' "
    "dateTime='2013-06-17, 20:25:00' proceeds='0' quantity='{}'/>"
)


def test_the_two_rows_of_a_reverse_split_are_one_movement() -> None:
    found = one_row(SPLIT.format("GCM", "480") + SPLIT.format("GCM.OLD", "-12000"))
    assert (found.kind, found.instrument_key, found.quantity, found.price) == (Movement.SPLIT, "GCM", -11_520, Decimal("0.04"))


def test_deposits_fees_and_interest_are_cash_alone() -> None:
    row = (
        "<CashTransaction accountId='U1234567' currency='USD' type='{}' description='x' symbol='' dateTime='20240612' amount='{}'/>"
    )
    assert one_row(row.format("Deposits/Withdrawals", "1,000.50")).cash == Decimal("1000.50")
    fee = one_row(row.format("Other Fees", "-10"))
    assert (fee.kind, fee.instrument_key, fee.cash) == (Movement.DEPOSIT, None, Decimal(-10))


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"<html><body>Please log in<br></html>", "no XML"),
        (b"", "no XML"),
        (b"<!DOCTYPE x [<!ENTITY a 'aaaa'>]><FlexQueryResponse>&a;</FlexQueryResponse>", "document type"),
        (PAGE.replace("U1234567", "U7").format("").encode(), "not about U1234567"),
        (PAGE.format("<CashTransaction accountId='U1234567' currency='USD' type='Dividends'/>").encode(), "no column"),
        (PAGE.format(SPLIT.format("GCM", "NaN")).encode(), "where a number belongs"),
        (PAGE.format(SPLIT.format("GCM", "1.5")).encode(), "fractions"),
        (PAGE.format(SPLIT.format("GCM", "1").replace("2013", "late")).encode(), "where a time belongs"),
    ],
)
def test_f043_what_is_no_statement_is_no_answer(body: bytes, words: str) -> None:
    with pytest.raises(BadDataError, match=words):
        movements(statement(body), Names("U1234567", "desk"))


async def test_a_statement_is_fetched_once_an_hour(rig: IbkrRig) -> None:
    assert await rig.broker.transactions(LONG_AGO) == ()
    rig.do("move", key="", quantity=0, cash="5")
    for _ in range(3):
        await rig.broker.transactions(LONG_AGO)
    assert rig.flex.asked == ["SendRequest", "GetStatement"]
    rig.clock.turn(3601)
    await rig.broker.transactions(LONG_AGO)
    assert rig.flex.asked == ["SendRequest", "GetStatement"] * 2


async def test_an_unfinished_statement_is_asked_for_again_and_not_taken_for_an_empty_one(rig: IbkrRig) -> None:
    rig.do("fault", on="flex", what="code", code=1019, times=2)
    for _ in range(2):
        with pytest.raises(RetryError, match="1019"):
            await rig.broker.transactions(LONG_AGO)
    assert await rig.broker.transactions(LONG_AGO) == ()
    assert rig.flex.asked == ["SendRequest", "GetStatement", "GetStatement", "GetStatement"]


@pytest.mark.parametrize("fault", [{"what": "html"}, {"what": "status", "code": 503}, {"what": "status", "code": 302}])
async def test_f043_f075_a_page_a_failure_and_a_redirect_are_no_statement(rig: IbkrRig, fault: dict[str, object]) -> None:
    rig.do("fault", on="flex", **fault)
    with pytest.raises(RetryError):
        await rig.broker.transactions(LONG_AGO)
    assert await rig.broker.transactions(LONG_AGO) == ()


async def test_an_older_statement_counts_for_a_day_when_none_can_be_had(rig: IbkrRig) -> None:
    assert await rig.broker.transactions(LONG_AGO) == ()
    rig.clock.turn(7200)
    rig.do("fault", on="flex", what="html", times=9)
    assert await rig.broker.transactions(LONG_AGO) == ()
    rig.clock.turn(25 * 3600)
    with pytest.raises(RetryError, match="no Flex statement"):
        await rig.broker.transactions(LONG_AGO)


async def test_a_token_or_query_that_is_not_accepted_needs_the_operator(rig: IbkrRig) -> None:
    await rig.broker.close()
    rig.broker = await rig.open(flex_query="999")
    with pytest.raises(OperatorError, match="1014: Query is invalid"):
        await rig.broker.transactions(LONG_AGO)


async def test_the_token_is_shown_nowhere(rig: IbkrRig) -> None:
    rig.do("fault", on="flex", what="html")
    with pytest.raises(RetryError) as error:
        await rig.broker.transactions(LONG_AGO)
    assert "a-flex-token" not in f"{error.value!r} {error.value.__cause__!r} {rig.broker._statements!r}"


async def test_without_a_query_nothing_is_asked_and_no_token_is_needed(rig: IbkrRig) -> None:
    assert IbkrSettings().secrets == {}
    assert IbkrSettings(flex_query="1").secrets == {"IBKR_FLEX_TOKEN": "flex_token_file"}
    await rig.broker.close()
    rig.broker = await rig.open(flex_query="")
    assert await rig.broker.transactions(LONG_AGO) == ()
    assert rig.flex.asked == []
