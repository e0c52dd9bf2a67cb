"""Names that nobody resolves: no broker is reached, one sentence says so, and nothing is kept from an earlier answer."""

import socket
from pathlib import Path
from typing import Any

import pytest

from bot.clock import SystemClock
from brokers.ibkr import IbkrSettings
from brokers.tastytrade import CLIENT_SECRET, REFRESH_TOKEN, TastytradeSettings
from core.model.errors import OperatorError, RetryError
from core.model.secrets import Secret
from core.ports.broker import Opening


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """No name is resolved; what was asked for is kept."""
    names: list[str] = []

    def nobody(host: Any, *_: Any, **__: Any) -> list[Any]:
        names.append(host.decode() if isinstance(host, bytes) else str(host))
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", nobody)
    return names


async def test_f071_without_name_resolution_tastytrade_is_tried_again_later(asked: list[str]) -> None:
    secrets = {CLIENT_SECRET: Secret("a"), REFRESH_TOKEN: Secret("b")}
    with pytest.raises(RetryError, match="tastytrade"):
        await TastytradeSettings(account="5WX00001").open(Opening("main", live=False, clock=SystemClock(), secrets=secrets))
    assert set(asked) == {"api.cert.tastyworks.com"}, "the sandbox is asked for, and nothing else"


async def test_f071_without_name_resolution_interactive_brokers_is_named(asked: list[str], tmp_path: Path) -> None:
    settings = IbkrSettings(host="gateway.example", account="DU1", sent=str(tmp_path), timeout_seconds=1.0)
    with pytest.raises(OperatorError, match=r"gateway\.example"):
        await settings.open(Opening("main", live=False, clock=SystemClock(), secrets={}))
    assert "gateway.example" in asked
