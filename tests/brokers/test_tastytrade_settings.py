"""Starting with tastytrade: secrets from outside, the account spelled out, sandbox and live never mixed, nothing secret shown."""

import logging
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.redact import Redactor
from bot.settings import Settings, load
from brokers.tastytrade import CLIENT_SECRET, REFRESH_TOKEN, TastytradeSettings
from brokers.tastytrade.line import Line, Place
from core.model.errors import OperatorError, QuantMatrixError, RefusedError, RetryError, SettingsError
from core.model.secrets import Secret
from core.ports.broker import Opening
from tests.brokers.bench import BUY_SPREAD, HandClock, approved
from tests.brokers.bench_tastytrade import PRODUCTION, SANDBOX, TastytradeBench

SECRETS = {CLIENT_SECRET: "planted-client-secret", REFRESH_TOKEN: "planted-refresh-token"}
PEOPLE = "discord: {guild_id: 5, channels: {trades: 6}, approvers: [{name: Anna, user_ids: [7]}], approver_role: 8}\n"


@pytest.fixture(params=[False, True], ids=["sandbox", "live"])
async def bench(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[TastytradeBench]:
    made = TastytradeBench(tmp_path, production=request.param)
    await made.start()
    yield made
    await made.stop()


def mistakes(text: str, environment: dict[str, str]) -> str:
    with pytest.raises(SettingsError) as caught:
        load(text, environment)
    return "\n".join(caught.value.mistakes)


def chosen(more: str = "", environment: dict[str, str] | None = None) -> Settings:
    return load(f"{PEOPLE}broker: {{name: tastytrade, account: 5WT00001{more}}}", SECRETS if environment is None else environment)


def test_secrets_come_from_the_environment_and_never_show() -> None:
    settings = chosen()
    assert settings.broker == TastytradeSettings(account="5WT00001")
    assert settings.broker_secrets[CLIENT_SECRET].reveal() == "planted-client-secret"
    assert {secret.reveal() for secret in settings.secrets} >= set(SECRETS.values())
    for text in (repr(settings), str(settings), repr(settings.broker_secrets), settings.config_hash):
        assert "planted" not in text


def test_secrets_may_come_from_files(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("planted-client-secret\n")
    settings = chosen(f", client_secret_file: {file}", {REFRESH_TOKEN: "planted-refresh-token"})
    assert settings.broker_secrets[CLIENT_SECRET] == Secret("planted-client-secret")
    assert "keep one of the two" in mistakes(
        f"broker: {{name: tastytrade, account: 5WT00001, client_secret_file: {file}}}", SECRETS
    )


def test_every_missing_thing_is_named_at_once() -> None:
    found = mistakes("broker: {name: tastytrade}", {})
    assert "broker.account: is missing" in found
    found = mistakes("broker: {name: tastytrade, account: 5WT00001}", {})
    assert (
        f"{CLIENT_SECRET}: is missing; set it in the environment, or name a file that holds it in broker.client_secret_file"
        in found
    )
    assert f"{REFRESH_TOKEN}: is missing" in found


def test_a_secret_in_the_file_is_refused_without_showing_it() -> None:
    found = mistakes("broker: {name: tastytrade, account: 5WT00001, client_secret: planted}", SECRETS)
    assert "does not belong in this file" in found
    assert "planted" not in found


def test_f064_live_needs_the_account_spelled_out_and_somebody_who_approves() -> None:
    assert chosen(", live: true").live
    assert not chosen().live
    assert "needs the account number spelled out" in mistakes(
        f'{PEOPLE}broker: {{name: tastytrade, live: true, account: ""}}', SECRETS
    )
    assert "live trading needs at least one person" in mistakes(
        "broker: {name: tastytrade, live: true, account: 5WT00001}", SECRETS
    )
    assert "never trades real money" in mistakes("broker: {name: paper, live: true}", {})


@pytest.mark.parametrize("address", ["http://api.tastyworks.com", "http://10.0.0.1:80", "https://example.org"])
def test_a_loopback_is_only_on_this_machine(address: str) -> None:
    found = mistakes(f"broker: {{name: tastytrade, account: 5WT00001, loopback: '{address}'}}", SECRETS)
    assert "broker.loopback" in found


async def test_f064_credentials_of_the_other_side_stop_the_start(bench: TastytradeBench) -> None:
    settings = TastytradeSettings(account=bench.number, loopback=bench.loopback.url)
    wrong = SANDBOX if bench.production else PRODUCTION
    with pytest.raises(OperatorError, match="refused the credentials") as caught:
        await settings.open(Opening("tasty", bench.production, bench.clock, wrong))
    other = "sandbox" if bench.production else "live"
    assert f"{other} credentials are not valid there" in str(caught.value)


async def test_f064_the_wrong_side_of_the_broker_is_not_spoken_to(bench: TastytradeBench) -> None:
    """Live settings that reach the sandbox host, and the other way round, do not start either."""
    settings = TastytradeSettings(account=bench.number, loopback=bench.loopback.url)
    right = PRODUCTION if bench.production else SANDBOX
    with pytest.raises(QuantMatrixError):
        await settings.open(Opening("tasty", not bench.production, bench.clock, right))


async def test_f064_an_account_that_is_not_ours_stops_the_start_and_names_those_that_are(tmp_path: Path) -> None:
    bench = TastytradeBench(tmp_path, account="5WT99999")
    with pytest.raises(OperatorError, match="'5WT99999' is no open account of these credentials; they hold 5WT00001"):
        await bench.start()
    await bench.loopback.close()


@pytest.mark.parametrize("word", ["closed", "frozen"])
async def test_an_account_that_may_not_trade_stops_the_start(bench: TastytradeBench, word: str) -> None:
    bench.loopback.desk.rules[f"is-{word}"] = True
    with pytest.raises(OperatorError, match=word):
        await bench.open()


async def test_an_account_without_options_says_so(bench: TastytradeBench) -> None:
    bench.loopback.desk.rules["options-level"] = "None"
    broker = await bench.open()
    told = broker.capabilities
    assert (told.options, told.multi_leg, told.live) == (False, False, bench.production)
    with pytest.raises(RefusedError, match="not sent: this account at tastytrade may not trade options"):
        await broker.submit(approved("-3.00", 1, BUY_SPREAD))
    await broker.close()


async def test_the_doctor_hears_connection_account_permissions_and_mode(bench: TastytradeBench) -> None:
    findings = "\n".join((await bench.broker.check()).findings)
    assert bench.loopback.url in findings
    assert "5WT00001" in findings
    assert "No Restrictions" in findings
    assert bench.broker.capabilities.live is bench.production


@pytest.mark.parametrize("kind", ["stall", "html", "truncated", "lose"])
async def test_a_start_without_a_sound_answer_can_be_tried_again(bench: TastytradeBench, kind: str) -> None:
    bench.seconds = 1.0
    for on in ("token", "accounts", "status"):
        bench.fault(on=on, kind=kind)
        with pytest.raises(RetryError):
            await bench.open()
    bench.seconds = 10.0
    broker = await bench.open()
    await broker.close()


async def test_planted_secrets_show_nowhere(bench: TastytradeBench, caplog: pytest.LogCaptureFixture) -> None:
    """A broker that repeats our secrets in its answers does not get them into errors, their causes or the log."""
    secrets = PRODUCTION if bench.production else SANDBOX
    words = [secret.reveal() for secret in secrets.values()] + list(bench.loopback.desk.credentials.tokens)
    body = f'{{"error": {{"code": "x", "message": "you sent {" and ".join(words)}"}}}}'
    caplog.set_level(logging.DEBUG)
    texts = []
    for on, ask in (("submit", lambda: bench.broker.submit(approved("-100.05"))), ("positions", bench.broker.positions)):
        bench.fault(on=on, kind="status", status=422, body=body, after=False)
        with pytest.raises(QuantMatrixError) as caught:
            await ask()
        error: BaseException | None = caught.value
        while error is not None:
            texts.append(f"{error!r} {error} {getattr(error, 'raw', '')}")
            error = error.__cause__
    redactor = Redactor(secrets.values())
    shown = "\n".join([*texts, *(redactor.format(record) for record in caplog.records if not record.name.startswith("aiohttp"))])
    assert "***" in shown
    for word in words:
        assert word not in shown


@pytest.mark.parametrize(("live", "host"), [(True, "api.tastyworks.com"), (False, "api.cert.tastyworks.com")])
async def test_f064_the_mode_alone_chooses_the_host_and_certificates_are_always_checked(*, live: bool, host: str) -> None:
    place = Place(live, "", 10.0)
    line = Line(place, HandClock(), *SANDBOX.values())
    assert (line.client.base_url.host, line.client.base_url.scheme) == (host, "https")
    assert line.session.is_test is not live
    assert host in place.name
    for context in (place.context(), Place(live, "http://127.0.0.1:1", 10.0).context()):
        assert context.verify_mode is ssl.CERT_REQUIRED
        assert context.check_hostname
    await line.close()
