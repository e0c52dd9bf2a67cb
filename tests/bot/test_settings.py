import dataclasses
import pickle
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, ClassVar

import pytest
import yaml
from annotated_types import Gt

from bot.settings import LogLevel, Settings, load, read
from bot.settings_plugins import Plugins
from bot.settings_secret import Secret
from core.engine.settings import EngineSettings, Expression, Policy
from core.model.errors import SettingsError
from core.model.notes import Topic

REPOSITORY = Path(__file__).parents[2]
TOKEN = "MTIzNDU2Nzg5MDEyMzQ1Njc4OTAx.GabcDE.abcdefghijklmnopqrstuvwxyz0123456789ab"


@dataclass(frozen=True, slots=True)
class Momentum:
    name: ClassVar[str] = "momentum"
    days: Annotated[int, Gt(0)] = 20
    share: float = 0.5


@dataclass(frozen=True, slots=True)
class Heat:
    name: ClassVar[str] = "heat"
    limit: Annotated[float, Gt(0)] = 0.2


@dataclass(frozen=True, slots=True)
class Cash:
    name: ClassVar[str] = "cash"
    reserve: float = 0.2


@dataclass(frozen=True, slots=True)
class Simulated:
    name: ClassVar[str] = "simulated"
    seed: int = 7
    symbols: int = 500


@dataclass(frozen=True, slots=True)
class Paper:
    name: ClassVar[str] = "paper"
    slippage: Annotated[Decimal, Gt(0)] = Decimal("0.01")

    def __post_init__(self) -> None:
        if self.slippage > 1:
            raise ValueError(f"slippage of {self.slippage} is more than a dollar; give less")


PLUGINS = Plugins(
    strategies={"atr_matrix": Momentum, "momentum": Momentum},
    rules={"heat": Heat, "cash": Cash},
    posts={},
    feeds={"simulated": __name__},
    brokers={"paper": __name__},
)
MISTAKEN = """
discrod: {}
discord:
  guild_id: "12"
  channels: {signals: -1, tardes: 4}
  approvers: [{name: A, user_ids: []}, {nam: B, user_ids: [1, x]}]
engine: {card_seconds: 5, exits: autoo, strict: yes, walk: [0.5, true, .nan]}
strategies: {momentum: {days: 0}, momentun: {}}
rules: {off: [cahs], heat: {limit: -1}}
feed: {name: simulated, sead: 3}
broker: {name: paper, slippage: 3}
log_level: loud
"""


def loaded(text: str = "", **environment: str) -> Settings:
    return load(text, environment, PLUGINS)


def mistakes(text: str, **environment: str) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as caught:
        loaded(text, **environment)
    return caught.value.mistakes


def test_an_empty_file_gives_the_defaults() -> None:
    settings = loaded()
    assert settings.engine == EngineSettings()
    assert settings.feed == Simulated()
    assert settings.broker == Paper()
    assert settings.rules == (Heat(), Cash())
    assert settings.log_level is LogLevel.INFO
    assert not settings.live
    assert settings.token is None
    assert settings.database_url == "sqlite+aiosqlite:///var/quantmatrix.db"


def test_f123_f125_every_mistake_is_listed_at_once_with_field_value_and_remedy() -> None:
    found = mistakes(MISTAKEN)
    expected = {
        "discrod: is not a known key; did you mean 'discord'?",
        "discord.guild_id: '12' is not a whole number; write digits without quotes",
        "discord.channels.signals: -1 is too small; give at least 0",
        "discord.channels.tardes: is not a known key; did you mean 'trades'?",
        "discord.approvers[0].user_ids: [] is too short; give at least 1",
        "discord.approvers[1].nam: is not a known key; did you mean 'name'?",
        "discord.approvers[1].name: is missing; give it a value",
        "discord.approvers[1].user_ids[1]: 'x' is not a whole number; write digits without quotes",
        "engine.card_seconds: 5 is too small; give at least 10",
        "engine.exits: 'autoo' is unknown; did you mean 'auto'?",
        "engine.strict: 'yes' is neither true nor false; write one of them without quotes",
        "engine.walk[1]: True is not a number; write digits without quotes",
        "engine.walk[2]: nan is not a finite number; write digits",
        "strategies.momentun: is not a known key; did you mean 'momentum'?",
        "strategies.momentum.days: 0 is too small; give more than 0",
        "rules.off: 'cahs' is unknown; did you mean 'cash'?",
        "rules.heat.limit: -1 is too small; give more than 0",
        "feed.sead: is not a known key; did you mean 'seed'?",
        "broker: slippage of 3 is more than a dollar; give less",
        "log_level: 'loud' is unknown; known: debug, error, info, warning",
    }
    assert set(found) == expected


def test_values_arrive_typed() -> None:
    settings = loaded(
        "engine: {start_cash: 25000.10, expression: options, exits: ask, walk: [0, 1]}\n"
        "discord: {guild_id: 5, channels: {trades: 9}, approver_role: 3, approvers: [{name: Anna, user_ids: [1, 2]}]}\n"
        "rules: {off: [cash], heat: {limit: 0.1}}\nstrategies: {momentum: }\njournal: {path: here/x.db}\n"
    )
    assert settings.engine.start_cash == Decimal("25000.10")
    assert settings.engine.expression is Expression.OPTIONS
    assert settings.engine.exits is Policy.ASK
    assert settings.engine.walk == (0.0, 1.0)
    assert settings.discord.channels.of(Topic.TRADES) == 9
    assert settings.discord.channels.of(Topic.SIGNALS) is None
    assert settings.discord.approvers[0].user_ids == (1, 2)
    assert settings.rules == (Heat(0.1),)
    assert settings.strategies == (Momentum(),)
    assert settings.journal.path == Path("here/x.db")


def test_off_and_times_are_words_not_booleans_and_minutes() -> None:
    assert loaded("rules:\n  off: [heat]").rules == (Cash(),)
    assert "'9:30'" in mistakes("engine: {band: 9:30}")[0]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: 1\nb: {c: 1, c: 2}", "line 2: the key 'c' is written twice"),
        ("a: [1", "line 1, column 6"),
        ("- a", "holds list at the top"),
        ("engine: 5", "engine: 5 is not a section"),
        ("rules: 5", "rules: 5 is not a section"),
        ("strategies: [a]", "strategies: ['a'] is not a section"),
        ("feed: simulated", "feed.name: is missing; known: simulated"),
        ("feed: {name: polygone}", "feed.name: 'polygone' is unknown; known: simulated"),
        ("broker: {name: paper, live: 1}", "broker.live: 1 is neither true nor false"),
        ("engine: {start_cash: .inf}", "engine.start_cash: inf is not a finite number"),
        ("discord: {approvers: 7}", "discord.approvers: 7 is not a list"),
        ("journal: {path: 4}", "journal.path: 4"),
        ("2: 3", "2: is not a known key"),
    ],
)
def test_a_malformed_file_is_answered_with_one_sentence(text: str, said: str) -> None:
    assert any(said in mistake for mistake in mistakes(text)), mistakes(text)


@pytest.mark.parametrize(
    "text",
    [
        f"discord: {{token: {TOKEN}}}",
        f"discord: {{guild_id: 1, note: {TOKEN}}}",
        f"discord: {{approvers: [{{name: A, user_ids: [1], password: {TOKEN}}}]}}",
        f"feed: {{name: simulated, api_key: {TOKEN}}}",
        f"journal: {{url: 'postgresql+asyncpg://me:{TOKEN}@host/db'}}",
    ],
)
def test_a_secret_in_the_file_is_a_mistake_and_is_not_repeated(text: str) -> None:
    found = mistakes(text)
    assert any("secret" in mistake and "environment variable" in mistake for mistake in found)
    assert TOKEN not in "\n".join(found)


def test_a_secret_never_shows_itself() -> None:
    settings = loaded(DISCORD_TOKEN=TOKEN)
    assert settings.token is not None
    assert settings.token.reveal() == TOKEN
    shown = f"{settings} {settings!r} {settings.token:>9} {dataclasses.asdict(settings.discord)} {[settings.token]}"
    assert TOKEN not in shown
    with pytest.raises(TypeError):
        pickle.dumps(settings.token)
    assert settings.token == Secret(TOKEN)
    assert settings.token != Secret("other")


def test_a_token_file_is_read_and_a_missing_or_empty_one_named(tmp_path: Path) -> None:
    file = tmp_path / "token"
    text = f"discord: {{token_file: {file}}}"
    assert "cannot be read" in mistakes(text)[0]
    file.write_text("\n")
    assert "is empty" in mistakes(text)[0]
    file.write_text(f"{TOKEN}\n")
    assert loaded(text).token == Secret(TOKEN)
    assert "keep one of the two" in mistakes(text, DISCORD_TOKEN="x")[0]


def test_live_is_refused_and_more_so_while_nobody_may_approve() -> None:
    found = mistakes("broker: {name: paper, live: true}")
    assert any(mistake.startswith("broker.live: true is refused") for mistake in found)
    assert any("nobody may approve" in mistake for mistake in found)


def test_approvers_without_a_role_or_listed_twice_are_mistakes() -> None:
    people = "discord: {approvers: [{name: A, user_ids: [1]}, {name: B, user_ids: [1]}, {name: A, user_ids: [2]}]}"
    found = "\n".join(mistakes(people))
    assert "1 belongs to 'A' and to 'B'" in found
    assert "'A' is listed twice" in found
    assert "discord.approver_role: 0 is nobody's role" in found


def test_the_config_hash_follows_what_trades_and_nothing_else() -> None:
    plain = loaded().config_hash
    assert loaded("log_level: debug\ndemo: {speed: 9}", DISCORD_TOKEN="x").config_hash == plain
    for text in ("engine: {band: 0.02}", "rules: {off: [heat]}", "feed: {name: simulated, seed: 8}", "discord: {approver_role: 4}"):
        assert loaded(text).config_hash != plain, text


def test_the_database_address_comes_from_the_environment_first() -> None:
    address = "postgresql+asyncpg://me:hush@host/db"
    settings = loaded(QUANTMATRIX_DATABASE_URL=address)
    assert settings.database_url == address
    assert "hush" not in repr(settings)


def test_an_unreadable_file_names_itself(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"nowhere\.yaml: cannot be read \(No such file or directory\); copy"):
        read(tmp_path / "nowhere.yaml", {}, PLUGINS)


def keys(thing: Any, path: str = "") -> set[str]:
    """Every key that a dataclass can be given."""
    if not dataclasses.is_dataclass(thing):
        return {path}
    inner = (keys(getattr(thing, field.name), f"{path}.{field.name}") for field in dataclasses.fields(thing))
    return set().union(*inner)


def written(tree: Any, path: str = "") -> set[str]:
    """Every key that a file holds."""
    if not isinstance(tree, dict):
        return {path}
    return set().union(*(written(value, f"{path}.{key}") for key, value in tree.items()))


def test_every_key_of_the_example_loads_and_equals_its_default() -> None:
    text = (REPOSITORY / "config.example.yaml").read_text(encoding="utf-8")
    assert load(text, {}) == load("", {})


def test_the_example_names_every_key_there_is() -> None:
    settings = load("", {})
    held = written(yaml.safe_load((REPOSITORY / "config.example.yaml").read_text(encoding="utf-8")))
    wanted = keys(settings.discord, ".discord") | keys(settings.engine, ".engine") | keys(settings.options, ".options")
    wanted |= keys(settings.journal, ".journal") | keys(settings.demo, ".demo") | {".log_level"}
    wanted |= keys(settings.safety, ".safety") | keys(settings.pager, ".pager") | keys(settings.watchdog, ".watchdog")
    wanted |= keys(settings.feed, ".feed") | keys(settings.broker, ".broker")
    for section in ("strategies", "rules", "posts"):
        wanted |= set().union(*(keys(plugin, f".{section}.{plugin.name}") for plugin in getattr(settings, section)))
    assert sorted(wanted - held) == []
