"""Names of contracts: every form reads back what it wrote."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.model.errors import BadDataError
from core.model.instruments import Option, Right, instrument
from core.options.symbology import (
    CLASS_ROOTS,
    INDEX_ROOTS,
    BrokerFields,
    Contract,
    Settlement,
    broker_fields,
    compact,
    dxfeed,
    from_broker_fields,
    occ,
    parse,
    polygon,
)

ROOTS = st.one_of(
    st.from_regex(r"[A-Z]{1,5}", fullmatch=True),
    st.from_regex(r"[A-Z]{1,4}[1-9]", fullmatch=True),
    st.sampled_from(sorted(INDEX_ROOTS)),
    st.sampled_from(sorted(CLASS_ROOTS)),
)
CONTRACTS = st.builds(
    Contract,
    ROOTS,
    st.dates(date(2000, 1, 1), date(2099, 12, 31)),
    st.sampled_from(list(Right)),
    st.integers(1, 99_999_999).map(lambda thousandths: Decimal(thousandths) / 1000),
)


@given(CONTRACTS)
def test_every_form_reads_back_what_it_wrote(contract: Contract) -> None:
    assert len(occ(contract)) == 21
    for form in (occ, compact, polygon, dxfeed):
        assert parse(form(contract)) == contract
    assert from_broker_fields(broker_fields(contract)) == contract


@given(CONTRACTS)
def test_the_key_of_the_instrument_is_the_occ_symbol(contract: Contract) -> None:
    if contract.is_adjusted:
        with pytest.raises(BadDataError, match="something else than 100 shares"):
            contract.option()
        return
    assert contract.option().key == occ(contract)
    assert instrument(occ(contract)) == contract.option()


def test_the_forms_are_those_of_their_houses() -> None:
    contract = Contract("SPXW", date(2026, 3, 20), Right.PUT, Decimal(5000))
    assert occ(contract) == "SPXW  260320P05000000"
    assert compact(contract) == "SPXW260320P05000000"
    assert polygon(contract) == "O:SPXW260320P05000000"
    assert dxfeed(contract) == ".SPXW260320P5000"
    assert broker_fields(contract) == BrokerFields("SPX", "SPXW", "20260320", "P", 5000.0)
    assert dxfeed(Contract("F", date(2026, 1, 16), Right.CALL, Decimal("12.350"))) == ".F260116C12.35"
    assert dxfeed(Contract("BRKB", date(2026, 3, 20), Right.CALL, Decimal(500))) == ".BRK/B260320C500"
    assert broker_fields(Contract("BRKB", date(2026, 3, 20), Right.CALL, Decimal(500))).symbol == "BRK B"
    assert contract.option() == Option("SPXW", date(2026, 3, 20), Right.PUT, Decimal(5000))


@pytest.mark.parametrize(
    ("root", "underlying", "settlement", "adjusted"),
    [
        ("SPX", "SPX", Settlement.MORNING, False),
        ("SPXW", "SPX", Settlement.AFTERNOON, False),
        ("VIX", "VIX", Settlement.MORNING, False),
        ("NDXP", "NDX", Settlement.AFTERNOON, False),
        ("AAPL", "AAPL", Settlement.AFTERNOON, False),
        ("BRKB", "BRK.B", Settlement.AFTERNOON, False),
        ("AAPL7", "AAPL", Settlement.AFTERNOON, True),
    ],
)
def test_roots_tell_underlying_settlement_and_adjustment(
    root: str, underlying: str, settlement: Settlement, adjusted: bool
) -> None:
    contract = Contract(root, date(2026, 3, 20), Right.CALL, Decimal(100))
    assert (contract.underlying, contract.settlement, contract.is_adjusted) == (underlying, settlement, adjusted)
    assert contract.is_index == (root in INDEX_ROOTS)


@pytest.mark.parametrize(
    ("day", "monthly"),
    [
        (date(2026, 3, 20), True),
        (date(2026, 3, 27), False),
        (date(2014, 6, 21), True),
        (date(2022, 4, 14), True),
        (date(2026, 3, 18), False),
        (date(2025, 4, 17), True),
    ],
)
def test_monthly_expiries_are_known(day: date, monthly: bool) -> None:
    assert Contract("SPY", day, Right.CALL, Decimal(100)).is_monthly is monthly


@pytest.mark.parametrize(
    "text",
    ["", "AAPL", "AAPL  261332C00100000", "O:AAPL260320X00100000", ".AAPL260320C", "aapl260320C00100000", "TOOLONG260320C00100000",
     "AAPL  260320C00000000", ".AAPL260320C100.1234", "1AAPL260320C00100000"],
)  # fmt: skip
def test_what_is_no_symbol_is_refused_in_one_sentence(text: str) -> None:
    with pytest.raises(BadDataError) as refused:
        parse(text)
    assert "\n" not in str(refused.value)


def test_fields_of_the_broker_that_are_none_are_refused() -> None:
    with pytest.raises(BadDataError, match="yyyymmdd"):
        from_broker_fields(BrokerFields("SPX", "SPXW", "202603", "P", 5000.0))
