"""Who is on the other side of the line: the account, the mode, the client id."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.settings import load
from brokers.ibkr import IbkrSettings
from core.model.errors import OperatorError, RefusedError, SettingsError
from tests.brokers import ibkr_rig
from tests.brokers.bench import approved
from tests.brokers.ibkr_rig import IbkrRig


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[IbkrRig]:
    async with ibkr_rig.up(tmp_path, timeout_seconds=0.6) as made:
        yield made


async def test_f064_another_account_stops_the_start(rig: IbkrRig) -> None:
    with pytest.raises(OperatorError, match="DU7777777 is not among the accounts of this login"):
        await rig.open(account="DU7777777", client_id=3)


async def test_f064_paper_and_live_are_never_mixed_up(rig: IbkrRig) -> None:
    with pytest.raises(OperatorError, match=r"broker\.live: is true, but DU1234567 is a paper account"):
        await rig.open(client_id=3, live=True)
    rig.tws.account = "U7654321"
    with pytest.raises(OperatorError, match=r"broker\.live: is false, but U7654321 is a live account"):
        await rig.open(client_id=3, account="U7654321")
    live = await rig.open(client_id=3, account="U7654321", live=True)
    assert (live.capabilities.live, live.health.mode) == (True, "live")
    await live.close()


async def test_f064_a_tws_that_comes_back_with_another_account_is_never_spoken_to_again(rig: IbkrRig) -> None:
    rig.tws.account = "DU9999999"
    rig.do("cut")
    await rig.wait(0.05)
    for _ in range(2):
        with pytest.raises(OperatorError, match="not among the accounts"):
            await rig.broker.positions()
        rig.tws.account = "DU1234567"
    with pytest.raises(RefusedError, match="not sent"):
        await rig.broker.submit(approved("-100.05"))


async def test_a_client_id_that_is_in_use_is_named(rig: IbkrRig) -> None:
    with pytest.raises(OperatorError, match="client id 21 is in use"):
        await rig.open()


async def test_nobody_there_stops_the_start_with_a_sentence(rig: IbkrRig) -> None:
    with pytest.raises(OperatorError, match="does not answer"):
        await rig.open(port=1, client_id=3)
    with pytest.raises(OperatorError, match=r"broker\.account: is empty"):
        await rig.open(account="")


async def test_the_doctor_is_told_connection_account_mode_and_that_orders_are_taken(rig: IbkrRig) -> None:
    seen = await rig.broker.check()
    assert [sentence.split(" at ")[0] for sentence in seen.findings] == [
        "connected to TWS or IB Gateway",
        "account DU1234567 (individual), paper",
        "day trades remaining: 3",
        "orders are taken: one share of SPY in thought would change the margin by 1 dollars",
    ]
    assert seen.remarks == ("no Flex query: assignments, dividends and splits are only seen as differences; set broker.flex_query",)
    assert rig.do("taken") == []


async def test_the_doctor_says_what_a_read_only_tws_needs(rig: IbkrRig) -> None:
    rig.do("fault", on="what-if", what="error", code=321)
    assert any("Read-Only API off" in remark for remark in (await rig.broker.check()).remarks)


def test_the_settings_are_read_from_a_config_with_and_without_flex_statements() -> None:
    plain = load("broker: {name: ibkr, account: DU1234567, port: 4002}", {})
    assert (plain.broker, plain.live) == (IbkrSettings(account="DU1234567", port=4002), False)
    flex = load("broker: {name: ibkr, account: DU1234567, flex_query: '12'}", {"IBKR_FLEX_TOKEN": "a-flex-token"})
    assert flex.broker_secrets["IBKR_FLEX_TOKEN"].reveal() == "a-flex-token"
    with pytest.raises(SettingsError, match="IBKR_FLEX_TOKEN: is missing"):
        load("broker: {name: ibkr, account: DU1234567, flex_query: '12'}", {})
    with pytest.raises(SettingsError, match=r"broker\.account: is empty"):
        load("broker: {name: ibkr, live: true}", {})
