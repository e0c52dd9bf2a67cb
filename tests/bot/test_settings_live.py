"""Live trading is refused at start-up when nobody could decide about it, or when others could use the secrets."""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.clock import HandClock
from bot.settings import Settings, load
from bot.wiring import Adapters, build_engine
from core.engine.quorum import Approver, hold
from core.model.errors import SettingsError

SECRETS = {
    "TASTYTRADE_CLIENT_SECRET": "client-secret-1234",
    "TASTYTRADE_REFRESH_TOKEN": "refresh-token-1234",
    "DISCORD_TOKEN": "x.y.z",
}
DISCORD: dict[str, Any] = {
    "guild_id": 5,
    "channels": {"trades": 9},
    "approver_role": 3,
    "approvers": [{"name": "Anna", "user_ids": [1]}],
}


def live(environment: dict[str, str] | None = None, broker: dict[str, Any] | None = None, **changes: Any) -> Settings:
    chosen = {"name": "tastytrade", "live": True, "account": "5WT00001", **(broker or {})}
    text = yaml.safe_dump({"discord": {**DISCORD, **changes}, "broker": chosen})
    return load(text, SECRETS if environment is None else environment)


def refused(environment: dict[str, str] | None = None, broker: dict[str, Any] | None = None, **changes: Any) -> str:
    with pytest.raises(SettingsError) as caught:
        live(environment, broker, **changes)
    return "\n".join(caught.value.mistakes)


def test_live_is_accepted_when_everything_is_there() -> None:
    assert live().live


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"approvers": []}, "discord.approvers: the list is empty"),
        ({"approvers": None}, "discord.approvers: None is not a list"),
        ({"approvers": "Anna"}, "discord.approvers: 'Anna' is not a list"),
        ({"approvers": [{"name": "Anna", "user_ids": []}]}, "discord.approvers[0].user_ids"),
        ({"approvers": [{"name": "Anna", "user_ids": ["anna#1234"]}]}, "'anna#1234' is not a whole number"),
        ({"approvers": [{"name": "Anna", "user_ids": [0]}]}, "is too small"),
        ({"approver_role": 0}, "discord.approver_role: 0 is nobody's role"),
        ({"approver_role": "approver"}, "discord.approver_role: 'approver' is not a whole number"),
        ({"approver_role": 5}, "is the role of everybody"),
        ({"guild_id": 0}, "discord.guild_id: is 0"),
        ({"guild_id": "my server"}, "discord.guild_id: 'my server' is not a whole number"),
        ({"channels": {"trades": 0}}, "discord.channels.trades: is 0"),
    ],
)
def test_an_empty_or_unreadable_list_role_or_server_refuses_live(changes: dict[str, Any], sentence: str) -> None:
    assert sentence in refused(**changes)


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o602])
def test_f128_a_secret_in_a_file_that_others_may_use_refuses_live_and_is_not_shown(tmp_path: Path, mode: int) -> None:
    file = tmp_path / "refresh"
    file.write_text("refresh-token-1234")
    file.chmod(mode)
    rest = {key: value for key, value in SECRETS.items() if key != "TASTYTRADE_REFRESH_TOKEN"}
    said = refused(rest, {"refresh_token_file": str(file)})
    assert f"has mode {mode:04o}" in said
    assert "chmod 600" in said
    assert "refresh-token-1234" not in said
    file.chmod(0o600)
    assert live(rest, {"refresh_token_file": str(file)}).live


def test_f128_a_missing_secret_refuses_live_and_names_its_variable() -> None:
    assert "TASTYTRADE_REFRESH_TOKEN: is missing" in refused({**SECRETS, "TASTYTRADE_REFRESH_TOKEN": ""})


def test_tiers_out_of_order_are_a_mistake() -> None:
    with pytest.raises(SettingsError, match="must rise from step to step"):
        load("engine: {approval: {steps: [{up_to: 500}, {up_to: 250}]}}", {})


def test_the_engine_knows_each_person_with_what_that_person_may_approve_a_day() -> None:
    people = "[{name: Anna, user_ids: [1], daily_loss: 500, daily_count: 3}, {name: Ben, user_ids: [2]}]"
    chosen = load(f"discord: {{approver_role: 4, approvers: {people}}}", {})
    nothing: Any = None
    around = Adapters(HandClock(datetime(2026, 1, 5, tzinfo=UTC)), nothing, nothing, nothing, nothing, nothing)
    engine = build_engine(chosen, around)
    assert engine.approvers == (Approver("Anna", Decimal(500), 3), Approver("Ben", Decimal(25_000), 40))
    assert hold(engine.settings.approval, engine.approvers)
    assert not hold(engine.settings.approval, engine.approvers[:1])
