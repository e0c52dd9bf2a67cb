from datetime import UTC, datetime, timedelta

import pytest

from bot.access import Access, Capability, Standing
from bot.settings_discord import DiscordSettings, Person

NOW = datetime(2026, 1, 5, 15, tzinfo=UTC)
SETTINGS = DiscordSettings(guild_id=5, approvers=(Person("Anna", (1, 2)), Person("Ben", (3,))), approver_role=9)
ANNA = Standing(1, guild_id=5, roles=frozenset({9}))


def test_a_person_of_the_list_with_the_role_may_do_everything() -> None:
    assert Access(SETTINGS).allowed(ANNA, NOW) == frozenset(Capability)
    assert Access(SETTINGS).person(2) == "Anna"


@pytest.mark.parametrize(
    ("who", "said"),
    [
        (Standing(4, 5, frozenset({9})), "not on the list"),
        (Standing(1, 5, frozenset({8})), "approver role"),
        (Standing(1, 5), "approver role"),
        (Standing(1, 6, frozenset({9})), "configured server"),
        (Standing(1, None, frozenset({9})), "configured server"),
        (Standing(1, 5, frozenset({9}), bot=True), "bot"),
        (Standing(1, 5, frozenset({9}), timed_out_until=NOW + timedelta(minutes=1)), "timed out"),
    ],
    ids=["role alone", "list alone", "no role", "another server", "no server", "bot", "timed out"],
)
def test_everybody_else_may_do_nothing(who: Standing, said: str) -> None:
    assert Access(SETTINGS).allowed(who, NOW) == frozenset()
    assert said in (Access(SETTINGS).refusal(who, NOW) or "")


def test_a_time_out_that_is_over_does_not_count() -> None:
    who = Standing(1, 5, frozenset({9}), timed_out_until=NOW - timedelta(seconds=1))
    assert Access(SETTINGS).refusal(who, NOW) is None


def test_an_empty_list_or_no_role_is_nobody() -> None:
    assert Access(DiscordSettings(guild_id=5, approver_role=9)).refusal(ANNA, NOW)
    assert Access(DiscordSettings(guild_id=5, approvers=SETTINGS.approvers)).refusal(ANNA, NOW)
    assert Access(DiscordSettings()).refusal(Standing(0, 0, frozenset({0})), NOW)
