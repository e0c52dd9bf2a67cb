"""More accounts: their sections lie over the main ones, and what must be their own is."""

import pytest

from bot.settings import Settings, load
from core.model.errors import SettingsError

TWO = """
engine: {risk_per_trade: 0.01, max_cards: 3}
journal: {path: data/desk.db}
accounts:
  ira:
    broker: {name: paper, fees: {per_contract: 1.0}}
    engine: {risk_per_trade: 0.005, start_cash: 20000}
    rules: {off: [vix]}
"""


def test_an_account_has_its_own_budget_rules_and_journal_and_shares_the_rest() -> None:
    main = load(TWO, {})
    (ira,) = main.accounts
    assert (main.engine.account, ira.engine.account) == ("paper", "ira")
    assert (main.engine.risk_per_trade, ira.engine.risk_per_trade) == (0.01, 0.005)
    assert (int(ira.engine.start_cash), ira.engine.max_cards) == (20_000, 3)
    assert (str(main.journal.path), str(ira.journal.path)) == ("data/desk.db", "data/ira.db")
    assert {rule.name for rule in main.rules} - {rule.name for rule in ira.rules} == {"vix"}
    assert ira.feed == main.feed
    assert ira.config_hash != main.config_hash


def test_the_database_of_the_main_account_is_not_that_of_another() -> None:
    main = load(TWO, {"QUANTMATRIX_DATABASE_URL": "postgresql+asyncpg://me:secret@here/main"})
    assert main.database_url.startswith("postgresql")
    assert main.accounts[0].database_url == "sqlite+aiosqlite:///data/ira.db"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("accounts: [ira]", "accounts: ['ira'] is not a section"),
        ("accounts: {ira: {engine: {max_cards: 2}}}", "accounts.ira.broker: is missing"),
        ("accounts: {IRA: {broker: {name: paper}}}", "accounts.IRA: use a short name"),
        ("accounts: {paper: {broker: {name: paper}}}", "accounts.paper: is the name of the main account"),
        ("accounts: {ira: {broker: {name: papre}}}", "accounts.ira: broker.name: 'papre' is unknown"),
        ("accounts: {ira: {broker: {name: paper}, feed: {name: simulated}}}", "accounts.ira.feed: is not a known key"),
        ("accounts: {ira: {broker: {name: paper}, journal: {path: var/quantmatrix.db}}}", "the same journal belongs to 'paper'"),
    ],
)
def test_a_wrong_account_is_named_with_its_remedy(text: str, sentence: str) -> None:
    with pytest.raises(SettingsError) as raised:
        load(text, {})
    assert any(sentence in mistake for mistake in raised.value.mistakes), raised.value.mistakes


def test_two_desks_never_trade_one_account() -> None:
    broker = "{name: ibkr, account: DU1}"
    with pytest.raises(SettingsError) as raised:
        load(f"broker: {broker}\naccounts: {{ira: {{broker: {broker}}}}}", {})
    assert any("account DU1 at ibkr belongs to 'paper' already" in mistake for mistake in raised.value.mistakes)


def test_secrets_of_every_account_are_known_to_whoever_hides_them() -> None:
    keys = {"TASTYTRADE_CLIENT_SECRET": "s" * 20, "TASTYTRADE_REFRESH_TOKEN": "r" * 20}
    main: Settings = load("accounts: {tasty: {broker: {name: tastytrade, account: 5WX00001}}}", keys)
    assert {secret.reveal() for secret in main.secrets} == {"s" * 20, "r" * 20}
