"""tastytrade behind the `Broker` port, with the real SDK.

`wire` lets only sound answers through, `line` is the SDK's session over it, `tickets` say an order, `values`, `reading` and
`movements` read what comes back, `adapter` is the port; `stream` tells when something changed, `quotes` is a second source of
quotes and Greeks, `check` looks at everything for the doctor. Imported by the composition roots; imports `core.model` and
`core.ports`. To read one more kind of history row, add it to `movements`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, ClassVar
from urllib.parse import urlsplit

from annotated_types import Ge, Gt, Le, Predicate

from brokers.tastytrade.adapter import Identity, TastytradeBroker
from brokers.tastytrade.check import admitted
from brokers.tastytrade.line import Line, Place
from core.ports.broker import Opening

__all__ = ["TastytradeBroker", "TastytradeSettings"]

CLIENT_SECRET, REFRESH_TOKEN = "TASTYTRADE_CLIENT_SECRET", "TASTYTRADE_REFRESH_TOKEN"


def _on_this_machine(address: str) -> bool:
    return not address or urlsplit(address).hostname in ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True, slots=True)
class TastytradeSettings:
    """Which account, and how patiently it is asked. Without `live: true` beside it, the sandbox is traded.

    Attributes
    ----------
    account : str
        Number of the account, spelled out.
    client_secret_file, refresh_token_file : path or None
        Files that hold the secrets when the environment does not.
    seconds : float
        Longest time for one answer.
    look_back_days : int
        How far back an order is looked for by its key.
    loopback : str
        Address of a loopback tastytrade (tests); only addresses of this machine.
    """

    name: ClassVar[str] = "tastytrade"
    trades_live: ClassVar[bool] = True
    secrets: ClassVar[Mapping[str, str]] = MappingProxyType(
        {CLIENT_SECRET: "client_secret_file", REFRESH_TOKEN: "refresh_token_file"}
    )
    account: str
    client_secret_file: Path | None = None
    refresh_token_file: Path | None = None
    seconds: Annotated[float, Gt(0), Le(60)] = 10.0
    look_back_days: Annotated[int, Ge(2), Le(365)] = 30
    loopback: Annotated[str, Predicate(_on_this_machine)] = ""

    async def open(self, opening: Opening) -> TastytradeBroker:
        """Log in and see that the account is there.

        Raises
        ------
        OperatorError
            The credentials are refused on this host, the account is not theirs, or it is closed or frozen.
        RetryError
            tastytrade cannot be reached.
        """
        place = Place(opening.live, self.loopback, self.seconds)
        line = Line(place, opening.clock, opening.secrets[CLIENT_SECRET], opening.secrets[REFRESH_TOKEN])
        try:
            status = await admitted(line, self.account)
        except BaseException:
            await line.close()
            raise
        who = Identity(opening.account, self.account, timedelta(days=self.look_back_days))
        return TastytradeBroker(line, who, status.capabilities)
