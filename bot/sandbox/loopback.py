"""What counts as this machine."""

import ipaddress

from core.model.errors import OperatorError


def is_loopback(host: str) -> bool:
    """Whether a host name or address is this machine and no other; names are not looked up."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def refuse_outside(host: str) -> None:
    """Refuse every host that is not loopback.

    Raises
    ------
    OperatorError
        Naming the host.
    """
    if not is_loopback(host):
        raise OperatorError(f"the loopback Discord serves this machine only; {host!r} is not a loopback address, use 127.0.0.1")
