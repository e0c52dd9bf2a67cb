"""What the doctor says about the connection, the account, its mode and what it may do."""

from dataclasses import dataclass

from brokers.ibkr import asking, orders, sending, windows
from brokers.ibkr.contracts import Contracts
from brokers.ibkr.line import DeniedError, Line
from brokers.ibkr.reporting import dollars
from brokers.ibkr.statements import Statements
from core.model.errors import OperatorError, RefusedError, RetryError
from core.model.instruments import Stock
from core.ports.broker import Capabilities

#: One share of this is tried out, in thought only.
TRIED = Stock("SPY")


@dataclass(frozen=True, slots=True)
class Admission:
    """What IB says about the account; `findings` are sentences for the doctor, `remarks` what deserves attention."""

    capabilities: Capabilities
    findings: tuple[str, ...]
    remarks: tuple[str, ...]


async def admission(line: Line, contracts: Contracts, statements: Statements | None) -> Admission:
    """Ask about everything; nothing is placed.

    Raises
    ------
    OperatorError
        Account or mode do not fit.
    RetryError
        TWS does not answer.
    """
    place, client = line.place, line.ib.client
    told = await asking.summary(line)
    mode = "live, real money" if place.live else "paper"
    kind, trades = told.get("AccountType", "of an unknown type"), told.get("DayTradesRemaining", "")
    findings = [
        f"connected to {place} (server version {client.serverVersion()}) as client {place.client_id}",
        f"account {place.account} ({kind.lower()}), {mode}",
    ]
    remarks = [resting] if (resting := windows.resting(line.clock.now())) else []
    if trades.isdigit():
        findings.append(f"day trades remaining: {trades}")
    cushion = dollars(told.get("Cushion", ""))
    if cushion is not None and cushion <= 0:
        remarks.append(f"account {place.account} has no excess liquidity left: positions may be liquidated")
    for found, where in ((await _trial(line, contracts), remarks), (await _statements(statements), remarks)):
        (where if found.startswith("! ") else findings).append(found.removeprefix("! "))
    return Admission(Capabilities("ibkr", live=place.live), tuple(findings), tuple(remarks))


async def _trial(line: Line, contracts: Contracts) -> str:
    """Whether TWS takes orders from us, shown by a what-if; a remark begins with an exclamation mark."""
    try:
        found = await contracts.qualify(TRIED)
        contract, wanted = orders.trial(found, line.place.account)
        state = await line.ask(lambda ib: sending.what_if(line, ib, contract, wanted))
    except (DeniedError, RefusedError) as error:
        return f"! orders are not taken: {error}; allow them in TWS under API, Settings (Read-Only API off)"
    return f"orders are taken: one share of {TRIED.symbol} in thought would change the margin by {state.initMarginChange} dollars"


async def _statements(statements: Statements | None) -> str:
    if statements is None:
        return "! no Flex query: assignments, dividends and splits are only seen as differences; set broker.flex_query"
    try:
        told = await statements.movements()
    except (RetryError, OperatorError) as error:
        return f"! Flex statements cannot be read: {error}"
    return f"Flex statement read, {len(told)} movements"
