"""`config.yaml` + environment -> typed, frozen settings. Every mistake is listed at once with field, value and remedy.

Secrets come from the environment (`DISCORD_TOKEN`, `QUANTMATRIX_DATABASE_URL`, those that a broker names) or from files that
`*_file` keys name.
To add a key, add a field to a dataclass here (or to a plug-in: its fields are its keys) and a line to `config.example.yaml`.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

from annotated_types import Ge, Le

from bot import settings_accounts, settings_yaml
from bot import settings_walk as walk
from bot.settings_discord import DiscordSettings, mistakes_of
from bot.settings_plugins import Plugins, chosen
from bot.settings_secret import Secret, of_plugin, readable_by_others, secret
from bot.settings_watch import PagerSettings, WatchdogSettings, secrets_of
from core.engine.safety import SafetySettings
from core.engine.settings import EngineSettings
from core.model.errors import OperatorError, SettingsError
from core.options.policy import OptionPolicy


@dataclass(frozen=True, slots=True)
class JournalSettings:
    """Where the journal lives: an SQLite file, or an SQLAlchemy address (with a password: from the environment or `url_file`)."""

    path: Path = Path("var/quantmatrix.db")
    url: str = ""
    url_file: Path | None = None


@dataclass(frozen=True, slots=True)
class DemoSettings:
    """`make run`: seconds of market per second (96: a trading day in five minutes), life of a card, page port (0: any free one)."""

    speed: Annotated[float, Ge(1), Le(100_000)] = 96.0
    card_seconds: Annotated[int, Ge(10), Le(86_400)] = 60
    port: Annotated[int, Ge(0), Le(65_535)] = 0
    folder: Path = Path("var/demo")


class LogLevel(StrEnum):
    """How much is logged."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything the program was told. Plug-ins stand here ready made: each is its own settings."""

    discord: DiscordSettings
    engine: EngineSettings
    options: OptionPolicy
    feed: Any
    broker: Any
    journal: JournalSettings
    strategies: tuple[Any, ...]
    rules: tuple[Any, ...]
    posts: tuple[Any, ...]
    demo: DemoSettings
    log_level: LogLevel
    live: bool = False
    token: Secret | None = None
    database: Secret | None = field(default=None, compare=False)
    broker_secrets: Mapping[str, Secret] = field(default_factory=dict, compare=False)
    accounts: "tuple[Settings, ...]" = ()
    safety: SafetySettings = field(default_factory=SafetySettings)
    pager: PagerSettings = field(default_factory=PagerSettings)
    watchdog: WatchdogSettings = field(default_factory=WatchdogSettings)
    pager_secrets: Mapping[str, Secret] = field(default_factory=dict, compare=False)

    @property
    def database_url(self) -> str:
        """Address for SQLAlchemy; may hold a password, so never show it."""
        if self.database is not None:
            return self.database.reveal()
        return self.journal.url or f"sqlite+aiosqlite:///{self.journal.path}"

    @property
    def folder(self) -> Path:
        """Where the files beside the journal stand (heartbeats, KILL), also when the journal is on a server."""
        return self.journal.path.parent

    @property
    def secrets(self) -> tuple[Secret, ...]:
        """Every secret, for whoever keeps them out of the log."""
        own = (self.token, self.database, *self.broker_secrets.values(), *self.pager_secrets.values())
        return (*(found for found in own if found is not None), *(secret for one in self.accounts for secret in one.secrets))

    @property
    def config_hash(self) -> str:
        """SHA-256 of everything that affects trading: who may approve where, engine, feed, broker, strategies, rules."""
        plugins = [*self.strategies, *self.rules, self.feed, self.broker]
        body = {
            "approval": (self.discord.guild_id, self.discord.approver_role, [asdict(person) for person in self.discord.approvers]),
            "engine": asdict(self.engine),
            "safety": asdict(self.safety),
            "options": asdict(self.options),
            "plugins": [(type(plugin).__module__, str(plugin.name), asdict(plugin)) for plugin in plugins],
            "live": self.live,
        }
        return hashlib.sha256(json.dumps(body, sort_keys=True, default=str).encode()).hexdigest()


_SECTIONS: Mapping[str, Any] = {
    "discord": DiscordSettings,
    "engine": EngineSettings,
    "options": OptionPolicy,
    "journal": JournalSettings,
    "demo": DemoSettings,
    "safety": SafetySettings,
    "pager": PagerSettings,
    "watchdog": WatchdogSettings,
    "log_level": LogLevel,
}
_PLUGINS = ("feed", "broker", "strategies", "rules", "posts")


def read(path: Path, environment: Mapping[str, str], plugins: Plugins | None = None) -> Settings:
    """Load a settings file.

    Raises
    ------
    SettingsError
        The file cannot be read, or holds mistakes: all of them, a line each.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text in UTF-8"
        remedy = "copy config.example.yaml there, or name another file with --config"
        raise SettingsError((f"{path}: cannot be read ({reason}); {remedy}",)) from error
    return load(text, environment, plugins, name=str(path))


def load(text: str, environment: Mapping[str, str], plugins: Plugins | None = None, *, name: str = "config.yaml") -> Settings:
    """Load settings from the text of a file; an empty text gives the defaults.

    Raises
    ------
    SettingsError
        Every mistake, a line each, naming field, value and remedy.
    OperatorError
        A plug-in file is broken.
    """
    tree = settings_yaml.parse(text, name)
    mistakes = list(settings_yaml.secrets(tree))
    plugins = plugins or Plugins.found()
    entries = settings_accounts.taken(tree, mistakes)
    main = _load(tree, environment, plugins, mistakes)
    more = []
    for account, own in entries.items():
        wrong: list[str] = []
        more.append(_load(own, settings_accounts.environment_of(environment), plugins, wrong))
        mistakes += [f"accounts.{account}: {mistake}" for mistake in wrong if mistake not in mistakes]
    accounts = tuple(one for one in more if one is not None)
    if main is not None:
        mistakes += settings_accounts.apart((main, *accounts))
    if mistakes or main is None:
        raise SettingsError(tuple(mistakes))
    return replace(main, accounts=accounts)


def _load(tree: Mapping[str, Any], environment: Mapping[str, str], plugins: Plugins, mistakes: list[str]) -> Settings | None:
    """Make the settings of one account; None when there are mistakes."""
    before = len(mistakes)
    mistakes += walk.unknown(tree, (*_SECTIONS, *_PLUGINS), "")
    values = {
        section: walk.convert(kind, tree.get(section, "info" if section == "log_level" else None), section, mistakes)
        for section, kind in _SECTIONS.items()
    }
    values["feed"], _ = _adapter("feed", plugins.feeds, tree.get("feed", {"name": "simulated"}), mistakes)
    values["broker"], values["live"] = _adapter("broker", plugins.brokers, tree.get("broker", {"name": "paper"}), mistakes)
    values["strategies"] = _named("strategies", plugins.strategies, tree.get("strategies", {"atr_matrix": None}), mistakes)
    values["rules"] = _all_but("rules", plugins.rules, tree.get("rules"), mistakes)
    values["posts"] = _all_but("posts", plugins.posts, tree.get("posts"), mistakes)
    _secrets(values, environment, mistakes)
    _together(values, mistakes)
    return None if len(mistakes) > before else Settings(**values)


def _adapter(section: str, modules: Mapping[str, str], raw: object, mistakes: list[str]) -> tuple[Any, bool]:
    """Make the one feed or broker that is named; `live` is taken out first because every broker has it."""
    if not isinstance(raw, dict) or not isinstance(raw.get("name"), str):
        mistakes.append(f"{section}.name: is missing; known: {', '.join(modules)}")
        return walk.WRONG, False
    keys = dict(raw)
    name, live = keys.pop("name"), False
    if section == "broker" and "live" in keys:
        live = walk.convert(bool, keys.pop("live"), "broker.live", mistakes)
    if name not in modules:
        mistakes.append(f"{section}.name: {name!r} is unknown; {walk.nearest(name, modules)}")
        return walk.WRONG, live is True
    try:
        return walk.build(chosen(modules[name], name), keys, section, mistakes), live is True
    except OperatorError as error:
        mistakes.append(f"{section}.name: {error}")
        return walk.WRONG, live is True


def _named(section: str, known: Mapping[str, type], raw: object, mistakes: list[str]) -> tuple[Any, ...]:
    """Make the plug-ins that the settings name: naming one switches it on."""
    if not isinstance(raw, dict):
        mistakes.append(f"{section}: {raw!r} is not a section; write the names to switch on, one a line, each with a colon")
        return ()
    mistakes.extend(walk.unknown(raw, known, section))
    return tuple(
        walk.build(known[name], keys, f"{section}.{name}", mistakes) for name, keys in sorted(raw.items(), key=str) if name in known
    )


def _all_but(section: str, known: Mapping[str, type], raw: object, mistakes: list[str]) -> tuple[Any, ...]:
    """Make every plug-in of a folder except those listed under `off`."""
    given = {} if raw is None else raw
    if not isinstance(given, dict):
        mistakes.append(f"{section}: {raw!r} is not a section; write `off: [names]` or settings by name")
        return ()
    off = walk.convert(tuple[str, ...], given.get("off", []), f"{section}.off", mistakes)
    off = () if off is walk.WRONG else off
    mistakes.extend(f"{section}.off: {name!r} is unknown; {walk.nearest(name, known)}" for name in off if name not in known)
    mistakes.extend(walk.unknown(given, (*known, "off"), section))
    return tuple(
        walk.build(kind, given.get(name), f"{section}.{name}", mistakes) for name, kind in known.items() if name not in off
    )


def _secrets(values: dict[str, Any], environment: Mapping[str, str], mistakes: list[str]) -> None:
    discord, journal = values["discord"], values["journal"]
    if discord is not walk.WRONG:
        values["token"] = secret("DISCORD_TOKEN", discord.token_file, environment, mistakes)
    if journal is not walk.WRONG:
        values["database"] = secret("QUANTMATRIX_DATABASE_URL", journal.url_file, environment, mistakes)
    if values["pager"] is not walk.WRONG:
        values["pager_secrets"] = secrets_of(values["pager"], environment, mistakes)
    if values["broker"] is not walk.WRONG:
        values["broker_secrets"] = of_plugin("broker", values["broker"], environment, mistakes)


def _not_live(broker: Any) -> list[str]:  # noqa: ANN401 - any broker's settings, or WRONG
    """Real money is traded only where the broker can, and on an account whose number is spelled out."""
    if broker is walk.WRONG:
        return []
    if not getattr(broker, "trades_live", False):
        return [f"broker.live: true is refused, {broker.name} never trades real money; set it to false"]
    return [] if broker.account else ["broker.account: is empty; live trading needs the account number spelled out"]


def _together(values: Mapping[str, Any], mistakes: list[str]) -> None:
    """Check what one field alone cannot say."""
    discord, live = values["discord"], bool(values["live"])
    if live:
        mistakes.extend(_not_live(values["broker"]))
        mistakes.extend(readable_by_others({name: values[name] for name in ("discord", "journal", "broker", "feed", "pager")}))
    if discord is not walk.WRONG:
        mistakes.extend(mistakes_of(discord, live=live))
