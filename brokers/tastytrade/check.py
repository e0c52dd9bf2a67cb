"""Whether the account may be used: host and credentials fit, it is ours, it is open; and what the doctor says about it."""

from dataclasses import dataclass

from pydantic import ValidationError
from tastytrade import Account as TastyAccount
from tastytrade.account import TradingStatus

from brokers.tastytrade.line import Line
from brokers.tastytrade.wire import WireError
from core.model.errors import OperatorError, RetryError
from core.ports.broker import Capabilities

NO_OPTIONS = frozenset({"", "None", "No Options"})


@dataclass(frozen=True, slots=True)
class Admission:
    """What tastytrade says about the account; `findings` are sentences for the doctor, `remarks` what deserves attention."""

    capabilities: Capabilities
    findings: tuple[str, ...]
    remarks: tuple[str, ...]


async def admitted(line: Line, account: str) -> Admission:
    """Log in, find the account, and read its permissions.

    Raises
    ------
    OperatorError
        Credentials, account or permissions do not allow to start.
    RetryError
        tastytrade did not answer.
    """
    await _log_in(line)
    try:
        accounts = await TastyAccount.get(line.session)
        mine = next((one for one in accounts if one.account_number == account), None)
        if mine is None:
            theirs = ", ".join(sorted(one.account_number for one in accounts)) or "none"
            raise OperatorError(f"broker.account: {account!r} is no open account of these credentials; they hold {theirs}")
        status = await mine.get_trading_status(line.session)
    except WireError as error:
        if error.status == 403:
            raise OperatorError(f"tastytrade does not let these credentials read account {account}: {error}") from error
        raise RetryError(f"{error}; start again") from error
    except ValidationError as error:
        raise RetryError(
            f"tastytrade describes account {account} in a way that cannot be read: {error.errors()[0]['loc']}"
        ) from error
    return _judged(line, mine, status)


async def _log_in(line: Line) -> None:
    try:
        await line.token()
    except WireError as error:
        if not error.refusal:
            raise RetryError(f"tastytrade did not answer the login: {error}") from error
        other = "live" if not line.place.live else "sandbox"
        raise OperatorError(
            f"{line.place.name} refused the credentials ({error}); {other} credentials are not valid there: check "
            "TASTYTRADE_CLIENT_SECRET, TASTYTRADE_REFRESH_TOKEN and broker.live"
        ) from error


def _judged(line: Line, mine: TastyAccount, status: TradingStatus) -> Admission:
    number, host = mine.account_number, line.place.name
    if status.is_closed or status.is_frozen:
        word = "closed" if status.is_closed else "frozen"
        raise OperatorError(f"account {number} at {host} is {word}; ask tastytrade, or name another account in broker.account")
    options = status.options_level not in NO_OPTIONS
    findings = (
        f"connected to {host}",
        f"account {number} ({mine.account_type_name}, {mine.margin_or_cash})",
        f"options: {status.options_level or 'not allowed'}; margin by {status.equities_margin_calculation_type}",
    )
    flags = {
        "it may only close positions": status.is_closing_only,
        "it may only reduce risk": bool(status.is_risk_reducing_only),
        "it is in a margin call": status.is_in_margin_call,
        "it is in a day-trade equity call": status.is_in_day_trade_equity_maintenance_call,
        "it is marked as a pattern day trader": status.is_pattern_day_trader,
    }
    remarks = tuple(f"account {number}: {sentence}" for sentence, holds in flags.items() if holds)
    capabilities = Capabilities("tastytrade", live=line.place.live, options=options, multi_leg=options)
    return Admission(capabilities, findings, remarks)
